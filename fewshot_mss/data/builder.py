"""Songs in, a prepared dataset out: ArrayRecord files and their catalogue.

One record is one segment of one stem as int16 samples. Segments lie on one
grid for all stems of a track; silent segments are left out.
"""

import collections
import concurrent.futures
import contextlib
import dataclasses
import io
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import soxr
import tensorflow_datasets as tfds
from jaxtyping import Float, Int, Int16
from tqdm import tqdm

from fewshot_mss.data.catalogue import (
  SPLITS,
  TRAIN,
  Catalogue,
  save_catalogue,
)
from fewshot_mss.data.evaluation_list import write_evaluation_lists
from fewshot_mss.data.tracks import Stem, Track, TrackSet
from fewshot_mss.errors import InputError

# Segments quieter than this count as silence and are not stored.
SILENCE_DBFS = -60.0
BLOCK_S = 0.25
_FULL_SCALE = 32767.0
# Tracks that are read (or rendered) while one is being written.
_TRACKS_AHEAD = 2


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
      levels_db = block_levels_db(cut, segment_samples)
      if levels_db[0] < SILENCE_DBFS:
        continue
      segments.append(
        Segment(
          track=track.name,
          stem=stem,
          start_samples=start,
          rms_db=float(levels_db[0]),
          levels_db=np.clip(
            np.rint(block_levels_db(cut, block_samples)), -128, 0
          ).astype(np.int8),
          pcm=cut,
        )
      )
  return segments


def block_levels_db(
  pcm: Int16[np.ndarray, " samples"], block_samples: int
) -> Float[np.ndarray, " blocks"]:
  """Returns the RMS level of each block; the last block may be shorter."""
  starts = np.arange(0, len(pcm), block_samples)
  energy = np.add.reduceat((pcm / (_FULL_SCALE + 1)) ** 2, starts)
  lengths = np.diff(np.append(starts, len(pcm)))
  return 10 * np.log10(energy / lengths + 1e-13)


def _mono(
  track: Track, stem: Stem, sample_rate_hz: int
) -> Float[np.ndarray, " samples"]:
  samples, rate_hz = stem.read()
  if not np.isfinite(samples).all():
    raise InputError(
      f"stem {stem.name} of track {track.name} holds NaN or infinite samples: "
      "repair or remove it"
    )
  return soxr.resample(samples.mean(axis=1), rate_hz, sample_rate_hz)


class StemDataset(tfds.core.GeneratorBasedBuilder):
  """Segments of stems with their labels."""

  VERSION = tfds.core.Version("1.0.0")

  def __init__(
    self,
    *,
    tracks: dict[str, list[Track]],
    cut: Callable[[Track], list[Segment]],
    sample_rate_hz: int,
    segment_samples: int,
    bar: tqdm,
    **kwargs: Any,
  ):
    """Keeps what the generator needs.

    Args:
      tracks: The songs of each split.
      cut: Reads a song and returns its segments.
      sample_rate_hz: Of the segments, for the description.
      segment_samples: Length of the segments.
      bar: Moved on by one a track.
      **kwargs: Those of the base class.
    """
    self.rows: dict[str, list[Segment]] = {name: [] for name in tracks}
    self._tracks = tracks
    self._cut = cut
    self._sample_rate_hz = sample_rate_hz
    self._segment_samples = segment_samples
    self._bar = bar
    super().__init__(**kwargs)

  def _info(self) -> tfds.core.DatasetInfo:
    return tfds.core.DatasetInfo(
      builder=self,
      description=f"Segments of stems at {self._sample_rate_hz} Hz, mono.",
      features=tfds.features.FeaturesDict(
        {
          "track": tfds.features.Text(),
          "stem": tfds.features.Text(),
          "instrument": tfds.features.Text(),
          "family": tfds.features.Text(),
          "patch": tfds.features.Text(),
          "start_samples": np.int64,
          "rms_db": np.float32,
          # Without an encoding TFDS stores int16 as a list of int64.
          "pcm": tfds.features.Tensor(
            shape=(self._segment_samples,),
            dtype=np.int16,
            encoding=tfds.features.Encoding.BYTES,
          ),
        }
      ),
      # Position in the files must be position in the catalogue.
      disable_shuffling=True,
    )

  def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
    del dl_manager
    return {name: self._generate_examples(name) for name in self._tracks}

  def _generate_examples(
    self, split: str
  ) -> Iterator[tuple[int, dict[str, Any]]]:
    tracks = self._tracks[split]
    # Above a GiB, TFDS sorts bucket by bucket of the 128-bit key, each bucket
    # in memory: the keys must fill that range in order, or all of a large
    # dataset is one bucket.
    stride = 2**128 // len(tracks)
    for i, segments in enumerate(_read_ahead(tracks, self._cut)):
      for j, segment in enumerate(segments):
        self.rows[split].append(
          dataclasses.replace(segment, pcm=np.zeros(0, np.int16))
        )
        yield i * stride + j, _example(segment)
      self._bar.update()
    if not self.rows[split]:
      raise InputError(
        f"no usable stem in the {split} songs: every stem is silent "
        f"(below {SILENCE_DBFS:.0f} dBFS)"
      )


