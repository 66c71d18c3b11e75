"""The page in a real browser: upload, mark, separate, hear, download."""

import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

from chromium import chromium
from fewshot_mss.inference.command import separate_command
from fewshot_mss.inference.request import Request, Target
from page_server import LIMIT_S, served
from processes import wait_until
from tiny_archive import write_archive

WIDTHS = (1280, 390)
PLAYS = "player => player.readyState > 0 && player.duration"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
  return write_archive(
    tmp_path_factory.mktemp("archive") / "model",
    conditioning="examples_and_negatives",
  )


@pytest.fixture(scope="module")
def browser():
  with chromium() as browser:
    yield browser


@pytest.fixture(scope="module")
def server(model, browser, tmp_path_factory):
  del browser  # Without one, no server is needed.
  folder = tmp_path_factory.mktemp("server")
  words = ("--max_minutes=4", "--max_megabytes=5", "--queue=1")
  with served(folder, model, *words) as server:
    yield server


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
  folder = tmp_path_factory.mktemp("sounds")
  rng = np.random.default_rng(0)
  for name, samples, rate_hz, channels in (
    ("my song.wav", 5 * 44_100, 44_100, 2),
    ("drums <b>.wav", 8000, 8000, 1),
    ("too long.wav", 241 * 8000, 8000, 1),
  ):
    noise = rng.uniform(-0.5, 0.5, (samples, channels))
    soundfile.write(folder / name, noise, rate_hz)
  (folder / "large.wav").write_bytes(bytes(5_000_001))
  (folder / "text.wav").write_text("no sound at all")
  return folder


@pytest.fixture
def new_page(browser, server):
  """Opens pages, each of another visitor; what they ask for and say is kept."""
  contexts = []

  def open_page(width=1280):
    context = browser.new_context(viewport={"width": width, "height": 900})
    contexts.append(context)
    context.set_default_timeout(1000 * LIMIT_S)
    page = context.new_page()
    page.asked = []
    page.said = []
    page.on("request", lambda request: page.asked.append(request.url))
    page.on("console", lambda message: page.said.append(message.text))
    page.on("pageerror", lambda error: page.said.append(str(error)))
    page.goto(server.url)
    page.get_by_label("Song", exact=True).first.wait_for(state="attached")
    return page

  yield open_page
  for context in contexts:
    context.close()


def hand_in(page, kind, path):
  page.locator(f".drop[data-kind={kind}] input").set_input_files(path)


def drag(page, begin, end):
  box = page.locator(".wave").bounding_box()
  x, y, width = box["x"], box["y"] + box["height"] / 2, box["width"]
  page.mouse.move(x + begin * width, y)
  page.mouse.down()
  page.mouse.move(x + (begin + end) / 2 * width, y)
  page.mouse.move(x + end * width, y)
  page.mouse.up()


def ranges(page, kind):
  return page.locator(f".ranges-{kind} textarea")


def separate(page):
  page.get_by_role("button", name="Separate").click()


def message(page):
  return page.locator("[role=alert]:visible")


def download(page, part, folder):
  with page.expect_download() as downloading:
    page.get_by_role("link", name=f"Download {part}").click()
  path = folder / downloading.value.suggested_filename
  downloading.value.save_as(path)
  return path


