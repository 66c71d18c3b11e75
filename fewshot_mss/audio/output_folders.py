"""Folders that audio files are written to."""

import contextlib
import fcntl
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

from fewshot_mss.errors import InputError

# How the files begin that `check_writable` tries a folder with.
WRITABLE_PREFIX = ".writable"
# How `BlockWriter` calls a file that is not whole yet.
_WORKING = re.compile(r"\..+\.\d+\.writing")


class WriteError(InputError):
  """A file that cannot be written: the disk is full, the folder read-only."""


def check_writable(folder: Path) -> None:
  """Makes a folder and proves that files can be written in it.

  Args:
    folder: Made with its parents if it is not there.

  Raises:
    WriteError: If it cannot be made or written.
  """
  try:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder, prefix=WRITABLE_PREFIX):
      pass
  except OSError as error:
    raise _unwritable(folder, error) from error


def check_makeable(folder: Path) -> None:
  """Proves that files can be written where a folder may not be yet.

  Args:
    folder: None is made.

  Raises:
    WriteError: If it could not be made, or files not be written.
  """
  try:
    above = (folder, *folder.parents)
    nearest = next(place for place in above if place.exists())
  except OSError as error:
    # A name that is too long, or a folder that may not be looked into.
    raise _unwritable(folder, error) from error
  check_writable(nearest)


def _unwritable(folder: Path, error: OSError) -> WriteError:
  return WriteError(
    f"{folder} cannot be written ({error.strerror}): name another folder or "
    "make room"
  )


def missing_folders(folder: Path) -> list[Path]:
  """Returns what `mkdir` would make for a folder, the innermost first."""
  return [place for place in (folder, *folder.parents) if not place.exists()]


def remove_empty(folders: Sequence[Path]) -> None:
  """Removes folders as far as nothing is in them.

  Args:
    folders: The innermost first.
  """
  with contextlib.suppress(OSError):
    for folder in folders:
      folder.rmdir()


def remove_leftovers(folder: Path) -> None:
  """Removes hidden files of writers that are no more; those at work stay.

  Args:
    folder: Where files were written; it need not be there.
  """
  if not folder.is_dir():
    return
  for path in folder.iterdir():
    if not _WORKING.fullmatch(path.name):
      continue
    with contextlib.suppress(OSError), path.open("rb") as file:
      fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
      path.unlink()
