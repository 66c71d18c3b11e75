"""Notices within a minute that another process of the run is gone.

A collective with a process that is gone fails at once on CPU and waits for ever
on a TPU; JAX itself needs 100 s, names the process in the middle of a page of
text and aborts. So each process tells the coordination service every few
seconds that it is alive, and a thread looks after the others.
"""

import contextlib
import ctypes
import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Iterator

import jax
from jax._src import distributed
from jax.errors import JaxRuntimeError

from fewshot_mss.errors import InputError, RestartError, RunError

# A process that gave no sign of life for this long is gone. JAX's own limit is
# 100 s, and both are well below the two minutes that a launcher may wait.
LIMIT_S = 60.0
_BEATS = 12
# If this process fails, it waits for so many beats to see whether another one
# did first, and process 0, which the others hear from, to be heard.
_PATIENCE_BEATS = 3
_FOLDER = "fewshot_mss/"
_INTERRUPTED = 130


@contextlib.contextmanager
def watched_processes(limit_s: float = LIMIT_S) -> Iterator[None]:
  """Ends this process if another one of the run is gone; tells of its own end.

  Does nothing where no processes were joined.

  Args:
    limit_s: Seconds without a sign of life after which one is gone.
  """
  if not jax.distributed.is_initialized():
    yield
    return
  watch = _Watch(limit_s)
  watch.start()
  try:
    yield
  except RestartError as error:
    # All have saved and come here: an orderly end.
    watch.leave(error)
    raise
  except InputError as error:
    watch.tell(2, error)
    raise
  except RunError as error:
    watch.tell(1, error)
    raise
  except KeyboardInterrupt:
    watch.tell(_INTERRUPTED, "interrupted", waits=False)
    raise
  except BaseException as error:  # noqa: BLE001
    # Whatever it is, the others would wait for this process. Perhaps it is a
    # collective with one that is gone: then this ends the process.
    watch.wait_for_verdict()
    with contextlib.suppress(OSError):
      traceback.print_exc()
    watch.tell(1, f"{type(error).__name__}, see what it says")
    end(1)
  else:
    watch.stop()


def end(status: int, message: str = "") -> None:
  """Ends this process at once, with a line: a regular end waits for others."""
  # Not `sys.stderr`, which may be turned elsewhere for a while. And where no
  # line can be written any more, the process ends all the same.
  with contextlib.suppress(OSError):
    if message:
      print(f"fewshot-mss: {message}", file=sys.__stderr__, flush=True)
    sys.stdout.flush()
  os._exit(status)


