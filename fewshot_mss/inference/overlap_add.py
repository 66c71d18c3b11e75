"""A signal of any length through a network of one fixed patch length.

What the network makes of the patches is faded into one another by a joiner,
which holds no more than a few.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float32

from fewshot_mss.inference.patches import Grid, Patch, cut_batches

SeparatePatches = Callable[[np.ndarray], np.ndarray]

# The edge of a patch lacks context on one side and counts little, so patches
# share half: twice the computing, no seams.
OVERLAP_SHARE = 0.5


class Joiner:
  """Joins separated patches, fading from each into the next.

  A fade is `a + fade * (b - a)`, so where neighbours agree their weights sum
  to one exactly: a function that returns its input gives the signal back to the
  last bit. Fades lie in the last `overlap_samples` of a patch; what a patch
  knows before that only serves the next one as context. Several passes are
  averaged by a running mean, for the same reason.
  """

  def __init__(self, targets: int, channels: int, grid: Grid):
    """Takes the numbers of targets and channels and where patches begin."""
    self._grid = grid
    self._fade = (
      np.arange(grid.overlap_samples, dtype=np.float32) + 0.5
    ) / max(1, grid.overlap_samples)
    self._held = np.zeros(
      (grid.passes, targets, channels, 2 * grid.patch_samples), np.float32
    )
    # All positions are from the beginning of the signal, in samples.
    self._held_start = 0
    self._done = np.zeros((grid.passes, channels), int)
    self._ready = np.zeros((grid.passes, channels), int)

  def add(
    self, patch: Patch, separated: Float32[np.ndarray, "targets patch"]
  ) -> None:
    """Takes what was made of a patch, in the order of the cutter."""
    end = patch.start + len(patch.samples)
    missing = end - self._held_start - self._held.shape[-1]
    if missing > 0:
      self._held = np.pad(self._held, [(0, 0)] * 3 + [(0, missing)])
    for number in patch.passes:
      self._fade_in(number, patch, separated, end)
      self._done[number, patch.channel] = end
      self._ready[number, patch.channel] = (
        end if patch.is_last else end - self._grid.overlap_samples
      )

  def _fade_in(
    self,
    number: int,
    patch: Patch,
    separated: Float32[np.ndarray, "targets patch"],
    end: int,
  ) -> None:
    """Writes a patch, fading at the end of what is done."""
    result = self._held[number, :, patch.channel]
    done = int(self._done[number, patch.channel])
    if done:
      begin = done - len(self._fade)
      new = separated[:, begin - patch.start : done - patch.start]
      old = result[:, begin - self._held_start : done - self._held_start]
      old += self._fade * (new - old)
    result[:, done - self._held_start : end - self._held_start] = separated[
      :, done - patch.start : end - patch.start
    ]

  def take(self) -> Float32[np.ndarray, "targets channels samples"]:
    """Returns what is finished and was not taken yet."""
    count = int(self._ready.min()) - self._held_start
    mean = self._held[0, ..., :count].copy()
    for number, other in enumerate(self._held[1:, ..., :count], 2):
      mean += (other - mean) / np.float32(number)
    kept = int(self._done.max()) - self._held_start - count
    self._held[..., :kept] = self._held[..., count : count + kept].copy()
    self._held_start += count
    return mean


def overlap_add(
  signal: Float32[np.ndarray, "channels samples"],
  separate_patches: SeparatePatches,
  *,
  num_targets: int,
  patch_samples: int,
  overlap_samples: int,
  batch_patches: int,
) -> Float32[np.ndarray, "targets channels samples"]:
  """Separates a signal patch by patch; see `Joiner` for how they are joined.

  Channels are patches of their own. Besides the result, no more than a few
  batches are held.

  Args:
    signal: Any length.
    separate_patches: From [batch_patches, patch_samples] to [batch_patches,
      num_targets, patch_samples]; always called with those very shapes, so it
      is compiled once.
    num_targets: Targets that it returns.
    patch_samples: Length of a patch.
    overlap_samples: Length of a fade: 0 to half a patch.
    batch_patches: Patches a call; missing ones are silence.

  Returns:
    The targets, as long as the signal.

  Raises:
    ValueError: If the overlap is more than half a patch.
  """
  channels, samples = signal.shape
  grid = Grid(patch_samples, overlap_samples)
  joiner = Joiner(num_targets, channels, grid)
  result = np.empty((num_targets, channels, samples), np.float32)
  done = 0
  pieces = (
    signal[:, begin : begin + patch_samples]
    for begin in range(0, samples, patch_samples)
  )
  for batch in cut_batches(pieces, channels, grid, batch_patches):
    separated = separate_patches(batch.samples)
    for patch, targets in zip(batch.patches, separated, strict=False):
      joiner.add(patch, targets)
    finished = joiner.take()
    result[..., done : done + finished.shape[-1]] = finished
    done += finished.shape[-1]
  return result
