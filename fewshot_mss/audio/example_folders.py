"""Examples as a person names them: files, parts of files, folders of files."""

from collections.abc import Sequence
from pathlib import Path

from fewshot_mss.errors import InputError

# What is taken from a folder, where covers and notes lie beside the sounds. A
# file that is named itself may be of any kind.
_EXTENSIONS = (
  ".aif",
  ".aifc",
  ".aiff",
  ".caf",
  ".flac",
  ".m4a",
  ".mp3",
  ".mp4",
  ".oga",
  ".ogg",
  ".opus",
  ".rf64",
  ".w64",
  ".wav",
)


def expand_examples(words: Sequence[str]) -> list[str]:
  """Puts the audio files of folders in their places.

  Args:
    words: Each a file, a time range of one (`song.wav@1:02-1:09`), or a folder.

  Returns:
    Files and ranges as they were, and for a folder its audio files by name;
    not those of folders in it, nor hidden ones. Whether a file is there is not
    looked at.

  Raises:
    InputError: If a folder holds no audio file or cannot be read, or a name is
      empty.
  """
  examples = []
  for word in words:
    if not word.strip():
      raise InputError("an example has an empty name: name a file or a folder")
    if Path(word).is_dir():
      examples += _audio_files(Path(word))
    else:
      examples.append(word)
  return examples


def _audio_files(folder: Path) -> list[str]:
  try:
    names = sorted(
      path.name
      for path in folder.iterdir()
      if path.suffix.lower() in _EXTENSIONS
      and not path.name.startswith(".")
      and path.is_file()
    )
  except OSError as error:
    raise InputError(
      f"{folder} cannot be read ({error.strerror}): name another folder"
    ) from error
  if not names:
    raise InputError(
      f"{folder} holds no audio file: name a folder with some in itself, or "
      "files"
    )
  return [str(folder / name) for name in names]