class _Watch:
  """Two threads: one speaks with the coordinator, one keeps the time."""

  def __init__(self, limit_s: float):
    """Begins with everyone alive."""
    self._limit_s = limit_s
    self._beat_s = limit_s / _BEATS
    self._client = distributed.global_state.client
    self._index = distributed.global_state.process_id
    self._count = distributed.global_state.num_processes
    self._host = socket.gethostname()
    self._stopped = threading.Event()
    # The last words of each other process, and when they were new.
    self._words: dict[int, str] = {}
    self._heard_s = dict.fromkeys(range(self._count), time.monotonic())
    self._answered_s = time.monotonic()
    self._abort_handler: object = None
    # What this process ends with if JAX aborts after the watch.
    self._last_words = ""

  def start(self) -> None:
    """Begins to watch."""
    self._speak_before_abort()
    self._meet()
    for target in (self._speak, self._keep_time):
      threading.Thread(target=target, name="watch", daemon=True).start()

  def stop(self) -> None:
    """Ends the watch: the run is over, and processes may go."""
    self._stopped.set()

  def leave(self, error: RestartError) -> None:
    """Ends the watch and waits for the others, which end for the same reason.

    If one of them is taken away before it comes here, JAX aborts.
    """
    self._last_words = str(error)
    self.stop()
    jax.distributed.shutdown()

  def tell(self, status: int, why: object, *, waits: bool = True) -> None:
    """Tells the others that this process ends, with which status and why."""
    self.stop()
    with contextlib.suppress(JaxRuntimeError):
      self._set(f"ended {status} {why}")
      # The coordinator ends with process 0: the others are to hear this first.
      until_s = time.monotonic() + _PATIENCE_BEATS * self._beat_s
      while self._index == 0 and waits and time.monotonic() < until_s:
        heard = self._client.key_value_dir_get(_FOLDER)
        if not any(words.startswith("alive ") for _, words in heard):
          break
        time.sleep(self._beat_s / 10)

  def wait_for_verdict(self) -> None:
    """Gives the threads time to find out who is gone."""
    self._limit_s = min(self._limit_s, _PATIENCE_BEATS * self._beat_s)
    self._stopped.wait(2 * self._limit_s)

  def _set(self, words: str) -> None:
    self._client.key_value_set(
      f"{_FOLDER}{self._index}", words, allow_overwrite=True
    )

  def _meet(self) -> None:
    """Hears on which host each of the others is."""
    with contextlib.suppress(JaxRuntimeError):
      self._set(f"alive 0 {self._host}")
      for other in self._heard_s:
        self._words[other] = self._client.blocking_key_value_get(
          f"{_FOLDER}{other}", int(1000 * self._limit_s)
        )
    self._heard_s = dict.fromkeys(self._heard_s, time.monotonic())
    self._answered_s = time.monotonic()

  def _speak(self) -> None:
    """Says that this process is alive and hears the others."""
    beat = 0
    while not self._stopped.wait(self._beat_s):
      beat += 1
      try:
        self._set(f"alive {beat} {self._host}")
        heard = self._client.key_value_dir_get(_FOLDER)
      except JaxRuntimeError:
        # The coordinator is gone, or will answer the next time.
        continue
      now_s = time.monotonic()
      self._answered_s = now_s
      for key, words in heard:
        other = int(key.rpartition("/")[2])
        if self._words.get(other) != words:
          self._words[other] = words
          self._heard_s[other] = now_s

  def _keep_time(self) -> None:
    """Ends the process if another one is gone."""
    last_s = time.monotonic()
    while not self._stopped.wait(self._beat_s / 4):
      now_s = time.monotonic()
      if now_s - last_s > 2 * self._beat_s:
        # This process itself was stopped for a while.
        self._answered_s = now_s
        self._heard_s = dict.fromkeys(self._heard_s, now_s)
      last_s = now_s
      self._judge(now_s)

  def _judge(self, now_s: float) -> None:
    for other, words in list(self._words.items()):
      if other != self._index and words.startswith("ended "):
        _, status, why = words.split(" ", 2)
        with contextlib.suppress(JaxRuntimeError):
          # Not `ended`: that is the first one's word, for all to repeat.
          self._set("follows")
        self._end(int(status), f"process {other} of {self._count} ended: {why}")
    if now_s - self._answered_s > self._limit_s:
      # What the others said comes through the coordinator.
      self._end_restart(0, now_s - self._answered_s)
    for other, heard_s in self._heard_s.items():
      if other != self._index and now_s - heard_s > self._limit_s:
        self._end_restart(other, now_s - heard_s)

  def _end_restart(self, other: int, silent_s: float) -> None:
    self._end(
      os.EX_TEMPFAIL,
      f"{self._name(other)} is gone (no sign of life for {silent_s:.0f} s): "
      "start all processes again to go on",
    )

  def _end(self, status: int, message: str) -> None:
    if self._index == 0:
      # Else the others would find the coordinator gone, and not the first one.
      time.sleep(_PATIENCE_BEATS * self._beat_s / 2)
    end(status, f"process {self._index} of {self._count} ends: {message}")

  def _name(self, other: int) -> str:
    """Returns which process and on which host, as far as is known."""
    name = f"process {other} of {self._count}"
    words = self._words.get(other, "").split(" ")
    if words[0] == "alive":
      return f"{name} (host {words[2]})"
    if other == 0:
      return (
        f"{name} (coordinator {distributed.global_state.coordinator_address})"
      )
    return name

  def _speak_before_abort(self) -> None:
    """Has the last word when JAX aborts as its coordinator is gone.

    JAX's client ends the process from a thread of its own, at once, and takes
    no handler that works from Python.
    """

    def speak(number: int) -> None:
      libc.signal(number, signal.SIG_DFL)
      # Should this thread wait for what the aborted one held, that ends it.
      signal.alarm(10)
      if self._last_words:
        end(os.EX_TEMPFAIL, self._last_words)
      if self._stopped.is_set():
        os._exit(128 + number)
      end(
        os.EX_TEMPFAIL,
        f"process {self._index} of {self._count} ends: {self._name(0)} is gone "
        "or cannot be reached (it ended JAX): start all processes again to go "
        "on",
      )

    libc = ctypes.CDLL(None)
    self._abort_handler = ctypes.CFUNCTYPE(None, ctypes.c_int)(speak)
    libc.signal(signal.SIGABRT, self._abort_handler)
