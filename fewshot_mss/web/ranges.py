"""Parts of a song as a person writes them: `1:02-1:09`, one a line."""

import re

from fewshot_mss.audio.examples import parse_example
from fewshot_mss.errors import InputError

_BREAKS = re.compile(r"[\n;,]")
_DASHES = re.compile(r"\s*[-\u2010-\u2015]\s*")
# Nothing else is put behind the name of a file.
_SPAN = re.compile(r"[0-9:.]+-[0-9:.]+")
# Room for more than a person marks, and an end to what a program sends.
_MAX_RANGES = 200
_SHOWN_CHARS = 40


def parse_ranges(text: str, song: str) -> list[str]:
  """Reads parts of a song.

  Args:
    text: `1:02-1:09` or `62-69.5`, one a line, or with commas between.
    song: The file that they are parts of.

  Returns:
    The parts as examples: `song.wav@1:02-1:09`.

  Raises:
    InputError: If one is malformed, or there are too many.
  """
  spans = [
    _DASHES.sub("-", line.strip())
    for line in _BREAKS.split(text)
    if line.strip()
  ]
  if len(spans) > _MAX_RANGES:
    raise InputError(
      f"{len(spans)} parts are marked: mark {_MAX_RANGES} at most"
    )
  for span in spans:
    if not _SPAN.fullmatch(span):
      raise InputError(
        f"{span[:_SHOWN_CHARS]!r} is no part of the song: write 1:02-1:09 "
        "(minutes:seconds), one a line"
      )
    parse_example(f"{song}@{span}")
  return [f"{song}@{span}" for span in spans]
