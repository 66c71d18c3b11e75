"""How loud a sound is where it sounds, rests left out."""

import numpy as np
from jaxtyping import Float32

_BLOCK_S = 0.05
# Blocks this far below the loudest are no part of the sounding span.
_SOUNDING_RANGE_DB = 30.0


def set_level(
  sound: Float32[np.ndarray, "samples channels"], rate_hz: int, level_db: float
) -> None:
  """Brings a sound to a level, in place; silence stays silent.

  Args:
    sound: The samples.
    rate_hz: Of the sound.
    level_db: Wanted RMS where it sounds, in dB below full scale.
  """
  rms = sounding_rms(sound, round(_BLOCK_S * rate_hz))
  if rms > 0:
    sound *= np.float32(10 ** (level_db / 20) / rms)


def sounding_rms(
  sound: Float32[np.ndarray, "samples channels"], block_samples: int
) -> float:
  """Returns the RMS over the blocks that are not much quieter than the rest.

  Args:
    sound: The samples.
    block_samples: Length of a block; what is left at the end is not counted.

  Returns:
    The RMS; 0 of a sound shorter than a block.
  """
  count = len(sound) // block_samples
  if count == 0:
    return 0.0
  blocks = sound[: count * block_samples].reshape(count, -1)
  power = np.mean(blocks**2, axis=1, dtype=np.float64)
  loud = power >= power.max() * 10 ** (-_SOUNDING_RANGE_DB / 10)
  return float(np.sqrt(power[loud].mean()))
