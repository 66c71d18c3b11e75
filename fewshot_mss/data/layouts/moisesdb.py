"""MoisesDB: songs as stems, each of them a few tracks.

`ROOT/<provider>/<song uuid>/data.json`, at any depth, and beside it
`<stemName>/<track id>.wav`.
"""

import contextlib
import functools
import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Float32

from fewshot_mss.audio.files import audio_info, read_audio
from fewshot_mss.audio.resampling import resample, to_mono
from fewshot_mss.data.labels import Label, all_labels, fold, look_up
from fewshot_mss.data.splits import load_splits
from fewshot_mss.data.tracks import Stem, Track, TrackSet
from fewshot_mss.errors import InputError

# Of the numbers 0 to 1 that the hash of a song's uuid makes.
_VALIDATION_BELOW, _TEST_BELOW = 0.1, 0.3
_FORM = "ROOT/<provider>/<song uuid>/data.json and <stemName>/<track id>.wav"


class _Recording(NamedTuple):
  """One track of a stem, as MoisesDB calls them.

  Attributes:
    path: Its file.
    stem_name: The stem that it belongs to.
    label: What its track type is.
    has_bleed: None if nobody knows.
  """

  path: Path
  stem_name: str
  label: Label
  has_bleed: bool | None


class _Form(NamedTuple):
  """What the stems of a song have in common.

  Attributes:
    rate_hz: The highest rate of its files.
    channels: The most channels of its files.
    lengths: Of each stem by its name, the length of its shortest file at that
      rate.
  """

  rate_hz: int
  channels: int
  lengths: dict[str, int]


def moisesdb(root: Path, *, with_bleed: bool = False) -> TrackSet:
  """Reads MoisesDB; the sound itself is read when it is asked for.

  A stem here is the sum of the tracks of one instrument in one stem there, so
  instruments are told apart by track type; where the table of instruments has
  no line for a track type, the stem's name is the label. By the rules of the
  dataset tracks are cut to the shortest of their stem, and stems padded to
  the longest of the song. All stems of a song have its highest rate and most
  channels. The patch of a stem is the artist.

  Args:
    root: The folder.
    with_bleed: Keep the tracks in which others are heard. Those of which
      nobody knows are kept in any case.

  Returns:
    The songs, in the order of their uuids; the tracks and songs that were
    left out are in `skipped`.

  Raises:
    InputError: If the folder holds no song to use, a song is there twice, its
      data.json is damaged, a track is missing, or a label is not in the table
      of instruments.
  """
  if not root.is_dir():
    raise InputError(f"no folder {root}: name that of MoisesDB")
  splits = load_splits("moisesdb")
  songs: dict[str, Path] = {}
  tracks, skipped = [], []
  for path in sorted(root.rglob("data.json"), key=_name):
    name = _name(path)
    if name in songs:
      raise InputError(f"{songs[name]} and {path} are one song: remove one")
    songs[name] = path
    recordings, artist = _song(path)
    kept = [item for item in recordings if with_bleed or not item.has_bleed]
    skipped += [
      f"{name}/{item.stem_name}/{item.path.stem}: has bleed"
      for item in recordings
      if item not in kept
    ]
    if kept:
      tracks.append(Track(name, split_of(name), _stems(kept, artist)))
    else:
      skipped.append(f"{name}: no track to use")
  if not tracks:
    raise InputError(
      f"no song of MoisesDB to use in {root}: lay it out as {_FORM}"
      + (f" (left out: {skipped[-1]})" if skipped else "")
    )
  return TrackSet(
    tuple(tracks),
    unseen=splits.unseen,
    unheard_patches=splits.unheard_patches,
    sources=("MoisesDB",),
    skipped=tuple(skipped),
  )


def split_of(name: str) -> str:
  """Draws the split of a song by the hash of its uuid, and by nothing else.

  Args:
    name: The uuid, in either case.

  Returns:
    `validation` for a tenth of all uuids, `test` for a fifth, or `train`.
  """
  digest = hashlib.sha256(name.lower().encode()).digest()
  drawn = int.from_bytes(digest[:4], "big") / 2**32
  if drawn < _VALIDATION_BELOW:
    return "validation"
  return "test" if drawn < _TEST_BELOW else "train"


def _name(path: Path) -> str:
  return path.resolve().parent.name


