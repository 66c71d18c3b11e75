"""Speeds, as ratios of two measurements of one run.

A shared machine is never twice as fast as it was: what is compared is measured
in turns, and the spread is told.
"""

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float
from ml_collections import ConfigDict

from fewshot_mss.audio.writing import write_audio
from fewshot_mss.data.build_speed import bench_build, write_songs
from fewshot_mss.data.builder import build
from fewshot_mss.data.layouts.rendered import RenderSettings, rendered
from fewshot_mss.data.pipeline import episode_batches
from fewshot_mss.data.sources import load_sources, source_word
from fewshot_mss.data.throughput import (
  INPUT_CAPTION,
  MADE_UP_SEGMENTS,
  bench_input,
)
from fewshot_mss.data.throughput_table import Row, described, input_table
from fewshot_mss.evaluation.report import machine_description
from fewshot_mss.export.archive import load_archive
from fewshot_mss.scoring_speed import bench_scoring
from fewshot_mss.separation_speed import bench_separation
from fewshot_mss.terminal import show
from fewshot_mss.training import parallel
from fewshot_mss.training.programs import init_of, step_of
from fewshot_mss.training.run_checks import check_run
from fewshot_mss.training.train import train_and_evaluate

_SONGS = 24
_SEGMENT_S = 4.0
_TURN_STEPS = 20
_TURNS_OF_TRAINING = 5
# As many batches as are kept ready, and one.
_UNCOUNTED_STEPS = 5
_COMMANDS = 3
_SONG_S = 60.0
_INPUT_SEGMENT_S = 6.0
# At each sample rate, as many episodes as take about a minute.
_INPUT_EPISODES = {8000: 4000, 44100: 1600}


class Measure(NamedTuple):
  """Seconds of some repetitions of one thing."""

  seconds: Float[np.ndarray, " n"]

  @property
  def median_s(self) -> float:
    """The middle one."""
    return float(np.median(self.seconds))

  def described(self) -> str:
    """Returns the median, the quartiles and n."""
    return described(1000 * self.seconds, "ms")


def run_bench(config: ConfigDict, output: Path) -> None:
  """Measures, and prints a table of ratios.

  Args:
    config: Whose training is measured; `data.sources` is set to `output/data`.
    output: Folder for what the measuring needs.
  """
  data = output / "data"
  if not data.exists():
    build(
      rendered(RenderSettings(num_songs=_SONGS)),
      data,
      sample_rate_hz=config.model.sample_rate_hz,
      segment_s=_SEGMENT_S,
    )
  config.data.sources = source_word(data)
  config.train.steps = _TURN_STEPS * _TURNS_OF_TRAINING
  config.train.eval_every_steps = 10 * config.train.steps
  config.eval.max_items = config.eval.batch
  workdir = output / "run"
  shutil.rmtree(workdir, ignore_errors=True)

  step, loop, batch_bytes = measure_training(config, workdir)
  pipeline = measure_pipeline(config)
  training_gib = peak_memory_gib()
  song, separation_gib = measure_separation(workdir / "model", output)

  rows = [
    Row(
      "training loop / bare compiled step",
      f"{step.median_s / loop.median_s:.2f}",
      ">= 0.90",
      f"step {step.described()}; loop {loop.described()}",
    ),
    Row(
      "input pipeline / what the step takes",
      f"{step.median_s / pipeline.median_s:.1f}",
      ">= 3",
      f"batch {pipeline.described()}, {batch_bytes / 2**20:.1f} MiB",
    ),
    Row(
      "separation / real time",
      f"{_SONG_S / song.median_s:.1f}",
      "",
      f"{_SONG_S:.0f} s of stereo at 44.1 kHz, the whole command: "
      f"{song.described()}",
    ),
    Row("peak memory, training", "", "", f"{training_gib:.2f} GiB"),
    Row("peak memory, separation", "", "", f"{separation_gib:.2f} GiB"),
    *bench_scoring(config, load_archive(workdir / "model")),
    *bench_separation(workdir / "model", output),
  ]
  show(input_table(rows, "speeds", machine_description()))
  bench_data(output)


