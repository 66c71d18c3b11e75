"""Slakh2100 in its three editions, and BabySlakh: one folder a song.

`ROOT/train|validation|test/TrackNNNNN/` with `metadata.yaml` and
`stems/Sxx.flac`; in BabySlakh `ROOT/TrackNNNNN/` with `stems/Sxx.wav`.

A stem's class is its inst_class, not its General MIDI program: the program is
what the MIDI file asked for, but a sampler played some patch of the class (the
harmonica of Track00001 is an organ). The patch is the name of the plug-in.
"""

import functools
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fewshot_mss.audio.files import read_audio
from fewshot_mss.data.catalogue import SPLITS
from fewshot_mss.data.labels import look_up
from fewshot_mss.data.layouts.yaml_files import read_yaml
from fewshot_mss.data.splits import Splits, load_splits
from fewshot_mss.data.tracks import Read, Stem, Track, TrackSet
from fewshot_mss.errors import InputError

EDITIONS = ("redux", "orig", "split2")
EXTENSIONS = (".flac", ".wav")
# The last number of Slakh2100-orig's training, and of its validation.
_LAST_TRAIN, _LAST_VALIDATION = 1500, 1875
_LISTS_FILE = Path(__file__).with_name("slakh_tracks.json")


def slakh(root: Path, edition: str = "redux") -> TrackSet:
  """Reads Slakh2100; the sound itself is read when it is asked for.

  The folders train, validation and test are the splits; omitted and others
  are not read. No composition is in two splits: redux leaves out the songs
  that it omits, wherever they lie, and orig leaves out those of training and
  validation whose MIDI file is also in a later split.

  Args:
    root: The folder that holds train, validation and test, or some of them.
    edition: `redux`, `orig` or `split2`, the way that the folder is split.

  Returns:
    The songs, in the order of their splits and names. What was left out is
    in `skipped`: duplicates, songs without metadata or audio, and, as
    `TrackNNNNN/Sxx`, stems without a file though rendered, or without a label.

  Raises:
    InputError: If there is no such edition or no usable song, a song lies in
      another split than the edition's, metadata are damaged or a label is in
      no table.
  """
  if edition not in EDITIONS:
    raise InputError(
      f"no edition {edition!r} of Slakh2100: there are {', '.join(EDITIONS)}"
    )
  left_out, reason = _left_out(edition)
  kept = []
  skipped = []
  for split in SPLITS:
    for folder in _track_folders(root / split):
      _check_split(folder, split, edition)
      if _number(folder) in left_out:
        skipped.append(f"{folder.name}: {reason}")
      else:
        kept.append((folder, split))
  return _track_set(
    kept,
    load_splits("slakh2100"),
    source=f"Slakh2100-{edition}",
    skipped=skipped,
    where=f"{root}: name the folder that holds train, validation and test",
  )


def babyslakh(root: Path) -> TrackSet:
  """Reads BabySlakh; the sound itself is read when it is asked for.

  Its metadata say of every stem that it is not rendered: what counts, here as
  in the other editions, is whether the file is there.

  Args:
    root: The folder that holds Track00001 to Track00020, or some of them.

  Returns:
    The songs, in the order of their names, and what was left out, as `slakh`
    does it.

  Raises:
    InputError: If there is no usable song, metadata are damaged or a label is
      in no table.
  """
  splits = load_splits("babyslakh")
  return _track_set(
    [(folder, splits.split_of(folder.name)) for folder in _track_folders(root)],
    splits,
    source="BabySlakh",
    skipped=[],
    where=f"{root}: name the folder that holds Track00001 and others",
  )


def _track_set(
  folders: Sequence[tuple[Path, str]],
  splits: Splits,
  *,
  source: str,
  skipped: Sequence[str],
  where: str,
) -> TrackSet:
  """Reads the songs of some folders of known splits."""
  left_out = list(skipped)
  tracks = []
  for folder, split in folders:
    stems, stems_left_out = _stems(folder)
    left_out += stems_left_out
    if stems:
      tracks.append(Track(folder.name, split, stems, _mixture(folder)))
  if not tracks:
    raise InputError(f"no song with metadata.yaml and stems in {where}")
  return TrackSet(
    tuple(tracks),
    unseen=splits.unseen,
    unheard_patches=splits.unheard_patches,
    sources=(source,),
    skipped=tuple(left_out),
  )


