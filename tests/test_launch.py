"""The launcher with stand-ins for `fewshot-mss`: who is told what, who ends."""

import os
import shlex
import signal
import subprocess
from pathlib import Path

import pytest

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


def is_alive(pid):
  try:
    os.kill(pid, 0)
  except ProcessLookupError:
    return False
  return True


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
  done = launch(env, "--dry_run", "2", *WORDS, f"--workdir={tmp_path}/deep/run")
  assert done.returncode == 0
  assert done.stderr == ""
  lines = done.stdout.splitlines()
  assert len(lines) == 2
  for i, line in enumerate(lines):
    assert line.startswith(
      f"fewshot-mss train {' '.join(WORDS)} --workdir={tmp_path}/deep/run "
      "--coordinator=127.0.0.1:"
    )
    assert line.endswith(f" --num_processes=2 --process_id={i}")
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
  assert "a process ended with status 3" in done.stderr
  assert f"{tmp_path}/run.log.*" in done.stderr
  assert not is_alive(int((tmp_path / "bin" / "pid").read_text()))


def test_stopping_the_launcher_stops_all(tmp_path):
  env = environment(tmp_path / "bin", STUBBORN)
  ready = tmp_path / "bin" / "ready"
  os.mkfifo(ready)
  with subprocess.Popen(
    ["bash", SCRIPT, "2", *WORDS, f"--workdir={tmp_path}/run"], env=env
  ) as launcher:
    pids = []
    while len(pids) < 2:
      with ready.open() as pipe:
        pids += [int(line) for line in pipe]
    launcher.send_signal(signal.SIGTERM)
    assert launcher.wait(timeout=60) == 143
  assert not any(is_alive(pid) for pid in pids)


def test_a_program_that_is_not_installed_is_an_error(tmp_path):
  env = os.environ | {"PATH": "/usr/bin:/bin"}
  done = launch(env, "2", *WORDS, f"--workdir={tmp_path}/run")
  assert done.returncode == 127
  assert "no fewshot-mss on the path" in done.stderr
  assert not (tmp_path / "run.log.1").exists()
