"""Two real processes of one device each, over localhost.

They train as one process does, and a run whose processes were killed goes on
to the same bits.
"""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from event_files import tags
from fewshot_mss import arguments
from fewshot_mss.training import scoring
from fewshot_mss.training.train import train_and_evaluate
from processes import free_port, xla_flags
from tiny_run import assert_same, rows, saved_states, saved_steps

ROOT = Path(__file__).parent.parent
# Saved at 3 and 6; killed at 6, when rows 4 and 5 may have been written.
KILLED_AT = 6
SETTINGS = {
  "model.unet_channels": "(4,)",
  "model.encoder_channels": "(4,)",
  "train.steps": 6,
  "train.checkpoint_every_steps": 3,
  "train.eval_every_steps": 6,
  # 17 items of validation and 18 of test, in 5 batches: 3 for one process, 2
  # for the other, the last one not full.
  "eval.max_items": 9,
  "eval.batch": 4,
}


def words(dataset, workdir):
  return [
    "train",
    f"--config={ROOT / 'configs' / 'tiny.py'}",
    f"--config.data.sources={dataset}",
    *(f"--config.{key}={value}" for key, value in SETTINGS.items()),
    f"--workdir={workdir}",
  ]


def environment():
  bin_folder = Path(sys.executable).parent
  return os.environ | {
    "JAX_PLATFORMS": "cpu",
    "XLA_FLAGS": xla_flags(devices=1),
    "PATH": f"{bin_folder}:{os.environ['PATH']}",
  }


def start_both(*python_words):
  """Starts Python twice: two processes that will join each other."""
  port = free_port()
  return [
    subprocess.Popen(
      [
        sys.executable,
        *python_words,
        f"--coordinator=127.0.0.1:{port}",
        "--num_processes=2",
        f"--process_id={i}",
      ],
      env=environment(),
      stdout=subprocess.PIPE,
      stderr=subprocess.PIPE,
      text=True,
    )
    for i in range(2)
  ]


def run_until_killed(folder, dataset):
  """Runs both processes; returns their exit statuses and what they said."""
  processes = start_both(
    ROOT / "tests" / "killed_run.py",
    str(KILLED_AT),
    folder / "killed",
    *words(dataset, folder / "full"),
  )
  try:
    said = [process.communicate(timeout=300) for process in processes]
  finally:
    for process in processes:
      process.kill()
  return [process.returncode for process in processes], said


def shown(workdir):
  return [tag for tag in tags(workdir) if tag.startswith("shown/")]


@pytest.fixture(scope="module")
def killed(toy_dataset, tmp_path_factory):
  """Returns the folder of both runs, `full` and `killed`, and the stderrs."""
  folder = tmp_path_factory.mktemp("hosts")
  statuses, said = run_until_killed(folder, toy_dataset)
  assert (folder / "full" / "model").is_dir(), said
  # By itself, or by JAX because the other one is gone.
  assert all(status in (-9, -6) for status in statuses), (statuses, said)
  assert -9 in statuses
  return folder, [err for _, err in said]


@pytest.fixture(scope="module")
def config(toy_dataset):
  return arguments.parse(words(toy_dataset, "unused")).config


@pytest.fixture(scope="module")
def alone(config, tmp_path_factory):
  """Returns the workdir of the same run by this process with its devices."""
  workdir = tmp_path_factory.mktemp("alone") / "run"
  train_and_evaluate(config, workdir)
  return workdir


def test_two_processes_train_as_one_does(killed, alone, config):
  folder, _ = killed
  assert saved_steps(folder / "full") == saved_steps(alone) == [3, 6]
  two = saved_states(folder / "full", config, [3, 6])
  one = saved_states(alone, config, [3, 6])
  assert [int(state.step) for state in two] == [3, 6]
  for a, b in zip(jax.tree.leaves(two), jax.tree.leaves(one), strict=True):
    np.testing.assert_allclose(a, b, rtol=0, atol=1e-6)
  two, one = rows(folder / "full"), rows(alone)
  # Written once: by one process.
  assert [row["step"] for row in two] == [1, 2, 3, 4, 5, 6, 6]
  for a, b in zip(two, one, strict=True):
    assert a == pytest.approx(b, rel=1e-6, abs=1e-6)
  assert "eval_score" in two[-1]


