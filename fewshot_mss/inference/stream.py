"""A song through the network, from its first block to its last.

Three things go on at once: a thread reads, resamples and cuts patches, another
feeds the network, and whoever takes the blocks has them joined, resampled and
writes them. What is held between them is a few batches of patches, whatever the
length of the song.
"""

import contextlib
import dataclasses
from collections.abc import Callable, Generator, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float32

from fewshot_mss.audio.resampling import StreamResampler, resampled_length
from fewshot_mss.inference.ahead import ahead
from fewshot_mss.inference.inputs import OpenSong
from fewshot_mss.inference.overlap_add import Joiner
from fewshot_mss.inference.patches import Batch, Grid, cut_batches

Progress = Callable[[int, int], None]

# Batches kept ready before the network, and after it.
_AHEAD = 2


@dataclasses.dataclass(frozen=True, eq=False)
class Separation:
  """A song in two parts that sum to it, at its own rate, length and channels.

  Attributes:
    target: What was asked for.
    mixture: The song.
    rate_hz: Sample rate of the song.
  """

  target: Float32[np.ndarray, "samples channels"]
  mixture: Float32[np.ndarray, "samples channels"]
  rate_hz: int

  @property
  def residual(self) -> Float32[np.ndarray, "samples channels"]:
    """The song minus the target."""
    return self.mixture - self.target


class Block(NamedTuple):
  """Some of a song, separated; blocks follow one another without a gap.

  Attributes:
    mixture: The song.
    targets: What was asked for, one a condition.
  """

  mixture: Float32[np.ndarray, "samples channels"]
  targets: Float32[np.ndarray, "targets samples channels"]

  @property
  def residual(self) -> Float32[np.ndarray, "samples channels"]:
    """The song minus the targets, one after another."""
    rest = self.mixture
    for target in self.targets:
      rest = rest - target
    return rest


def join_blocks(blocks: Iterable[Block], rate_hz: int) -> Separation:
  """Puts a song together again.

  Args:
    blocks: All of it, with one target.
    rate_hz: Sample rate of the song.

  Returns:
    The song.
  """
  held = list(blocks)
  return Separation(
    np.concatenate([block.targets[0] for block in held]),
    np.concatenate([block.mixture for block in held]),
    rate_hz,
  )


class Network(NamedTuple):
  """What separates patches.

  Attributes:
    separate: From [batch, patch] to [batch, targets, patch]; may return before
      its result is there.
    rate_hz: Sample rate of the patches.
    targets: How many.
    batch_patches: The one batch size that it is called with.
  """

  separate: Callable[[np.ndarray], Any]
  rate_hz: int
  targets: int
  batch_patches: int


class _Work(NamedTuple):
  """A batch on its way, with what was read of the song to fill it."""

  mixture: list[Float32[np.ndarray, "_ channels"]]
  batch: Batch


def stream_song(
  song: OpenSong,
  network: Network,
  grid: Grid,
  progress: Progress | None = None,
  block_samples: int | None = None,
) -> Generator[Block]:
  """Separates a song block by block.

  Args:
    song: Read once, from its beginning to its end.
    network: Separates patches.
    grid: Where patches begin.
    progress: Called with the patches done and their number.
    block_samples: How much is read at a time; it changes where blocks end,
      and nothing else.

  Yields:
    The blocks; together they are the song.

  Raises:
    InputError: If the song turns out to be damaged.
  """
  joiner = Joiner(network.targets, song.channels, grid)
  # One a target: their samples lie together, as whoever writes them needs it.
  resamplers = [
    StreamResampler(network.rate_hz, song.rate_hz, song.channels)
    for _ in range(network.targets)
  ]
  length = resampled_length(song.num_samples, song.rate_hz, network.rate_hz)
  total = song.channels * grid.count(length)
  mixture = np.zeros((0, song.channels), np.float32)
  rest = np.zeros((network.targets, 0, song.channels), np.float32)
  done = 0
  work = ahead(_batches(song, network, grid, block_samples), _AHEAD)
  with contextlib.closing(ahead(_separated(work, network), _AHEAD)) as results:
    for (read, batch), separated in results:
      for patch, sound in zip(batch.patches, separated, strict=False):
        joiner.add(patch, sound)
      parts = [rest, _each(resamplers, joiner.take().swapaxes(1, 2))]
      is_end = patch.is_last and patch.channel + 1 == song.channels
      if is_end:
        parts.append(np.stack([each.finish() for each in resamplers]))
      done += len(batch.patches)
      if progress is not None:
        progress(done, done if is_end else max(done, total))
      mixture = np.concatenate([mixture, *read])
      rest = np.concatenate(parts, axis=1)
      count = min(len(mixture), rest.shape[1])
      if count:
        yield Block(mixture[:count], rest[:, :count])
      mixture, rest = mixture[count:], rest[:, count:]


def _each(
  resamplers: Sequence[StreamResampler],
  targets: Float32[np.ndarray, "targets samples channels"],
) -> Float32[np.ndarray, "targets resampled channels"]:
  return np.stack(
    [each.push(sound) for each, sound in zip(resamplers, targets, strict=True)]
  )


def _batches(
  song: OpenSong, network: Network, grid: Grid, block_samples: int | None
) -> Generator[_Work]:
  """Reads the song into batches of patches at the network's rate."""
  resampler = StreamResampler(song.rate_hz, network.rate_hz, song.channels)
  read: list[np.ndarray] = []

  def pieces() -> Generator[np.ndarray]:
    for block in song.blocks(block_samples):
      read.append(block)
      yield resampler.push(block).T
    yield resampler.finish().T

  for batch in cut_batches(
    pieces(), song.channels, grid, network.batch_patches
  ):
    yield _Work(read.copy(), batch)
    read.clear()


def _separated(
  works: Generator[_Work], network: Network
) -> Generator[tuple[_Work, np.ndarray]]:
  """Feeds the network, one batch before the last one is done."""
  before: list[tuple[_Work, Any]] = []
  try:
    for work in works:
      before.append((work, network.separate(work.batch.samples)))
      if len(before) > 1:
        done, separated = before.pop(0)
        yield done, np.asarray(separated)
    for done, separated in before:
      yield done, np.asarray(separated)
  finally:
    works.close()
