"""How loud: RMS levels in dB below full scale."""

import numpy as np
from jaxtyping import Float, Int

# What is quieter than this counts as silence.
SILENCE_DBFS = -60.0
# No recording is 120 dB above full scale; far beyond it, squares overflow and
# the network answers with no numbers.
LOUDEST = 1e6
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
  power, _ = block_power(samples, block_samples)
  return power_db(power)


def block_power(
  samples: Float[np.ndarray, " samples"], block_samples: int
) -> tuple[Float[np.ndarray, " blocks"], Int[np.ndarray, " blocks"]]:
  """Returns the mean square of each block, and the blocks' lengths."""
  starts = np.arange(0, len(samples), block_samples)
  energy = np.add.reduceat(np.square(samples), starts, dtype=np.float64)
  lengths = np.diff(np.append(starts, len(samples)))
  return energy / lengths, lengths


def power_db(power: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
  """Returns mean squares in dB below full scale; -130 for silence."""
  return 10 * np.log10(power + _FLOOR_POWER)
