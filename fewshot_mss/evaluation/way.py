"""How far an output goes from the mixture to the ideal ratio mask's output.

0 is the mixture itself, 1 what the best mask of its kind makes of it; the
improvement in SI-SDR over that of the mask. Of single items it has no bounds,
so of many the median is told.
"""

import numpy as np
from jaxtyping import Float, Float64

# Where the mask itself gains less, there is no way to go.
_LEAST_DB = 1.0


def share_of_way(
  improvement_db: Float[np.ndarray, " n"], mask_db: Float[np.ndarray, " n"]
) -> Float64[np.ndarray, " n"]:
  """Returns the share of each item.

  Args:
    improvement_db: SI-SDR of the output over that of the mixture.
    mask_db: That of the ideal ratio mask's output.

  Returns:
    The shares; NaN where the mask gains less than 1 dB, or one of the two is
    missing.
  """
  there = mask_db >= _LEAST_DB
  return np.where(there, improvement_db / np.where(there, mask_db, 1.0), np.nan)


def median_share(
  improvement_db: Float[np.ndarray, " n"], mask_db: Float[np.ndarray, " n"]
) -> float:
  """Returns the median of `share_of_way`; NaN if no item has one."""
  shares = share_of_way(improvement_db, mask_db)
  known = shares[~np.isnan(shares)]
  return float(np.median(known)) if len(known) else float("nan")
