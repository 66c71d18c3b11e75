"""Where the parts of songs go, and as what."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from fewshot_mss.audio.blocks import AudioInfo
from fewshot_mss.audio.formats import (
  BITS,
  FORMATS,
  LOSSY_FORMATS,
  MAX_WAV_BYTES,
  MP3_RATES_HZ,
  Form,
  kept_subtype,
)
from fewshot_mss.audio.output_folders import check_makeable
from fewshot_mss.errors import InputError

# Containers that are kept, as libsndfile names them; of all else wav is made.
_KEPT = {
  "WAV": "wav",
  "WAVEX": "wav",
  "RF64": "wav",
  "FLAC": "flac",
  "AIFF": "aiff",
  "W64": "w64",
}
_SUBTYPE_OF_DEPTH = {
  "16": "PCM_16",
  "24": "PCM_24",
  "32": "PCM_32",
  "float": "FLOAT",
}


class SongPlan(NamedTuple):
  """What will be made of a song.

  Attributes:
    song: Its file.
    info: What its header says.
    form: What its parts are written as.
    paths: Where, a target each, and the residual last.
  """

  song: Path
  info: AudioInfo
  form: Form
  paths: tuple[Path, ...]

  @property
  def folder(self) -> Path:
    """Of all parts."""
    return self.paths[0].parent


def plan_song(
  song: Path,
  info: AudioInfo,
  output: Path,
  parts: Sequence[str],
  form: Form,
) -> SongPlan:
  """Returns where the parts of a song go.

  Args:
    song: Its file.
    info: What its header says.
    output: Folder of all songs.
    parts: Names of the files, without endings.
    form: What they are written as.

  Returns:
    The plan.
  """
  # `...wav` is a file whose name without its ending is a folder further up.
  name = song.stem if song.stem.strip(".") else song.name
  paths = tuple(output / name / f"{part}.{form.format}" for part in parts)
  return SongPlan(song, info, form, paths)


def choose_form(
  song: Path, info: AudioInfo, format_name: str | None, bit_depth: str | None
) -> Form:
  """Returns what the parts of a song are written as.

  Args:
    song: Its file, for messages.
    info: What its header says.
    format_name: One of `FORMATS`; None to keep the song's if it is lossless.
    bit_depth: 16, 24, 32 or float; None to keep the song's.

  Returns:
    The form.

  Raises:
    InputError: If the container has not that depth, or not the song's rate.
  """
  kept = format_name or _KEPT.get(info.format, "wav")
  if bit_depth is None:
    subtype = kept_subtype(info, kept)
  else:
    subtype = _SUBTYPE_OF_DEPTH[bit_depth]
    if subtype not in FORMATS[kept]:
      if format_name is None:
        # Nobody asked for flac in so many words.
        kept = "wav"
      else:
        raise InputError(f"--bit_depth {bit_depth}: {_depths(kept)}")
  if kept == "mp3" and info.rate_hz not in MP3_RATES_HZ:
    raise InputError(
      f"{song} has {info.rate_hz} Hz, which mp3 has not: give --format ogg"
    )
  size = info.num_samples * info.channels * BITS.get(subtype, 64) // 8
  if kept == "aiff" and size > MAX_WAV_BYTES:
    if format_name is not None:
      raise InputError(
        f"{song} is too long for aiff: give --format wav, w64 or flac"
      )
    kept = "wav"
  return Form(kept, subtype)


def _depths(format_name: str) -> str:
  if format_name in LOSSY_FORMATS:
    return f"{format_name} has no bit depth: leave it out"
  there = [
    depth
    for depth, subtype in _SUBTYPE_OF_DEPTH.items()
    if subtype in FORMATS[format_name]
  ]
  return f"{format_name} has {' and '.join(there)}, or give --format wav"


def check_plans(
  plans: Sequence[SongPlan], inputs: Iterable[Path], overwrite: bool
) -> None:
  """Checks that all parts can be written, before anything is computed.

  Args:
    plans: Of all songs.
    inputs: All files that are read.
    overwrite: Whether files that are there may be replaced.

  Raises:
    InputError: If two songs would be written to one folder, something is in
      the way, or a folder cannot be written.
  """
  places: dict[str, Path] = {}
  read = {(s.st_dev, s.st_ino) for s in (path.stat() for path in inputs)}
  for plan in plans:
    # Some file systems take large and small letters for the same.
    other = places.setdefault(str(plan.folder).casefold(), plan.song)
    if other is not plan.song:
      raise InputError(
        f"{other} and {plan.song} would both be written to {plan.folder}: "
        "rename one, or separate them into two outputs"
      )
    try:
      for path in plan.paths:
        _check_free(path, read, overwrite)
    except OSError as error:
      raise InputError(
        f"{plan.folder} cannot be written ({error.strerror}): name another "
        "folder"
      ) from error
    check_makeable(plan.folder)


def _check_free(
  path: Path, read: set[tuple[int, int]], overwrite: bool
) -> None:
  if path.is_dir():
    raise InputError(f"{path} is a folder: choose another output")
  # A link to what is not there, a disk that is not plugged in, is there itself.
  if not os.path.lexists(path):
    return
  if not overwrite:
    raise InputError(
      f"{path} is there already: choose another output, or give --overwrite"
    )
  if path.exists() and (path.stat().st_dev, path.stat().st_ino) in read:
    raise InputError(
      f"{path} is read, too, and would be replaced: choose another output"
    )
