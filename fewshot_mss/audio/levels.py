"""How loud: RMS levels in dB below full scale."""

import numpy as np
from jaxtyping import Float

# What is quieter than this counts as silence.
SILENCE_DBFS = -60.0
# Digital silence has a level too, one that no recording reaches.
_FLOOR_POWER = 1e-13


def rms_db(samples: Float[np.ndarray, " samples"]) -> float:
  """Returns the RMS level of at least one sample; -130 for silence."""
  return float(block_rms_db(samples, len(samples))[0])


def block_rms_db(
  samples: Float[np.ndarray, " samples"], block_samples: int
) -> Float[np.ndarray, " blocks"]:
  """Returns the RMS level of each block; the last block may be shorter.

  Args:
    samples: At least one, in [-1, 1].
    block_samples: Length of a block.

  Returns:
    Levels in dB below full scale; -130 for digital silence.
  """
  starts = np.arange(0, len(samples), block_samples)
  energy = np.add.reduceat(np.square(samples, dtype=np.float64), starts)
  lengths = np.diff(np.append(starts, len(samples)))
  return 10 * np.log10(energy / lengths + _FLOOR_POWER)
