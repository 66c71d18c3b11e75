"""`fewshot-mss separate`: songs in, the parts of each out, one at a time."""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tqdm import tqdm

from fewshot_mss.audio.blocks import audio_info
from fewshot_mss.audio.output_folders import WriteError
from fewshot_mss.errors import InputError, one_line
from fewshot_mss.export.archive import describe_archive
from fewshot_mss.export.hub import local_folder
from fewshot_mss.inference.asking import (
  Asked,
  check_asks,
  example_files,
  hear_asks,
  load_asks,
  named_targets,
  with_files,
)
from fewshot_mss.inference.batches import check_computing
from fewshot_mss.inference.calibration import calibration_of
from fewshot_mss.inference.coach_page import coach_pages
from fewshot_mss.inference.conditions import Ask
from fewshot_mss.inference.devices import find_device
from fewshot_mss.inference.inputs import check_channels
from fewshot_mss.inference.outputs import (
  SongPlan,
  check_plans,
  choose_form,
  plan_song,
)
from fewshot_mss.inference.presence import PresenceMeter
from fewshot_mss.inference.report import RunReport, SongOutcome
from fewshot_mss.inference.request import (
  RESIDUAL,
  Request,
  Target,
  check_targets,
)
from fewshot_mss.inference.separator import Separator
from fewshot_mss.inference.song_writer import SongWriter
from fewshot_mss.inference.standard_output import (
  scratch_folder,
  to_standard_output,
)


class Voice(NamedTuple):
  """How a run is told.

  Attributes:
    say: Takes lines that tell what was done.
    show: Takes pages that rich can print.
    warn: Takes lines that tell what is wrong.
  """

  say: Callable[[str], None]
  show: Callable[[Any], None]
  warn: Callable[[str], None]


def _nothing(told: Any) -> None:
  del told


SILENT = Voice(_nothing, _nothing, _nothing)


def separate_command(request: Request, voice: Voice = SILENT) -> RunReport:
  """Writes `output/<song>/<target>.wav`, ... and `residual.wav` of every song.

  All have the song's rate, channels and length, and sum to it. All that can be
  checked is checked before anything is computed or written; a song that turns
  out broken on the way leaves nothing, and the others are still done.

  Args:
    request: What to do.
    voice: How it is told.

  Returns:
    What was done.

  Raises:
    InputError: If the songs, the examples, the model or the output cannot be
      used; of several songs, some may be broken.
  """
  check_targets(request.targets)
  if request.device is not None:
    find_device(request.device)
  songs = _named_songs(request)
  with contextlib.ExitStack() as stack:
    output = request.output
    if output is None:
      output = stack.enter_context(scratch_folder())
    planned = _plan(request, songs, output)
    targets = named_targets(request.targets)
    plans = [one for one in planned if isinstance(one, SongPlan)]
    check_plans(
      plans, [*songs, *example_files(targets)], overwrite=request.overwrite
    )
    separator, asks = _load_model(request, targets)
    if request.dry_run:
      voice.say(_model_line(request, separator))
    # Loads the examples, so all of them are usable from here on.
    asked = hear_asks(separator, asks)
    if asked.coaching:
      voice.show(
        coach_pages(
          {f"what shows {name}": one for name, one in asked.coaching.items()}
        )
      )
    outcomes = []
    for one in planned:
      outcome = one
      if isinstance(one, SongPlan):
        do = _cost if request.dry_run else _separate
        outcome = do(separator, asked, one, request, alone=len(songs) == 1)
      _tell(outcome, request, voice)
      outcomes.append(outcome)
    if request.output is None and outcomes[0].status == "written":
      to_standard_output(plans[0].paths[0])
  model = {
    "path": str(request.model),
    "hash": separator.archive.content_hash,
    "rate_hz": separator.rate_hz,
  }
  return RunReport(model, targets, asked.coaching, outcomes, request.dry_run)


def _load_model(
  request: Request, targets: Sequence[Target]
) -> tuple[Separator, dict[str, Ask]]:
  """Loads the model and what it is asked; first what needs no weights."""
  folder = local_folder(request.model)
  asks = load_asks(targets, folder)
  described = describe_archive(folder)
  check_asks(asks.values(), described)
  calibration_of(described.training)
  check_computing(described, len(targets), request.device, request.max_memory)
  separator = Separator.from_pretrained(
    folder, request.device, request.max_memory
  )
  return separator, asks


