"""SIGTERM: the step on its way is finished and saved, and nothing is lost."""

import os
import signal
import subprocess
import sys

import jax
import pytest

from fewshot_mss.errors import RestartError
from fewshot_mss.training.preemption import Notice
from fewshot_mss.training.train import train_and_evaluate
from tiny_run import (
  assert_same,
  rows,
  saved_states,
  saved_steps,
  tiny_config,
)

TERM = signal.SIGTERM


@pytest.fixture(scope="module")
def config(toy_dataset):
  # Rows at 4, 6 (a save), 8, 9: those of 4 and 8 are of several steps.
  return tiny_config(
    toy_dataset,
    train__steps=9,
    train__log_every_steps=4,
    train__checkpoint_every_steps=6,
    train__eval_every_steps=9,
  )


@pytest.fixture(scope="module")
def undisturbed(config, tmp_path_factory):
  workdir = tmp_path_factory.mktemp("undisturbed") / "run"
  return workdir, jax.device_get(train_and_evaluate(config, workdir))


def test_stopped_at_three_steps_it_ends_in_the_same_bits(
  undisturbed, config, tmp_path, capsys
):
  full, state = undisturbed
  workdir = tmp_path / "run"
  before = signal.getsignal(TERM)
  # In the middle of two rows, twice in that of 8.
  for stop in (2, 5, 7):
    with pytest.raises(RestartError) as caught:
      train_and_evaluate(
        config,
        workdir,
        on_step=lambda step, stop=stop: (
          os.kill(os.getpid(), TERM) if step == stop else None
        ),
      )
    assert str(caught.value) == (
      f"told to end (SIGTERM) and saved after step {stop} of 9: start the same "
      "command again to go on"
    )
    # Saved by the time that the error is told.
    assert saved_steps(workdir)[-1] == stop
    assert signal.getsignal(TERM) == before
  assert not (workdir / "model").exists()
  assert [row["step"] for row in rows(workdir)] == [4, 6]

  steps = []
  resumed = train_and_evaluate(config, workdir, on_step=steps.append)
  assert steps == [8, 9]
  assert "training goes on after step 7" in capsys.readouterr().err
  assert_same(jax.device_get(resumed), state)
  assert_same(saved_states(workdir, config, [9]), [state])
  for name in ("metrics.jsonl", "model/model.safetensors"):
    assert (workdir / name).read_bytes() == (full / name).read_bytes()


# A program that takes one SIGTERM and then waits where only a signal ends it.
SECOND = """
import os, signal, sys, threading
# A script that runs the suite in the background has it ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
from fewshot_mss.training.preemption import Notice
with Notice() as notice:
  assert not notice.stops_after(1)
  os.kill(os.getpid(), signal.SIGTERM)
  assert notice.stops_after(2)
  os.kill(os.getpid(), signal.SIGTERM if sys.argv[1] == "term"
          else signal.SIGINT)
  threading.Event().wait(60)
"""


def test_neither_a_second_one_nor_ctrl_c_is_swallowed():
  for word, status in (("term", -TERM), ("int", -signal.SIGINT)):
    done = subprocess.run(
      [sys.executable, "-c", SECOND, word],
      capture_output=True,
      text=True,
      timeout=60,
    )
    assert done.returncode == status, done.stderr


def test_what_took_the_signal_before_has_it_back():
  came = []
  before = signal.signal(TERM, lambda *_: came.append(True))
  try:
    with Notice() as notice:
      assert not notice.stops_after(1)
    os.kill(os.getpid(), TERM)
    assert came == [True]
  finally:
    signal.signal(TERM, before)
