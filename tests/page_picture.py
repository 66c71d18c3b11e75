"""The picture of the page in the README, taken in Chromium.

python tests/page_picture.py MODEL SONG FROM-TO[,FROM-TO...] docs/page.png

FROM and TO are times of the song where the instrument plays: 0:03-0:06.
"""

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image

from chromium import chromium
from page_server import served

WIDTH = 900
COLOURS = 96


def take(model, song, spans, output):
  with (
    tempfile.TemporaryDirectory() as folder,
    served(Path(folder), model) as server,
    chromium() as browser,
  ):
    page = browser.new_page(viewport={"width": WIDTH, "height": 600})
    page.goto(server.url)
    page.locator(".drop[data-kind=song] input").set_input_files(song)
    page.locator(".song").wait_for()
    lines = page.locator(".ranges-positive textarea")
    lines.fill(spans.replace(",", "\n"))
    page.get_by_role("button", name="Separate").click()
    page.locator(".results img").last.wait_for()
    page.locator(".download").first.wait_for()
    # Players show how long what they play is when they know.
    page.wait_for_function(
      "[...document.querySelectorAll('audio')].every(a => a.readyState > 2)"
    )
    page.mouse.move(0, 0)
    taken = io.BytesIO(page.screenshot(full_page=True))
  # In so many colours it is a quarter as large.
  image = Image.open(taken).convert("RGB").quantize(COLOURS, dither=0)
  image.save(output, optimize=True)


if __name__ == "__main__":
  take(*sys.argv[1:])
