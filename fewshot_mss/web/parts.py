"""Pieces of the page in HTML; page.js fills them."""

import html

from fewshot_mss.inference.separator import Separator
from fewshot_mss.web.limits import Limits

TITLE = "Few-shot separation"
_ENDINGS = ".wav,.flac,.ogg,.mp3,.aiff,.aif,.w64,.m4a,.mp4"
_KINDS = {
  "positive": (
    "What it is",
    "Some seconds where the instrument plays, best alone.",
  ),
  "negative": ("What it is not", "Some seconds of what is not meant."),
}
_MODES = """
<span class="modes">Dragging marks
<label class="positive"><input type="radio" name="mode" value="positive"
checked> what it is</label>
<label class="negative"><input type="radio" name="mode" value="negative">
what it is not</label></span>"""


def message_html(text: str) -> str:
  """Returns a message as the page shows it."""
  return f'<p class="message" role="alert">{html.escape(text)}</p>'


def heading_html(separator: Separator) -> str:
  """Returns the top of the page."""
  rate_khz = separator.rate_hz / 1000
  return (
    f"<h1>{TITLE}</h1><p>Show a few seconds of an instrument, and it is taken "
    f"out of the song. This model works at {rate_khz:g} kHz: what is above "
    f"{rate_khz / 2:g} kHz stays in the residual.</p>"
  )


def song_html(conditioning: str, limits: Limits) -> str:
  """Returns where the song goes, and where parts of it are marked.

  Args:
    conditioning: How the model is asked.
    limits: What is too much.

  Returns:
    A place for a file, and an outline of it.
  """
  modes = {
    "class": "",
    "examples": '<span class="modes">Drag to mark where it plays</span>',
    "examples_and_negatives": _MODES,
  }[conditioning]
  words = f"wav, flac, ogg or mp3, at most {limits.minutes:g} minutes"
  drop = _drop_html(
    "song", "Song", f"<b>Choose a song</b> or drop it here<br>{words}"
  )
  marks = "" if conditioning == "class" else " marks"
  return f"""<div class="song-box" data-max-bytes="{limits.file_bytes}">
<h2>Song</h2>{drop}
<div class="song" hidden>
<div class="song-head"><strong class="song-name"></strong>
<span class="song-length"></span>{modes}</div>
<div class="wave{marks}" role="img" aria-label="Outline of the song">
<canvas></canvas><div class="regions"></div><div class="cursor"></div></div>
<div class="times" aria-hidden="true"></div>
<audio class="song-player" controls preload="metadata" aria-label="Song">
</audio></div></div>"""


def kind_html(kind: str) -> str:
  """Returns the heading of a kind of examples."""
  title, about = _KINDS[kind]
  return f'<h2>{title}</h2><p class="note">{about}</p>'


def clips_html(kind: str) -> str:
  """Returns where clips of a kind go."""
  title, _ = _KINDS[kind]
  drop = _drop_html(
    kind, f"Clips: {title}", "<b>Add clips</b> from files", True
  )
  return f'<div class="clip-box">{drop}<ul class="clips"></ul></div>'


def _drop_html(kind: str, label: str, text: str, several: bool = False) -> str:
  multiple = " multiple" if several else ""
  return f"""<label class="drop" data-kind="{kind}"><input type="file"{multiple}
accept="audio/*,{_ENDINGS}" aria-label="{label}"><span>{text}</span></label>
<p class="message" role="alert" hidden></p>"""
