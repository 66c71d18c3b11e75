"""What is told to the terminal, or to whatever stands in its place."""

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any

from fewshot_mss.errors import RunError, one_line

_STDERR = 2


def say(line: str) -> None:
  """Prints a line on standard output."""
  put(one_line(line) + "\n")


def complain(line: str) -> None:
  """Prints a line on standard error, under the program's name."""
  put(f"fewshot-mss: {one_line(line)}\n", on_stderr=True)


def show(page: Any, *, on_stderr: bool = False) -> None:
  """Prints what rich can print.

  Args:
    page: A table, for instance.
    on_stderr: Where; on standard output else.

  Raises:
    RunError: As of `put`.
  """
  from rich.console import Console

  stream = sys.stderr if on_stderr else sys.stdout
  if stream is None:
    return
  console = Console(file=stream)
  with _errors_told(on_stderr), console.capture() as captured:
    console.print(page)
  put(captured.get(), on_stderr=on_stderr)


def put(text: str, *, on_stderr: bool = False) -> None:
  """Writes a text, whatever the names of files in it are made of.

  Where the stream is closed, nobody wants to know.

  Args:
    text: As it is, line breaks and all.
    on_stderr: Where; on standard output else.

  Raises:
    RunError: If standard output cannot be written: its reader is gone, or the
      disk is full. Of standard error, nobody could be told.
  """
  stream = sys.stderr if on_stderr else sys.stdout
  if stream is None:
    return
  encoding = stream.encoding or "utf-8"
  with _errors_told(on_stderr):
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
    stream.flush()


@contextlib.contextmanager
def _errors_told(on_stderr: bool) -> Iterator[None]:
  try:
    yield
  except OSError as error:
    if not on_stderr:
      raise RunError(
        f"standard output cannot be written ({error.strerror})"
      ) from error


def keep_standard_streams() -> None:
  """Puts nothing in the place of standard streams that are closed.

  Else the next file that is opened takes their number, and what libraries
  print goes into it.
  """
  while (number := os.open(os.devnull, os.O_RDWR)) <= _STDERR:
    continue
  os.close(number)


def flush_streams() -> None:
  """Flushes both streams, as far as they are there and can be."""
  for stream in (sys.stdout, sys.stderr):
    if stream is not None:
      with contextlib.suppress(OSError):
        stream.flush()
