"""Real processes, one of which dies, stops or fails: all end, and say why.

The limit of a minute is set to a few seconds here.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from jax._src import distributed

from fewshot_mss.training import parallel, watch
from processes import free_port, xla_flags

LIMIT_S = "6"


def start(processes, errors=None):
  """Starts processes; those in `errors` raise what it says."""
  port = str(free_port())
  return [
    subprocess.Popen(
      [
        sys.executable,
        Path(__file__).parent / "watched_process.py",
        LIMIT_S,
        port,
        str(processes),
        str(i),
        *(errors or {}).get(i, ()),
      ],
      env=os.environ | {"XLA_FLAGS": xla_flags(devices=1)},
      stdout=subprocess.PIPE,
      stderr=subprocess.PIPE,
      text=True,
    )
    for i in range(processes)
  ]


def what_others_say(started, victim, number=None):
  """Sends a signal to one once all are there; returns what the others said."""
  try:
    for process in started:
      # Gloo says a word before.
      while not (line := process.stdout.readline()).startswith("here"):
        assert line, process.communicate(timeout=60)
    if number is not None:
      started[victim].send_signal(number)
    said = {}
    for i, process in enumerate(started):
      if i != victim:
        _, err = process.communicate(timeout=100)
        lines = [line for line in err.splitlines() if "fewshot-mss" in line]
        said[i] = (process.returncode, lines)
    return said
  finally:
    for process in started:
      process.kill()
      process.communicate()


@pytest.mark.parametrize("victim", [0, 1])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_the_others_end_and_say_which_one_is_gone(victim, number):
  said = what_others_say(start(3), victim, number)
  assert len(said) == 2
  for i, (status, lines) in said.items():
    assert (status, len(lines)) == (75, 1), said
    assert lines[0].startswith(
      f"fewshot-mss: process {i} of 3 ends: process {victim} of 3 (host "
      f"{socket.gethostname()}) is gone"
    )
    assert "start all processes again" in lines[0]


@pytest.mark.parametrize(
  ("victim", "error", "status", "why"),
  [
    (0, "RunError", 1, "this one went wrong"),
    (1, "InputError", 2, "this one went wrong"),
    (1, "OSError", 1, "OSError, see what it says"),
    (1, "KeyError", 1, "KeyError, see what it says"),
  ],
)
def test_one_that_fails_takes_the_others_with_it_and_its_status(
  victim, error, status, why
):
  started = start(2, {victim: [error]})
  said = what_others_say(started, victim)
  other = 1 - victim
  assert said == {
    other: (
      status,
      [
        f"fewshot-mss: process {other} of 2 ends: process {victim} of 2 ended: "
        f"{why}"
      ],
    )
  }


def test_of_several_that_end_the_first_one_is_named(monkeypatch):
  class Client:
    def key_value_set(self, key, words, allow_overwrite):
      assert not words.startswith("ended ")

  joined = distributed.State()
  joined.client, joined.process_id, joined.num_processes = Client(), 0, 3
  monkeypatch.setattr(distributed, "global_state", joined)
  told = []
  monkeypatch.setattr(watch, "end", lambda *words: told.append(words))
  judge = watch._Watch(0.01)
  # Process 1 has heard of process 2 before this one.
  judge._words = {0: "alive 3 a", 1: "follows", 2: "ended 1 a fault"}
  judge._judge(time.monotonic())
  assert told == [
    (1, "process 0 of 3 ends: process 2 of 3 ended: a fault"),
  ]


@pytest.mark.parametrize("victim", [0, 1])
def test_one_that_is_shot_once_all_have_saved_changes_nothing(victim):
  started = start(2, {victim: ["dies"], 1 - victim: ["RestartError"]})
  said = what_others_say(started, victim)
  assert said == {1 - victim: (75, ["fewshot-mss: this one went wrong"])}


END = """
import contextlib, io, sys
from fewshot_mss.training.watch import end
with contextlib.redirect_stderr(io.StringIO()):
  end(75, "the end")
"""


def test_the_last_line_is_seen_though_readers_are_silenced():
  done = subprocess.run(
    [sys.executable, "-c", END], capture_output=True, text=True, timeout=60
  )
  assert done.returncode == 75
  assert done.stderr.splitlines()[-1] == "fewshot-mss: the end"


def test_it_ends_where_no_line_can_be_written():
  with Path("/dev/full").open("w", encoding="utf-8") as full:
    done = subprocess.run(
      [sys.executable, "-c", END], stdout=full, stderr=full, timeout=60
    )
  assert done.returncode == 75


JOIN = """
import sys
from fewshot_mss.training import parallel
parallel._JOIN_WORD_S, parallel._JOIN_TIMEOUT_S = 0.5, 2.0
parallel.join_hosts(sys.argv[1], 2, int(sys.argv[2]))
"""


@pytest.mark.parametrize("index", [0, 1])
def test_where_the_others_do_not_come_it_says_where_it_waits(index):
  address = f"127.0.0.1:{free_port()}"
  done = subprocess.run(
    [sys.executable, "-c", JOIN, address, str(index)],
    capture_output=True,
    text=True,
    timeout=100,
  )
  assert done.returncode == 75, done.stderr
  first, second = done.stderr.splitlines()
  assert first == (
    f"fewshot-mss: waits for all processes of the run to join at {address}, "
    "for 2.0 s at most"
  )
  assert second.startswith(
    "fewshot-mss: not all processes of the run have joined at "
    f"{address} within 2.0 s: "
  )
  # In a real run.
  assert parallel._JOIN_TIMEOUT_S < 120


def test_a_worker_that_dies_is_noticed_within_two_minutes():
  # Of a real run: silence, another quarter of a beat, the word of process 0.
  slowest_s = watch.LIMIT_S * (1 + (1 / 4 + 1.5) / watch._BEATS)
  assert slowest_s < 100
