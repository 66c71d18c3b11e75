"""What the button does: the visitor's examples heard, the song separated."""

import contextlib
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from fewshot_mss.audio.blocks import audio_info
from fewshot_mss.errors import InputError
from fewshot_mss.inference.asking import hear_asks, load_asks
from fewshot_mss.inference.calibration import calibration_of
from fewshot_mss.inference.outputs import SongPlan, choose_form, plan_song
from fewshot_mss.inference.presence import PresenceMeter
from fewshot_mss.inference.request import Target
from fewshot_mss.inference.separator import Separator
from fewshot_mss.inference.song_writer import SongWriter
from fewshot_mss.web.parts import message_html
from fewshot_mss.web.ranges import parse_ranges
from fewshot_mss.web.results import PARTS, results_html
from fewshot_mss.web.uploads import without_folders
from fewshot_mss.web.visitors import Tab, Visitors

Report = Callable[[int, int], None]
_RESULTS = "results"
# Containers of results that browsers play.
_PLAYED = ("wav", "flac")


class Wish(NamedTuple):
  """What a visitor asks for besides the clips.

  Attributes:
    positive_ranges: Parts of the song that show the instrument, one a line.
    negative_ranges: Parts that show what is not meant.
    instrument: For a model that is asked by name.
    gate: Whether to mute the target where it does not seem to be there.
  """

  positive_ranges: str = ""
  negative_ranges: str = ""
  instrument: str | None = None
  gate: bool = False


class _GoneError(RuntimeError):
  """The visitor has closed the page."""


def separate_for(
  separator: Separator,
  visitors: Visitors,
  tab: Tab,
  wish: Wish,
  report: Report,
) -> str:
  """Separates a visitor's song.

  Args:
    separator: The model.
    visitors: Who is there.
    tab: Whose song.
    wish: What to take out.
    report: Called with the patches done and their number.

  Returns:
    HTML of the results, or of a message that says what is missing.
  """
  with visitors.at_work(tab) as folder:
    try:
      return _separate(separator, tab, wish, report, folder)
    except InputError as error:
      return message_html(without_folders(str(error), folder))
    except _GoneError:
      return ""


def _separate(
  separator: Separator, tab: Tab, wish: Wish, report: Report, folder: Path
) -> str:
  songs = tab.of_kind("song")
  if not songs:
    raise InputError("no song yet: choose one first")
  song = songs[0].path
  # Profiles, which would lie in the folder of the model, are not asked by here.
  asks = load_asks([_target(tab, wish, str(song))], Path())
  asked = hear_asks(separator, asks)

  def watch(done: int, total: int) -> None:
    if tab.ended.is_set():
      raise _GoneError
    report(done, total)

  # The results of the last time go, so that a page never holds two.
  shutil.rmtree(folder / _RESULTS, ignore_errors=True)
  plan = _plan(song, folder / _RESULTS / secrets.token_hex(8))
  calibration = calibration_of(separator.archive.training)
  meter = PresenceMeter(1, plan.info.rate_hz, calibration)
  blocks = separator.stream(song, asked.conditions, progress=watch)
  with SongWriter(plan, overwrite=False) as writer, contextlib.closing(blocks):
    listened = meter.gated if wish.gate else meter.watched
    for block in listened(blocks):
      writer.write(block)
    writer.publish()
  advice = [
    without_folders(line, folder)
    for coaching in asked.coaching.values()
    for line in coaching.advice
  ]
  (presence,) = meter.presences()
  return results_html(tab, plan, presence, writer.warnings, advice)


def _plan(song: Path, output: Path) -> SongPlan:
  """Returns what `separate` would write, in a form that a browser plays."""
  info = audio_info(song)
  form = choose_form(song, info, None, None)
  if form.format not in _PLAYED:
    form = choose_form(song, info, "wav", None)
  return plan_song(song, info, output, PARTS, form)


def _target(tab: Tab, wish: Wish, song: str) -> Target:
  if wish.instrument is not None:
    return Target(instrument=wish.instrument)
  clips = {
    kind: [str(upload.path) for upload in tab.of_kind(kind)]
    for kind in ("positive", "negative")
  }
  positives = parse_ranges(wish.positive_ranges, song) + clips["positive"]
  negatives = parse_ranges(wish.negative_ranges, song) + clips["negative"]
  if not positives:
    raise InputError(
      "nothing shows the instrument yet: mark a part of the song where it "
      "plays, or add a clip"
    )
  return Target(positives=positives, negatives=negatives)
