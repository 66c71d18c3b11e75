"""The launcher of TPU slices with a stand-in for gcloud: what it asks, when."""

import os
import signal
import subprocess
import sys
import tarfile

import pytest

from cloud_stand_in import (
  BEGIN,
  PLACE,
  SCRIPT,
  TRAIN,
  WORKERS,
  calls,
  environment,
  launch,
  make_cloud,
)
from processes import assert_they_end


@pytest.fixture
def cloud(tmp_path):
  return make_cloud(tmp_path / "cloud")


FIRST = ["describe", "create", "describe", "ask", "scp", "set up", "start"]
AGAIN = ["describe", "ask", "scp", "set up", "start", "follow", "ask"]


def test_a_first_start_in_order(cloud):
  done = launch(cloud, "--bucket=b", "--type=v6e-8", program="sleep 0.1")
  assert done.returncode == 0, done.stderr
  order, words = calls(cloud)
  assert order == [*FIRST, "follow", "ask"]
  assert words[1] == [
    *("tpu-vm", "create", "n", "--accelerator-type=v6e-8"),
    "--version=v2-alpha-tpuv6e",
  ]
  assert [call[3] for call in words if call[1] == "ssh"] == [
    f"--worker={which}" for which in ("all", "all", "all", "0", "all")
  ]
  for i in range(WORKERS):
    # Every word as it was given, and the log of each on its own disk.
    told = (cloud / f"words.{i}").read_text().splitlines()
    assert told == ["train", *TRAIN, "--distributed", "end"]
    home = cloud / "slice" / str(i) / "fewshot-mss"
    assert (home / "run.log").read_text() == f"worker {i}, start 1\n"
    assert (home / "mounted").read_text().endswith(" b bucket\n")
    *_, last = (home / "installed").read_text().splitlines()
    assert "--constraint constraints.txt --editable .[train,tpu]" in last
    assert (home / "launch" / "tpu_vm.sh").read_bytes() == SCRIPT.read_bytes()
  # The first's log is followed here.
  assert "worker 0, start 1\n" in done.stdout
  assert "worker 1" not in done.stdout
  assert "gcloud compute tpus tpu-vm delete n --zone=z" in done.stderr
  with tarfile.open(cloud / "slice" / "0" / "fewshot-mss.tar.gz") as archive:
    names = set(archive.getnames())
  assert {"pyproject.toml", "constraints.txt", "configs/tiny.py"} <= names
  assert not any(name.startswith((".git/", ".venv")) for name in names)


def test_a_queued_one_is_waited_for(cloud):
  (cloud / "states").write_text("WAITING_FOR_RESOURCES PROVISIONING")
  (cloud / "slice" / "0").mkdir(parents=True)
  (cloud / "slice" / "1").mkdir()
  done = launch(cloud, "--queued", "--spot")
  assert done.returncode == 0, done.stderr
  assert calls(cloud)[0] == ["describe"] * 2 + [*AGAIN]
  assert "n is WAITING_FOR_RESOURCES; waiting" in done.stderr


# How a slice goes away: its state, and no worker answers.
TAKEN = 'if ((start == 1)); then echo %s >"$FOLDER/states"; exit 143; fi'


@pytest.mark.parametrize(
  ("options", "state", "delete"),
  [
    (["--spot"], "PREEMPTED", ["tpu-vm", "delete", "n"]),
    (
      ["--queued", "--spot"],
      "SUSPENDED",
      ["queued-resources", "delete", "n", "--force"],
    ),
  ],
)
def test_what_is_taken_away_is_made_again(cloud, options, state, delete):
  done = launch(cloud, *options, program=TAKEN % state)
  assert done.returncode == 0, done.stderr
  order, words = calls(cloud)
  assert order.count("create") == order.count("start") == 2
  assert words[order.index("delete")] == delete
  creates = [call for call in words if call[1] == "create"]
  assert creates[0] == creates[1]
  assert creates[0][-1] == "--spot"
  if "--queued" in options:
    assert creates[0] == [
      *("queued-resources", "create", "n", "--node-id=n"),
      "--accelerator-type=v5litepod-256",
      *("--runtime-version=v2-alpha-tpuv5-lite", "--spot"),
    ]
  told = (cloud / "words.1").read_text().splitlines()
  assert told == ["train", *TRAIN, "--distributed", "end"] * 2


@pytest.mark.parametrize("end", ["exit 75", "kill -KILL $$"])
def test_a_lost_worker_is_a_restart_of_all(cloud, end):
  # The first waits for the other, as in a step; it is ended by the start.
  done = launch(
    cloud, program=f"((start == 1)) || exit 0; ((worker)) || exit 75; {end}"
  )
  assert done.returncode == 0, done.stderr
  assert calls(cloud)[0] == [*FIRST, "follow", "ask", *AGAIN]
  assert "all is started again (1 of 100)" in done.stderr
  log = cloud / "slice" / "1" / "fewshot-mss" / "run.log"
  assert "start 1" in log.read_text()


def test_signals_to_the_whole_group_are_told_apart(cloud):
  # SIGTERM leaves time to save and a status; SIGKILL leaves none of a run, and
  # not the one of the start before.
  done = launch(
    cloud,
    program="trap 'exit 75' TERM; case $start in "
    "1) kill -TERM 0 ;; 2) kill -KILL 0 ;; esac",
  )
  assert done.returncode == 0, done.stderr
  for line in (
    "75: all is started again (1 ",
    "none: all is started again (2 ",
  ):
    assert f"workers ended with {line}of 100)" in done.stderr


