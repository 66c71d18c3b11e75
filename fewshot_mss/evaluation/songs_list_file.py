"""The list of a folder of songs as a JSON file: names and seconds, no paths."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fewshot_mss.audio.files import audio_info
from fewshot_mss.data.catalogue import write_text_whole
from fewshot_mss.data.tracks import Track
from fewshot_mss.errors import InputError
from fewshot_mss.evaluation.songs_list import (
  ListedStem,
  SongItem,
  SongsList,
  Span,
)

LIST_NAME = "songs_list.json"
FORMAT_VERSION = 1
# Files of other formats do not tell their length for sure.
_EXACT = (".wav", ".flac", ".ogg")
# What a stem's length may differ by: rounding, and nothing else.
_TOLERANCE_S = 1e-3


def write_songs_list(songs_list: SongsList, path: Path) -> None:
  """Writes a list, whole or not at all.

  Args:
    songs_list: The list.
    path: Of the file; its folder is made if it is not there.

  Raises:
    InputError: If it cannot be written.
  """
  content = {
    "format_version": FORMAT_VERSION,
    "layout": songs_list.layout,
    "split": songs_list.split,
    "seed": songs_list.seed,
    "example_s": songs_list.example_s,
    "songs": songs_list.songs,
    "items": [
      {k: v for k, v in item._asdict().items() if k != "index"}
      for item in songs_list.items
    ],
    "skipped": songs_list.skipped,
  }
  write_list_text(json.dumps(content, indent=1) + "\n", path)


def write_list_text(text: str, path: Path) -> None:
  """Writes a list that is text already, as it is.

  Args:
    text: What `read_list_file` returned.
    path: Of the file.

  Raises:
    InputError: If it cannot be written.
  """
  try:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text_whole(path, text)
  except OSError as error:
    raise InputError(
      f"{path} cannot be written ({error.strerror}): name another folder"
    ) from error


def read_list_file(path: Path) -> str:
  """Returns the text of a list.

  Args:
    path: What `write_songs_list` wrote.

  Returns:
    Its text, for `parse_songs_list`.

  Raises:
    InputError: If it cannot be read.
  """
  try:
    return path.read_bytes().decode("utf-8")
  except OSError as error:
    raise InputError(
      f"{path} cannot be read ({error.strerror}): name a list that an earlier "
      "evaluation wrote"
    ) from error
  except UnicodeDecodeError as error:
    raise InputError(_damaged(path)) from error


def parse_songs_list(text: str, path: Path) -> tuple[SongsList, str]:
  """Reads a list.

  Args:
    text: What `read_list_file` returned.
    path: Its file, for messages.

  Returns:
    The list, and the SHA-256 of its file.

  Raises:
    InputError: If it is damaged or of another format.
  """
  try:
    content = json.loads(text)
    version = content["format_version"]
  except (ValueError, LookupError, TypeError) as error:
    raise InputError(_damaged(path)) from error
  if version != FORMAT_VERSION:
    raise InputError(
      f"{path} is not of format version {FORMAT_VERSION}: let it be drawn anew"
    )
  try:
    songs_list = _from_json(content)
  except (
    AttributeError,
    LookupError,
    TypeError,
    ArithmeticError,
    ValueError,
  ) as error:
    raise InputError(_damaged(path)) from error
  _check_names(songs_list, path)
  return songs_list, hashlib.sha256(text.encode()).hexdigest()


def check_list_fits(
  songs_list: SongsList, path: Path, tracks: Sequence[Track], folder: Path
) -> None:
  """Checks that a list is of a folder, by names, instruments and lengths.

  Args:
    songs_list: The list.
    path: Its file, for the message.
    tracks: The songs of the folder.
    folder: For the message.

  Raises:
    InputError: If it is not, with the first difference.
  """
  there = {track.name: track for track in tracks}
  strange = sorted(set(there) ^ set(songs_list.songs))
  if strange:
    where = "folder" if strange[0] in there else "list"
    _refuse(path, folder, f"song {strange[0]} is in the {where} alone")
  for song, listed in songs_list.songs.items():
    stems = {stem.name: stem for stem in there[song].stems}
    strange = sorted(set(stems) ^ {stem.name for stem in listed})
    if strange:
      where = "folder" if strange[0] in stems else "list"
      _refuse(
        path, folder, f"stem {strange[0]} of {song} is in the {where} alone"
      )
    for name, instrument, duration_s in listed:
      stem = stems[name]
      if stem.instrument != instrument:
        _refuse(
          path,
          folder,
          f"stem {name} of {song} is {instrument} in the list and "
          f"{stem.instrument} in the folder",
        )
      if len(stem.files) != 1 or stem.files[0].suffix.lower() not in _EXACT:
        continue
      info = audio_info(stem.files[0])
      found_s = info.num_samples / info.rate_hz
      if abs(found_s - duration_s) > _TOLERANCE_S:
        _refuse(
          path,
          folder,
          f"stem {name} of {song} is {duration_s:.3f} s in the list and "
          f"{found_s:.3f} s in the folder",
        )


def _refuse(path: Path, folder: Path, difference: str) -> None:
  raise InputError(
    f"{path} is not the list of {folder}: {difference}; name the list of this "
    "folder, or let it be drawn in another --workdir"
  )


def _damaged(path: Path) -> str:
  return f"{path} is damaged: take another copy, or let it be drawn anew"


def _from_json(content: dict[str, Any]) -> SongsList:
  def both(spans: Sequence) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    right, wrong = (
      tuple(Span(str(a), str(b), float(c)) for a, b, c in query)
      for query in spans
    )
    return right, wrong

  return SongsList(
    layout=str(content["layout"]),
    split=str(content["split"]),
    seed=int(content["seed"]),
    example_s=float(content["example_s"]),
    songs={
      song: tuple(ListedStem(str(a), str(b), float(c)) for a, b, c in stems)
      for song, stems in content["songs"].items()
    },
    items=tuple(
      SongItem(
        index=index,
        song=str(item["song"]),
        instrument=str(item["instrument"]),
        wrong_instrument=str(item["wrong_instrument"]),
        positives=both(item["positives"]),
        negatives=both(item["negatives"]),
      )
      for index, item in enumerate(content["items"])
    ),
    skipped=tuple(map(str, content["skipped"])),
  )


def _check_names(songs_list: SongsList, path: Path) -> None:
  """Checks that what the items name is among the songs of the list."""
  if not songs_list.example_s > 0:
    raise InputError(_damaged(path))
  for item in songs_list.items:
    asked = {item.instrument, item.wrong_instrument}
    known = {stem.instrument for stem in songs_list.songs.get(item.song, ())}
    if len(asked) != 2 or not asked <= known:
      raise InputError(_damaged(path))
    for span in item.spans:
      lengths_s = {
        stem.name: stem.duration_s
        for stem in songs_list.songs.get(span.song, ())
      }
      end_s = span.start_s + songs_list.example_s
      if (
        span.start_s < 0
        or not end_s <= lengths_s.get(span.stem, -1.0) + _TOLERANCE_S
      ):
        raise InputError(_damaged(path))
    if not all(item.positives):
      raise InputError(_damaged(path))
