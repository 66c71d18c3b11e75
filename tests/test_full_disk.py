"""A full disk ends a run in a line, and what was saved before it is whole."""

import errno
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from fewshot_mss.errors import InputError, RunError
from fewshot_mss.training import full_disk, recovery
from tiny_run import SIZES, new_state, saved_steps, tiny_config

CHANGES = {
  "train.steps": 8,
  "train.checkpoint_every_steps": 2,
  "train.eval_every_steps": 1000,
}


# 100 bytes stop whatever is written next, 6000 the data of a checkpoint.
@pytest.mark.parametrize("size", [100, 6000])
def test_the_last_checkpoint_before_it_can_be_used(toy_dataset, tmp_path, size):
  workdir = tmp_path / "run"
  settings = SIZES | CHANGES | {"data.sources": str(toy_dataset)}
  done = subprocess.run(
    [
      sys.executable,
      Path(__file__).parent / "full_disk_run.py",
      json.dumps(settings),
      workdir,
      "5",
      str(size),
    ],
    env=os.environ | {"XLA_FLAGS": "--xla_force_host_platform_device_count=1"},
    capture_output=True,
    text=True,
    timeout=300,
  )
  assert done.returncode == 1, done.stderr
  last = done.stderr.splitlines()[-1]
  assert last.startswith(f"fewshot-mss: {workdir} cannot be written (")
  assert "make room there and start the same command again" in last
  assert "Traceback" not in done.stderr
  # That of step 4 was on its way.
  steps = saved_steps(workdir)
  assert steps in ([2], [2, 4])
  config = tiny_config(
    toy_dataset, **{k.replace(".", "__"): v for k, v in CHANGES.items()}
  )
  state, step, _ = recovery.restore_newest(workdir, new_state(config))
  assert step == steps[-1] == int(state.step)


@pytest.mark.parametrize(
  ("error", "reason"),
  [
    (OSError(errno.ENOSPC, "No space left"), "no space left"),
    (OSError(errno.EDQUOT, "Quota"), "quota exceeded"),
    (ValueError('Error writing local file "x"'), "checkpoint could not be sav"),
    (RuntimeError("Failed writing"), "checkpoint could not be saved"),
  ],
)
def test_errors_of_writing_are_told_in_a_line(tmp_path, error, reason):
  for raised in (error, InputError("behind another")):
    if raised is not error:
      raised.__cause__ = error
    with (
      pytest.raises(RunError, match=reason) as caught,
      full_disk.told_in_a_line(tmp_path),
    ):
      raise raised
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
  "error",
  [OSError(errno.ENOENT, "No such file"), ValueError("x"), InputError("y")],
)
def test_other_errors_stay_what_they_are(tmp_path, error):
  with (
    pytest.raises(type(error)) as caught,
    full_disk.told_in_a_line(tmp_path),
  ):
    raise error
  assert caught.value is error


def test_threads_say_only_what_is_not_told_anyhow(tmp_path, monkeypatch):
  said = []
  monkeypatch.setattr(
    threading, "excepthook", lambda args: said.append(args.exc_type)
  )

  def fail(error):
    raise error

  with full_disk.told_in_a_line(tmp_path):
    for error in (OSError(errno.ENOSPC, "No space left"), KeyError("x")):
      thread = threading.Thread(target=fail, args=(error,))
      thread.start()
      thread.join()
  assert said == [KeyError]


# A picture that does not fit any more, and more events behind it than the queue
# of tensorboardX takes by default.
BOARD = """
import resource, sys, threading
from pathlib import Path
import numpy as np
from fewshot_mss.errors import RunError
from fewshot_mss.training.metric_writer import MetricWriter
picture = np.random.default_rng(0).integers(0, 256, (99, 99, 3)).astype("uint8")
with MetricWriter(Path(sys.argv[1]), first_step=0, last_step=9) as writer:
  (thread,) = (t for t in threading.enumerate() if "Event" in type(t).__name__)
  resource.setrlimit(resource.RLIMIT_FSIZE, (6000, resource.RLIM_INFINITY))
  writer.write_picture(1, "picture", picture)
  writer.write_speed(1, 8, {str(i): 0.5 for i in range(40)})
  thread.join()
  try:
    writer.write(2, {"loss": 1.0})
  except RunError as error:
    print(error)
"""


def test_events_that_cannot_be_written_are_told_and_hold_nothing(tmp_path):
  done = subprocess.run(
    [sys.executable, "-c", BOARD, tmp_path],
    capture_output=True,
    text=True,
    timeout=60,
  )
  assert done.stdout.startswith(
    f"{tmp_path / 'tensorboard'} cannot be written: make room there"
  ), done.stderr
