"""Signals that end a program: what it holds is put away first."""

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

_ENDING = (signal.SIGTERM, signal.SIGHUP)


class ToldToEnd(KeyboardInterrupt):
  """SIGTERM or SIGHUP came; like Ctrl-C it passes by whoever catches errors.

  Attributes:
    name: Of the signal.
    status: With which the program ends, as a shell tells of the signal.
  """

  def __init__(self, number: int):
    """Takes the number of the signal."""
    self.name = signal.Signals(number).name
    self.status = 128 + number
    super().__init__(self.name)


@contextlib.contextmanager
def signals_unwind() -> Iterator[None]:
  """Lets SIGTERM and SIGHUP leave the `with` block, as Ctrl-C does.

  By default the kernel ends the process at once, and what it has begun stays.
  Who ignores one of them, `nohup` for instance, goes on to.

  Yields:
    Nothing.

  Raises:
    ToldToEnd: When the first of them comes. Others that follow it are ignored:
      a terminal that is closed may tell twice, and would break off the tidying.
  """

  def leave(number: int, frame: FrameType | None) -> None:
    del frame
    for other in before:
      signal.signal(other, signal.SIG_IGN)
    raise ToldToEnd(number)

  before = [
    number for number in _ENDING if signal.getsignal(number) == signal.SIG_DFL
  ]
  for number in before:
    signal.signal(number, leave)
  try:
    yield
  finally:
    for number in before:
      signal.signal(number, signal.SIG_DFL)
