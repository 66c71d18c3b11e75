"""A signal of any length through a network of one fixed patch length.

A cutter makes patches of a signal that comes in pieces, a joiner fades what the
network makes of them into one another. Neither holds more than a few patches.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

SeparatePatches = Callable[[np.ndarray], np.ndarray]

# The edge of a patch lacks context on one side and counts little, so patches
# share half: twice the computing, no seams.
OVERLAP_SHARE = 0.5


@dataclasses.dataclass(frozen=True)
class Grid:
  """Where the patches of a signal begin.

  They follow one another at patch - overlap; the last one ends with the signal,
  so that no patch but that of a shorter signal holds padding. With several
  passes, each has its seams elsewhere: the second patch of each comes an equal
  part of a step earlier.

  Attributes:
    patch_samples: Length of a patch.
    overlap_samples: What neighbours share, at least, and the length of a fade:
      0 to half a patch.
    passes: How many times the signal is covered.
  """

  patch_samples: int
  overlap_samples: int
  passes: int = 1

  def __post_init__(self) -> None:
    """Checks the sizes.

    Raises:
      ValueError: If the overlap is more than half a patch, or there are no
        passes, or more than samples in a step.
    """
    patch, overlap = self.patch_samples, self.overlap_samples
    if not 0 <= 2 * overlap <= patch:
      raise ValueError(
        f"overlap {overlap} must be 0 to half a patch of {patch}"
      )
    if not 1 <= self.passes <= self.step_samples:
      raise ValueError(
        f"{self.passes} passes must be 1 to the {self.step_samples} samples "
        "between patches"
      )

  @property
  def step_samples(self) -> int:
    """From the beginning of a patch to that of the next."""
    return self.patch_samples - self.overlap_samples

  def following(self, number: int, start: int) -> int:
    """Returns where the patch after that at `start` begins in a pass."""
    if start:
      return start + self.step_samples
    return self.step_samples - number * self.step_samples // self.passes

  def count(self, num_samples: int) -> int:
    """Returns how many patches a signal has; several passes share some."""
    return len(patch_starts(num_samples, self))


def patch_starts(num_samples: int, grid: Grid) -> list[int]:
  """Returns where the patches of a signal begin.

  Args:
    num_samples: Length of the signal; 0 has no patches.
    grid: Of the patches.

  Returns:
    Rising positions, of all passes together.
  """
  if num_samples == 0:
    return []
  last = max(0, num_samples - grid.patch_samples)
  starts = {0, last}
  for number in range(grid.passes):
    first = grid.following(number, 0)
    starts.update(range(first, last, grid.step_samples))
  return sorted(starts)


class Patch(NamedTuple):
  """A part of one channel.

  Attributes:
    start: Where it begins in the signal, in samples.
    channel: Which.
    passes: Numbers of the passes that it is a patch of.
    is_last: Whether the signal ends with it.
    samples: The sound; shorter than a patch if the signal is.
  """

  start: int
  channel: int
  passes: tuple[int, ...]
  is_last: bool
  samples: Float32[np.ndarray, " samples"]


class Cutter:
  """Cuts a signal that comes in pieces into patches.

  How it is cut into pieces changes nothing: neither the patches nor their
  order, which is by start, then channel.
  """

  def __init__(self, channels: int, grid: Grid):
    """Takes the number of channels and where patches begin."""
    self._grid = grid
    self._next = [0] * grid.passes
    self._held = np.zeros((channels, 0), np.float32)
    self._held_start = 0

  def push(
    self, samples: Float32[np.ndarray, "channels samples"]
  ) -> list[Patch]:
    """Takes the next piece and returns the patches that it completes.

    A patch is kept back until the signal goes on after it: it could be the
    last, which begins elsewhere.
    """
    self._held = np.concatenate([self._held, samples], axis=1)
    length = self._grid.patch_samples
    end = self._held_start + self._held.shape[1]
    patches = []
    while (start := min(self._next)) + length < end:
      patches += self._cut(start, is_last=False)
    # The last patch will end with the signal, wherever that is.
    keep = max(self._held_start, min(start, end - length))
    self._held = self._held[:, keep - self._held_start :]
    self._held_start = keep
    return patches

  def finish(self) -> list[Patch]:
    """Returns the last patches; none of a signal without samples."""
    end = self._held_start + self._held.shape[1]
    if end == 0:
      return []
    last = max(0, end - self._grid.patch_samples)
    self._next = [last] * self._grid.passes
    return self._cut(last, is_last=True)

  def _cut(self, start: int, is_last: bool) -> list[Patch]:
    passes = tuple(i for i, at in enumerate(self._next) if at == start)
    begin = start - self._held_start
    rows = self._held[:, begin : begin + self._grid.patch_samples]
    for i in passes:
      self._next[i] = self._grid.following(i, start)
    return [Patch(start, c, passes, is_last, row) for c, row in enumerate(rows)]


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


class Batch(NamedTuple):
  """Patches that go through the network together.

  Attributes:
    patches: At least one.
    samples: Their sound; rows without a patch are silence.
  """

  patches: list[Patch]
  samples: Float32[np.ndarray, "batch patch"]


def fill_batch(
  patches: list[Patch], batch_patches: int, patch_samples: int
) -> Batch:
  """Returns a batch of the one shape that the network is compiled for."""
  samples = np.zeros((batch_patches, patch_samples), np.float32)
  for row, patch in zip(samples, patches, strict=False):
    row[: len(patch.samples)] = patch.samples
  return Batch(patches, samples)


def cut_batches(
  pieces: Iterable[Float32[np.ndarray, "channels _"]],
  channels: int,
  grid: Grid,
  batch_patches: int,
) -> Iterator[Batch]:
  """Cuts a signal that comes in pieces into batches of patches.

  Args:
    pieces: The signal; cut otherwise, it gives the same batches.
    channels: Of the signal.
    grid: Where patches begin.
    batch_patches: Patches a batch.

  Yields:
    Full batches, and what is left in the last one.
  """
  cutter = Cutter(channels, grid)
  waiting: list[Patch] = []
  for piece in pieces:
    waiting += cutter.push(piece)
    while len(waiting) >= batch_patches:
      yield fill_batch(
        waiting[:batch_patches], batch_patches, grid.patch_samples
      )
      del waiting[:batch_patches]
  waiting += cutter.finish()
  for begin in range(0, len(waiting), batch_patches):
    some = waiting[begin : begin + batch_patches]
    yield fill_batch(some, batch_patches, grid.patch_samples)


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
