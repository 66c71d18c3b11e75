"""MedleyDB, versions 1 and 2: songs of many kinds as stems.

`ROOT/Audio/<id>/<id>_STEMS/<id>_STEM_01.wav`, where `Audio` may be `V1` or
`V2` or left out; `<id>_METADATA.yaml` beside the stems' folder or in
`Metadata/`, and the files `mixing_coefficients*.yaml`, in ROOT or beside it.
"""

import functools
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float32

from fewshot_mss.audio.files import read_audio
from fewshot_mss.data.labels import look_up
from fewshot_mss.data.layouts.yaml_files import as_mapping, read_yaml
from fewshot_mss.data.splits import load_splits
from fewshot_mss.data.tracks import Read, Stem, Track, TrackSet
from fewshot_mss.errors import InputError

TRACKS_FILE = Path(__file__).with_name("medleydb_tracks.json")
# A live recording of several instruments, and no instrument at all.
NO_INSTRUMENT = ("Main System", "Unlabeled")
_FOLDERS = ("", "Audio", "V1", "V2")
# Of one track's several tables: the first by hand, then the least squares of
# version 1 (which has no name), then the fit that meets its bounds less often.
_METHODS = ("manual", "", "audio", "stft")
# Where a fit ran into its bound it did not find the stem in the mix.
_MIN_GAIN, _MAX_GAIN = 0.01, 3.99
_YES_NO = {"yes": True, "no": False, "True": True, "False": False}
_FORM = "ROOT/Audio/<id>/<id>_STEMS/<id>_STEM_01.wav"


class _Coefficients(NamedTuple):
  """What the files of mixing coefficients say.

  Attributes:
    gains: For each track, the gain of a stem by its number.
    files: Their names.
  """

  gains: dict[str, dict[int, float]]
  files: tuple[str, ...]


def medleydb(root: Path, *, with_bleed: bool = False) -> TrackSet:
  """Reads MedleyDB; the sound itself is read when it is asked for.

  Only the 196 tracks that are distributed count, and of these what is there.
  Stems are multiplied by their mixing coefficients if a file of them is found
  (those set by hand first, then those of version 1, then those of version 2);
  1 where there is none or the fit ran into its bound. The patch of a stem is
  the artist. The split keeps the tracks of an artist together.

  Args:
    root: The folder.
    with_bleed: Keep the tracks in which stems are heard in other stems, and
      the stems that are known to bleed in other tracks. They make poor
      targets: it is 80 of the 196 tracks.

  Returns:
    The songs, in the order of their names; what was left out is in `skipped`.

  Raises:
    InputError: If the folder holds no track to use, a track is there
      twice or lacks its metadata or a stem, a file is damaged, or a label is
      not in the table of instruments.
  """
  listed = json.loads(TRACKS_FILE.read_text(encoding="utf-8"))
  artists, bleeding = listed["tracks"], frozenset(listed["bleeding_stems"])
  folders, skipped = _song_folders(root, artists)
  places = (root, root.resolve().parent)
  coefficients = _coefficients(places)
  splits = load_splits("medleydb")
  tracks = []
  for name, folder in sorted(folders.items()):
    metadata = _metadata(name, folder, places)
    content = as_mapping(read_yaml(metadata), metadata)
    has_bleed = _bleeds(content, metadata)
    if has_bleed and not with_bleed:
      skipped.append(f"{name}: has bleed")
      continue
    stems, left_out = _stems(
      _Song(name, folder, metadata, artists[name], has_bleed),
      content,
      coefficients.gains.get(name, {}),
      bleeding,
      keep_bleeding=with_bleed,
    )
    skipped += left_out
    if stems:
      mixture = _mixture(name, folder, content)
      tracks.append(Track(name, splits.split_of(name), stems, mixture))
    else:
      skipped.append(f"{name}: no stem of one instrument")
  if not tracks:
    raise InputError(
      f"no track of MedleyDB to use in {root}: lay it out as {_FORM}"
      + (f" (left out: {skipped[0]})" if skipped else "")
    )
  return TrackSet(
    tuple(tracks),
    unseen=splits.unseen,
    unheard_patches=splits.unheard_patches,
    sources=("MedleyDB", *coefficients.files),
    skipped=tuple(skipped),
  )


def _song_folders(
  root: Path, names: Iterable[str]
) -> tuple[dict[str, Path], list[str]]:
  """Finds the folders of the tracks, and says which others are there."""
  folders: dict[str, Path] = {}
  others = []
  known = frozenset(names)
  if not root.is_dir():
    raise InputError(f"no folder {root}: name that of MedleyDB")
  for base in (root / name for name in _FOLDERS):
    for folder in sorted(base.iterdir()) if base.is_dir() else ():
      name = folder.name
      if name in folders:
        raise InputError(
          f"{folders[name]} and {folder} are one track: remove one"
        )
      if name in known and folder.is_dir():
        folders[name] = folder
      elif (folder / f"{name}_STEMS").is_dir():
        others.append(f"{name}: not one of the distributed tracks")
  return folders, others


class _Song(NamedTuple):
  """Where a track lies.

  Attributes:
    name: Its id.
    folder: Its folder.
    metadata: The file of its metadata.
    artist: Who plays.
    has_bleed: Whether the metadata say that stems are heard in others.
  """

  name: str
  folder: Path
  metadata: Path
  artist: str
  has_bleed: bool


