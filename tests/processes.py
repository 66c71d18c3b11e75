"""Whether processes of other processes are still there."""

import time
from pathlib import Path


def is_alive(pid):
  """False of a zombie, too: one may stay where no init collects them."""
  try:
    state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
  except OSError:
    return False
  return state != "Z"


def wait_until(holds, limit_s=60):
  deadline_s = time.monotonic() + limit_s
  while not holds():
    assert time.monotonic() < deadline_s
    time.sleep(0.05)


def assert_they_end(*pids):
  """SIGKILL has returned before the killed one is gone."""
  wait_until(lambda: not any(is_alive(int(pid)) for pid in pids))
