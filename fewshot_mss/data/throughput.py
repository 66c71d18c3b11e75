"""How fast a prepared folder is fed, as ratios of measurements of one run.

What is compared is measured in turns, in processes that are pinned to one and
to two cores, and the spread is told.
"""

import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fewshot_mss.data.catalogue import load_catalogue
from fewshot_mss.data.episode_settings import EpisodeSettings, check_settings
from fewshot_mss.data.throughput_opening import (
  link_made_up,
  open_once,
  opened_rows,
)
from fewshot_mss.data.throughput_table import Row, described
from fewshot_mss.data.throughput_worker import BATCH, input_config
from fewshot_mss.errors import InputError, RunError

EPISODES = 4000
INPUT_CAPTION = "in brackets: 5 % to 95 % of the turns"
_TURNS = 10
_EARLY_EPISODES = 500
_GIL_BATCHES = 4
MADE_UP_SEGMENTS = 1_000_000


def bench_input(
  directory: Path,
  *,
  episodes: int = EPISODES,
  made_up_segments: int = MADE_UP_SEGMENTS,
  output: Path | None = None,
) -> list[Row]:
  """Measures the input pipeline on a prepared folder.

  Args:
    directory: The prepared folder.
    episodes: How many to read, in all.
    made_up_segments: Size of the catalogue that is made up to be opened; its
      records are those of the folder over and over.
    output: Folder for what the measuring writes; a temporary one if None.

  Returns:
    Ratios with the measurements behind them.

  Raises:
    InputError: If the folder cannot serve episodes, or `episodes` is too low.
    RunError: If a measuring process fails.
  """
  least = 2 * _TURNS * BATCH
  if episodes < least:
    raise InputError(f"--episodes is {episodes}: give at least {least}")
  catalogue = load_catalogue(directory)
  config = input_config(catalogue, threads=1)
  check_settings(EpisodeSettings.from_config(config), catalogue)
  batches = episodes // (2 * _TURNS * BATCH)
  turns = _take_turns(directory, batches)
  with tempfile.TemporaryDirectory(dir=output) as folder:
    counted = link_made_up(
      directory,
      Path(folder),
      catalogue,
      max(made_up_segments, 2 * len(catalogue)),
    )
    opened = open_once(Path(folder))
  return [*_turn_rows(turns, batches), *opened_rows(opened, counted)]


class _Turns(NamedTuple):
  """Answers of the workers, a turn each."""

  bare: list[dict[str, Any]]
  # Beside another process that does the same on the other core.
  beside: list[dict[str, Any]]
  one: list[dict[str, Any]]
  two: list[dict[str, Any]]
  gil: list[dict[str, Any]]


def _take_turns(directory: Path, batches: int) -> _Turns:
  turns = _Turns([], [], [], [], [])
  with _worker(directory, 1) as one, _worker(directory, 2) as two:
    # The first turn of all is for the memory to be laid out.
    for turn in range(-1, _TURNS):
      alone = _ask(one, "batches", batches)
      episodes = int(alone["first"]), batches * BATCH
      bare = _ask(one, "bare", *episodes)
      _send(two, "bare", *episodes)
      beside = _ask(one, "bare", *episodes)
      _answer(two)
      both = _ask(two, "batches", batches)
      gil = _ask(two, "gil", _GIL_BATCHES)
      if turn >= 0:
        answers = (bare, beside, alone, both, gil)
        for kept, answer in zip(turns, answers, strict=True):
          kept.append(answer)
  return turns


@contextlib.contextmanager
def _worker(directory: Path, threads: int) -> Iterator[subprocess.Popen[str]]:
  """Starts a process that reads; ends it when done with."""
  code = (
    "from fewshot_mss.data import throughput_worker as w; "
    f"w.serve({str(directory)!r}, {threads})"
  )
  process = subprocess.Popen(
    [sys.executable, "-c", code],
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
    text=True,
  )
  try:
    yield process
  finally:
    process.kill()
    process.communicate()