def bench_data(output: Path) -> None:
  """Measures how datasets are built and read, and prints tables of ratios.

  Args:
    output: Folder for what the measuring needs.
  """
  songs = output / "songs"
  write_songs(songs)
  building = [
    bench_build(
      songs,
      output / "built",
      sample_rate_hz=rate_hz,
      segment_s=_INPUT_SEGMENT_S,
    )
    for rate_hz in _INPUT_EPISODES
  ]
  show(input_table(building, "build", "in brackets: quartiles"))
  for rate_hz, episodes in _INPUT_EPISODES.items():
    data = output / f"input_{rate_hz}_hz"
    if not data.exists():
      build(
        rendered(RenderSettings(num_songs=_SONGS)),
        data,
        sample_rate_hz=rate_hz,
        segment_s=_INPUT_SEGMENT_S,
      )
    rows = bench_input(
      data, episodes=episodes, made_up_segments=MADE_UP_SEGMENTS
    )
    show(input_table(rows, f"input at {rate_hz} Hz", INPUT_CAPTION))


def measure_training(
  config: ConfigDict, workdir: Path
) -> tuple[Measure, Measure, int]:
  """Times a real training and the bare compiled step, in turns.

  Every `_TURN_STEPS` steps the training pauses and the bare step takes some on
  one batch that never leaves the device. After a pause both begin with steps
  that do not count: the training's batches that were read meanwhile, and the
  bare step's wait for the training's last one.

  Args:
    config: Of the training.
    workdir: A new folder.

  Returns:
    The times of a bare step, those between the steps of the training with its
    data and metrics, and the bytes of a batch. Neither holds an evaluation, and
    the medians of both pass over what is as rare as a checkpoint.
  """
  sources = load_sources(config.data.sources)
  check_run(config, sources)
  state = parallel.create_state(init_of(config))
  step_fn = parallel.pmap_step(step_of(config))
  read = next(episode_batches(config, sources, start_step=0, stop_step=1))
  batch = parallel.put_batch(read)
  bare: list[float] = []
  loop: list[float] = []
  turn: list[float] = []

  def take_turns(step: int) -> None:
    nonlocal state
    turn.append(time.monotonic())
    if step % _TURN_STEPS:
      return
    loop.extend(np.diff(turn)[_UNCOUNTED_STEPS:])
    turn.clear()
    for _ in range(_TURN_STEPS // 2):
      state, metrics = step_fn(state, batch)
      jax.block_until_ready(metrics)
      turn.append(time.monotonic())
    bare.extend(np.diff(turn)[1:])
    turn.clear()

  train_and_evaluate(config, workdir, on_step=take_turns)
  # The first turn of both waits for the compiler.
  first = _TURN_STEPS - 1 - _UNCOUNTED_STEPS, _TURN_STEPS // 2 - 2
  size = sum(leaf.nbytes for leaf in jax.tree.leaves(read))
  return (
    Measure(np.array(bare[first[1] :])),
    Measure(np.array(loop[first[0] :])),
    size,
  )


def measure_pipeline(config: ConfigDict) -> Measure:
  """Times batches when nothing else runs."""
  batches = episode_batches(
    config,
    load_sources(config.data.sources),
    start_step=0,
    stop_step=config.train.steps,
  )
  return Measure(np.diff(_ticks(batches))[_UNCOUNTED_STEPS:])


def _ticks(items: Iterable[object]) -> list[float]:
  return [time.monotonic() for _ in items]


def measure_separation(model: Path, output: Path) -> tuple[Measure, float]:
  """Times the command that separates a song, in processes of their own.

  Args:
    model: An archive.
    output: Folder for the song.

  Returns:
    The times of a whole command, and the peak memory of one in GiB.
  """
  rate_hz = 44100
  rng = np.random.default_rng(0)
  noise = 0.1 * rng.standard_normal((round(_SONG_S * rate_hz), 2))
  song = output / "song.wav"
  write_audio(song, noise.astype(np.float32), rate_hz, "PCM_16")
  words = ["separate", str(song), "-p", f"{song}@0:01-0:05"]
  words += ["--model", str(model), "-o", str(output / "separated")]
  code = (
    "from fewshot_mss import bench, cli\n"
    f"assert cli.main({[*words, '--overwrite']!r}) == 0\n"
    "print(bench.peak_memory_gib())"
  )
  times, peaks = [time.monotonic()], []
  for _ in range(_COMMANDS):
    done = subprocess.run(
      [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    times.append(time.monotonic())
    peaks.append(float(done.stdout.split()[-1]))
  return Measure(np.diff(times)), max(peaks)


def peak_memory_gib() -> float:
  """Returns the peak resident memory of this process; NaN outside Linux.

  Not from getrusage: there a process begins with the peak of the one that
  started it.
  """
  status = Path("/proc/self/status")
  if not status.exists():
    return float("nan")
  found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text(encoding="utf-8"))
  return int(found.group(1)) / 2**20 if found else float("nan")