def test_two_processes_score_as_one_does(killed, config, tmp_path):
  folder, _ = killed
  alone = tmp_path / "alone"
  alone.mkdir()
  shutil.copy(folder / "full" / "config.json", alone)
  shutil.copytree(folder / "full" / "model", alone / "model")
  scoring.evaluate_run(config, alone)
  name = "evaluation/evaluation_items.csv"
  found = (folder / "full" / name).read_text("utf-8")
  assert found == (alone / name).read_text("utf-8")
  places = {line.split(",")[0] for line in found.splitlines()[1:]}
  assert len(places) == 18


def test_process_0_alone_writes_and_speaks(killed):
  folder, (first, second) = killed
  assert len(list((folder / "full" / "tensorboard").iterdir())) == 1
  assert len(list((folder / "killed" / "tensorboard").iterdir())) == 1
  # Of the fixed episode, by one process alone.
  found = shown(folder / "full")
  assert len(found) == len(set(found)) == 4
  assert (folder / "full" / "evaluation" / "evaluation.md").is_file()
  assert "2 cpu device(s), 2 process(es)" in first
  assert "step/s" in first
  # Each says who it is.
  assert "[process 0 of 2] training begins" in first
  assert "[process 1 of 2] training begins" in second
  assert "step/s" not in second


def test_killed_and_started_again_it_ends_in_the_same_bits(
  killed, config, toy_dataset
):
  folder, _ = killed
  left = saved_steps(folder / "killed")
  assert left in ([], [3])
  written = (folder / "killed" / "metrics.jsonl").read_text("utf-8")
  assert '"step": 4' in written
  assert not (folder / "killed" / "model").exists()
  done = subprocess.run(
    [
      "bash",
      ROOT / "launch" / "local.sh",
      "2",
      *words(toy_dataset, folder / "killed")[1:],
    ],
    env=environment(),
    capture_output=True,
    text=True,
    timeout=300,
  )
  assert done.returncode == 0, done.stderr
  assert (folder / "killed.log.1").is_file()
  if left:
    assert "training goes on after step 3" in done.stderr
  assert_same(
    saved_states(folder / "killed", config, [6]),
    saved_states(folder / "full", config, [6]),
  )
  assert shown(folder / "killed") == shown(folder / "full")
  for name in (
    "metrics.jsonl",
    "model/model.safetensors",
    "evaluation/evaluation_items.csv",
  ):
    assert (folder / "killed" / name).read_bytes() == (
      folder / "full" / name
    ).read_bytes()


def test_sigterm_to_one_of_them_stops_both_after_the_same_step(
  killed, toy_dataset
):
  folder, _ = killed
  workdir = folder / "stopped"
  command = ["-m", "fewshot_mss.cli", *words(toy_dataset, workdir)]
  command += ["--config.train.steps=60", "--config.train.log_every_steps=7"]
  command += [
    f"--config.train.{key}=1000" for key in ("warmup_steps", "eval_every_steps")
  ]
  command += ["--config.train.checkpoint_every_steps=1000"]
  both = start_both(*command)
  try:
    while "training begins" not in (line := both[1].stderr.readline()):
      assert line, both[1].communicate(timeout=60)
    # While the step is compiled: JAX looks for the signal every second.
    both[1].send_signal(signal.SIGTERM)
    said = [process.communicate(timeout=300)[1] for process in both]
  finally:
    for process in both:
      process.kill()
  assert [process.returncode for process in both] == [75, 75], said
  (stop,) = saved_steps(workdir)
  assert 0 < stop < 60
  for i, err in enumerate(said):
    assert err.splitlines()[-1] == (
      f"fewshot-mss: process {i} of 2: told to end (SIGTERM) and saved after "
      f"step {stop} of 60: start the same command again to go on"
    )
  both = start_both(*command)
  said = [process.communicate(timeout=300)[1] for process in both]
  assert [process.returncode for process in both] == [0, 0], said
  assert [row["step"] for row in rows(workdir)] == [*range(7, 60, 7), 60]
  for err in said:
    assert f"training goes on after step {stop}" in err
