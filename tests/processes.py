"""What tests that start processes share."""

import time
from pathlib import Path


def xla_flags(devices):
  """Networks this small are compiled for longer than they run: in haste."""
  return (
    f"--xla_force_host_platform_device_count={devices} "
    "--xla_backend_optimization_level=0"
  )


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
