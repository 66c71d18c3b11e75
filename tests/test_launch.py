"""The launcher with stand-ins for `fewshot-mss`: who is told what, who ends."""

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from processes import is_alive

SCRIPT = Path(__file__).parent.parent / "launch" / "local.sh"
WORDS = ["--config=configs/tiny.py", "--config.train.steps=3"]


def environment(folder, program):
  """Puts a program called `fewshot-mss` before all others."""
  folder.mkdir(exist_ok=True)
  path = folder / "fewshot-mss"
  path.write_text(f"#!/usr/bin/env bash\n{program}\n")
  path.chmod(0o755)
  return os.environ | {
    "PATH": f"{folder}:{os.environ['PATH']}",
    "FOLDER": str(folder),
  }


def launch(env, *words):
  return subprocess.run(
    ["bash", SCRIPT, *words],
    env=env,
    capture_output=True,
    text=True,
    timeout=60,
  )


# The process's number is what its last word says.
NUMBER = 'id="${@: -1}"; id="${id#--process_id=}"'
# Takes no notice of SIGTERM, as JAX does not, and tells that it is there.
STUBBORN = "trap '' TERM; echo $$ >\"$FOLDER/ready\"; exec sleep 600"


def test_every_process_is_told_who_it_is(tmp_path):
  env = environment(
    tmp_path / "bin",
    f'{NUMBER}; echo "$@" >"$FOLDER/words.$id"; echo "this is $id"',
  )
  workdir = tmp_path / "deep" / "run"
  done = launch(env, "3", *WORDS, f"--workdir={workdir}/")
  assert done.returncode == 0
  # Process 0 is seen, the others write beside the workdir.
  assert done.stdout == "this is 0\n"
  assert done.stderr == ""
  assert (tmp_path / "deep" / "run.log.1").read_text() == "this is 1\n"
  assert (tmp_path / "deep" / "run.log.2").read_text() == "this is 2\n"
  coordinators = set()
  for i in range(3):
    verb, *words = shlex.split((tmp_path / "bin" / f"words.{i}").read_text())
    assert verb == "train"
    assert words[:3] == [*WORDS, f"--workdir={workdir}/"]
    assert words[4:] == ["--num_processes=3", f"--process_id={i}"]
    coordinators.add(words[3])
  (coordinator,) = coordinators
  host, port = coordinator.removeprefix("--coordinator=").split(":")
  assert host == "127.0.0.1"
  assert 1024 <= int(port) < 65536


def test_a_dry_run_shows_the_commands_and_does_nothing(tmp_path):
  env = environment(tmp_path / "bin", 'touch "$FOLDER/started"')
  # What is printed can be pasted: every word is one again.
  words = [*WORDS, "--config.a=it's (1, 2)", f"--workdir={tmp_path}/deep/run"]
  done = launch(env, "--dry_run", "2", *words)
  assert done.returncode == 0
  assert done.stderr == ""
  lines = [shlex.split(line) for line in done.stdout.splitlines()]
  assert len(lines) == 2
  for i, line in enumerate(lines):
    *start, coordinator, number, which = line
    assert start == ["fewshot-mss", "train", *words]
    assert coordinator.startswith("--coordinator=127.0.0.1:")
    assert (number, which) == ("--num_processes=2", f"--process_id={i}")
  assert [path.name for path in tmp_path.rglob("*")] == ["bin", "fewshot-mss"]


@pytest.mark.parametrize(
  "words",
  [
    [],
    ["--dry_run"],
    ["0", "--workdir=run"],
    ["two", "--workdir=run"],
    ["2x", "--workdir=run"],
    ["--workdir=run"],
    ["2", "--config=configs/tiny.py"],
    ["2", "--workdir="],
    ["--restarts=many", "2", "--workdir=run"],
    ["--grace_s=", "2", "--workdir=run"],
  ],
)
def test_bad_usage_ends_with_status_2(tmp_path, words):
  env = environment(tmp_path / "bin", 'touch "$FOLDER/started"')
  done = launch(env, *words)
  assert done.returncode == 2
  assert done.stdout == ""
  assert done.stderr.startswith("usage: launch/local.sh ")
  assert len(done.stderr.splitlines()) == 1
  assert not (tmp_path / "bin" / "started").exists()


@pytest.mark.parametrize("failing", [0, 1])
def test_one_that_fails_ends_the_others_with_its_status(tmp_path, failing):
  env = environment(
    tmp_path / "bin",
    f'{NUMBER}; if ((id == {failing})); then read -r pid <"$FOLDER/ready"; '
    f'echo "$pid" >"$FOLDER/pid"; exit 3; fi; {STUBBORN}',
  )
  # A pipe: the one waits there until the other is up.
  os.mkfifo(tmp_path / "bin" / "ready")
  done = launch(env, "2", *WORDS, f"--workdir={tmp_path}/run")
  assert done.returncode == 3
  assert f"process {failing} ended with status 3, which no" in done.stderr
  assert f"{tmp_path}/run.log.*" in done.stderr
  assert not is_alive(int((tmp_path / "bin" / "pid").read_text()))


# Counts its starts; what it does then depends on the start.
STARTS = f'{NUMBER}; echo "$@" >>"$FOLDER/words.$id"; ' + (
  'start=$(wc -l <"$FOLDER/words.$id")'
)