def _model_line(request: Request, separator: Separator) -> str:
  return (
    f"model {request.model} (SHA-256 {separator.archive.content_hash[:8]}, "
    f"{separator.rate_hz} Hz), quality {request.quality}"
  )


def _named_songs(request: Request) -> list[Path]:
  """Returns the songs, those of folders too; all are there."""
  songs = [Path(word) for word in with_files(request.songs)]
  if not songs:
    raise InputError("no song to separate: name at least one audio file")
  for song in songs:
    if not song.exists():
      raise InputError(f"{song}: no such file; check the name")
  if request.output is None and (len(songs), len(request.targets)) != (1, 1):
    raise InputError(
      "-o - writes one target of one song to standard output: name a folder "
      f"for {len(request.targets)} targets of {len(songs)} songs"
    )
  return songs


def _plan(
  request: Request, songs: Sequence[Path], output: Path
) -> list[SongPlan | SongOutcome]:
  """Returns what will be made of each song; of a broken one, what is wrong."""
  parts = [target.name for target in request.targets]
  if request.output is not None:
    parts.append(RESIDUAL)
  planned: list[SongPlan | SongOutcome] = []
  for song in songs:
    try:
      info = audio_info(song)
      check_channels(info.channels, str(song))
    except InputError as error:
      if len(songs) == 1:
        raise
      planned.append(SongOutcome(song, "failed", error=str(error)))
      continue
    wanted = request.format or ("wav" if request.output is None else None)
    form = choose_form(song, info, wanted, request.bit_depth)
    planned.append(plan_song(song, info, output, parts, form))
  return planned


def _cost(
  separator: Separator,
  asked: Asked,
  plan: SongPlan,
  request: Request,
  *,
  alone: bool,
) -> SongOutcome:
  """Counts what separating a song would take."""
  del asked, alone
  info = plan.info
  patches = separator.count_patches(
    info.num_samples, info.channels, info.rate_hz, request.quality
  )
  return SongOutcome(plan.song, "planned", plan, patches=patches)


def _separate(
  separator: Separator,
  asked: Asked,
  plan: SongPlan,
  request: Request,
  *,
  alone: bool,
) -> SongOutcome:
  """Separates a song and writes its parts."""
  begin_s = time.monotonic()
  meter = PresenceMeter(
    len(asked.conditions),
    plan.info.rate_hz,
    calibration_of(separator.archive.training),
  )
  try:
    writer = SongWriter(plan, overwrite=request.overwrite)
    with writer, _bar(plan, request) as show:
      blocks = separator.stream(
        plan.song, asked.conditions, progress=show, quality=request.quality
      )
      listened = meter.gated if request.gate else meter.watched
      with contextlib.closing(blocks):
        for block in listened(blocks):
          writer.write(block)
      writer.publish()
  except InputError as error:
    # A mistyped command is told as one; that a disk is full is none.
    if alone and not isinstance(error, WriteError):
      raise
    took_s = time.monotonic() - begin_s
    return SongOutcome(plan.song, "failed", plan, str(error), took_s)
  names = [target.name for target in request.targets]
  return SongOutcome(
    plan.song,
    "written",
    plan,
    took_s=time.monotonic() - begin_s,
    warnings=writer.warnings,
    presence=dict(zip(names, meter.presences(), strict=True)),
  )


@contextlib.contextmanager
def _bar(
  plan: SongPlan, request: Request
) -> Iterator[Callable[[int, int], None]]:
  """Draws a progress bar; yields what the separator is to call."""
  # None is on a terminal alone.
  hidden = None if request.progress else True
  name = one_line(plan.song.name)
  with tqdm(desc=name, unit="patch", disable=hidden) as bar:

    def show(done: int, total: int) -> None:
      bar.total = total
      bar.update(done - bar.n)

    yield show


def _tell(outcome: SongOutcome, request: Request, voice: Voice) -> None:
  """Tells what became of a song, in lines."""
  for warning in outcome.warnings:
    voice.warn(f"{outcome.song}: {warning}")
  if outcome.error is not None:
    voice.warn(outcome.error)
    return
  for line in outcome.lines(to_files=request.output is not None):
    voice.say(line)
