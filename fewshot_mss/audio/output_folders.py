"""Folders that audio files are written to."""

import contextlib
import fcntl
import re
import tempfile
from pathlib import Path

from fewshot_mss.errors import InputError

# How the files begin that `check_writable` tries a folder with.
WRITABLE_PREFIX = ".writable"
# How `BlockWriter` calls a file that is not whole yet.
_WORKING = re.compile(r"\..+\.\d+\.writing")


def check_writable(folder: Path) -> None:
  """Makes a folder and proves that files can be written in it.

  Args:
    folder: Made with its parents if it is not there.

  Raises:
    InputError: If it cannot be made or written.
  """
  try:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder, prefix=WRITABLE_PREFIX):
      pass
  except OSError as error:
    raise InputError(
      f"{folder} cannot be written ({error.strerror}): name another folder"
    ) from error


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
