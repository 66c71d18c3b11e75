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
import math
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import tensorflow_datasets as tfds
from tensorflow_datasets.core.dataset_builder import FileReaderBuilder

from fewshot_mss.audio.levels import SILENCE_DBFS
from fewshot_mss.data.catalogue import SPLITS, save_catalogue
from fewshot_mss.data.cut_files import (
  CutSettings,
  cut_path,
  read_cut,
  write_cut,
)
from fewshot_mss.data.evaluation_list import write_evaluation_lists
from fewshot_mss.data.headers import unreadable_stems
from fewshot_mss.data.layouts.datasets import DATASETS, read_layout
from fewshot_mss.data.segments import BLOCK_S, CutTrack, make_catalogue
from fewshot_mss.data.shards import features, shards_of, write_shard
from fewshot_mss.data.tracks import Track, TrackSet
from fewshot_mss.data.work import LOCAL_OPTIONS, beam_options, make_files
from fewshot_mss.errors import InputError

# For each split, the files of cut tracks and what they hold.
_Cuts = dict[str, list[tuple[Path, CutTrack]]]


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
    mixed_items: Whether the lists also ask about mixtures of several songs.
    drop_copies: Whether they leave out examples that hold the target's sound.
  """

  layout: str = ""
  sample_rate_hz: int = 8000
  segment_s: float = 4.0
  with_bleed: bool = False
  skip_bad: bool = False
  progress: bool = True
  mixed_items: bool = False
  drop_copies: bool = False

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


class StemDataset(FileReaderBuilder):
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
    super().__init__(**{"file_format": "array_record", **kwargs})

  def _info(self) -> tfds.core.DatasetInfo:
    settings = self.builder_config.cut_settings
    return tfds.core.DatasetInfo(
      builder=self,
      description=f"Segments of stems at {settings.sample_rate_hz} Hz, mono.",
      features=features(settings.segment_samples),
      # Position in the files must be position in the catalogue.
      disable_shuffling=True,
    )

  def _download_and_prepare(
    self,
    dl_manager: tfds.download.DownloadManager,
    download_config: tfds.download.DownloadConfig | None = None,
  ) -> None:
    config = self.builder_config
    given = download_config.beam_options if download_config else None
    run = functools.partial(
      make_files,
      options=given or beam_options(LOCAL_OPTIONS),
      progress=config.progress,
    )
    track_set, unreadable = self._readable_songs(dl_manager)
    settings = config.cut_settings
    folder = Path(self.data_dir_root) / f"{config.name}.cut"
    folder.mkdir(parents=True, exist_ok=True)
    items = [(cut_path(folder, t, settings), t) for t in track_set.tracks]
    run(functools.partial(write_cut, settings), items, unit="song")
    cuts, damaged = _usable_cuts(items, skip_bad=config.skip_bad)
    self._write_shards(cuts, run)
    left_out = ()
    if unreadable or damaged:
      count = len(unreadable) + len(damaged)
      left_out = (f"{count} unreadable stems left out",)
    catalogue = make_catalogue(
      {split: [cut for _, cut in held] for split, held in cuts.items()},
      dataclasses.replace(track_set, sources=track_set.sources + left_out),
      **settings._asdict(),
    )
    save_catalogue(catalogue, Path(self.data_dir))
    write_evaluation_lists(
      catalogue,
      Path(self.data_dir),
      with_mixed=config.mixed_items,
      without_copies=config.drop_copies,
    )
    shutil.rmtree(folder)

  def _readable_songs(
    self, dl_manager: tfds.download.DownloadManager
  ) -> tuple[TrackSet, list[str]]:
    """Returns the songs without stems that are no audio, and why they are not.

    Before any long work: what is damaged further in is found when it is read.
    """
    config = self.builder_config
    track_set = self._track_set
    if track_set is None:
      options = {"with_bleed": True} if config.with_bleed else {}
      root = Path(dl_manager.manual_dir)
      track_set = read_layout(config.layout, root, options)
    _check_names(track_set)
    faults = unreadable_stems(track_set, progress=config.progress)
    refuse_unreadable(list(faults.values()), skip_bad=config.skip_bad)
    tracks = tuple(
      dataclasses.replace(
        track,
        stems=tuple(
          s for s in track.stems if (track.name, s.name) not in faults
        ),
      )
      for track in track_set.tracks
    )
    return dataclasses.replace(track_set, tracks=tracks), list(faults.values())

  def _write_shards(self, cuts: _Cuts, run: Callable[..., None]) -> None:
    """Writes the records of all splits and tells TFDS what there is."""
    shards = {
      split: shards_of([path for path, _ in held])
      for split, held in cuts.items()
    }
    paths = {
      split: [
        Path(template.sharded_filepath(shard_index=i, num_shards=len(held)))
        for i in range(len(held))
      ]
      for split, held in shards.items()
      for template in [self._get_filename_template(split)]
    }
    items = [
      item
      for split, held in shards.items()
      for item in zip(paths[split], held, strict=True)
    ]
    # Seldom more than the largest split fills.
    most = max(len(held) for held in shards.values())
    run(write_shard, items, unit="file", most_processes=most)
    sizes = {
      path: len(cut.stem) for held in cuts.values() for path, cut in held
    }
    self.info.set_splits(
      tfds.core.SplitDict(
        [
          tfds.core.SplitInfo(
            name=split,
            shard_lengths=[sum(map(sizes.get, shard)) for shard in held],
            num_bytes=sum(path.stat().st_size for path in paths[split]),
            filename_template=self._get_filename_template(split),
          )
          for split, held in shards.items()
        ]
      )
    )


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
  items: Sequence[tuple[Path, Track]], *, skip_bad: bool
) -> tuple[_Cuts, list[str]]:
  """Returns the files that hold segments, by split, and what is unreadable."""
  cuts: _Cuts = {
    split: []
    for split in SPLITS
    if any(track.split == split for _, track in items)
  }
  unreadable: list[str] = []
  for path, track in items:
    file = read_cut(path)
    unreadable += file.unreadable
    if file.unreadable and not skip_bad:
      # Read anew by the next try: the file need not have been at fault.
      path.unlink()
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
  more = f"and {others} more like it; --skip_bad leaves them out"
  one = "--skip_bad leaves it out"
  raise InputError(f"{messages[0]} ({more if others else one})")
