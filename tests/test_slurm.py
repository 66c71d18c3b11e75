"""A real SLURM of two nodes: a job of two tasks is put back into the queue.

It goes on where it was and ends in the bits of a run that nobody touched.
"""

import contextlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fewshot_mss import arguments
from processes import wait_until, xla_flags
from tiny_run import assert_same, saved_states, saved_steps

ROOT = Path(__file__).parent.parent
SCRIPT = ROOT / "launch" / "slurm.sbatch"
STEPS = 150
SETTINGS = {
  "model.unet_channels": "(4,)",
  "model.encoder_channels": "(4,)",
  "train.steps": STEPS,
  "train.checkpoint_every_steps": 30,
  "train.eval_every_steps": STEPS,
  "eval.max_items": 1,
  "eval.shots": "(1,)",
}
needs_slurm = pytest.mark.skipif(
  shutil.which("slurmctld", path=f"{os.environ['PATH']}:/usr/sbin") is None,
  reason="no slurmctld: apt-get install slurm-wlm",
)


def words(dataset, workdir):
  return [
    f"--config={ROOT / 'configs' / 'tiny.py'}",
    f"--config.data.sources={dataset}",
    *(f"--config.{key}={value}" for key, value in SETTINGS.items()),
    f"--workdir={workdir}",
  ]


def environment(folder):
  # A task of another SLURM would be mistaken for one of this.
  env = {k: v for k, v in os.environ.items() if not k.startswith("SLURM_")}
  return env | {
    "JAX_PLATFORMS": "cpu",
    "XLA_FLAGS": xla_flags(devices=1),
    "PATH": f"{folder / 'bin'}:{Path(sys.executable).parent}:"
    f"{os.environ['PATH']}:/usr/sbin",
    "SLURM_CONF": str(folder / "cluster" / "slurm.conf"),
  }


def run(folder, *command, timeout=60, **changes):
  return subprocess.run(
    command,
    cwd=folder,
    env=environment(folder) | changes,
    capture_output=True,
    text=True,
    timeout=timeout,
  )


def submit(folder, *arguments):
  done = run(folder, "sbatch", "--parsable", "--nodes=2", SCRIPT, *arguments)
  assert done.returncode == 0, done.stderr
  return done.stdout.strip()


def state_of(folder, job):
  """RUNNING, PENDING, COMPLETED..., how often restarted, exit status."""
  said = run(folder, "scontrol", "show", "job", job).stdout
  return tuple(
    re.search(rf"\b{key}=(\w+)", said)[1]
    for key in ("JobState", "Restarts", "ExitCode")
  )


def wait_for_end(folder, job):
  """Waits for the end of a job for good; returns its last state."""

  def ended():
    state = state_of(folder, job)[0]
    return state not in ("RUNNING", "PENDING", "COMPLETING", "REQUEUED")

  wait_until(ended, 240, lambda: (state_of(folder, job), logs(folder)))
  return state_of(folder, job)


def logs(folder):
  paths = [*folder.glob("*.log.*"), *folder.glob("slurm-*.out")]
  return "\n".join(f"{path}:\n{path.read_text()}" for path in sorted(paths))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
  """Returns a folder whose subfolder `cluster` holds a SLURM at work."""
  folder = tmp_path_factory.mktemp("slurm")
  (folder / "bin").mkdir()
  with subprocess.Popen(
    # Says that all is up, and waits for the end of its input.
    [
      ROOT / "tests" / "slurm_cluster.sh",
      folder / "cluster",
      *("bash", "-c", "echo up; cat"),
    ],
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
    env=environment(folder),
  ) as daemons:
    try:
      assert daemons.stdout.readline() == b"up\n"
      yield folder
    finally:
      with contextlib.suppress(BrokenPipeError):
        daemons.stdin.close()
      daemons.wait(timeout=120)


@needs_slurm
def test_a_requeued_job_ends_in_the_same_bits(cluster, toy_dataset):
  workdir = cluster / "requeued"
  job = submit(cluster, *words(toy_dataset, workdir))
  checkpoints = workdir / "checkpoints"
  wait_until(
    lambda: any(path.name.isdigit() for path in checkpoints.glob("*")),
    240,
    lambda: (state_of(cluster, job), logs(cluster)),
  )
  assert run(cluster, "scontrol", "requeue", job).returncode == 0
  state = wait_for_end(cluster, job)
  print(logs(cluster))
  assert state == ("COMPLETED", "1", "0"), logs(cluster)
  first = (cluster / "requeued.log.0").read_text()
  assert "2 cpu device(s), 2 process(es)" in first
  step = int(re.search(r"training goes on after step (\d+)", first)[1])
  assert 30 <= step < STEPS
  # Not killed: it had SIGTERM, and saved what it had done.
  said = (cluster / f"slurm-{job}.out").read_text()
  assert "Exited with exit code 75" in said

  # What nobody touched, with the other launcher of two processes.
  untouched = cluster / "untouched"
  done = run(
    cluster,
    *("bash", ROOT / "launch" / "local.sh", "2"),
    *words(toy_dataset, untouched),
    timeout=240,
  )
  assert done.returncode == 0, done.stderr
  assert saved_steps(workdir)[-1] == STEPS
  config = arguments.parse(["train", *words(toy_dataset, workdir)]).config
  assert_same(
    saved_states(workdir, config, [STEPS]),
    saved_states(untouched, config, [STEPS]),
  )
  for name in ("metrics.jsonl", "model/model.safetensors"):
    assert (workdir / name).read_bytes() == (untouched / name).read_bytes()


