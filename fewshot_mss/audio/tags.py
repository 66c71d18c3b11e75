"""Title, artist and the like of audio files."""

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

import soundfile


def read_tags(path: Path) -> dict[str, str]:
  """Returns title, artist and the like of an audio file.

  Args:
    path: Of a file; what libsndfile cannot read has none.

  Returns:
    By soundfile's names of them. Not the software that wrote the file.
  """
  try:
    with soundfile.SoundFile(os.fsencode(path.absolute())) as sound:
      tags = sound.copy_metadata()
  except soundfile.LibsndfileError:
    return {}
  # What is no UTF-8 comes with replacement characters in it.
  return {
    name: text
    for name, text in tags.items()
    if text and name != "software" and "\ufffd" not in text
  }


def write_tags(
  sound: soundfile.SoundFile, format_name: str, tags: Mapping[str, str]
) -> None:
  """Gives a file that has just begun its tags.

  Args:
    sound: The file.
    format_name: Its container, one of `FORMATS`.
    tags: By soundfile's names; those that the container lacks are left out.
  """
  for name, text in tags.items():
    # LAME takes the bytes for Latin-1: no tag rather than a garbled one.
    if format_name == "mp3" and not text.isascii():
      continue
    # Containers have some tags and lack others.
    with contextlib.suppress(soundfile.LibsndfileError):
      setattr(sound, name, text)
