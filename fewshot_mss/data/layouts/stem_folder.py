"""The folder that anyone can make: one folder a song, one file a stem.

`ROOT/<song>/<instrument>[_n].wav|flac|mp3|ogg`, as in `ROOT/blue moon/
electric_guitar_2.wav`; or, with the songs split by hand, `ROOT/train/<song>/`,
`ROOT/validation/<song>/` and `ROOT/test/<song>/`.
"""

import functools
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fewshot_mss.audio.files import read_audio
from fewshot_mss.data.tracks import Read, Stem, Track, TrackSet
from fewshot_mss.errors import InputError

EXTENSIONS = (".wav", ".flac", ".mp3", ".ogg")
# Sums of stems that lie beside them in many collections.
MIXTURES = ("mixture", "mix", "master")
# Fewer songs than these are not split: all are for training.
MIN_SONGS_TO_SPLIT = 5
_SPLIT_FOLDERS = {
  "train": "train",
  "validation": "validation",
  "valid": "validation",
  "test": "test",
}
_FORM = "ROOT/<song>/<instrument>.wav (or flac, mp3, ogg)"


def stem_folder(
  root: Path,
  *,
  unseen: Sequence[str] = (),
  validation_share: float = 0.1,
  test_share: float = 0.2,
  seed: int = 0,
) -> TrackSet:
  """Reads a folder of songs; the sound itself is read when it is asked for.

  Two stems of one instrument are two stems of one class. Files called mixture,
  mix or master are no stems; hidden files and other kinds of files are passed
  over.

  Args:
    root: The folder.
    unseen: Instruments to keep out of training.
    validation_share: Share of the songs for validation. Neither share counts
      if the folder is split by hand or holds fewer than
      `MIN_SONGS_TO_SPLIT` songs.
    test_share: Share of the songs for the test.
    seed: Of the draw of the songs.

  Returns:
    The songs, in the order of their names.

  Raises:
    InputError: If the folder is missing or holds no song, a song holds no
      stem or one stem twice, the shares leave no song to train on, or an unseen
      instrument is in no song or leaves none to train.
  """
  if (
    min(validation_share, test_share) < 0 or validation_share + test_share >= 1
  ):
    raise InputError(
      f"validation_share {validation_share} and test_share {test_share}: give "
      "shares from 0 that sum to less than 1"
    )
  folders = _folders(root)
  if not folders:
    raise InputError(f"no song folder in {root}: lay it out as {_FORM}")
  if all(folder.name.lower() in _SPLIT_FOLDERS for folder in folders):
    splits = _splits_by_hand(folders)
  else:
    splits = _drawn_splits(folders, validation_share, test_share, seed)
  tracks = tuple(
    Track(folder.name, split, _stems(folder), _mixture(folder))
    for folder, split in sorted(splits.items(), key=lambda item: item[0].name)
  )
  unseen_names = tuple(sorted({_instrument(name) for name in unseen}))
  _check_unseen(tracks, unseen_names)
  return TrackSet(
    tracks,
    unseen=unseen_names,
    sources=(f"stem folder {root.resolve().name}",),
  )


def _entries(folder: Path) -> list[Path]:
  try:
    return sorted(
      entry for entry in folder.iterdir() if not entry.name.startswith(".")
    )
  except OSError as error:
    raise InputError(
      f"folder {folder} cannot be read ({error.strerror}): check the name"
    ) from error


def _folders(folder: Path) -> list[Path]:
  return [entry for entry in _entries(folder) if entry.is_dir()]


def _splits_by_hand(split_folders: list[Path]) -> dict[Path, str]:
  splits: dict[Path, str] = {}
  names: dict[str, Path] = {}
  for split_folder in split_folders:
    songs = _folders(split_folder)
    if not songs:
      raise InputError(
        f"no song folder in {split_folder}: put <song>/<instrument>.wav into "
        "it or remove it"
      )
    for song in songs:
      if song.name in names:
        raise InputError(
          f"{names[song.name]} and {song} have one name: a song belongs to one "
          "split; remove or rename one"
        )
      names[song.name] = song
      splits[song] = _SPLIT_FOLDERS[split_folder.name.lower()]
  return splits


def _drawn_splits(
  songs: list[Path], validation_share: float, test_share: float, seed: int
) -> dict[Path, str]:
  """Draws the split of each song; a share above 0 gets at least one song."""
  splits = dict.fromkeys(songs, "train")
  if len(songs) < MIN_SONGS_TO_SPLIT:
    return splits
  order = np.random.default_rng(seed).permutation(len(songs)).tolist()
  for split, share in (("test", test_share), ("validation", validation_share)):
    count = max(round(share * len(songs)), int(share > 0))
    # Something is left to train on, however large the shares.
    for _ in range(min(count, len(order) - 1)):
      splits[songs[order.pop()]] = split
  return splits


def _mixture(song: Path) -> Read | None:
  for name in MIXTURES:
    for path in _entries(song):
      is_audio = path.suffix.lower() in EXTENSIONS
      if is_audio and path.stem.lower() == name:
        return functools.partial(read_audio, path)
  return None


def _stems(song: Path) -> tuple[Stem, ...]:
  stems: dict[str, Stem] = {}
  for path in _entries(song):
    instrument = _instrument(path.stem)
    if path.suffix.lower() not in EXTENSIONS or instrument in MIXTURES:
      continue
    if not instrument:
      raise InputError(f"{path} names no instrument: call it <instrument>.wav")
    name = path.stem.lower()
    if name in stems:
      raise InputError(
        f"{path} is there twice, in another format or spelling: remove one, "
        f"or call it {path.stem}_2{path.suffix}"
      )
    stems[name] = Stem(
      name=name,
      instrument=instrument,
      family="unknown",
      patch="",
      read=functools.partial(read_audio, path),
      files=(path,),
    )
  if not stems:
    raise InputError(
      f"no usable stem in {song}: lay it out as {_FORM}, or remove the folder"
    )
  return tuple(stems.values())


def _instrument(name: str) -> str:
  """Makes a file's name a class: Electric_Guitar_2 is electric guitar."""
  return " ".join(
    re.sub(r"_[0-9]+$", "", name).replace("_", " ").lower().split()
  )


def _check_unseen(tracks: tuple[Track, ...], unseen: tuple[str, ...]) -> None:
  instruments = {stem.instrument for track in tracks for stem in track.stems}
  for name in unseen:
    if name not in instruments:
      raise InputError(
        f"unseen instrument {name!r} is in no song: there are "
        f"{', '.join(sorted(instruments))}"
      )
  trained = {
    stem.instrument
    for track in tracks
    if track.split == "train"
    for stem in track.stems
  }
  if trained and trained <= set(unseen):
    raise InputError(
      f"every instrument of the training songs ({', '.join(sorted(trained))}) "
      "is unseen: leave at least one to train on"
    )