@pytest.mark.parametrize("end", ["exit 75", "kill -KILL $$", "kill -TERM $$"])
def test_a_lost_worker_is_a_restart_of_all(tmp_path, end):
  env = environment(
    tmp_path / "bin",
    f'{STARTS}; echo "start $start"; ((start < 3)) || exit 0; '
    f'if ((id)); then read -r pid <"$FOLDER/ready"; echo "$pid" '
    f'>>"$FOLDER/pids"; {end}; fi; {STUBBORN}',
  )
  os.mkfifo(tmp_path / "bin" / "ready")
  words = ["--grace_s=0", "2", *WORDS, f"--workdir={tmp_path}/run"]
  done = launch(env, *words)
  assert done.returncode == 0, done.stderr
  # No process of an earlier start is left, and each start has its own port.
  pids = (tmp_path / "bin" / "pids").read_text().split()
  assert len(pids) == 2
  assert not any(is_alive(int(pid)) for pid in pids)
  one, other = (
    [shlex.split(line) for line in path.read_text().splitlines()]
    for path in sorted((tmp_path / "bin").glob("words.*"))
  )
  assert [line[:-1] for line in one] == [line[:-1] for line in other]
  assert len({tuple(line) for line in one}) == 3
  # All that a process has said is kept.
  assert (tmp_path / "run.log.1").read_text().startswith("start 1\nstart 2\n")
  status = {"exit 75": 75, "kill -KILL $$": 137, "kill -TERM $$": 143}[end]
  said = f"launch/local.sh: process 1 ended with status {status}: all are "
  for count in (1, 2):
    assert f"{said}started again ({count} of 3); " in done.stderr


def test_restarts_are_counted(tmp_path):
  env = environment(tmp_path / "bin", f"{STARTS}; exit 75")
  done = launch(env, "--restarts=2", "1", *WORDS, f"--workdir={tmp_path}/run")
  assert done.returncode == 75
  words = (tmp_path / "bin" / "words.0").read_text()
  assert len(words.splitlines()) == 3
  assert "status 75, after 2 restarts (--restarts), so all" in done.stderr


@pytest.mark.parametrize("status", [1, 2, 127, 130])
def test_what_no_restart_helps_is_none(tmp_path, status):
  env = environment(tmp_path / "bin", f"{STARTS}; exit {status}")
  done = launch(env, "1", *WORDS, f"--workdir={tmp_path}/run")
  assert done.returncode == status
  words = (tmp_path / "bin" / "words.0").read_text()
  assert len(words.splitlines()) == 1


def test_with_75_the_others_have_time_to_save(tmp_path):
  env = environment(
    tmp_path / "bin",
    f"{STARTS}; ((start < 2)) || exit 0; "
    'if ((id)); then echo >"$FOLDER/ready"; exit 75; fi; '
    'read -r _ <"$FOLDER/ready"; sleep 0.5; echo saved; exit 75',
  )
  os.mkfifo(tmp_path / "bin" / "ready")
  done = launch(env, "2", *WORDS, f"--workdir={tmp_path}/run")
  assert done.returncode == 0
  assert done.stdout == "saved\n"


# Where a script starts a suite in the background, interrupts are ignored.
INTERRUPTIBLE = (
  "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); "
  "os.execvp(sys.argv[1], sys.argv[1:])"
)


def stop_launcher(tmp_path, program, signals, *options):
  """Sends signals to a launcher at work; returns its status and the pids."""
  env = environment(tmp_path / "bin", program)
  ready = tmp_path / "bin" / "ready"
  os.mkfifo(ready)
  words = ["bash", SCRIPT, *options, "2", *WORDS, f"--workdir={tmp_path}/run"]
  with subprocess.Popen(
    [sys.executable, "-c", INTERRUPTIBLE, *words],
    env=env,
    stderr=subprocess.PIPE,
    text=True,
  ) as launcher:
    said = b""
    # Opened for both, it has no end between one writer and the next.
    with ready.open("r+b", buffering=0) as pipe:
      while said.count(b"\n") < 2:
        said += pipe.read(64)
    pids = [int(line) for line in said.split()]
    for number in signals:
      launcher.send_signal(number)
      # Told before it waits, so the next signal is another one.
      if number is signals[0]:
        assert "stopped: the processes have " in launcher.stderr.readline()
    return launcher.wait(timeout=60), pids


ENDINGS = [(signal.SIGTERM, 143), (signal.SIGINT, 130)]


@pytest.mark.parametrize(("number", "status"), ENDINGS)
def test_stopping_the_launcher_lets_all_save(tmp_path, number, status):
  saving = (
    f"{NUMBER}; trap 'sleep 0.5; touch \"$FOLDER/saved.$id\"; exit 75' TERM; "
    'echo $$ >"$FOLDER/ready"; while true; do sleep 0.1; done'
  )
  ended, pids = stop_launcher(tmp_path, saving, [number])
  assert ended == status
  assert len(list((tmp_path / "bin").glob("saved.*"))) == 2
  assert not any(is_alive(pid) for pid in pids)


def test_those_that_do_not_end_are_killed(tmp_path):
  ended, pids = stop_launcher(
    tmp_path, STUBBORN, [signal.SIGTERM], "--grace_s=1"
  )
  assert ended == 143
  assert not any(is_alive(pid) for pid in pids)


def test_a_second_signal_waits_for_nobody(tmp_path):
  ended, pids = stop_launcher(
    tmp_path, STUBBORN, [signal.SIGINT, signal.SIGTERM], "--grace_s=600"
  )
  assert ended == 143
  assert not any(is_alive(pid) for pid in pids)


def test_a_program_that_is_not_installed_is_an_error(tmp_path):
  env = os.environ | {"PATH": "/usr/bin:/bin"}
  done = launch(env, "2", *WORDS, f"--workdir={tmp_path}/run")
  assert done.returncode == 127
  assert "no fewshot-mss on the path" in done.stderr
  assert not (tmp_path / "run.log.1").exists()
