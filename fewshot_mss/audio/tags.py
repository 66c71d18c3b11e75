"""Title, artist and the like of audio files."""

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

import soundfile

from fewshot_mss.audio.mp4 import is_mp4, mp4_tags

# Those that soundfile writes.
_NAMES = frozenset(
  ("title", "artist", "album", "date", "tracknumber", "genre", "comment")
) | {"copyright", "license"}
# As FFmpeg names what soundfile names otherwise.
_MP4_NAMES = {"track": "tracknumber"}
# What MP4 files hold of themselves, not of the song.
_MP4_FACTS = frozenset(
  ("major_brand", "minor_version", "compatible_brands", "creation_time")
) | {"encoder", "gapless_playback", "iTunSMPB", "iTunNORM"}
# In the place of bytes that are no UTF-8.
_NO_TEXT = "\ufffd"


def read_tags(path: Path) -> dict[str, str]:
  """Returns title, artist and the like of an audio file.

  Args:
    path: Of a file; what cannot be read has none.

  Returns:
    By soundfile's names of them; others that MP4 files have by FFmpeg's. Not
    the software that wrote the file. See `is_text`.

  Raises:
    InputError: If it is an MP4 file that cannot be read.
  """
  try:
    if is_mp4(path):
      tags = {
        _MP4_NAMES.get(name, name): text
        for name, text in mp4_tags(path).items()
        if name not in _MP4_FACTS
      }
    else:
      with soundfile.SoundFile(os.fsencode(path.absolute())) as sound:
        tags = sound.copy_metadata()
  except (soundfile.LibsndfileError, OSError):
    return {}
  return {
    name: text for name, text in tags.items() if text and name != "software"
  }


def is_text(tag: str) -> bool:
  """Tells whether a tag was read as it is: it may be no UTF-8."""
  return _NO_TEXT not in tag


def write_tags(
  sound: soundfile.SoundFile, format_name: str, tags: Mapping[str, str]
) -> None:
  """Gives a file that has just begun its tags.

  Args:
    sound: The file.
    format_name: Its container, one of `FORMATS`.
    tags: By soundfile's names. Others are left out, and what is no text, and
      those that the container lacks: only what it holds in the end tells.
  """
  for name, text in tags.items():
    if name not in _NAMES or not is_text(text):
      continue
    # LAME takes the bytes for Latin-1: no tag rather than a garbled one.
    if format_name == "mp3" and not text.isascii():
      continue
    # Containers have some tags and lack others.
    with contextlib.suppress(soundfile.LibsndfileError):
      setattr(sound, name, text)
