"""A track cut into segments, and the catalogue of the segments of all tracks.

Segments lie on one grid for all stems of a track; silent ones are left out.
"""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, Int16

from fewshot_mss.audio.levels import SILENCE_DBFS, block_power, power_db
from fewshot_mss.audio.resampling import resample, to_mono
from fewshot_mss.data.catalogue import SPLITS, TRAIN, Catalogue
from fewshot_mss.data.tracks import Stem, Track, TrackSet
from fewshot_mss.errors import InputError

BLOCK_S = 0.25
_FULL_SCALE = 32767.0
_ONE_STEP = np.float32(1 / 32768)


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
      power, lengths = block_power(cut * _ONE_STEP, block_samples)
      mean = np.average(power, weights=lengths, keepdims=True)
      level_db = float(power_db(mean)[0])
      if level_db < SILENCE_DBFS:
        continue
      segments.append(
        Segment(
          track=track.name,
          stem=stem,
          start_samples=start,
          rms_db=level_db,
          levels_db=np.clip(np.rint(power_db(power)), -128, 0).astype(np.int8),
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


class StemLabels(NamedTuple):
  """What is known of a stem besides its sound; the fields of `Stem`."""

  name: str
  instrument: str
  family: str
  patch: str


@dataclasses.dataclass(frozen=True, eq=False)
class CutTrack:
  """The segments of a track without their sound, column by column.

  Attributes:
    track: Name of the track.
    stems: Its stems that have segments.
    stem: For each segment, the index into `stems`.
    start_samples: Where it starts in the track.
    rms_db: Level in dB below full scale.
    levels_db: The same for each block; -128 is silence.
  """

  track: str
  stems: tuple[StemLabels, ...]
  stem: Int[np.ndarray, " n"]
  start_samples: Int[np.ndarray, " n"]
  rms_db: Float[np.ndarray, " n"]
  levels_db: Int[np.ndarray, "n blocks"]


def cut_track(track: str, segments: Sequence[Segment]) -> CutTrack:
  """Returns the columns of a track's segments, of which there is at least one.

  Args:
    track: Its name.
    segments: In the order of their records.

  Returns:
    The columns, in that order.
  """
  stems = [
    StemLabels(s.stem.name, s.stem.instrument, s.stem.family, s.stem.patch)
    for s in segments
  ]
  different = tuple(sorted(set(stems)))
  return CutTrack(
    track=track,
    stems=different,
    stem=np.array([different.index(stem) for stem in stems], np.int32),
    start_samples=np.array([s.start_samples for s in segments], np.int64),
    rms_db=np.array([s.rms_db for s in segments], np.float32),
    levels_db=np.stack([s.levels_db for s in segments]),
  )


def make_catalogue(
  rows: dict[str, list[CutTrack]],
  track_set: TrackSet,
  *,
  sample_rate_hz: int,
  segment_samples: int,
) -> Catalogue:
  """Makes the columns from the segments in the order of their records.

  An instrument counts as seen only if training hears it: it is not declared
  unseen and has a segment in a training song, in a timbre not kept out.

  Args:
    rows: The tracks of each split that have segments, in order.
    track_set: Declares what is unseen and unheard.
    sample_rate_hz: Of the segments.
    segment_samples: Length of the segments.

  Returns:
    The catalogue.
  """
  held = [(split, cut) for split in SPLITS for cut in rows.get(split, ())]
  cuts = [cut for _, cut in held]
  sizes = [len(cut.stem) for cut in cuts]
  # Names are counted by track and by stem: segments are too many.
  track, tracks = _numbered([cut.track for cut in cuts])
  labels = [(cut.track, stem) for cut in cuts for stem in cut.stems]
  stem, stems = _numbered([f"{song}/{stem.name}" for song, stem in labels])
  instrument, instruments = _numbered([stem.instrument for _, stem in labels])
  family, families = _numbered([stem.family for _, stem in labels])
  patch, patches = _numbered([stem.patch for _, stem in labels])
  split = np.repeat([SPLITS.index(name) for name, _ in held], sizes)
  first_label = np.cumsum([0, *(len(cut.stems) for cut in cuts)])
  label = np.concatenate(
    [first + cut.stem for first, cut in zip(first_label, cuts, strict=False)]
  )
  unheard = np.isin(patches, track_set.unheard_patches)
  heard = (split == TRAIN) & ~unheard[patch[label]]
  trained = np.bincount(instrument[label[heard]], minlength=len(instruments))
  return Catalogue(
    track=np.repeat(track, sizes),
    stem=stem[label],
    instrument=instrument[label],
    family=family[label],
    patch=patch[label],
    split=split.astype(np.int32),
    start_samples=np.concatenate([cut.start_samples for cut in cuts]),
    record=np.concatenate(
      [
        np.arange(np.sum(split == i), dtype=np.int32)
        for i in range(len(SPLITS))
      ]
    ),
    rms_db=np.concatenate([cut.rms_db for cut in cuts]),
    levels_db=np.concatenate([cut.levels_db for cut in cuts]),
    tracks=tracks,
    stems=stems,
    instruments=instruments,
    families=families,
    patches=patches,
    seen=(trained > 0) & ~np.isin(instruments, track_set.unseen),
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