def _song(path: Path) -> tuple[list[_Recording], str]:
  """Returns the tracks of a song, each once, and who made it."""
  try:
    content = json.loads(path.read_text(encoding="utf-8"))
  except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
    raise InputError(
      f"{path} cannot be read ({error}): copy it again"
    ) from error
  recordings: dict[Path, _Recording] = {}
  for stem in _field(path, content, "stems", list):
    stem_name = _field(path, stem, "stemName", str)
    for track in _field(path, stem, "tracks", list):
      extension = _field(path, track, "extension", str).lstrip(".")
      identity = _field(path, track, "id", str)
      file = path.parent / stem_name / f"{identity}.{extension}"
      recordings[file] = _Recording(
        file,
        stem_name,
        _label(stem_name, str(track.get("trackType") or "")),
        _field(path, track, "has_bleed", bool | None),
      )
  missing = [
    f"{item.stem_name}/{item.path.name}"
    for item in recordings.values()
    if not item.path.is_file()
  ]
  if missing:
    raise InputError(
      f"{path.parent} lacks {', '.join(missing)}, named in data.json: copy "
      "them again or remove the song"
    )
  return list(recordings.values()), str(content.get("artist") or "")


def _field(path: Path, holder: Any, key: str, kind: Any) -> Any:
  value = holder.get(key) if isinstance(holder, dict) else holder
  if not isinstance(holder, dict) or not isinstance(value, kind):
    raise InputError(
      f"{path}: {key} is {str(value)[:40]!r}, not as MoisesDB has it: copy the "
      "file again"
    )
  return value


@functools.cache
def _label(stem_name: str, track_type: str) -> Label:
  known = {row.label for row in all_labels() if row.table == "moisesdb"}
  both = f"{stem_name}/{track_type}"
  fall_back = fold(both) not in known and fold(stem_name) in known
  return look_up("moisesdb", stem_name if fall_back else both)


def _stems(recordings: Sequence[_Recording], artist: str) -> tuple[Stem, ...]:
  """Groups the tracks by stem and instrument."""
  groups: dict[tuple[str, Label], list[_Recording]] = {}
  for item in recordings:
    groups.setdefault((item.stem_name, item.label), []).append(item)
  song = tuple((item.stem_name, item.path) for item in recordings)
  return tuple(
    Stem(
      name=f"{stem_name}/{label.instrument}",
      instrument=label.instrument,
      family=label.family,
      patch=artist,
      read=functools.partial(
        _read, stem_name, tuple(item.path for item in held), song
      ),
      files=tuple(item.path for item in held),
      bleed=_bleed(item.has_bleed for item in held),
    )
    for (stem_name, label), held in groups.items()
  )


def _bleed(stated: Iterable[bool | None]) -> bool | None:
  """Returns whether any track has bleed; None if it may be so."""
  values = set(stated)
  if True in values:
    return True
  return None if None in values else False


def _form(song: tuple[tuple[str, Path], ...]) -> _Form:
  """Finds by the headers what length each stem of a song may have.

  Files that are no audio have no say: without them the others can be used.
  """
  infos = []
  for stem_name, path in song:
    with contextlib.suppress(InputError):
      infos.append((stem_name, audio_info(path)))
  rate_hz = max(info.rate_hz for _, info in infos)
  lengths: dict[str, int] = {}
  for stem_name, info in infos:
    length = round(info.num_samples * rate_hz / info.rate_hz)
    lengths[stem_name] = min(lengths.get(stem_name, length), length)
  return _Form(
    rate_hz, channels=max(info.channels for _, info in infos), lengths=lengths
  )


def _read(
  stem_name: str, paths: tuple[Path, ...], song: tuple[tuple[str, Path], ...]
) -> tuple[Float32[np.ndarray, "samples channels"], int]:
  """Sums tracks, cut to their stem's length and padded to the song's."""
  sounds = [read_audio(path) for path in paths]
  form = _form(song)
  total = np.zeros((max(form.lengths.values()), form.channels), np.float32)
  for samples, rate_hz in sounds:
    heard = _spread(resample(samples, rate_hz, form.rate_hz), form.channels)
    heard = heard[: form.lengths[stem_name]]
    total[: len(heard)] += heard
  return total, form.rate_hz


def _spread(
  samples: Float[np.ndarray, "samples channels"], channels: int
) -> Float[np.ndarray, "samples common"]:
  """Gives a sound more channels, each of which is the mean of its own."""
  if samples.shape[1] == channels:
    return samples
  return np.repeat(to_mono(samples)[:, np.newaxis], channels, axis=1)
