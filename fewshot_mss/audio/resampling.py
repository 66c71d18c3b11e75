"""Another rate, one channel."""

import numpy as np
import soxr
from jaxtyping import Float, Float32

_QUALITY = "VHQ"


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
  return soxr.resample(samples, from_hz, to_hz, quality=_QUALITY)


def resampled_length(num_samples: int, from_hz: int, to_hz: int) -> int:
  """Returns how many samples last as long, none of the signal cut off."""
  return -(-num_samples * to_hz // from_hz)


class StreamResampler:
  """Changes the sample rate of a signal that comes in pieces.

  What comes out is what `resample` makes of the whole, to the last bit, however
  the signal is cut: soxr holds back what it needs to see ahead, and lets it go
  at the end. The total length is always `resampled_length`.
  """

  def __init__(self, from_hz: int, to_hz: int, channels: int):
    """Takes the two rates in Hz and the number of channels."""
    self._rates_hz = from_hz, to_hz
    self._channels = channels
    self._taken = 0
    self._given = 0
    self._stream = None
    if from_hz != to_hz:
      self._stream = soxr.ResampleStream(
        from_hz, to_hz, channels, dtype="float32", quality=_QUALITY
      )

  def push(
    self, samples: Float32[np.ndarray, "samples channels"]
  ) -> Float32[np.ndarray, "resampled channels"]:
    """Takes the next piece and returns what is ready."""
    self._taken += len(samples)
    if self._stream is not None:
      samples = self._stream.resample_chunk(samples)
    self._given += len(samples)
    return samples

  def finish(self) -> Float32[np.ndarray, "resampled channels"]:
    """Returns the rest, after the last piece."""
    missing = resampled_length(self._taken, *self._rates_hz) - self._given
    rest = np.zeros((missing, self._channels), np.float32)
    if self._stream is not None and self._taken:
      nothing = np.zeros((0, self._channels), np.float32)
      last = self._stream.resample_chunk(nothing, last=True)[:missing]
      rest[: len(last)] = last
    return rest


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
