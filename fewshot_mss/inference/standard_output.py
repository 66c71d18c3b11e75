"""What `separate -o -` writes: one part, once it is whole."""

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from fewshot_mss.errors import InputError, RunError


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
  """Makes a folder for what goes to standard output once it is whole.

  Yields:
    The folder, which is removed afterwards.

  Raises:
    InputError: If there is no place for one.
  """
  try:
    folder = tempfile.TemporaryDirectory()
  except OSError as error:
    raise InputError(
      f"no folder for temporary files can be written ({error.strerror}): make "
      "room, or name another one in TMPDIR"
    ) from error
  with folder as name:
    yield Path(name)


def to_standard_output(path: Path) -> None:
  """Copies a file to standard output.

  Args:
    path: Of the file.

  Raises:
    RunError: If its reader is gone, or the disk is full.
  """
  if sys.stdout is None:
    raise RunError("standard output cannot be written (it is closed)")
  try:
    with path.open("rb") as file:
      shutil.copyfileobj(file, sys.stdout.buffer)
    sys.stdout.buffer.flush()
  except OSError as error:
    raise RunError(
      f"standard output cannot be written ({error.strerror})"
    ) from error
