"""What levels mean for a network, learned from songs whose parts are known."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float64

from fewshot_mss.errors import InputError

_STEPS = 50
# A prior on the slope of standardised levels: where they part the two kinds
# without an error, the steepest curve would be certain of everything.
_RIDGE = 1.0


class Line(NamedTuple):
  """A logistic curve over a level in dB.

  Attributes:
    offset: Log-odds at 0 dB.
    slope: Log-odds a dB.
  """

  offset: float
  slope: float

  def probability(self, level_db: float) -> float:
    """Returns how likely the target is there, 0 to 1."""
    odds = self.offset + self.slope * level_db
    # Beyond this, the exponential overflows and nothing changes.
    return 1 / (1 + math.exp(-min(max(odds, -500.0), 500.0)))


class Calibration(NamedTuple):
  """What a level means for one network.

  Attributes:
    moment: Over the level of a target beside the mixture around a moment.
    song: Over the level that nine tenths of a song's moments stay below.
  """

  moment: Line
  song: Line


# Of the network of `make demo`, fitted with `fit_line` on 30 test songs. On its
# validation songs, 30 targets of either kind, moments are told with an AUC of
# 0.67 and songs with one of 0.69: nothing is sure there, and next to nothing is
# muted or called absent. 450 more steps with `data.absent_share` 0.1 made it no
# better (0.60 and 0.58): so small a network falls silent where it is in doubt,
# at targets that are there as well.
DEFAULT = Calibration(Line(0.994, 0.110), Line(0.925, 0.135))


def calibration_of(training: Mapping[str, Any]) -> Calibration:
  """Returns what levels mean for a model.

  Args:
    training: Of its archive; `presence` holds `moment` and `song`, each with an
      offset and a slope. Without it, `DEFAULT` serves.

  Returns:
    The calibration.

  Raises:
    InputError: If there is one that cannot be read.
  """
  if "presence" not in training:
    return DEFAULT
  try:
    lines = [
      Line(*(float(number) for number in training["presence"][name]))
      for name in Calibration._fields
    ]
  except (TypeError, ValueError, LookupError) as error:
    raise InputError(_unreadable(training)) from error
  if not np.isfinite(lines).all():
    raise InputError(_unreadable(training))
  return Calibration(*lines)


def _unreadable(training: Mapping[str, Any]) -> str:
  return (
    f"the model's training.presence is {training['presence']!r}, not two "
    "numbers for each of moment and song: export the model again"
  )


def fit_line(
  levels_db: Float64[np.ndarray, " n"], there: Bool[np.ndarray, " n"]
) -> Line:
  """Fits a logistic curve by Newton's method.

  Both kinds weigh the same, whichever is more frequent: how often targets are
  absent is not known where the curve will be used.

  Args:
    levels_db: Of targets beside their mixture; some of either kind.
    there: Whether each target was there.

  Returns:
    The curve; flat where levels tell nothing.
  """
  mean, scale = levels_db.mean(), max(1e-6, levels_db.std())
  inputs = np.stack([np.ones(len(levels_db)), (levels_db - mean) / scale], 1)
  count = there.sum()
  weights = np.where(there, 0.5 / count, 0.5 / (len(there) - count))
  weights = weights * len(there)
  ridge = np.diag([0.0, _RIDGE])
  line = np.zeros(2)
  for _ in range(_STEPS):
    probability = 1 / (1 + np.exp(-inputs @ line))
    gradient = inputs.T @ (weights * (probability - there)) + ridge @ line
    curvature = weights * probability * (1 - probability)
    line -= np.linalg.solve((inputs.T * curvature) @ inputs + ridge, gradient)
  slope = line[1] / scale
  return Line(float(line[0] - slope * mean), float(slope))