def stand_in(folder, program):
  """Puts a program called `fewshot-mss` before all others, for one test."""
  path = folder / "bin" / "fewshot-mss"
  path.write_text(f"#!/usr/bin/env bash\n{program}\n")
  path.chmod(0o755)
  return path


@pytest.fixture
def program(cluster):
  yield lambda text: stand_in(cluster, text)
  (cluster / "bin" / "fewshot-mss").unlink()


@needs_slurm
def test_a_job_near_its_end_saves_and_waits_for_the_next_turn(cluster, program):
  # SIGTERM at any time: the training has it and not the shell around it. The
  # status of what SLURM has not stopped by itself brings the job back.
  program(
    "((SLURM_RESTART_COUNT)) && exec echo again\n"
    "trap 'echo saved; exit 75' TERM\n"
    "echo ready; while true; do sleep 0.1; done"
  )
  job = submit(cluster, f"--workdir={cluster}/turn/")
  log = [cluster / f"turn.log.{i}" for i in range(2)]
  wait_until(
    lambda: all(path.is_file() and path.read_text() for path in log),
    240,
    lambda: logs(cluster),
  )
  # What `#SBATCH --signal` does 120 s before the end.
  assert run(cluster, "scancel", "--signal=TERM", job).returncode == 0
  assert wait_for_end(cluster, job) == ("COMPLETED", "1", "0")
  for path in log:
    # Between these, what bash and SLURM say about the signal.
    said = path.read_text().splitlines()
    assert (said[0], said[-2:]) == ("ready", ["saved", "again"])
  said = (cluster / f"slurm-{job}.out").read_text()
  assert "the tasks ended with status 75: back into the queue" in said


@needs_slurm
@pytest.mark.parametrize("status", [1, 2, 127, 130])
def test_what_no_restart_helps_ends_the_job(cluster, program, status):
  # The other one has lost a worker, which alone would be a restart.
  program(f"exit $((SLURM_PROCID ? 75 : {status}))")
  job = submit(cluster, f"--workdir={cluster}/final_{status}")
  assert wait_for_end(cluster, job) == ("FAILED", "0", str(status))
  said = (cluster / f"slurm-{job}.out").read_text()
  assert f"a task ended with status {status}; no restart helps" in said


@needs_slurm
def test_a_killed_task_is_a_restart_and_these_are_counted(cluster, program):
  program("((SLURM_PROCID)) && exit 75\nkill -KILL $$")
  job = submit(cluster, "--restarts=1", f"--workdir={cluster}/killed")
  assert wait_for_end(cluster, job) == ("FAILED", "1", "75")
  said = (cluster / f"slurm-{job}.out").read_text()
  assert "the tasks ended with status 75: back into the queue" in said
  assert "restarted 1 times already, so no more" in said


# ---- Without a SLURM.


def test_a_dry_run_shows_the_command(tmp_path):
  done = subprocess.run(
    ["bash", SCRIPT, "--dry_run", "--config=a b", f"--workdir={tmp_path}/w/"],
    capture_output=True,
    text=True,
    timeout=60,
    check=True,
    env={"PATH": os.environ["PATH"]},
  )
  assert done.stderr == ""
  assert done.stdout.startswith("srun --ntasks-per-node=1 ")
  assert f" --output={tmp_path}/w.log.%t " in done.stdout
  assert done.stdout.endswith(
    f" task --config=a\\ b --workdir={tmp_path}/w/ \n"
  )
  assert list(tmp_path.iterdir()) == []


def test_every_task_has_all_devices_of_its_node(tmp_path):
  (tmp_path / "bin").mkdir()
  stand_in(tmp_path, "true")
  srun = tmp_path / "bin" / "srun"
  srun.write_text('#!/bin/sh\nenv >"$SEEN"\n')
  srun.chmod(0o755)
  done = run(
    tmp_path,
    *("bash", SCRIPT, "--config=c", f"--workdir={tmp_path}/w"),
    SEEN=str(tmp_path / "seen"),
    SLURM_JOB_ID="1",
    SLURM_JOB_NODELIST="a",
    SLURM_GPUS_ON_NODE="4",
    SLURM_CPUS_PER_TASK="12",
  )
  assert done.returncode == 0, done.stderr
  seen = (tmp_path / "seen").read_text().splitlines()
  assert "JAX_LOCAL_DEVICE_IDS=0,1,2,3" in seen
  assert "SRUN_CPUS_PER_TASK=12" in seen


@pytest.mark.parametrize(
  ("arguments", "says"),
  [
    (["--config=c"], "usage: sbatch "),
    (["--restarts=x", "--workdir=w"], "usage: sbatch "),
    (["--config=c", "--workdir=w"], "not in a job: submit it with sbatch"),
  ],
)
def test_bad_usage_ends_with_status_2(tmp_path, arguments, says):
  done = run(tmp_path, "bash", SCRIPT, *arguments)
  assert done.returncode == 2
  assert done.stderr.startswith(f"launch/slurm.sbatch: {says}")
