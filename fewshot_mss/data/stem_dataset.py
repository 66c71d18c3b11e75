"""The dataset as TensorFlow Datasets knows it; `data build` and `tfds build`.

`tfds build stem_dataset/slakh2100_redux --imports=fewshot_mss.data.stem_dataset
--manual_dir=SLAKH --data_dir=OUT` prepares what `fewshot-mss data build` does;
other rates and lengths by `--config='{"name": "slakh_44100", "layout":
"slakh2100_redux", "sample_rate_hz": 44100, "segment_s": 6.0}'`.

One record is one segment of one stem as int16 samples. The catalogue and the
evaluation lists lie beside the records.
"""

import collections
import dataclasses
import functools
import itertools
import math
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import tensorflow_datasets as tfds
from etils import epath
from tensorflow_datasets.core import writer
from tensorflow_datasets.proto import tf_example_pb2

from fewshot_mss.audio.levels import SILENCE_DBFS
from fewshot_mss.data.catalogue import SPLITS, save_catalogue
from fewshot_mss.data.cut_files import CutSettings, read_cut, read_examples
from fewshot_mss.data.cutting import (
  LOCAL_OPTIONS,
  beam_options,
  cut_tracks,
)
from fewshot_mss.data.evaluation_list import write_evaluation_lists
from fewshot_mss.data.layouts.datasets import DATASETS, read_dataset
from fewshot_mss.data.segments import BLOCK_S, CutTrack, make_catalogue
from fewshot_mss.data.tracks import TrackSet
from fewshot_mss.errors import InputError

# Small enough to be held in memory while it is written, large enough that a
# thousand hours are not a thousand files.
_SHARD_BYTES = 2**28


@dataclasses.dataclass(eq=False, kw_only=True)
class StemConfig(tfds.core.BuilderConfig):
  """What is prepared, and how.

  Attributes:
    layout: One of `DATASETS`; empty where the songs are given.
    sample_rate_hz: Rate that the audio is stored at.
    segment_s: Length of a segment, in seconds.
    with_bleed: Whether to take stems that hold the sound of others, too.
    skip_bad: Whether to leave out stems that cannot be read.
    progress: Whether to show a progress bar.
  """

  layout: str = ""
  sample_rate_hz: int = 8000
  segment_s: float = 4.0
  with_bleed: bool = False
  skip_bad: bool = False
  progress: bool = True

  @property
  def cut_settings(self) -> CutSettings:
    """Returns how tracks are cut; InputError if that is out of range."""
    if self.sample_rate_hz < 1:
      raise InputError(
        f"sample_rate_hz is {self.sample_rate_hz}: give at least 1"
      )
    if not BLOCK_S <= self.segment_s < math.inf:
      raise InputError(
        f"segment_s is {self.segment_s}: give at least {BLOCK_S} seconds"
      )
    return CutSettings(
      self.sample_rate_hz, round(self.segment_s * self.sample_rate_hz)
    )


class _SteadyWriter(writer.ExampleWriter):
  """Writes equal examples as equal bytes, which TFDS itself does not."""

  def write(
    self, path: epath.PathLike, examples: Iterable[tuple[Any, bytes]]
  ) -> None:
    """Writes a shard.

    Args:
      path: Of its file.
      examples: Keys and serialized examples; the keys are not stored.
    """
    parse = tf_example_pb2.Example.FromString
    super().write(
      path,
      (
        (key, parse(example).SerializeToString(deterministic=True))
        for key, example in examples
      ),
    )