def _read_ahead(
  tracks: list[Track], cut: Callable[[Track], list[Segment]]
) -> Iterator[list[Segment]]:
  """Yields the segments of each track, reading the next ones meanwhile."""
  with concurrent.futures.ThreadPoolExecutor(_TRACKS_AHEAD) as pool:
    waiting = collections.deque[concurrent.futures.Future[list[Segment]]]()
    try:
      for track in tracks:
        waiting.append(pool.submit(cut, track))
        if len(waiting) > _TRACKS_AHEAD:
          yield waiting.popleft().result()
      while waiting:
        yield waiting.popleft().result()
    finally:
      pool.shutdown(cancel_futures=True)


def _example(segment: Segment) -> dict[str, Any]:
  return {
    "track": segment.track,
    "stem": segment.stem.name,
    "instrument": segment.stem.instrument,
    "family": segment.stem.family,
    "patch": segment.stem.patch,
    "start_samples": segment.start_samples,
    "rms_db": segment.rms_db,
    "pcm": segment.pcm,
  }


def build(
  track_set: TrackSet,
  output_dir: Path,
  *,
  sample_rate_hz: int,
  segment_s: float,
  progress: bool = True,
) -> Path:
  """Prepares a dataset: records, catalogue, evaluation lists.

  Everything is written into a folder beside the wanted one, which takes its
  place at the end: a prepared folder is whole or not there.

  Args:
    track_set: The songs.
    output_dir: Where to; must not exist yet, or be empty.
    sample_rate_hz: Rate that the audio is stored at.
    segment_s: Length of a segment, in seconds.
    progress: Whether to show a progress bar.

  Returns:
    The folder.

  Raises:
    InputError: If there is nothing usable, a stem cannot be read, or the
      folder is not free or cannot be written.
  """
  segment_samples = round(segment_s * sample_rate_hz)
  if segment_samples < round(BLOCK_S * sample_rate_hz):
    raise InputError(
      f"segment_s is {segment_s}: give at least {BLOCK_S} seconds"
    )
  if not any(track.stems for track in track_set.tracks):
    raise InputError("no usable stem: there is no song that has one")
  working = _working_folder(output_dir)
  tracks = {
    split: [track for track in track_set.tracks if track.split == split]
    for split in SPLITS
  }

  def cut(track: Track) -> list[Segment]:
    return track_segments(
      track, sample_rate_hz=sample_rate_hz, segment_samples=segment_samples
    )

  tfds.disable_progress_bar()
  try:
    with tqdm(
      total=len(track_set.tracks), unit="song", disable=not progress
    ) as bar:
      dataset = StemDataset(
        tracks={split: held for split, held in tracks.items() if held},
        cut=cut,
        sample_rate_hz=sample_rate_hz,
        segment_samples=segment_samples,
        bar=bar,
        data_dir=working,
        file_format="array_record",
      )
      # TFDS announces a download, which there is none of.
      with contextlib.redirect_stdout(io.StringIO()):
        dataset.download_and_prepare()
    catalogue = make_catalogue(
      dataset.rows,
      track_set,
      sample_rate_hz=sample_rate_hz,
      segment_samples=segment_samples,
    )
    save_catalogue(catalogue, working)
    write_evaluation_lists(catalogue, working)
    # TFDS made it for downloads; there are none.
    shutil.rmtree(working / "downloads", ignore_errors=True)
    working.replace(output_dir)
  finally:
    shutil.rmtree(working, ignore_errors=True)
  return output_dir


def _working_folder(output_dir: Path) -> Path:
  """Returns a fresh folder beside the wanted one."""
  if output_dir.exists() and (
    not output_dir.is_dir() or any(output_dir.iterdir())
  ):
    raise InputError(
      f"{output_dir} exists already: remove it or name another folder"
    )
  working = output_dir.with_name(f"{output_dir.name}.building")
  # What a killed build left behind.
  shutil.rmtree(working, ignore_errors=True)
  try:
    working.mkdir(parents=True)
  except OSError as error:
    raise InputError(
      f"{working} cannot be written ({error.strerror}): name another folder"
    ) from error
  return working


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
