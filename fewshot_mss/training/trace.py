"""A trace of some steps, for TensorBoard's profiler."""

from pathlib import Path

import jax


class StepTrace:
  """Traces steps `first` to `last` of a run, both included.

  Process 0 writes `WORKDIR/tensorboard/plugins/profile/`, which TensorBoard
  with the plug-in `tensorboard-plugin-profile`, and XProf, open. The devices of
  the other hosts do the same work.
  """

  def __init__(self, workdir: Path, first: int, last: int):
    """Prepares a trace; `first` of 0 is none."""
    self._folder = workdir / "tensorboard"
    self._first = first if jax.process_index() == 0 else 0
    self._last = last
    self._running = False

  def __enter__(self) -> "StepTrace":
    """Returns itself."""
    return self

  def __exit__(self, *exception: object) -> None:
    """Ends the trace if it still runs: the run was shorter."""
    self._stop()

  def before(self, step: int) -> None:
    """Begins the trace if `step` is its first."""
    if step == self._first:
      jax.profiler.start_trace(str(self._folder))
      self._running = True

  def after(self, step: int, metrics: dict[str, jax.Array]) -> None:
    """Ends the trace if `step` is its last, once its metrics are there."""
    if self._running and step >= self._last:
      jax.block_until_ready(metrics)
      self._stop()

  def _stop(self) -> None:
    if self._running:
      self._running = False
      jax.profiler.stop_trace()