def test_one_that_hangs_is_ended_by_the_restart(cloud):
  done = launch(
    cloud,
    program="((start == 1)) || exit 0; ((worker)) || exit 75; "
    "echo $$ >pid; trap '' TERM; exec sleep 600",
  )
  assert done.returncode == 0, done.stderr
  pid = cloud / "slice" / "1" / "fewshot-mss" / "pid"
  assert_they_end(pid.read_text())


def test_a_slice_that_cannot_be_asked_for_is_not_made_again(cloud):
  (cloud / "states").write_text("READY UNREACHABLE CREATING")
  (cloud / "slice" / "0").mkdir(parents=True)
  (cloud / "slice" / "1").mkdir()
  done = launch(cloud, program="((start == 1)) && exit 75; exit 0")
  assert done.returncode == 0, done.stderr
  assert "n is unknown: ERROR: network is unreachable" in done.stderr
  assert "create" not in calls(cloud)[0]


def test_what_can_never_be_asked_for_ends_it(cloud):
  (cloud / "states").write_text("UNREACHABLE " * 12)
  done = launch(cloud)
  assert done.returncode == 1
  assert calls(cloud)[0] == ["describe"] * 10


@pytest.mark.parametrize("status", [1, 2, 130])
def test_what_no_restart_helps_is_none(cloud, status):
  done = launch(cloud, program=f"((worker)) && exit 75; exit {status}")
  assert done.returncode == status
  assert calls(cloud)[0].count("start") == 1
  assert f"a worker ended with status {status}, which no" in done.stderr


def test_restarts_are_counted(cloud):
  done = launch(cloud, "--restarts=1", program="exit 75")
  assert done.returncode == 75
  assert calls(cloud)[0].count("start") == 2
  assert "workers ended with 75, after 1 restarts" in done.stderr


def test_an_interrupt_ends_the_following_alone(cloud):
  waits = 'read -r _ <"$FOLDER/go"; echo went'
  os.mkfifo(cloud / "go")
  (cloud / "program").write_text(f"{BEGIN}{waits}\n")
  # Where a script starts a suite in the background, interrupts are ignored.
  interruptible = (
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); "
    "os.execvp(sys.argv[1], sys.argv[1:])"
  )
  with subprocess.Popen(
    [sys.executable, "-c", interruptible, "bash", SCRIPT, *PLACE, *TRAIN],
    env=environment(cloud),
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
    start_new_session=True,
  ) as first:
    assert first.stdout.readline() == "worker 0, start 1\n"
    os.killpg(first.pid, signal.SIGINT)
    _, said = first.communicate(timeout=60)
  assert first.returncode == 130
  assert "the training goes on; the same command follows it again" in said
  (cloud / "calls").unlink()
  with subprocess.Popen(
    ["bash", SCRIPT, *PLACE, *TRAIN],
    env=environment(cloud),
    stdout=subprocess.PIPE,
    text=True,
  ) as second:
    assert second.stdout.readline() == "worker 0, start 1\n"
    # Opened for both, it waits for no reader, and a line for each is kept.
    with (cloud / "go").open("r+b", buffering=0) as go:
      go.write(b"go\n" * WORKERS)
      out, _ = second.communicate(timeout=60)
  assert second.returncode == 0
  assert "went" in out
  assert set(calls(cloud)[0]) == {"describe", "ask", "follow"}


def test_no_room_is_an_error(cloud):
  (cloud / "no_room").touch()
  done = launch(cloud)
  assert done.returncode == 1
  assert "no room" in done.stderr
  assert calls(cloud)[0] == ["describe", "create"]


def test_a_request_that_failed_is_not_made_again_and_again(cloud):
  (cloud / "states").write_text("FAILED")
  done = launch(cloud, "--queued")
  assert done.returncode == 1
  assert "tpus queued-resources describe n --zone=z, delete it" in done.stderr
  assert calls(cloud)[0] == ["describe"]


def test_workers_that_cannot_be_set_up_are_an_error(cloud):
  (cloud / "no_packages").touch()
  done = launch(cloud)
  assert done.returncode == 1
  order, _ = calls(cloud)
  assert order.count("set up") == 3
  assert "start" not in order
  assert "not all workers could be set up; what they say" in done.stderr


def test_a_dry_run_shows_the_commands_and_runs_none(cloud):
  done = launch(cloud, "--dry_run", "--project=p")
  assert done.returncode == 0
  assert not (cloud / "calls").exists()
  lines = done.stdout.splitlines()
  assert [line.split()[4] for line in lines] == [
    *("create", "scp", "ssh", "ssh", "ssh")
  ]
  assert all(
    line.startswith("gcloud compute tpus tpu-vm ")
    and line.endswith(" --zone=z --quiet --project=p ")
    for line in lines
  )


@pytest.mark.parametrize(
  "words",
  [
    TRAIN,
    [*PLACE, "--config=c"],
    ["--name=n", *TRAIN],
    [*PLACE, "--restarts=x", *TRAIN],
  ],
)
def test_bad_usage_ends_with_status_2(cloud, words):
  done = subprocess.run(
    ["bash", SCRIPT, *words],
    env=environment(cloud),
    capture_output=True,
    text=True,
  )
  assert done.returncode == 2
  assert done.stderr.startswith("usage: launch/tpu_vm.sh ")
  assert not (cloud / "calls").exists()
