"""Title, artist and the like of audio files."""

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

import soundfile

from fewshot_mss.audio.mp4 import is_mp4, mp4_tags

# As MP4 names what soundfile calls the same, but for one.
_NAMES = (
  *("title", "artist", "album", "date", "genre", "comment", "copyright"),
  "license",
)
_MP4_NAMES = {name: name for name in _NAMES} | {"tracknumber": "track"}


def read_tags(path: Path) -> dict[str, str]:
  """Returns title, artist and the like of an audio file.

  Args:
    path: Of a file; what cannot be read has none.

  Returns:
    By soundfile's names of them. Not the software that wrote the file.

  Raises:
    InputError: If it is an MP4 file that cannot be read.
  """
  try:
    if is_mp4(path):
      held = mp4_tags(path)
      tags = {name: held.get(theirs, "") for name, theirs in _MP4_NAMES.items()}
    else:
      with soundfile.SoundFile(os.fsencode(path.absolute())) as sound:
        tags = sound.copy_metadata()
  except (soundfile.LibsndfileError, OSError):
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
