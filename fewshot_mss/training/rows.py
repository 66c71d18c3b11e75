"""From the metrics of steps to the rows of `metrics.jsonl`."""

from collections.abc import Mapping, Sequence

import jax
import numpy as np
from ml_collections import ConfigDict

from fewshot_mss.errors import RunError
from fewshot_mss.training.metric_writer import MetricWriter
from fewshot_mss.training.stopwatch import COMPUTING, Stopwatch


class MetricRows:
  """Fetches the metrics of each step after the next one is dispatched.

  A row is the mean over the steps since the row before. One is written every
  `train.log_every_steps`, and at `flush`, which comes before every save that is
  due: a run that goes on from there has nothing of the row to remember. A save
  that is not, since the run was told to end, keeps what `take` returns.
  """

  def __init__(
    self,
    config: ConfigDict,
    writer: MetricWriter,
    stopwatch: Stopwatch,
    window: Sequence[Mapping[str, float]] = (),
  ):
    """Begins a row, or goes on with one.

    Args:
      config: Of the run.
      writer: Takes the rows.
      stopwatch: Its shares go with them.
      window: What `take` returned before the run was stopped.
    """
    self._config = config
    self._writer = writer
    self._stopwatch = stopwatch
    self._pending: tuple[int, dict[str, jax.Array]] | None = None
    self._window = [dict(metrics) for metrics in window]

  def add(self, step: int, metrics: dict[str, jax.Array]) -> None:
    """Takes the metrics of a step that is on its way, fetches the last one's.

    Args:
      step: Number of the step.
      metrics: Of `train_step`; waited for at the next call.

    Raises:
      RunError: If gradients were not finite too many times in a row.
    """
    self._settle()
    self._pending = step, metrics

  def flush(self) -> None:
    """Waits for the last step and writes its row; RunError as in `add`."""
    if self._pending is not None:
      step, _ = self._pending
      self._settle()
      self._write(step)

  def take(self) -> list[dict[str, float]]:
    """Waits for the last step; returns the metrics that have no row yet."""
    self._settle()
    return self._window

  def _settle(self) -> None:
    """Fetches the pending metrics; writes a row if one is due."""
    if self._pending is None:
      return
    step, metrics = self._pending
    self._pending = None
    with self._stopwatch.part(COMPUTING):
      fetched = fetch(metrics, step, self._config)
    self._window.append(fetched)
    if step % self._config.train.log_every_steps == 0:
      self._write(step)

  def _write(self, step: int) -> None:
    if self._window:
      self._writer.write(step, mean(self._window))
      self._writer.write_speed(
        step, self._config.train.global_batch, self._stopwatch.lap()
      )
      self._window = []


def fetch(
  metrics: dict[str, jax.Array], step: int, config: ConfigDict
) -> dict[str, float]:
  """Waits for the metrics of a step.

  Args:
    metrics: Of `train_step`.
    step: Its number.
    config: `train.max_bad_steps` is read.

  Returns:
    The metrics but for `bad_steps_in_a_row`.

  Raises:
    RunError: If that is as many as a run may have: it goes nowhere.
  """
  fetched = {k: float(v) for k, v in jax.device_get(metrics).items()}
  bad = int(fetched.pop("bad_steps_in_a_row"))
  if bad >= config.train.max_bad_steps:
    raise RunError(
      f"step {step}: gradients were NaN or infinite for {bad} steps in a row "
      f"(train.max_bad_steps), since step {step - bad + 1}; the checkpoints "
      "before it are intact: lower train.learning_rate, or look at the data "
      f"with `fewshot-mss data show {config.data.sources} --index="
      f"{(step - bad) * config.train.global_batch}`"
    )
  return fetched


def mean(window: list[dict[str, float]]) -> dict[str, float | None]:
  """Averages metrics over steps; counters and norms alike, NaN left out.

  Args:
    window: The metrics of at least one step.

  Returns:
    The means; None where no value was finite.
  """
  means = {}
  for name in window[-1]:
    values = np.array([metrics[name] for metrics in window])
    finite = values[np.isfinite(values)]
    # A count goes on: its last value is the one to know.
    is_count = name == "bad_steps"
    kept = values[-1:] if is_count or not len(finite) else finite
    means[name] = float(np.mean(kept)) if len(finite) else None
  return means
