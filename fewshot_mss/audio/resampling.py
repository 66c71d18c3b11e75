"""Another rate, one channel."""

import numpy as np
import soxr
from jaxtyping import Float


def resample(
  samples: Float[np.ndarray, "samples *channels"], from_hz: int, to_hz: int
) -> Float[np.ndarray, "resampled *channels"]:
  """Changes the sample rate; the channels keep their alignment.

  Args:
    samples: Whole signal.
    from_hz: Its rate.
    to_hz: Wanted rate.

  Returns:
    The signal of the same duration, in the same precision; the same array if
    the rates are equal.
  """
  if from_hz == to_hz:
    return samples
  return soxr.resample(samples, from_hz, to_hz, quality="VHQ")


def to_mono(
  samples: Float[np.ndarray, "samples channels"],
) -> Float[np.ndarray, " samples"]:
  """Averages the channels."""
  # Channel by channel: ten times as fast as the mean of rows so short.
  first, *others = samples.T
  total = first + others[0] if others else first.copy()
  for other in others[1:]:
    total += other
  total /= samples.shape[1]
  return total
