"""Example clips by what they are cut from, and their sound."""

import functools
import random
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

from fewshot_mss.data.catalogue import Catalogue
from fewshot_mss.data.draws import active_offset, draw_below
from fewshot_mss.data.records import RecordReader
from fewshot_mss.data.views import View
from fewshot_mss.evaluation.ablation.grid import BLEED_DB, CLEAN, REVERBERANT

# The room of reverberant examples: a direct sound, and a tail of noise of the
# same energy that loses 60 dB in this time.
REVERBERATION_S = 0.6
_ROOM_SEED = 0


class Clip(NamedTuple):
  """What makes one example clip; equal ones sound the same.

  Attributes:
    source: Which dataset of the run it is of.
    rows: Segments of one stem that follow one another, joined.
    offset_samples: Where in them the clip begins.
    num_samples: Its length.
    quality: `clean`, `bleed ...` or `reverberant`.
    bled: With bleed, the rows of the other stems for each of `rows`.
  """

  source: int
  rows: tuple[int, ...]
  offset_samples: int
  num_samples: int
  quality: str = CLEAN
  bled: tuple[tuple[int, ...], ...] = ()


class ClipCutter:
  """Cuts clips of any length out of the segments of one dataset."""

  def __init__(self, catalogue: Catalogue, source: int, seed: int):
    """Sorts the catalogue so that neighbours are found quickly.

    Args:
      catalogue: Of the dataset.
      source: Which dataset of the run it is.
      seed: Of where in their segments clips begin.
    """
    self.catalogue = catalogue
    self._source = source
    self._seed = seed

  def cut(
    self, row: int, num_samples: int, avoid: tuple[int, int] = (-1, -1)
  ) -> Clip | None:
    """Returns a clip that shows the instrument of a segment.

    A shorter clip of a segment lies inside of its longer ones. One that is
    longer than a segment takes its neighbours too, rather later ones.

    Args:
      row: The segment.
      num_samples: Length of the clip.
      avoid: Track and start of the mixture, which no clip may hold.

    Returns:
      The clip; None if the stem has not that many segments in a row.
    """
    catalogue = self.catalogue
    rng = random.Random(f"{self._seed} {row} clip")
    if num_samples <= catalogue.segment_samples:
      offset = active_offset(rng, catalogue, row, num_samples)
      return Clip(self._source, (row,), offset, num_samples)
    count = -(-num_samples // catalogue.segment_samples)
    for before in range(count):
      rows = self._run(row, before, count, avoid)
      if rows is not None:
        offset = _offset_in_run(rng, catalogue, rows, before, num_samples)
        return Clip(self._source, rows, offset, num_samples)
    return None

  def with_bleed(self, clip: Clip, quality: str) -> Clip | None:
    """Returns a clip with what sounded beside it; None if nothing did."""
    bled = tuple(self._others(row) for row in clip.rows)
    if not any(bled):
      return None
    return clip._replace(quality=quality, bled=bled)

  def _run(
    self, row: int, before: int, count: int, avoid: tuple[int, int]
  ) -> tuple[int, ...] | None:
    """Returns `count` segments in a row of one stem, `before` ahead of one."""
    catalogue = self.catalogue
    track = catalogue.track.item(row)
    begin = catalogue.start_samples.item(row) - before * (
      catalogue.segment_samples
    )
    rows = []
    for i in range(count):
      start = begin + i * catalogue.segment_samples
      found = self._row_at(catalogue.stem.item(row), start)
      if found is None or (track, start) == avoid:
        return None
      rows.append(found)
    return tuple(rows)

  def _row_at(self, stem: int, start_samples: int) -> int | None:
    if start_samples < 0:
      return None
    keys, rows, stride = self._by_place
    wanted = stem * stride + start_samples
    place = int(np.searchsorted(keys, wanted))
    if start_samples >= stride or place == len(keys) or keys[place] != wanted:
      return None
    return rows.item(place)

  def _others(self, row: int) -> tuple[int, ...]:
    """Returns what else sounded then, without stems of the instrument."""
    catalogue, view = self.catalogue, self._everything
    moment = catalogue.moment.item(row)
    begin = view.moment_begin.item(moment)
    rows = view.moment_rows[begin : view.moment_begin.item(moment + 1)]
    other = catalogue.instrument[rows] != catalogue.instrument[row]
    return tuple(rows[other].tolist())

  @functools.cached_property
  def _by_place(self) -> tuple[np.ndarray, np.ndarray, int]:
    """Sorted numbers of stem and start, the row of each, and their stride."""
    start = self.catalogue.start_samples.astype(np.int64)
    stride = int(start.max(initial=0)) + 1
    keys = self.catalogue.stem.astype(np.int64) * stride + start
    order = np.argsort(keys)
    return keys[order], order, stride

  @functools.cached_property
  def _everything(self) -> View:
    return self.catalogue.view_of(np.ones(len(self.catalogue), np.bool_))


def _offset_in_run(
  rng: random.Random,
  catalogue: Catalogue,
  rows: tuple[int, ...],
  before: int,
  num_samples: int,
) -> int:
  """Draws as `active_offset` does, the row being one of several in a run."""
  active = catalogue.active[rows[before]]
  blocks = active.nonzero()[0]
  if len(blocks):
    block = blocks.item(draw_below(rng, len(blocks)))
  else:
    block = draw_below(rng, len(active))
  instant = int((block + rng.random()) * catalogue.block_samples)
  instant += before * catalogue.segment_samples
  spare = len(rows) * catalogue.segment_samples - num_samples
  return min(max(instant - draw_below(rng, num_samples), 0), spare)


def read_clip(
  clip: Clip, readers: Sequence[RecordReader], sample_rate_hz: int
) -> Float32[np.ndarray, " samples"]:
  """Reads the sound of a clip.

  Args:
    clip: What to read.
    readers: Of each dataset of the run.
    sample_rate_hz: Of all of them.

  Returns:
    Its samples. Bleed has its level against the clean clip, over all of it.

  Raises:
    InputError: If a record is damaged.
  """
  reader = readers[clip.source]
  end = clip.offset_samples + clip.num_samples
  joined = np.concatenate([reader.read(row) for row in clip.rows])
  sound = joined[clip.offset_samples : end]
  if clip.quality == REVERBERANT:
    return reverberant(sound, _room(sample_rate_hz))
  if clip.quality not in BLEED_DB:
    return sound
  silence = np.zeros(len(joined) // len(clip.rows), np.float32)
  beside = np.concatenate(
    [sum(map(reader.read, rows), silence) for rows in clip.bled]
  )[clip.offset_samples : end]
  return add_bleed(sound, beside, BLEED_DB[clip.quality])


def add_bleed(
  sound: Float32[np.ndarray, " samples"],
  beside: Float32[np.ndarray, " samples"],
  level_db: float,
) -> Float32[np.ndarray, " samples"]:
  """Adds other sound at a level relative to the first.

  Args:
    sound: What is bled into.
    beside: What bleeds; silence adds nothing.
    level_db: Energy of what is added, against that of `sound`.

  Returns:
    The sum.
  """
  energy = float(np.sum(beside.astype(np.float64) ** 2))
  if energy == 0:
    return sound
  wanted = 10 ** (level_db / 10) * float(np.sum(sound.astype(np.float64) ** 2))
  return sound + np.float32((wanted / energy) ** 0.5) * beside


def reverberant(
  sound: Float32[np.ndarray, " samples"],
  response: Float32[np.ndarray, " taps"],
) -> Float32[np.ndarray, " samples"]:
  """Returns a sound as a room answers it, cut to its length.

  Args:
    sound: The dry sound.
    response: Of the room to an impulse.

  Returns:
    The wet sound.
  """
  # To a power of two: a size with a large prime factor takes ten times as long.
  size = 1 << (len(sound) + len(response) - 2).bit_length()
  spectrum = np.fft.rfft(sound, size) * np.fft.rfft(response, size)
  return np.fft.irfft(spectrum, size)[: len(sound)].astype(np.float32)


@functools.cache
def _room(sample_rate_hz: int) -> Float32[np.ndarray, " taps"]:
  """Returns the response: an impulse, then decaying noise of its energy."""
  taps = round(REVERBERATION_S * sample_rate_hz)
  time_s = np.arange(taps) / sample_rate_hz
  noise = np.random.default_rng(_ROOM_SEED).standard_normal(taps)
  tail = noise * 10 ** (-3 * time_s / REVERBERATION_S)
  tail[0] = 0
  response = tail / np.sum(tail**2) ** 0.5
  response[0] = 1
  return response.astype(np.float32)
