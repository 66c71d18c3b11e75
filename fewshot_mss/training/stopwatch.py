"""Where the time of a training loop goes."""

import contextlib
import time
from collections.abc import Callable, Iterator

WAITING, DISPATCHING, COMPUTING = "waiting", "dispatching", "computing"
PARTS = (WAITING, DISPATCHING, COMPUTING)


class Stopwatch:
  """Adds up the seconds of the loop's parts.

  `waiting` is for the next batch to be read, `dispatching` for it to be sent
  to the devices and the step to be queued, `computing` for the devices to be
  done with the step before. What is left of the time is scoring, saving and
  writing. A loop that is not `computing` most of its time leaves its devices
  idle, and the largest of the others says why.
  """

  def __init__(self, now_s: Callable[[], float] = time.monotonic):
    """Starts; `now_s` tells the time."""
    self._now_s = now_s
    self._seconds = dict.fromkeys(PARTS, 0.0)
    self._begun_s = now_s()
    self._lap = dict(self._seconds), self._begun_s

  @contextlib.contextmanager
  def part(self, name: str) -> Iterator[None]:
    """Counts the time of a block for the part called `name`."""
    begun_s = self._now_s()
    try:
      yield
    finally:
      self._seconds[name] += self._now_s() - begun_s

  def lap(self) -> dict[str, float]:
    """Returns each part's share, 0 to 1, of the time since the last lap."""
    before, begun_s = self._lap
    self._lap = dict(self._seconds), self._now_s()
    # On a coarse clock, no time may have passed.
    spent_s = max(self._lap[1] - begun_s, 1e-9)
    return {
      name: (seconds - before[name]) / spent_s
      for name, seconds in self._seconds.items()
    }

  def summary(self) -> str:
    """Returns in one line where the time since the start went."""
    spent_s = max(self._now_s() - self._begun_s, 1e-9)
    shares = [value / spent_s for value in self._seconds.values()]
    waiting, dispatching, computing = (f"{share:.0%}" for share in shares)
    return (
      f"{spent_s:.0f} s: {waiting} waiting for data, {dispatching} "
      f"dispatching, {computing} computing, {1 - sum(shares):.0%} scoring, "
      "saving and the rest"
    )
