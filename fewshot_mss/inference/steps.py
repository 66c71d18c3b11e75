"""The parts of a song in whole steps of a file of integers."""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Int64


class Steps(NamedTuple):
  """The parts of a song as integers.

  Attributes:
    parts: The targets, and the residual as the last one.
    clipped: Samples of the song that all parts together could not hold.
    excess_db: How far the worst of them was above what they hold; 0 if none.
  """

  parts: Int64[np.ndarray, "parts samples channels"]
  clipped: int
  excess_db: float


def in_steps(
  targets: Float32[np.ndarray, "targets samples channels"],
  mixture: Float32[np.ndarray, "samples channels"],
  bits: int,
) -> Steps:
  """Rounds the parts of a song to the steps of a file of integers.

  Rounding or clipping each part by itself would break their sum: the targets
  are rounded, the residual is the rest, and what one part cannot hold moves to
  the others.

  Args:
    targets: What was asked for.
    mixture: The song.
    bits: Of a sample in the file.

  Returns:
    Parts within full scale that sum to the song, rounded to steps, wherever so
    many of them can hold it.
  """
  scale = 2.0 ** (bits - 1)
  lowest, highest = -scale, scale - 1
  count = len(targets) + 1
  # Floats that hold all that the parts can sum to are exact, and half as wide
  # ones twice as fast.
  kind = np.float32 if count * scale <= 2.0**24 else np.float64
  parts = np.empty((count, *mixture.shape), kind)
  # What becomes infinite is clipped with the rest.
  with np.errstate(over="ignore"):
    song = np.rint(np.multiply(mixture, kind(scale), dtype=kind))
    np.rint(np.multiply(targets, kind(scale), dtype=kind), out=parts[:-1])
  whole = np.clip(song, count * lowest, count * highest)
  np.clip(parts[:-1], lowest, highest, out=parts[:-1])
  rest = whole - parts[:-1].sum(axis=0)
  parts[-1] = np.clip(rest, lowest, highest)
  over = rest - parts[-1]
  for part in parts[:-1]:
    if not over.any():
      break
    moved = np.clip(part + over, lowest, highest) - part
    part += moved
    over -= moved
  clipped = int(np.count_nonzero(song != whole))
  excess_db = 0.0
  if clipped:
    # Whatever else was clipped is nearer to what the parts hold.
    loudest = float(np.max(np.abs(mixture)))
    excess_db = 20 * math.log10(loudest / count)
  return Steps(parts.astype(np.int64), clipped, max(0.0, excess_db))
