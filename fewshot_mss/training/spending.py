"""How long a training took and on what: kept beside its checkpoints.

Not in the archive, whose bits depend on the configuration alone.
"""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from fewshot_mss.evaluation.report import machine_description
from fewshot_mss.training.recovery import METADATA


class Spending:
  """Adds up the seconds of a run over its starts, machine by machine.

  What a kill made void counts for nothing: it led to no checkpoint.
  """

  def __init__(
    self,
    earlier_s: Mapping[str, float],
    now_s: Callable[[], float] = time.monotonic,
  ):
    """Begins to count.

    Args:
      earlier_s: Seconds by machine that the run goes on from.
      now_s: Tells the time.
    """
    self._earlier_s = dict(earlier_s)
    self._machine = machine_description()
    self._now_s = now_s
    self._begun_s = now_s()

  def so_far_s(self) -> dict[str, float]:
    """Returns the seconds by machine; scoring and saving are in them."""
    spent_s = self._earlier_s.get(self._machine, 0.0)
    spent_s += self._now_s() - self._begun_s
    return self._earlier_s | {self._machine: round(spent_s, 1)}


def read_spent_s(checkpoint: Path) -> dict[str, float]:
  """Reads the seconds by machine that led to a checkpoint.

  Args:
    checkpoint: `checkpoints/STEP`.

  Returns:
    The seconds; none where it does not tell, as those of earlier versions.
  """
  try:
    text = (checkpoint / METADATA).read_text(encoding="utf-8")
    spent_s = json.loads(text)["custom_metadata"]["spent_s"]
    return {str(name): float(seconds) for name, seconds in spent_s.items()}
  except (OSError, ValueError, LookupError, TypeError, AttributeError):
    return {}


def describe_spent(spent_s: Mapping[str, float]) -> str:
  """Returns in words how long it took and where; nothing if it is not known."""
  return "; ".join(
    f"{seconds / 60:.0f} min on {machine}"
    for machine, seconds in spent_s.items()
  )
