"""A signal of any length through a network of one fixed patch length."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float32

SeparatePatches = Callable[[np.ndarray], np.ndarray]

# The edge of a patch lacks context on one side and counts little, so patches
# share half: twice the computing, no seams.
OVERLAP_SHARE = 0.5


def patch_starts(
  num_samples: int, patch_samples: int, overlap_samples: int
) -> list[int]:
  """Returns where the patches of a signal begin.

  They follow one another at patch - overlap; the last one ends with the signal,
  so that no patch but that of a shorter signal holds padding.

  Args:
    num_samples: Length of the signal; 0 has no patches.
    patch_samples: Length of a patch.
    overlap_samples: What neighbours share, at least.

  Returns:
    Rising positions.
  """
  if num_samples == 0:
    return []
  last = max(0, num_samples - patch_samples)
  return [*range(0, last, patch_samples - overlap_samples), last]


def overlap_add(
  signal: Float32[np.ndarray, "channels samples"],
  separate_patches: SeparatePatches,
  *,
  num_targets: int,
  patch_samples: int,
  overlap_samples: int,
  batch_patches: int,
  progress: Callable[[int, int], None] | None = None,
) -> Float32[np.ndarray, "targets channels samples"]:
  """Separates a signal patch by patch, fading from each into the next.

  A fade is `a + fade * (b - a)`, so where neighbours agree their weights sum
  to one exactly: a function that returns its input gives the signal back to the
  last bit. Fades lie in the last `overlap_samples` of a patch; what a patch
  knows before that only serves the next one as context. Channels are patches of
  their own. Besides the result, no more than a batch is held.

  Args:
    signal: Any length.
    separate_patches: From [batch_patches, patch_samples] to [batch_patches,
      num_targets, patch_samples]; always called with those very shapes, so it
      is compiled once.
    num_targets: Targets that it returns.
    patch_samples: Length of a patch.
    overlap_samples: Length of a fade: 0 to half a patch.
    batch_patches: Patches a call; missing ones are silence.
    progress: Called after each batch with the patches done and their number.

  Returns:
    The targets, as long as the signal.

  Raises:
    ValueError: If the overlap is more than half a patch.
  """
  if not 0 <= 2 * overlap_samples <= patch_samples:
    raise ValueError(
      f"overlap {overlap_samples} must be 0 to half a patch of {patch_samples}"
    )
  channels, samples = signal.shape
  starts = patch_starts(samples, patch_samples, overlap_samples)
  places = [(start, c) for start in starts for c in range(channels)]
  result = np.zeros((num_targets, channels, samples), np.float32)
  fade = (np.arange(overlap_samples, dtype=np.float32) + 0.5) / max(
    1, overlap_samples
  )
  done_samples = [0] * channels
  for begin in range(0, len(places), batch_patches):
    group = places[begin : begin + batch_patches]
    batch = np.zeros((batch_patches, patch_samples), np.float32)
    for row, (start, c) in zip(batch, group, strict=False):
      cut = signal[c, start : start + patch_samples]
      row[: len(cut)] = cut
    separated = separate_patches(batch)
    for targets, (start, c) in zip(separated, group, strict=False):
      _fade_in(result[:, c], targets, start, done_samples[c], fade)
      done_samples[c] = min(samples, start + patch_samples)
    if progress is not None:
      progress(begin + len(group), len(places))
  return result


def _fade_in(
  result: Float32[np.ndarray, "targets samples"],
  patch: Float32[np.ndarray, "targets patch"],
  start: int,
  done_samples: int,
  fade: Float32[np.ndarray, " overlap"],
) -> None:
  """Writes a patch from `start` on, fading at the end of what is done."""
  end = min(result.shape[1], start + patch.shape[1])
  if done_samples:
    shared = slice(done_samples - len(fade), done_samples)
    new = patch[:, shared.start - start : done_samples - start]
    result[:, shared] += fade * (new - result[:, shared])
  result[:, done_samples:end] = patch[:, done_samples - start : end - start]
