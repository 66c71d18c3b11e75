"""Where a target is there, judged by how loud it comes out of the mixture.

The more surely a network tells the target from the rest, the quieter it answers
where there is none, and the more the level of its output beside the mixture
tells. How much it tells is measured for each network, as two logistic curves;
where it tells little, so do the probabilities.
"""

import array
import collections
import dataclasses
import math
from collections.abc import Iterable, Iterator

import numpy as np
from jaxtyping import Float32, Float64

from fewshot_mss.audio.levels import SILENCE_DBFS
from fewshot_mss.inference.calibration import DEFAULT, Calibration
from fewshot_mss.inference.stream import Block

_FRAME_S = 0.1
# A frame is judged with as many before and as many after it: 1.1 s.
_CONTEXT_FRAMES = 5
# The gate closes where the target is unlikely, and opens again where it is
# likely: what is in doubt is kept.
_CLOSES_BELOW, _OPENS_AT = 0.25, 0.5
# Outputs this far below the mixture are all the same.
_LEAST_DB = -60.0
# A song is judged by the level that this share of its frames does not exceed.
_LOUD_QUANTILE = 0.9
_SILENT_POWER = 10 ** (SILENCE_DBFS / 10)


@dataclasses.dataclass(frozen=True)
class Presence:
  """Where a target was heard in a song.

  Attributes:
    probability: That it is in the song at all.
    spans_s: Where it was heard, beginning and end in seconds.
    moment_probability: That it is there, mean over these spans; 0 if there are
      none.
  """

  probability: float
  spans_s: tuple[tuple[float, float], ...]
  moment_probability: float

  @property
  def is_absent(self) -> bool:
    """Whether the song as a whole does not seem to hold it.

    What is in doubt does not count as absent.
    """
    return self.probability < _CLOSES_BELOW or not self.spans_s


