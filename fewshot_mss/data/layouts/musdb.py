"""MUSDB18-HQ and MUSDB18: 150 songs of four stems, as wav or as .stem.mp4.

A folder `train` and a folder `test` hold the songs; the 14 songs for
validation lie in `train`. The mixture of a song is the sum of its stems: the
mixture beside them, mastered in its own way, is read by checks alone.
"""

import functools
import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from fewshot_mss.audio.files import read_audio
from fewshot_mss.audio.mp4 import import_av, mp4_info, open_mp4, read_mp4
from fewshot_mss.data.labels import look_up
from fewshot_mss.data.song_keys import song_key
from fewshot_mss.data.splits import load_splits
from fewshot_mss.data.tracks import Read, Stem, Track, TrackSet
from fewshot_mss.errors import InputError

# In the order of the mp4's streams, which have no names; stream 0 is the
# mixture.
STEMS = ("drums", "bass", "other", "vocals")
STEM_MP4 = ".stem.mp4"
_SPLIT_FOLDERS = ("train", "test")


def musdb18_hq(root: Path) -> TrackSet:
  """Reads MUSDB18-HQ; the sound itself is read when it is asked for.

  Args:
    root: Holds `{train,test}/<Artist - Title>/{drums,bass,other,vocals}.wav`;
      one of the two folders may be missing.

  Returns:
    The songs, in the order of splits and names; `mixture.wav` is their
    `mixture`. What else lies in a song's folder is passed over.

  Raises:
    InputError: If no song is there, a stem is missing, or a song is there
      twice.
  """
  return _track_set(
    "MUSDB18-HQ",
    _songs(root, lambda path: path.name if path.is_dir() else None),
    _wav_stems,
    _wav_mixture,
    f"{root}: no song folder in train or test; lay it out as {{train,test}}/"
    "<Artist - Title>/vocals.wav (for .stem.mp4 use layout musdb18)",
  )


def musdb18(root: Path) -> TrackSet:
  """Reads MUSDB18 from .stem.mp4 files through PyAV (the extra `mp4`).

  The sound is read when it is asked for.

  Args:
    root: Holds `{train,test}/<Artist - Title>.stem.mp4`; one of the two
      folders may be missing.

  Returns:
    The songs, in the order of splits and names. The stems are streams 1 to 4;
    stream 0 is their `mixture`.

  Raises:
    InputError: If PyAV is missing, no song is there, or a song is there twice.
  """
  import_av(root)
  return _track_set(
    "MUSDB18",
    _songs(root, _mp4_title),
    _mp4_stems,
    _mp4_mixture,
    f"{root}: no .stem.mp4 in train or test; lay it out as {{train,test}}/"
    "<Artist - Title>.stem.mp4 (for folders of wav use layout musdb18_hq)",
  )


def _mp4_title(path: Path) -> str | None:
  # Titles hold dots: the ending is what it is, not what follows a dot.
  is_song = path.is_file() and path.name.lower().endswith(STEM_MP4)
  return path.name[: -len(STEM_MP4)] if is_song else None


def _songs(
  root: Path, title_of: Callable[[Path], str | None]
) -> list[tuple[str, str, Path]]:
  """Lists the songs as split folder, title and path."""
  songs: list[tuple[str, str, Path]] = []
  for folder in (root / name for name in _SPLIT_FOLDERS):
    if not folder.is_dir():
      continue
    try:
      entries = list(folder.iterdir())
    except OSError as error:
      raise InputError(
        f"folder {folder} cannot be read ({error.strerror}): check its rights"
      ) from error
    found = []
    for path in entries:
      title = None if path.name.startswith(".") else title_of(path)
      if title is not None:
        # File systems spell an accented letter in one or in two characters.
        found.append((folder.name, unicodedata.normalize("NFC", title), path))
    songs += sorted(found)
  return songs


def _track_set(
  source: str,
  songs: list[tuple[str, str, Path]],
  stems_of: Callable[[Path], tuple[Stem, ...]],
  mixture_of: Callable[[Path], Read | None],
  if_none: str,
) -> TrackSet:
  if not songs:
    raise InputError(if_none)
  splits = load_splits("musdb18")
  # By key, for a song for validation must not get into training for a letter.
  validation = {song_key(title) for title in splits.validation}
  seen: dict[str, Path] = {}
  tracks = []
  for split, title, path in songs:
    key = song_key(title)
    if key in seen:
      raise InputError(
        f"{seen[key]} and {path} are one song: a song belongs to one split; "
        "remove one"
      )
    seen[key] = path
    if split == "train" and key in validation:
      split = "validation"
    tracks.append(Track(title, split, stems_of(path), mixture_of(path)))
  return TrackSet(
    tuple(tracks),
    unseen=splits.unseen,
    unheard_patches=splits.unheard_patches,
    sources=(source,),
  )


def _stem(name: str, path: Path, read: Read) -> Stem:
  label = look_up("musdb", name)
  return Stem(
    name=name,
    instrument=label.instrument,
    family=label.family,
    patch="",
    read=read,
    files=(path,),
  )


def _wav_stems(song: Path) -> tuple[Stem, ...]:
  stems = []
  for name in STEMS:
    path = song / f"{name}.wav"
    if not path.exists():
      raise InputError(
        f"{path} is missing: a song has {', '.join(STEMS)}; copy it again or "
        "remove the song's folder"
      )
    stems.append(_stem(name, path, functools.partial(read_audio, path)))
  return tuple(stems)


def _wav_mixture(song: Path) -> Read | None:
  path = song / "mixture.wav"
  return functools.partial(read_audio, path) if path.is_file() else None


def _mp4_stems(path: Path) -> tuple[Stem, ...]:
  return tuple(
    _stem(name, path, functools.partial(read_stream, path, number))
    for number, name in enumerate(STEMS, start=1)
  )


def _mp4_mixture(path: Path) -> Read:
  return functools.partial(read_stream, path, 0)


def check_mp4(path: Path) -> None:
  """Reads the header of a .stem.mp4 file.

  Args:
    path: Of the file.

  Raises:
    InputError: If PyAV is missing, or it is no mp4 of five audio streams.
  """
  with open_mp4(path) as (_, container):
    count = len(container.streams.audio)
  if count != len(STEMS) + 1:
    raise InputError(
      f"{path} has {count} audio streams instead of {len(STEMS) + 1} "
      f"(mixture, {', '.join(STEMS)}): copy it again or remove it"
    )


def read_stream(
  path: Path, number: int
) -> tuple[Float32[np.ndarray, "samples channels"], int]:
  """Decodes one audio stream of an mp4 file.

  Args:
    path: Of the file.
    number: Of the stream among those with audio, from 0.

  Returns:
    The samples, not clipped, and their rate in Hz. The codec's delay is taken
    off if the file states it; if not, all streams have the same.

  Raises:
    InputError: As of `read_mp4`.
  """
  info = mp4_info(path, number)
  blocks = [
    np.zeros((0, info.channels), np.float32),
    *read_mp4(path, number),
  ]
  return np.concatenate(blocks), info.rate_hz
