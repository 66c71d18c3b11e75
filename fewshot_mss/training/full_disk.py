"""A disk that is full or fails: said in one line, whoever noticed it.

Python, TensorStore and Orbax each have their own errors for it, raised in
threads or wrapped in others.
"""

import contextlib
import errno
import logging
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from fewshot_mss.errors import RunError

_NUMBERS = {
  errno.ENOSPC: "no space left",
  errno.EDQUOT: "quota exceeded",
  errno.EFBIG: "file too large",
  errno.EROFS: "read-only",
  errno.EIO: "input/output error",
}
_FULL = "make room there"
# What no room helps.
_ADVICE = {
  "read-only": "have it mounted for writing",
  "input/output error": "look at its disk",
}
# How TensorStore says that a file could not be written.
_WRITING = re.compile(r"(Error|Failed) writing|No space left|Disk quota")


@contextlib.contextmanager
def told_in_a_line(workdir: Path) -> Iterator[None]:
  """Turns errors of writing into a RunError that names the workdir.

  Args:
    workdir: What is written to in the meantime.

  Raises:
    RunError: If something could not be written.
  """
  try:
    with _threads_silent():
      yield
  except (OSError, ValueError, RuntimeError) as error:
    reason = _reason(error)
    if reason is None:
      raise
    raise RunError(
      f"{workdir} cannot be written ({reason}): {_ADVICE.get(reason, _FULL)} "
      "and start the same command again; it goes on from the last checkpoint "
      "that is whole"
    ) from error


@contextlib.contextmanager
def _threads_silent() -> Iterator[None]:
  """Keeps from the screen what threads say of what is raised in the main one.

  Orbax and the writer of TensorBoard say it in a page for each file.
  """
  logger = logging.getLogger("asyncio")
  level, unraisable = logger.level, sys.unraisablehook
  uncaught = threading.excepthook

  def on_uncaught(args: threading.ExceptHookArgs) -> None:
    if _reason(args.exc_value) is None:
      uncaught(args)

  def on_unraisable(args: "sys.UnraisableHookArgs") -> None:
    # What is left of a save that failed.
    if "Event loop is closed" not in str(args.exc_value):
      unraisable(args)

  def is_told_by_none(record: logging.LogRecord) -> bool:
    return not record.exc_info or _reason(record.exc_info[1]) is None

  # Orbax logs there.
  absl_logger = logging.getLogger("absl")
  absl_logger.addFilter(is_told_by_none)
  logger.setLevel(logging.CRITICAL + 1)
  threading.excepthook, sys.unraisablehook = on_uncaught, on_unraisable
  try:
    yield
  finally:
    absl_logger.removeFilter(is_told_by_none)
    logger.setLevel(level)
    threading.excepthook, sys.unraisablehook = uncaught, unraisable


def _reason(error: BaseException | None) -> str | None:
  """Returns what kept an error or one behind it from writing, if it was so."""
  seen = set()
  while error is not None and id(error) not in seen:
    seen.add(id(error))
    if isinstance(error, OSError) and error.errno in _NUMBERS:
      return _NUMBERS[error.errno]
    if _WRITING.search(str(error)):
      return "a checkpoint could not be saved"
    error = error.__cause__ or error.__context__
  return None
