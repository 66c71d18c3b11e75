"""A track cut into segments, and the catalogue of the segments of all tracks.

Segments lie on one grid for all stems of a track; silent ones are left out.
"""

import dataclasses

import numpy as np
from jaxtyping import Float, Int, Int16

from fewshot_mss.audio.levels import SILENCE_DBFS, block_rms_db, rms_db
from fewshot_mss.audio.resampling import resample, to_mono
from fewshot_mss.data.catalogue import SPLITS, TRAIN, Catalogue
from fewshot_mss.data.tracks import Stem, Track, TrackSet
from fewshot_mss.errors import InputError

BLOCK_S = 0.25
_FULL_SCALE = 32767.0


@dataclasses.dataclass(frozen=True)
class Segment:
  """One row to be, with its sound.

  Attributes:
    track: Name of the track.
    stem: The stem it is cut from.
    start_samples: Where it starts in the track.
    rms_db: Level in dB below full scale.
    levels_db: The same for each block; -128 is silence.
    pcm: The samples.
  """

  track: str
  stem: Stem
  start_samples: int
  rms_db: float
  levels_db: Int[np.ndarray, " blocks"]
  pcm: Int16[np.ndarray, " samples"]


def track_segments(
  track: Track, *, sample_rate_hz: int, segment_samples: int
) -> list[Segment]:
  """Reads a track and cuts it, in order of start, then of stem.

  One gain serves the whole track, so levels within a song stay: 1 unless a
  stem would clip.

  Args:
    track: The song.
    sample_rate_hz: Wanted rate.
    segment_samples: Length of a segment; the last is padded with zeros.

  Returns:
    The segments that are not silent.

  Raises:
    InputError: If a stem cannot be read or holds NaN or infinite samples.
  """
  sounds = [_mono(track, stem, sample_rate_hz) for stem in track.stems]
  peak = max((np.abs(sound).max(initial=0.0) for sound in sounds), default=0.0)
  gain = _FULL_SCALE / max(1.0, peak)
  longest = max((len(sound) for sound in sounds), default=0)
  count = -(-longest // segment_samples)
  block_samples = round(BLOCK_S * sample_rate_hz)
  segments = []
  for start in range(0, count * segment_samples, segment_samples):
    for stem, sound in zip(track.stems, sounds, strict=True):
      cut = np.zeros(segment_samples, np.int16)
      there = sound[start : start + segment_samples]
      cut[: len(there)] = np.rint(there * gain)
      heard = cut / (_FULL_SCALE + 1)
      level_db = rms_db(heard)
      if level_db < SILENCE_DBFS:
        continue
      segments.append(
        Segment(
          track=track.name,
          stem=stem,
          start_samples=start,
          rms_db=level_db,
          levels_db=np.clip(
            np.rint(block_rms_db(heard, block_samples)), -128, 0
          ).astype(np.int8),
          pcm=cut,
        )
      )
  return segments


def _mono(
  track: Track, stem: Stem, sample_rate_hz: int
) -> Float[np.ndarray, " samples"]:
  samples, rate_hz = stem.read()
  if not np.isfinite(samples).all():
    raise InputError(
      f"stem {stem.name} of track {track.name} holds NaN or infinite samples: "
      "repair or remove it"
    )
  return resample(to_mono(samples), rate_hz, sample_rate_hz)


def make_catalogue(
  rows: dict[str, list[Segment]],
  track_set: TrackSet,
  *,
  sample_rate_hz: int,
  segment_samples: int,
) -> Catalogue:
  """Makes the columns from the segments in the order of their records.

  An instrument counts as seen only if training hears it: it is not declared
  unseen and has a segment in a training song, in a timbre not kept out.

  Args:
    rows: The segments of each split, in order.
    track_set: Declares what is unseen and unheard.
    sample_rate_hz: Of the segments.
    segment_samples: Length of the segments.

  Returns:
    The catalogue.
  """
  flat = [(split, row) for split in SPLITS for row in rows.get(split, ())]
  track, tracks = _numbered([row.track for _, row in flat])
  stem, stems = _numbered([f"{row.track}/{row.stem.name}" for _, row in flat])
  instrument, instruments = _numbered([r.stem.instrument for _, r in flat])
  family, families = _numbered([row.stem.family for _, row in flat])
  patch, patches = _numbered([row.stem.patch for _, row in flat])
  split = np.array([SPLITS.index(split) for split, _ in flat], np.int32)
  unheard = np.isin(patches, track_set.unheard_patches)
  heard = (split == TRAIN) & ~unheard[patch]
  trained = np.bincount(instrument[heard], minlength=len(instruments)) > 0
  return Catalogue(
    track=track,
    stem=stem,
    instrument=instrument,
    family=family,
    patch=patch,
    split=split,
    start_samples=np.array([row.start_samples for _, row in flat], np.int64),
    record=np.concatenate(
      [np.arange(len(rows.get(name, ())), dtype=np.int32) for name in SPLITS]
    ),
    rms_db=np.array([row.rms_db for _, row in flat], np.float32),
    levels_db=np.stack([row.levels_db for _, row in flat]),
    tracks=tracks,
    stems=stems,
    instruments=instruments,
    families=families,
    patches=patches,
    seen=trained & ~np.isin(instruments, track_set.unseen),
    unheard=unheard,
    sample_rate_hz=sample_rate_hz,
    segment_samples=segment_samples,
    block_samples=round(BLOCK_S * sample_rate_hz),
    provenance=track_set.sources,
  )


def _numbered(
  names: list[str],
) -> tuple[Int[np.ndarray, " N"], tuple[str, ...]]:
  """Returns each name's position among the sorted different names."""
  different, positions = np.unique(np.array(names), return_inverse=True)
  return positions.astype(np.int32), tuple(str(name) for name in different)
