"""A catalogue of songs that do not exist, of any size, without any sound.

For measuring and testing what draws from a catalogue: a million segments are
made in seconds, and look to the draws like a large collection.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Int, Int8

from fewshot_mss.data.catalogue import SPLITS, TRAIN, Catalogue
from fewshot_mss.data.segments import BLOCK_S

_NUM_INSTRUMENTS = 60
_PATCHES_AN_INSTRUMENT = 3
# Every tenth instrument is unseen, every seventh timbre kept out of training.
_UNSEEN_EVERY = 10
_UNHEARD_EVERY = 7
_STEMS_A_TRACK = (4, 12)
_MOMENTS_A_TRACK = (21, 62)
_MIN_TRACKS = 10
_SPLIT_SHARES = (0.8, 0.1, 0.1)
# A stem rests in one segment of five, a sounding one in one block of eight.
_SOUNDING_SHARE = 0.8
_REST_EVERY = 8


class _Songs(NamedTuple):
  # Number of segments of each song.
  moments: np.ndarray
  # One entry a stem, in order of song.
  track: np.ndarray
  instrument: np.ndarray
  patch: np.ndarray
  level_db: np.ndarray


def made_up_catalogue(
  num_segments: int, *, sample_rate_hz: int, segment_s: float, seed: int = 0
) -> Catalogue:
  """Makes up the catalogue of a large collection.

  Songs of 21 to 62 segments hold 4 to 12 stems of 60 instruments, some more
  common than others, now and then one twice. A tenth of the instruments is
  unseen, and a seventh of the timbres kept out of training.

  Args:
    num_segments: Rows of the catalogue, exactly.
    sample_rate_hz: Rate of the sound that is not there.
    segment_s: Length of a segment, in seconds.
    seed: Of all draws.

  Returns:
    The catalogue, its rows in the order in which a build writes them.
  """
  rng = np.random.default_rng(seed)
  songs = _draw_songs(rng, num_segments)
  segment_samples = round(segment_s * sample_rate_hz)
  block_samples = round(BLOCK_S * sample_rate_hz)
  stem, moment = _draw_rows(rng, songs, num_segments)
  track, instrument = songs.track[stem], songs.instrument[stem]
  # The songs of a split are neighbours, so the rows are in order of split.
  ends = np.cumsum(_SPLIT_SHARES) * len(songs.moments)
  split = np.searchsorted(ends[:-1], track, "right").astype(np.int32)
  blocks = -(-segment_samples // block_samples)
  levels_db = _draw_levels(rng, songs.level_db[stem], blocks)
  seen = np.arange(_NUM_INSTRUMENTS) % _UNSEEN_EVERY != _UNSEEN_EVERY - 1
  unheard = (
    np.arange(_NUM_INSTRUMENTS * _PATCHES_AN_INSTRUMENT) % _UNHEARD_EVERY == 0
  )
  heard = instrument[(split == TRAIN) & ~unheard[songs.patch[stem]]]
  sizes = np.bincount(split, minlength=len(SPLITS))
  return Catalogue(
    track=track,
    stem=stem,
    instrument=instrument,
    family=instrument // 6,
    patch=songs.patch[stem],
    split=split,
    start_samples=moment.astype(np.int64) * segment_samples,
    record=np.concatenate([np.arange(size, dtype=np.int32) for size in sizes]),
    rms_db=levels_db.max(axis=1).astype(np.float32) - 3,
    levels_db=levels_db,
    tracks=tuple(f"song{i:06}" for i in range(len(songs.moments))),
    stems=tuple(f"song{t:06}/{i}" for i, t in enumerate(songs.track.tolist())),
    instruments=tuple(f"instrument{i:02}" for i in range(_NUM_INSTRUMENTS)),
    families=tuple(f"family{i}" for i in range(-(-_NUM_INSTRUMENTS // 6))),
    patches=tuple(f"patch{i:03}" for i in range(len(unheard))),
    seen=seen & (np.bincount(heard, minlength=_NUM_INSTRUMENTS) > 0),
    unheard=unheard,
    sample_rate_hz=sample_rate_hz,
    segment_samples=segment_samples,
    block_samples=block_samples,
    provenance=("made up",),
  )


def _draw_songs(rng: np.random.Generator, num_segments: int) -> _Songs:
  """Draws songs until their stems have room for so many segments."""
  low, high = _STEMS_A_TRACK[0] * _MOMENTS_A_TRACK[0], _SOUNDING_SHARE
  enough = max(_MIN_TRACKS, int(num_segments / (low * high)) + 1)
  sizes = rng.integers(_STEMS_A_TRACK[0], _STEMS_A_TRACK[1] + 1, enough)
  moments = rng.integers(_MOMENTS_A_TRACK[0], _MOMENTS_A_TRACK[1] + 1, enough)
  room = np.cumsum(sizes * moments) * _SOUNDING_SHARE
  count = max(_MIN_TRACKS, int(np.searchsorted(room, num_segments)) + 1)
  track = np.repeat(np.arange(count, dtype=np.int32), sizes[:count])
  common = 1 / np.sqrt(np.arange(1, _NUM_INSTRUMENTS + 1))
  instrument = rng.choice(
    _NUM_INSTRUMENTS, len(track), p=common / common.sum()
  ).astype(np.int32)
  timbre = rng.integers(_PATCHES_AN_INSTRUMENT, size=len(track), dtype=np.int32)
  return _Songs(
    moments=moments[:count],
    track=track,
    instrument=instrument,
    patch=instrument * _PATCHES_AN_INSTRUMENT + timbre,
    level_db=rng.integers(-40, -12, len(track), dtype=np.int8),
  )


def _draw_rows(
  rng: np.random.Generator, songs: _Songs, num_segments: int
) -> tuple[Int[np.ndarray, " N"], Int[np.ndarray, " N"]]:
  """Draws which stem sounds when; in order of song, then time, then stem."""
  lengths = songs.moments[songs.track]
  stem = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
  begin = np.cumsum(lengths) - lengths
  moment = (np.arange(len(stem)) - begin[stem]).astype(np.int32)
  kept = rng.choice(len(stem), num_segments, replace=False, shuffle=False)
  stem, moment = stem[kept], moment[kept]
  order = np.lexsort((stem, moment, songs.track[stem]))
  return stem[order], moment[order]


def _draw_levels(
  rng: np.random.Generator, level_db: Int8[np.ndarray, " N"], blocks: int
) -> Int8[np.ndarray, "N blocks"]:
  """Draws the level of each block around that of its stem; -128 is rest."""
  shape = (len(level_db), blocks)
  levels_db = rng.integers(-8, 9, shape, dtype=np.int8)
  levels_db += level_db[:, None]
  rests = rng.integers(_REST_EVERY, size=shape, dtype=np.int8) == 0
  levels_db[rests] = -128
  return levels_db