def test_the_page_writes_what_the_command_writes(
  new_page, server, sounds, model, tmp_path
):
  page = new_page()
  song, drums = sounds / "my song.wav", sounds / "drums <b>.wav"
  hand_in(page, "song", song)
  page.locator(".song-name", has_text="my song.wav").wait_for()
  drag(page, 0.2, 0.5)
  marked = ranges(page, "positive").input_value()
  begin_s, end_s = (float(time.split(":")[1]) for time in marked.split("-"))
  assert begin_s == pytest.approx(1.0, abs=0.02)
  assert end_s == pytest.approx(2.5, abs=0.02)
  # By hand, and something else by the mouse, which is taken away again.
  ranges(page, "positive").press_sequentially("\n3.5 - 4")
  mode = page.locator("input[name=mode][value=negative]")
  page.mouse.move(0, 0)
  before = mode.screenshot()
  mode.check()
  # Which one is chosen can be seen, neither pointed at nor in focus.
  page.mouse.move(0, 0)
  mode.blur()
  assert mode.screenshot() != before
  drag(page, 0.6, 0.7)
  drag(page, 0.9, 1.2)
  assert page.locator(".region.positive").count() == 2
  assert page.locator(".region.negative").count() == 2
  page.locator(".region.negative button").first.click()
  rest = ranges(page, "negative").input_value()
  assert re.fullmatch(r"0:04\.[45]\d-0:05\.00", rest)
  hand_in(page, "negative", drums)
  page.locator(".clips li", has_text="drums _b_.wav (0:01.0)").wait_for()
  hand_in(page, "negative", drums)
  page.locator(".clips li").nth(1).wait_for()
  page.locator(".clips li").nth(1).get_by_role("button").click()
  page.locator(".clips li").nth(1).wait_for(state="detached")

  page.get_by_label("Mute the target").check()
  separate(page)
  page.locator(".results").wait_for()
  separate_command(
    Request(
      [str(song)],
      [
        Target(
          positives=[f"{song}@{marked}", f"{song}@3.5-4"],
          negatives=[f"{song}@{rest}", str(drums)],
        )
      ],
      model,
      tmp_path / "by_command",
      gate=True,
    ),
  )
  for part in ("target", "residual"):
    path = download(page, part, tmp_path)
    assert path.name == f"my song_{part}.wav"
    other = tmp_path / "by_command" / "my song" / f"{part}.wav"
    assert path.read_bytes() == other.read_bytes()
    player = page.get_by_label(part.title(), exact=True)
    wait_until(lambda p=player: p.evaluate(PLAYS) == pytest.approx(5))
  for picture in page.locator(".picture img").all():
    wait_until(lambda p=picture: p.evaluate("p => p.naturalWidth") > 500)
  assert len(server.files()) == 7  # song, clip, two parts, three pictures

  # A page elsewhere that knows the addresses gets nothing.
  other = new_page()
  address = page.get_by_label("Target", exact=True).get_attribute("src")
  assert page.request.get(server.url + address).status == 200
  assert other.request.get(server.url + address).status == 404
  assert page.said == other.said == []
  for asked in page.asked + other.asked:
    assert asked.startswith((server.url, "data:", "blob:")), asked
  page.close()
  wait_until(lambda: not server.files())


def test_what_is_wrong_is_said_in_plain_words(new_page, sounds):
  page = new_page()
  separate(page)
  message(page).get_by_text("no song yet: choose one first").wait_for()
  for name, says in (
    ("text.wav", "text.wav cannot be read as audio"),
    ("too long.wav", "too long.wav is longer than 4 minutes"),
    ("large.wav", "large.wav is larger than 5 MB"),
  ):
    hand_in(page, "song", sounds / name)
    message(page).get_by_text(says).wait_for()
  hand_in(page, "song", sounds / "my song.wav")
  page.locator(".song").wait_for()
  separate(page)
  message(page).get_by_text("nothing shows the instrument yet").wait_for()
  for line, says in (
    ("1:02 to 1:09", "'1:02 to 1:09' is no part of the song"),
    ("0:04-0:09", "my song.wav@0:04-0:09: the file ends at 0:05"),
    ("0:01-0:01.1", "0.100 s long"),
  ):
    ranges(page, "positive").fill(line)
    separate(page)
    message(page).get_by_text(says).wait_for()
  shown = message(page).all_inner_texts()
  assert len(shown) == 1
  assert "/" not in shown[0]


@pytest.fixture
def hold(server):
  """While it is there, no separation is done."""
  server.hold.touch()
  yield server.hold
  server.hold.unlink(missing_ok=True)


def test_others_wait_in_a_queue_and_see_where(new_page, hold, sounds):
  first, second, third = (new_page() for _ in range(3))
  for page in (first, second, third):
    hand_in(page, "song", sounds / "my song.wav")
    page.locator(".song").wait_for()
    ranges(page, "positive").fill("0:01-0:02")
    separate(page)
    says = {
      first: r"(\d+)/\1 patches",
      second: "queue: 1/1",
      third: "currently busy. Please try again",
    }[page]
    page.get_by_text(re.compile(says)).first.wait_for()
  assert not first.locator(".results").count()
  hold.unlink()
  for page in (first, second):
    page.locator(".results").wait_for()
  assert not third.locator(".results").count()


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_cut_off(new_page, sounds, tmp_path, width):
  page = new_page(width)
  hand_in(page, "song", sounds / "my song.wav")
  page.locator(".song").wait_for()
  hand_in(page, "positive", sounds / "drums <b>.wav")
  page.locator(".clips li").wait_for()
  drag(page, 0.3, 0.6)
  separate(page)
  page.locator(".results").wait_for()
  path = tmp_path / f"page_{width}.png"
  page.screenshot(path=path, full_page=True)
  assert Path(path).stat().st_size > 10_000
  assert page.evaluate("document.documentElement.scrollWidth") == width
  for element in page.locator(".card, .part, .wave, audio, .picture").all():
    box = element.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