def _stems(
  song: _Song,
  content: dict[Any, Any],
  gains: dict[int, float],
  bleeding: frozenset[str],
  *,
  keep_bleeding: bool,
) -> tuple[tuple[Stem, ...], list[str]]:
  """Returns the stems of one instrument each, and what was left out."""
  described = as_mapping(content.get("stems"), song.metadata)
  folder = song.folder / str(content.get("stem_dir", f"{song.name}_STEMS"))
  stems, left_out, paths = [], [], []
  for key, item in described.items():
    entry = as_mapping(item, song.metadata)
    number = _number(key, song.metadata)
    path = folder / str(entry.get("filename"))
    name = f"{song.name}_STEM_{number:02d}"
    paths.append(path)
    if name in bleeding and not keep_bleeding:
      left_out.append(f"{name}: bleeds, says the errata")
      continue
    instruments = _instruments(entry, song.metadata, key)
    dropped = sorted(instruments & set(NO_INSTRUMENT))
    if dropped:
      left_out.append(f"{name}: {dropped[0]} is no instrument")
      continue
    labels = {look_up("medleydb", raw) for raw in instruments}
    if len(labels) > 1:
      names = ", ".join(sorted(label.instrument for label in labels))
      left_out.append(f"{name}: several instruments ({names})")
      continue
    (label,) = labels
    stems.append(
      Stem(
        name=f"S{number:02d}",
        instrument=label.instrument,
        family=label.family,
        patch=song.artist,
        read=functools.partial(_read, path, _gain(gains.get(number))),
        files=(path,),
        bleed=song.has_bleed or name in bleeding,
      )
    )
  missing = [path.name for path in paths if not path.is_file()]
  if missing:
    raise InputError(
      f"{folder} lacks {', '.join(missing)}, named in {song.metadata.name}: "
      "copy them again or remove the track"
    )
  return tuple(stems), left_out


def _mixture(name: str, folder: Path, content: dict[Any, Any]) -> Read | None:
  path = folder / str(content.get("mix_filename", f"{name}_MIX.wav"))
  return functools.partial(read_audio, path) if path.is_file() else None


def _instruments(entry: dict[Any, Any], path: Path, key: Any) -> set[str]:
  value = entry.get("instrument")
  names = value if isinstance(value, list) else [value]
  if not names or not all(isinstance(name, str) for name in names):
    raise InputError(
      f"{path}: instrument of stem {key} is {value!r}: name one, or a list"
    )
  return set(names)


def _number(key: Any, path: Path) -> int:
  digits = str(key).removeprefix("S")
  if not digits.isdecimal():
    raise InputError(f"{path}: stem {key!r}: call it S01, S02 and so on")
  return int(digits)


def _gain(coefficient: float | None) -> float:
  if coefficient is None or not _MIN_GAIN < coefficient < _MAX_GAIN:
    return 1.0
  return coefficient


def _read(
  path: Path, gain: float
) -> tuple[Float32[np.ndarray, "samples channels"], int]:
  samples, rate_hz = read_audio(path)
  return samples * np.float32(gain), rate_hz


def _bleeds(content: dict[Any, Any], path: Path) -> bool:
  """Reads the strings yes and no, which are both true to Python."""
  value = str(content.get("has_bleed"))
  if value not in _YES_NO:
    raise InputError(f"{path}: has_bleed is {value!r}: write 'yes' or 'no'")
  return _YES_NO[value]


def _metadata(name: str, folder: Path, places: Iterable[Path]) -> Path:
  file = f"{name}_METADATA.yaml"
  for path in (folder, *(place / "Metadata" for place in places)):
    if (path / file).is_file():
      return path / file
  raise InputError(
    f"no {file} in {folder} or in Metadata/ beside it: copy it there from "
    "github.com/marl/medleydb"
  )


def _coefficients(places: Iterable[Path]) -> _Coefficients:
  """Reads every file of mixing coefficients in the first place with any.

  A track has a gain a stem (version 1) or such a table a method (version 2);
  the two forms are told apart by what is in them.
  """
  files: list[Path] = []
  for place in places:
    files = files or sorted(place.glob("mixing_coefficients*.yaml"))
  tables: dict[str, dict[str, dict[int, float]]] = {}
  for path in files:
    for name, entry in as_mapping(read_yaml(path), path).items():
      methods = as_mapping(entry, path)
      if not any(isinstance(value, dict) for value in methods.values()):
        methods = {"": methods}
      for method in methods:
        tables.setdefault(name, {})[method] = _gains(methods[method], path)
  gains = {
    name: next(of[method] for method in _METHODS if method in of)
    for name, of in tables.items()
    if not of.keys().isdisjoint(_METHODS)
  }
  return _Coefficients(gains, tuple(path.name for path in files))


def _gains(table: Any, path: Path) -> dict[int, float]:
  content = as_mapping(table, path)
  for key, value in content.items():
    if not isinstance(value, int | float):
      raise InputError(f"{path}: coefficient of stem {key} is {value!r}")
  return {_number(key, path): value for key, value in content.items()}