class PresenceMeter:
  """Judges where targets are there while the blocks of one song go by.

  Frames lie on a grid of the song, so that the sizes of the blocks change
  nothing, not even a bit.
  """

  def __init__(
    self,
    num_targets: int,
    rate_hz: int,
    calibration: Calibration = DEFAULT,
  ):
    """Takes the number of targets, the song's rate and what levels mean."""
    self._frame_samples = max(1, round(_FRAME_S * rate_hz))
    self._rate_hz = rate_hz
    self._calibration = calibration
    # Power of each target and, last, of the mixture, around the frame that is
    # judged next.
    self._power: collections.deque[Float64[np.ndarray, " parts"]] = (
      collections.deque(maxlen=2 * _CONTEXT_FRAMES + 1)
    )
    self._measured = 0
    self._num_samples = 0
    self._levels_db = [array.array("f") for _ in range(num_targets)]
    self._open = [bytearray() for _ in range(num_targets)]

  def watched(self, blocks: Iterable[Block]) -> Iterator[Block]:
    """Yields the blocks of a song as they are, and listens to them.

    Args:
      blocks: Of `Separator.stream`.

    Yields:
      Each of them.
    """
    rest: Block | None = None
    for block in blocks:
      frames, rest = self._cut(rest, block)
      for frame in frames:
        self._measure(frame)
      yield block
    if rest is not None:
      self._measure(rest)
    self._judge_the_last()

  def gated(self, blocks: Iterable[Block]) -> Iterator[Block]:
    """Yields the blocks of a song with targets muted where they are not there.

    What is muted stays in the residual. A target fades in over the frame before
    it is there, and out over the one after. Beside a block, less than a second
    is held back.

    Args:
      blocks: Of `Separator.stream`.

    Yields:
      The same song in blocks of other sizes.
    """
    held: collections.deque[Block] = collections.deque()
    rest: Block | None = None
    for block in blocks:
      frames, rest = self._cut(rest, block)
      for frame in frames:
        self._measure(frame)
        held.append(frame)
      # A frame's fade needs to know of the next one.
      yield from self._muted(held, len(self._open[0]) - 1)
    if rest is not None:
      self._measure(rest)
      held.append(rest)
    self._judge_the_last()
    yield from self._muted(held, len(self._open[0]))

  @property
  def levels_db(self) -> Float32[np.ndarray, "targets frames"]:
    """Levels of the targets beside the mixture, each over 1.1 s."""
    return np.array([list(levels) for levels in self._levels_db], np.float32)

  def presences(self) -> tuple[Presence, ...]:
    """Returns where each target was heard, once all blocks have gone by."""
    return tuple(
      self._presence(levels_db, opened)
      for levels_db, opened in zip(self._levels_db, self._open, strict=True)
    )

  def _cut(
    self, rest: Block | None, block: Block
  ) -> tuple[list[Block], Block | None]:
    """Cuts what is there into whole frames and a rest."""
    if rest is not None:
      block = _joined([rest, block])
    size, samples = self._frame_samples, len(block.mixture)
    frames = [
      _part(block, begin, begin + size)
      for begin in range(0, samples - size + 1, size)
    ]
    begin = size * len(frames)
    return frames, _part(block, begin, samples) if begin < samples else None

  def _measure(self, frame: Block) -> None:
    """Takes in the power of a frame, and judges an earlier one by it."""
    self._num_samples += len(frame.mixture)
    parts = (*frame.targets, frame.mixture)
    # In one row, whatever block it was cut from: sums depend on the layout.
    rows = [np.ravel(part).astype(np.float64) for part in parts]
    self._power.append(np.array([np.mean(row * row) for row in rows]))
    self._measured += 1
    if self._measured > _CONTEXT_FRAMES:
      self._judge(len(self._open[0]))

  def _judge_the_last(self) -> None:
    for frame in range(len(self._open[0]), self._measured):
      self._judge(frame)

  def _judge(self, frame: int) -> None:
    """Judges a frame by those around it that are there."""
    first = self._measured - len(self._power)
    begin = max(0, frame - _CONTEXT_FRAMES - first)
    end = frame + _CONTEXT_FRAMES + 1 - first
    power = np.mean(list(self._power)[begin:end], axis=0)
    for number, opened in enumerate(self._open):
      level_db = _relative_db(power[number], power[-1])
      self._levels_db[number].append(level_db)
      probability = self._calibration.moment.probability(level_db)
      was_open = opened[-1] if opened else True
      limit = _CLOSES_BELOW if was_open else _OPENS_AT
      likely = probability >= limit
      opened.append(int(likely and power[-1] >= _SILENT_POWER))

  def _muted(
    self, held: collections.deque[Block], known: int
  ) -> Iterator[Block]:
    """Yields the frames that are held and before the known one, in one block.

    Those that are held end with the last one measured.
    """
    first = self._measured - len(held)
    muted = []
    for frame in range(first, known):
      block = held.popleft()
      gains = [self._gain(o, frame, len(block.mixture)) for o in self._open]
      targets = block.targets * np.stack(gains)[:, :, None]
      muted.append(Block(block.mixture, targets))
    if muted:
      yield _joined(muted)

  def _gain(
    self, opened: bytearray, frame: int, samples: int
  ) -> Float32[np.ndarray, " samples"]:
    """Returns the factor of each sample of a frame: 1, 0, or a fade."""
    ends = [
      any(opened[max(0, edge - 1) : edge + 1]) for edge in (frame, frame + 1)
    ]
    gain = np.linspace(*ends, self._frame_samples, endpoint=False)
    return gain[:samples].astype(np.float32)

  def _presence(self, levels_db: array.array, opened: bytearray) -> Presence:
    is_open = np.frombuffer(opened, np.uint8)
    edges = np.flatnonzero(np.diff(is_open, prepend=0, append=0))
    ends = np.minimum(edges * self._frame_samples, self._num_samples)
    spans_s = (ends / self._rate_hz).reshape(-1, 2)
    levels = np.frombuffer(levels_db, np.float32)
    curve = self._calibration.moment
    heard = [curve.probability(float(db)) for db in levels[is_open == 1]]
    return Presence(
      probability=self._calibration.song.probability(song_level_db(levels)),
      spans_s=tuple((float(begin), float(end)) for begin, end in spans_s),
      moment_probability=float(np.mean(heard)) if heard else 0.0,
    )


def song_level_db(levels_db: Float32[np.ndarray, " frames"]) -> float:
  """Returns the level that a song is judged by; the least for no frames."""
  if not len(levels_db):
    return _LEAST_DB
  return float(np.quantile(levels_db, _LOUD_QUANTILE))


def _relative_db(power: float, mixture_power: float) -> float:
  least = 10 ** (_LEAST_DB / 10)
  if mixture_power <= 0:
    return _LEAST_DB
  return 10 * math.log10(max(power / mixture_power, least))


def _part(block: Block, begin: int, end: int) -> Block:
  return Block(block.mixture[begin:end], block.targets[:, begin:end])


def _joined(blocks: list[Block]) -> Block:
  return Block(
    np.concatenate([block.mixture for block in blocks]),
    np.concatenate([block.targets for block in blocks], axis=1),
  )
