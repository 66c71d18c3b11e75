"""Metrics of a run: JSON lines, TensorBoard and a progress bar.

Process 0 writes; the others only say, each with its index. `metrics.jsonl`
holds what is a function of the configuration alone, and so the same numbers
however often a run was interrupted; speeds go to TensorBoard and to the log.
"""

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import jax
import numpy as np
from jaxtyping import Float32, UInt8
from tensorboardX import SummaryWriter
from tqdm import tqdm

from fewshot_mss.errors import RunError
from fewshot_mss.training.parallel import process_name


class MetricWriter:
  """Open files and a progress bar; use as a context manager."""

  def __init__(self, workdir: Path, *, first_step: int, last_step: int):
    """Opens the files and drops what a lost part of the run had written.

    Args:
      workdir: Folder of the run.
      first_step: Steps done so far.
      last_step: Steps of the whole run.
    """
    self._active = jax.process_index() == 0
    self._first_step = first_step
    self._started_s = time.monotonic()
    self._bar = tqdm(
      total=last_step,
      initial=first_step,
      unit="step",
      desc="train",
      disable=not self._active,
      dynamic_ncols=True,
      # A log file needs no line for each step.
      mininterval=0.2 if sys.stderr.isatty() else 10,
    )
    if not self._active:
      return
    path = workdir / "metrics.jsonl"
    _keep_until(path, first_step)
    self._lines = path.open("a", encoding="utf-8")
    self._board = SummaryWriter(
      str(workdir / "tensorboard"),
      purge_step=first_step + 1,
      # No limit: what empties the queue is a thread that ends at the first
      # event that it cannot write, and a full queue would hold this one.
      max_queue=0,
    )

  def __enter__(self) -> "MetricWriter":
    """Returns itself."""
    return self

  def __exit__(self, *exception: object) -> None:
    """Closes the files and the progress bar."""
    self._bar.close()
    if self._active:
      self._lines.close()
      self._board.close()

  def advance(self) -> None:
    """Moves the progress bar on by one step."""
    if self._bar.n == self._first_step:
      # The first step waits for the compiler: its time says nothing of those
      # to come.
      self._bar.unpause()
    self._bar.update()

  def write(self, step: int, metrics: Mapping[str, float | None]) -> None:
    """Writes the metrics of a step.

    Args:
      step: Steps done.
      metrics: None is a number that is not finite.

    Raises:
      OSError: If the row cannot be written.
      RunError: If earlier events could not be written.
    """
    if not self._active:
      return
    # It says nothing itself, and what it left unwritten is lost.
    if not self._board.file_writer.event_writer._worker.is_alive():
      raise RunError(
        f"{self._board.logdir} cannot be written: make room there and start "
        "the same command again; it goes on from the last checkpoint"
      )
    self._lines.write(json.dumps({"step": step, **metrics}) + "\n")
    self._lines.flush()
    for name, value in metrics.items():
      if value is not None:
        self._board.add_scalar(name, value, step)
    if metrics.get("loss") is not None:
      self._bar.set_postfix_str(f"loss {metrics['loss']:.2f}")

  def write_audio(
    self,
    step: int,
    tag: str,
    clip: Float32[np.ndarray, " samples"],
    sample_rate_hz: int,
  ) -> None:
    """Writes a clip to TensorBoard, in 16 bits; beyond full scale it clips."""
    if self._active:
      clip = np.clip(clip, -1, 1)
      self._board.add_audio(tag, clip, step, sample_rate_hz)

  def write_picture(
    self, step: int, tag: str, picture: UInt8[np.ndarray, "height width 3"]
  ) -> None:
    """Writes a picture to TensorBoard."""
    if self._active:
      self._board.add_image(tag, picture, step, dataformats="HWC")

  def write_speed(
    self, step: int, episodes_a_step: int, shares: Mapping[str, float]
  ) -> None:
    """Writes how fast the run is, since its start, to TensorBoard.

    Args:
      step: Steps done.
      episodes_a_step: Mixtures of a step, of all hosts.
      shares: Of the time of this process since the last row, see `Stopwatch`.
    """
    if self._active:
      seconds = self._seconds_a_step(step)
      self._board.add_scalar("speed/seconds_a_step", seconds, step)
      self._board.add_scalar(
        "speed/episodes_a_second", episodes_a_step / seconds, step
      )
      for name, share in shares.items():
        self._board.add_scalar(f"time/{name}", share, step)

  def say_speed(self, step: int, episodes_a_step: int) -> None:
    """Says how fast the run is and how long it will take."""
    seconds = self._seconds_a_step(step)
    left_min = (self._bar.total - step) * seconds / 60
    self.say(
      f"step {step}: {seconds:.2f} s a step (compilation included), "
      f"{episodes_a_step / seconds:.1f} episodes a second, about "
      f"{left_min:.0f} min left"
    )

  def _seconds_a_step(self, step: int) -> float:
    spent_s = time.monotonic() - self._started_s
    return spent_s / max(step - self._first_step, 1)

  def say(self, message: str) -> None:
    """Prints a line above the progress bar; names the process if several."""
    if jax.process_count() > 1:
      message = f"[{process_name()}] {message}"
    self._bar.write(message, file=sys.stderr)


def _keep_until(path: Path, step: int) -> None:
  """Drops the lines of later steps: they are computed again."""
  if not path.exists():
    return
  kept = []
  for line in path.read_text(encoding="utf-8").splitlines():
    try:
      if json.loads(line)["step"] <= step:
        kept.append(line + "\n")
    except (ValueError, KeyError, TypeError):
      # A line that a kill cut short; it is written anew.
      break
  temporary = path.with_suffix(".tmp")
  temporary.write_text("".join(kept), encoding="utf-8")
  temporary.replace(path)
