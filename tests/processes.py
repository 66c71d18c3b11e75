"""What tests that start processes share."""

import contextlib
import socket
import time
from pathlib import Path


def xla_flags(devices):
  """Networks this small are compiled for longer than they run: in haste."""
  return (
    f"--xla_force_host_platform_device_count={devices} "
    "--xla_backend_optimization_level=0"
  )


def free_port():
  with contextlib.closing(socket.socket()) as listener:
    listener.bind(("127.0.0.1", 0))
    return listener.getsockname()[1]


def is_alive(pid):
  """False of a zombie, too: one may stay where no init collects them."""
  try:
    state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
  except OSError:
    return False
  return state != "Z"


def wait_until(holds, limit_s=60, what=lambda: ""):
  deadline_s = time.monotonic() + limit_s
  while not holds():
    assert time.monotonic() < deadline_s, f"waited in vain: {what()}"
    time.sleep(0.05)


def assert_they_end(*pids):
  """SIGKILL has returned before the killed one is gone."""
  wait_until(lambda: not any(is_alive(int(pid)) for pid in pids))
