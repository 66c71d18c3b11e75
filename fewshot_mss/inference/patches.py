"""Patches of one fixed length from a signal of any, in batches of one size.

A cutter makes them of a signal that comes in pieces, and holds no more than a
few.
"""

import dataclasses
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32


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