def _track_folders(folder: Path) -> list[Path]:
  if not folder.is_dir():
    return []
  return sorted(
    entry
    for entry in folder.iterdir()
    if re.fullmatch(r"Track\d{5}", entry.name) and entry.is_dir()
  )


def _number(folder: Path) -> int:
  return int(folder.name.removeprefix("Track"))


@functools.cache
def _lists() -> dict[str, Any]:
  return json.loads(_LISTS_FILE.read_text(encoding="utf-8"))


def _left_out(edition: str) -> tuple[frozenset[int], str]:
  """Returns the numbers that an edition does without, and why."""
  if edition == "redux":
    return frozenset(_lists()["redux_omits"]), "omitted in redux"
  if edition == "orig":
    return (
      frozenset(_lists()["orig_drops"]),
      "its MIDI file is also in validation or test",
    )
  return frozenset(), ""


def _check_split(folder: Path, split: str, edition: str) -> None:
  """Checks that a song lies where its edition has it.

  Moved ones would give a training set songs that others test on.
  """
  number = _number(folder)
  expected = SPLITS[(number > _LAST_TRAIN) + (number > _LAST_VALIDATION)]
  if edition == "split2":
    for destination, moved in _lists()["split2_moves"].items():
      if number in moved:
        expected = destination
  if split != expected:
    raise InputError(
      f"{folder}: {edition} has {folder.name} in {expected}: name another "
      f"edition ({', '.join(EDITIONS)}), or split the folder anew"
    )


def _stems(folder: Path) -> tuple[tuple[Stem, ...], list[str]]:
  """Returns the stems of a song that are there, and what is left out."""
  metadata = folder / "metadata.yaml"
  if not metadata.is_file():
    return (), [f"{folder.name}: no metadata.yaml"]
  files = _audio_files(folder / "stems")
  stems = []
  left_out = []
  described = _described(metadata)
  for name, entry in sorted(described.items()):
    if name in files:
      stems.append(_stem(name, entry, files[name]))
    elif entry.get("audio_rendered") is True:
      left_out.append(f"{folder.name}/{name}: rendered, but there is no file")
  left_out += [
    f"{folder.name}/{name}: not in metadata.yaml"
    for name in sorted(set(files) - set(described))
  ]
  if not stems:
    left_out.append(f"{folder.name}: no audio in stems")
  return tuple(stems), left_out


def _mixture(folder: Path) -> Read | None:
  for extension in EXTENSIONS:
    path = folder / f"mix{extension}"
    if path.is_file():
      return functools.partial(read_audio, path)
  return None


def _audio_files(folder: Path) -> dict[str, Path]:
  """Returns the files of stems by their ids, FLAC where both are there."""
  return {
    path.stem: path
    for extension in reversed(EXTENSIONS)
    for path in folder.glob(f"S*{extension}")
  }


def _described(metadata: Path) -> dict[str, dict[str, Any]]:
  """Returns what metadata say of each stem, by its id."""
  again = "download the song again"
  content = read_yaml(metadata)
  if not isinstance(content, dict) or not isinstance(
    content.get("stems"), dict
  ):
    raise InputError(f"{metadata} has no mapping `stems`: {again}")
  for name, entry in content["stems"].items():
    inst_class = entry.get("inst_class") if isinstance(entry, dict) else None
    if not isinstance(name, str) or not isinstance(inst_class, str):
      raise InputError(f"{metadata}: stem {name} has no inst_class: {again}")
  return content["stems"]


def _stem(name: str, entry: dict[str, Any], path: Path) -> Stem:
  label = look_up(
    "slakh", "Drums" if entry.get("is_drum") else entry["inst_class"]
  )
  return Stem(
    name=name,
    instrument=label.instrument,
    family=label.family,
    patch=_patch(entry.get("plugin_name")),
    read=functools.partial(read_audio, path),
    files=(path,),
  )


def _patch(plugin_name: object) -> str:
  """Makes a plug-in's name a patch: neither folder nor ending; `` if none."""
  # YAML reads None, as in stems that were not rendered, as a word.
  if not isinstance(plugin_name, str) or plugin_name == "None":
    return ""
  return re.sub(r"\.(nkm|component)$", "", plugin_name.rsplit("/", 1)[-1])
