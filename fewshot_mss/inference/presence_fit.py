"""What levels mean for a network, learned from songs whose parts are known."""

import numpy as np
from jaxtyping import Bool, Float64

from fewshot_mss.inference.presence import Line

_STEPS = 50
# A prior on the slope of standardised levels: where they part the two kinds
# without an error, the steepest curve would be certain of everything.
_RIDGE = 1.0


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
