"""Songs in, a prepared dataset out: ArrayRecord files and their catalogue.

One record is one segment of one stem as int16 samples.
"""

import collections
import concurrent.futures
import contextlib
import dataclasses
import io
import math
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from tqdm import tqdm

from fewshot_mss.audio.levels import SILENCE_DBFS
from fewshot_mss.data.catalogue import SPLITS, save_catalogue
from fewshot_mss.data.evaluation_list import write_evaluation_lists
from fewshot_mss.data.segments import (
  BLOCK_S,
  Segment,
  make_catalogue,
  track_segments,
)
from fewshot_mss.data.tracks import Track, TrackSet
from fewshot_mss.errors import InputError

# Tracks that are read (or rendered) while one is being written.
_TRACKS_AHEAD = 2


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
  if sample_rate_hz < 1:
    raise InputError(f"sample_rate_hz is {sample_rate_hz}: give at least 1")
  if not BLOCK_S <= segment_s < math.inf:
    raise InputError(
      f"segment_s is {segment_s}: give at least {BLOCK_S} seconds"
    )
  segment_samples = round(segment_s * sample_rate_hz)
  if not any(track.stems for track in track_set.tracks):
    raise InputError("no usable stem: there is no song that has one")
  _check_names(track_set)
  output_dir = output_dir.resolve()
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


def _check_names(track_set: TrackSet) -> None:
  """Checks that names tell songs and stems apart, or splits would mix."""
  songs = collections.Counter(track.name for track in track_set.tracks)
  for track in track_set.tracks:
    if songs[track.name] > 1:
      raise InputError(f"two songs are called {track.name}: rename one")
    if track.split not in SPLITS:
      raise InputError(
        f"song {track.name} is of split {track.split}: use one of "
        f"{', '.join(SPLITS)}"
      )
    stems = collections.Counter(stem.name for stem in track.stems)
    for name, count in stems.items():
      if count > 1:
        raise InputError(
          f"two stems of song {track.name} are called {name}: rename one"
        )


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