class StemDataset(tfds.core.ShardBasedBuilder):
  """Segments of stems with their labels, in the order of the catalogue."""

  VERSION = tfds.core.Version("2.0.0")
  BUILDER_CONFIGS: ClassVar[list[StemConfig]] = [
    StemConfig(name=name, layout=name) for name in DATASETS
  ]
  MANUAL_DOWNLOAD_INSTRUCTIONS = (
    "Name the folder that the dataset was unpacked to as --manual_dir."
  )

  def __init__(self, *, track_set: TrackSet | None = None, **kwargs: Any):
    """Keeps the songs.

    Args:
      track_set: The songs, where no layout reads them from a folder.
      **kwargs: Those of the base class.
    """
    self._track_set = track_set
    # The files of the cut tracks of each split, filled while preparing.
    self._cut_files: dict[str, list[Path]] = {}
    super().__init__(**{"file_format": "array_record", **kwargs})

  def _info(self) -> tfds.core.DatasetInfo:
    settings = self.builder_config.cut_settings
    return tfds.core.DatasetInfo(
      builder=self,
      description=f"Segments of stems at {settings.sample_rate_hz} Hz, mono.",
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
            shape=(settings.segment_samples,),
            dtype=np.int16,
            encoding=tfds.features.Encoding.BYTES,
          ),
        }
      ),
      # Position in the files must be position in the catalogue.
      disable_shuffling=True,
    )

  def _example_writer(self) -> writer.ExampleWriter:
    return _SteadyWriter(self.info.file_format)

  def _download_and_prepare(
    self,
    dl_manager: tfds.download.DownloadManager,
    download_config: tfds.download.DownloadConfig | None = None,
  ) -> None:
    config = self.builder_config
    given = download_config.beam_options if download_config else None
    track_set = self._track_set or read_dataset(
      config.layout, Path(dl_manager.manual_dir), with_bleed=config.with_bleed
    )
    _check_names(track_set)
    folder = Path(self.data_dir_root) / f"{config.name}.cut"
    folder.mkdir(parents=True, exist_ok=True)
    paths = cut_tracks(
      track_set.tracks,
      folder,
      config.cut_settings,
      options=given or beam_options(LOCAL_OPTIONS),
      progress=config.progress,
    )
    cuts, unreadable = _usable_cuts(track_set, paths, skip_bad=config.skip_bad)
    self._cut_files = {
      split: [path for path, _ in held] for split, held in cuts.items()
    }
    super()._download_and_prepare(dl_manager, download_config)
    if unreadable:
      left_out = f"{len(unreadable)} unreadable stems left out"
      track_set = dataclasses.replace(
        track_set, sources=(*track_set.sources, left_out)
      )
    catalogue = make_catalogue(
      {split: [cut for _, cut in held] for split, held in cuts.items()},
      track_set,
      **config.cut_settings._asdict(),
    )
    save_catalogue(catalogue, Path(self.data_dir))
    write_evaluation_lists(catalogue, Path(self.data_dir))
    shutil.rmtree(folder)

  def _shard_iterators_per_split(
    self, dl_manager: tfds.download.DownloadManager
  ) -> dict[str, Sequence[Callable[[], Iterator[tuple[int, dict[str, Any]]]]]]:
    del dl_manager
    return {
      split: [functools.partial(_records, shard) for shard in _shards(files)]
      for split, files in self._cut_files.items()
    }


def _check_names(track_set: TrackSet) -> None:
  """Checks that names tell songs and stems apart, or splits would mix."""
  if not any(track.stems for track in track_set.tracks):
    raise InputError("no usable stem: there is no song that has one")
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


def _usable_cuts(
  track_set: TrackSet, paths: Sequence[Path], *, skip_bad: bool
) -> tuple[dict[str, list[tuple[Path, CutTrack]]], list[str]]:
  """Returns the files that hold segments, by split, and what is unreadable."""
  cuts: dict[str, list[tuple[Path, CutTrack]]] = {
    split: []
    for split in SPLITS
    if any(track.split == split for track in track_set.tracks)
  }
  unreadable: list[str] = []
  for track, path in zip(track_set.tracks, paths, strict=True):
    file = read_cut(path)
    unreadable += file.unreadable
    if file.cut is not None:
      cuts[track.split].append((path, file.cut))
  refuse_unreadable(unreadable, skip_bad=skip_bad)
  for split, held in cuts.items():
    if not held:
      raise InputError(
        f"no usable stem in the {split} songs: every stem is silent "
        f"(below {SILENCE_DBFS:.0f} dBFS)"
      )
  return cuts, unreadable


def refuse_unreadable(messages: Sequence[str], *, skip_bad: bool) -> None:
  """Names what cannot be read, and stops unless it may be left out.

  Args:
    messages: One for each stem that cannot be read.
    skip_bad: Whether they may be left out.

  Raises:
    InputError: If they may not, with the first one's message.
  """
  if not messages:
    return
  if skip_bad:
    for message in messages:
      print(f"left out: {message}", file=sys.stderr)
    print(
      f"left out {len(messages)} stems that cannot be read", file=sys.stderr
    )
    return
  others = len(messages) - 1
  more = f" (and {others} more like it; --skip_bad leaves them out)"
  raise InputError(messages[0] + (more if others else ""))


def _shards(files: Iterable[Path]) -> list[list[Path]]:
  """Groups files in order to shards of about one size."""
  bytes_before = itertools.accumulate(
    (path.stat().st_size for path in files), initial=0
  )
  groups = itertools.groupby(
    zip(bytes_before, files, strict=False),
    key=lambda item: item[0] // _SHARD_BYTES,
  )
  return [[path for _, path in group] for _, group in groups]


def _records(shard: Sequence[Path]) -> Iterator[tuple[int, dict[str, Any]]]:
  yield from enumerate(read_examples(shard))
