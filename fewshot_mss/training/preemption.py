"""SIGTERM, which says that this machine is soon taken away.

A run takes it as a wish: the step on its way is finished and saved, and the
program ends with a status that launchers take as "start me again".
"""

import signal
import threading
from types import FrameType

import jax
from jax.experimental import multihost_utils


class Notice:
  """Takes SIGTERM while its context lasts; a second one ends the program.

  Where several processes run, the signal may reach one alone, or each at
  another step. JAX's coordination service then sets one step for all: it takes
  the signal itself from `join_hosts` on.
  """

  def __init__(self):
    """Begins without a notice."""
    self._came = False
    self._is_joined = jax.distributed.is_initialized()
    # Python lets no other thread take signals; there they do what they did.
    self._is_main = threading.current_thread() is threading.main_thread()
    self._before: object = None

  def __enter__(self) -> "Notice":
    """Takes the signal from here on."""
    if self._is_main and not self._is_joined:
      self._before = signal.signal(signal.SIGTERM, self._take)
    return self

  def __exit__(self, *exception: object) -> None:
    """Gives the signal back: all is saved, it may end the program."""
    if not self._is_main:
      return
    if self._is_joined:
      signal.signal(signal.SIGTERM, signal.SIG_DFL)
    else:
      signal.signal(signal.SIGTERM, self._before)

  def stops_after(self, step: int) -> bool:
    """Tells whether the run is to be saved and ended after a step.

    Args:
      step: The one that was just dispatched; asked for every one, in order.

    Returns:
      The same on all processes.
    """
    if not self._is_joined:
      return self._came
    stops = multihost_utils.reached_preemption_sync_point(step)
    if stops and self._is_main:
      # JAX would swallow a second one.
      signal.signal(signal.SIGTERM, signal.SIG_DFL)
    return stops

  def _take(self, number: int, frame: FrameType | None) -> None:
    self._came = True
    signal.signal(number, signal.SIG_DFL)
