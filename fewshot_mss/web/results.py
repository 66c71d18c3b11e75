"""What a visitor sees and hears of a separated song, as HTML."""

import html
from collections.abc import Sequence

from fewshot_mss.audio.blocks import audio_info
from fewshot_mss.inference.outputs import SongPlan
from fewshot_mss.inference.presence import Presence
from fewshot_mss.inference.presence_page import presence_line
from fewshot_mss.web.parts import message_html
from fewshot_mss.web.pictures import levels_svg, spectrogram_png, survey
from fewshot_mss.web.sounds import media_type
from fewshot_mss.web.visitors import Shown, Tab

PARTS = ("target", "residual")
_TITLES = {
  "mixture": ("Song", "what you gave"),
  "target": ("Target", "what sounds like your examples"),
  "residual": ("Residual", "the rest; both add up to the song"),
}
_TICKS = 5


def results_html(
  tab: Tab,
  plan: SongPlan,
  presence: Presence,
  warnings: Sequence[str],
  advice: Sequence[str],
) -> str:
  """Draws the results, and lets the visitor fetch their files.

  Args:
    tab: Of the visitor; gets the files.
    plan: What was made of the song.
    presence: Where the target was heard.
    warnings: What there is to know of the files.
    advice: What is to be said of the examples.

  Returns:
    The results.
  """
  overviews = dict(zip(_TITLES, survey(*plan.paths), strict=True))
  song = overviews["mixture"]
  for name, shown in list(tab.shown.items()):
    if not shown.path.exists():
      # Of the run before.
      del tab.shown[name]
  # A new folder a run, so that a browser shows no picture of the run before.
  run = plan.folder.parent.name
  for part, path in zip(PARTS, plan.paths, strict=True):
    tab.shown[f"{run}-{part}"] = Shown(
      path,
      media_type(audio_info(path)),
      f"{plan.song.stem}_{part}{path.suffix}",
    )
  for part, overview in overviews.items():
    picture = plan.folder / f"{part}.png"
    picture.write_bytes(spectrogram_png(overview, song))
    tab.shown[f"{run}-{part}.png"] = Shown(picture, "image/png", picture.name)
  info = audio_info(plan.paths[0])
  seconds = info.num_samples / info.rate_hz
  levels = levels_svg(overviews["target"], song, presence.spans_s, seconds)
  said = "".join(message_html(warning) for warning in warnings)
  place = f"tabs/{tab.name}/files/{run}"
  cards = "".join(_card(part, place) for part in PARTS)
  rows = "".join(_row(part, place) for part in _TITLES)
  return (
    f'<div class="results">{said}<div class="parts">{cards}</div>'
    f"{_advice(advice)}"
    '<h3>Where it plays</h3><p class="presence">'
    f"{html.escape(presence_line('Target', presence))}</p>"
    '<p class="note">Level of the target (green) on that of the song (grey), '
    "from -60 dB to full scale; the bar below them is where it was heard.</p>"
    f'<div class="picture">{levels}</div>'
    f"{_time_axis(seconds)}"
    '<h3>Spectrograms</h3><p class="note">Low notes at the bottom, up to '
    f"{info.rate_hz / 2000:g} kHz at the top; bright is loud, on one scale for "
    f"all three.</p>{rows}{_time_axis(seconds)}</div>"
  )


def _advice(advice: Sequence[str]) -> str:
  if not advice:
    return ""
  lines = "".join(f"<li>{html.escape(line)}</li>" for line in advice)
  return f'<h3>Your examples</h3><ul class="advice">{lines}</ul>'


def _card(part: str, place: str) -> str:
  title, about = _TITLES[part]
  return (
    f'<section class="part {part}"><h3>{title}</h3>'
    f'<p class="note">{about}</p>'
    f'<audio controls preload="metadata" aria-label="{title}" '
    f'src="{place}-{part}"></audio>'
    f'<a class="download" href="{place}-{part}?save=1" download>'
    f"Download {part}</a></section>"
  )


def _row(part: str, place: str) -> str:
  title, _ = _TITLES[part]
  return (
    f'<figure class="picture"><figcaption>{title}</figcaption>'
    f'<img src="{place}-{part}.png" alt="Spectrogram: {title}"></figure>'
  )


def _time_axis(seconds: float) -> str:
  ticks = "".join(
    f"<span>{_clock(seconds * step / (_TICKS - 1), seconds)}</span>"
    for step in range(_TICKS)
  )
  return f'<div class="times" aria-hidden="true">{ticks}</div>'


def _clock(time_s: float, length_s: float) -> str:
  """Writes a time; with tenths where the song is short."""
  tenths = 1 if length_s < 30 else 0
  minutes, seconds = divmod(round(time_s, tenths), 60)
  width = 4 if tenths else 2
  return f"{int(minutes)}:{seconds:0{width}.{tenths}f}"
