"""`fewshot-mss separate`: songs in, the parts of each out, one at a time."""

import contextlib
import dataclasses
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float32
from tqdm import tqdm

from fewshot_mss.audio.blocks import audio_info
from fewshot_mss.audio.example_folders import expand_examples
from fewshot_mss.audio.examples import parse_example
from fewshot_mss.audio.writing import WriteError
from fewshot_mss.errors import InputError, RunError, one_line
from fewshot_mss.inference.conditions import Ask
from fewshot_mss.inference.inputs import check_channels
from fewshot_mss.inference.outputs import (
  SongPlan,
  check_plans,
  choose_form,
  plan_song,
)
from fewshot_mss.inference.report import RunReport, SongOutcome
from fewshot_mss.inference.request import (
  RESIDUAL,
  Request,
  Target,
  check_targets,
)
from fewshot_mss.inference.separator import Separator
from fewshot_mss.inference.song_writer import SongWriter

Say = Callable[[str], None]


def separate_command(
  request: Request, say: Say = print, warn: Say = print
) -> RunReport:
  """Writes `output/<song>/<target>.wav`, ... and `residual.wav` of every song.

  All have the song's rate, channels and length, and sum to it. All that can be
  checked is checked before anything is computed or written; a song that turns
  out broken on the way leaves nothing, and the others are still done.

  Args:
    request: What to do.
    say: Takes the lines that tell what was done.
    warn: Takes the lines that tell what is wrong.

  Returns:
    What was done.

  Raises:
    InputError: If the songs, the examples, the model or the output cannot be
      used; of several songs, some may be broken.
  """
  check_targets(request.targets)
  songs = _named_songs(request)
  with contextlib.ExitStack() as stack:
    output = request.output
    if output is None:
      output = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    planned = _plan(request, songs, output)
    targets = [
      dataclasses.replace(
        target,
        positives=_with_files(target.positives),
        negatives=_with_files(target.negatives),
      )
      for target in request.targets
    ]
    plans = [one for one in planned if isinstance(one, SongPlan)]
    check_plans(
      plans, [*songs, *_example_files(targets)], overwrite=request.overwrite
    )
    separator = Separator.from_pretrained(
      request.model, request.device, request.max_memory
    )
    # Loads the examples, so all of them are usable from here on.
    conditions = separator.conditions(
      [Ask(t.positives, t.negatives, (), t.instrument) for t in targets]
    )
    outcomes = []
    for one in planned:
      outcome = one
      if isinstance(one, SongPlan) and request.dry_run:
        outcome = SongOutcome(one.song, "planned", one)
      elif isinstance(one, SongPlan):
        outcome = _separate(
          separator, conditions, one, request, alone=len(songs) == 1
        )
      _tell(outcome, request.output, say, warn)
      outcomes.append(outcome)
    if request.output is None and outcomes[0].status == "written":
      _to_standard_output(plans[0].paths[0])
  model = {
    "path": str(request.model),
    "hash": separator.archive.content_hash,
    "rate_hz": separator.rate_hz,
  }
  return RunReport(model, targets, outcomes, request.dry_run)


def _named_songs(request: Request) -> list[Path]:
  """Returns the songs, those of folders too; all are there."""
  songs = [Path(word) for word in _with_files(request.songs)]
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


def _with_files(words: Sequence[str]) -> list[str]:
  """Puts the files of folders in their places."""
  named = []
  for word in words:
    try:
      named += expand_examples([word])
    except OSError as error:
      raise InputError(f"{word}: {error.strerror}; check the name") from error
  return named


def _example_files(targets: Sequence[Target]) -> Iterator[Path]:
  for target in targets:
    for example in (*target.positives, *target.negatives):
      path = parse_example(example).path
      if path.exists():
        yield path


def _separate(
  separator: Separator,
  conditions: Float32[np.ndarray, "targets D"],
  plan: SongPlan,
  request: Request,
  *,
  alone: bool,
) -> SongOutcome:
  begin_s = time.monotonic()
  # None is on a terminal alone.
  hidden = None if request.progress else True
  name = one_line(plan.song.name)
  try:
    with (
      tqdm(desc=name, unit="patch", disable=hidden) as bar,
      SongWriter(plan) as writer,
    ):

      def show(done: int, total: int) -> None:
        bar.total = total
        bar.update(done - bar.n)

      blocks = separator.stream(
        plan.song, conditions, progress=show, quality=request.quality
      )
      with contextlib.closing(blocks):
        for block in blocks:
          writer.write(block)
      writer.publish()
  except InputError as error:
    # A mistyped command is told as one; that a disk is full is none.
    if alone and not isinstance(error, WriteError):
      raise
    return SongOutcome(
      plan.song, "failed", plan, str(error), time.monotonic() - begin_s
    )
  took_s = time.monotonic() - begin_s
  return SongOutcome(plan.song, "written", plan, None, took_s, writer.warnings)


def _tell(
  outcome: SongOutcome, output: Path | None, say: Say, warn: Say
) -> None:
  """Tells what became of a song, in lines."""
  for warning in outcome.warnings:
    warn(f"{outcome.song}: {warning}")
  if outcome.error is not None:
    warn(outcome.error)
  elif outcome.plan is not None and output is not None:
    does = "would write" if outcome.status == "planned" else "wrote"
    for path in outcome.plan.paths:
      say(f"{does} {path}")


def _to_standard_output(path: Path) -> None:
  """Copies a file."""
  try:
    with path.open("rb") as file:
      shutil.copyfileobj(file, sys.stdout.buffer)
    sys.stdout.buffer.flush()
  except OSError as error:
    raise RunError(
      f"standard output cannot be written ({error.strerror})"
    ) from error