def _ask(process: subprocess.Popen[str], name: str, *values: int) -> Any:
  _send(process, name, *values)
  return _answer(process)


def _send(process: subprocess.Popen[str], name: str, *values: int) -> None:
  with contextlib.suppress(BrokenPipeError):
    process.stdin.write(json.dumps([name, values]) + "\n")
    process.stdin.flush()


def _answer(process: subprocess.Popen[str]) -> Any:
  answer = process.stdout.readline()
  if not answer:
    raise RunError("a measuring process has ended: see its message above")
  return json.loads(answer)


def _turn_rows(turns: _Turns, batches: int) -> list[Row]:
  episodes = batches * BATCH

  def each(answers: list[dict[str, Any]], key: str) -> np.ndarray:
    return np.array([answer[key] for answer in answers])

  singly, together = (
    each(turns.bare, key) for key in ("one_by_one", "together")
  )
  # The harder of the two to keep up with, by the time of all cores.
  name, bare_s = "an episode's at once", together
  if np.median(singly) <= np.median(together):
    name, bare_s = "one by one", singly
  cpu_s = each(turns.one, "cpu")
  record_mb = each(turns.bare, "bytes") / 1e6
  fed_mb = each(turns.one, "bytes") * batches / 1e6
  wall_one, wall_two = each(turns.one, "wall"), each(turns.two, "wall")
  resident = [answer["resident_mib"] for answer in turns.two]
  # A turn of the second process reads also what is not counted.
  early = min(len(resident) - 1, -(-_EARLY_EPISODES // episodes))

  def spread(values: np.ndarray, unit: str, digits: int) -> str:
    return described(values, unit, digits=digits, percents=(5, 95))

  def middle(values: np.ndarray, digits: int = 2) -> str:
    return f"{np.median(values):.{digits}f}"

  return [
    Row(
      "bare read of the same records / pipeline, CPU time",
      middle(bare_s / cpu_s),
      ">= 0.5",
      f"{spread(bare_s / cpu_s, '', 2)}; an episode: bare "
      f"{spread(1e3 * bare_s / episodes, 'ms', 2)}, {name}; pipeline "
      f"{spread(1e3 * cpu_s / episodes, 'ms', 2)}",
    ),
    Row(
      "bytes a core second",
      f"{middle(fed_mb / cpu_s, 0)} MB",
      "",
      f"fed as float32; bare read {spread(record_mb / bare_s, 'MB', 0)} of "
      "records",
    ),
    Row(
      "two cores / one core",
      middle(wall_one / wall_two),
      ">= 1.7",
      f"{spread(wall_one / wall_two, '', 2)}; a batch of {BATCH}: "
      f"{spread(1e3 * wall_one / batches, 'ms', 1)}, "
      f"{spread(1e3 * wall_two / batches, 'ms', 1)}",
    ),
    Row(
      "two processes of the bare read / one",
      middle(2 * each(turns.bare, "wall") / each(turns.beside, "wall")),
      "",
      "what the machine gives of its second core: "
      + spread(
        2 * each(turns.bare, "wall") / each(turns.beside, "wall"), "", 2
      ),
    ),
    Row(
      "GIL held an episode",
      f"{middle(1e3 * each(turns.gil, 'seconds') / _GIL_BATCHES / BATCH)} ms",
      "",
      spread(1e3 * each(turns.gil, "seconds") / _GIL_BATCHES / BATCH, "ms", 2),
    ),
    Row(
      "drawing an episode",
      f"{middle(1e3 * each(turns.bare, 'draw') / episodes, 3)} ms",
      "<= 0.3 ms",
      spread(1e3 * each(turns.bare, "draw") / episodes, "ms", 3),
    ),
    Row(
      "resident memory at the end / early",
      f"{resident[-1] / resident[early]:.2f}",
      "flat",
      f"{resident[early]:.0f} MiB after {(early + 1) * episodes} counted "
      f"episodes, {resident[-1]:.0f} MiB after {len(resident) * episodes}",
    ),
  ]
