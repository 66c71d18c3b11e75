"""Measures of single sounds: equal ones, clipped ones, sums and differences."""

import hashlib
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from fewshot_mss.audio.levels import rms_db
from fewshot_mss.audio.resampling import resample, to_mono

# The highest value of 16 bits; the lowest is -1.
FULL_SCALE = 1 - 2.0**-15
# Fewer equal samples at the peak may be a low note that is rounded.
CLIP_SAMPLES = 4


class Sound(NamedTuple):
  """What `Stem.read` returns.

  Attributes:
    samples: All channels.
    rate_hz: Sample rate.
  """

  samples: Float[np.ndarray, "samples channels"]
  rate_hz: int


def flat_peaks(samples: Float[np.ndarray, "samples channels"]) -> int:
  """Counts runs of `CLIP_SAMPLES` or more equal samples at a sound's peak.

  Sound above full scale, as floats and lossy codecs have it, is no such run.

  Args:
    samples: The sound, finite.

  Returns:
    The number of runs of all channels together.
  """
  peak = max(samples.max(initial=0.0), -samples.min(initial=0.0))
  if peak == 0:
    return 0
  runs = 0
  for channel in samples.T:
    # The highest positive value is a step below the size of the lowest one.
    high = np.flatnonzero(np.abs(channel) >= peak * FULL_SCALE)
    goes_on = (np.diff(high) == 1) & (np.diff(channel[high]) == 0)
    # Padded, so that each run begins and ends.
    edges = np.diff(np.pad(goes_on.astype(np.int8), 1))
    steps = np.flatnonzero(edges == -1) - np.flatnonzero(edges == 1)
    runs += int(np.sum(steps >= CLIP_SAMPLES - 1))
  return runs


def digest(samples: Float[np.ndarray, "samples channels"]) -> str:
  """Hashes a sound, so that equal ones have equal hashes.

  Zeros at the beginning and the end do not count, nor do channels that are
  equal to the first one; a gain, another rate or a lossy codec does.

  Args:
    samples: The sound.

  Returns:
    32 hexadecimal digits; `` for digital silence.
  """
  heard = samples.reshape(-1) != 0
  if not heard.any():
    return ""
  channels = samples.shape[1]
  first = heard.argmax() // channels
  last = (len(heard) - 1 - heard[::-1].argmax()) // channels
  cut = samples[first : last + 1]
  if (cut == cut[:, :1]).all():
    cut = cut[:, :1]
  # Adding zero makes zeros of negative zeros.
  content = np.ascontiguousarray(cut, np.float32) + np.float32(0)
  return hashlib.sha256(content).hexdigest()[:32]


def plus(total: Sound | None, sound: Sound) -> Sound:
  """Adds a sound to a sum, which nobody else may hold.

  Args:
    total: What the former call returned, and is used up; None at first.
    sound: What to add. Where its rate differs it is resampled; where its
      channels differ in number, the sum becomes mono.

  Returns:
    The sum, as long as the longest.
  """
  if total is None:
    return Sound(np.array(sound.samples, np.float32), sound.rate_hz)
  whole, part = _alike(total, sound)
  whole[: len(part)] += part
  return Sound(whole, total.rate_hz)


def difference_db(mixture: Sound, total: Sound) -> float:
  """Compares a mixture with the sum of its stems.

  Args:
    mixture: At least one sample.
    total: What `plus` returned, and is used up.

  Returns:
    The level of the mixture minus the sum, in dB relative to the mixture; the
    shorter one goes on as zeros.
  """
  whole, mixed = _alike(total, mixture)
  # From here on it is the difference.
  whole[: len(mixed)] -= mixed
  # A mixture that ends early is as loud as with the zeros after it.
  longer_db = 10 * np.log10(len(whole) / len(mixed))
  return float(rms_db(whole.ravel()) - rms_db(mixed.ravel()) + longer_db)


def _alike(
  total: Sound, sound: Sound
) -> tuple[Float[np.ndarray, "samples same"], Float[np.ndarray, "_ same"]]:
  """Gives two sounds one rate, as many channels, and the first the length."""
  whole = total.samples
  part = resample(sound.samples, sound.rate_hz, total.rate_hz)
  if whole.shape[1] != part.shape[1]:
    whole, part = to_mono(whole)[:, np.newaxis], to_mono(part)[:, np.newaxis]
  missing = len(part) - len(whole)
  if missing > 0:
    whole = np.pad(whole, ((0, missing), (0, 0)))
  return whole, part
