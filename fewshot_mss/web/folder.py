"""The folder of a server, which goes with it, or with the next one."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

_PREFIX = "fewshot_mss_serve_"
# Held as long as the process lives; the system lets it go with the process,
# also when that is killed.
_LOCK = "in_use"


@contextlib.contextmanager
def server_folder() -> Iterator[Path]:
  """Makes a folder among the temporary files, for the `with` block.

  Folders of servers that were killed are removed first.

  Yields:
    The folder; only its owner can look into it.
  """
  place = Path(tempfile.gettempdir())
  for left in place.glob(f"{_PREFIX}*"):
    _remove_if_left(left)
  with tempfile.TemporaryDirectory(
    prefix=_PREFIX, ignore_cleanup_errors=True
  ) as name:
    folder = Path(name)
    with (folder / _LOCK).open("x") as lock:
      fcntl.flock(lock, fcntl.LOCK_EX)
      yield folder


def _remove_if_left(folder: Path) -> None:
  """Removes a folder of this user's, if no process holds its lock."""
  with contextlib.suppress(OSError):
    if folder.lstat().st_uid != os.geteuid():
      return
    # One without a lock is just being made.
    with (folder / _LOCK).open() as lock:
      fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
      shutil.rmtree(folder, ignore_errors=True)
