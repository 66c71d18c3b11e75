"""Ctrl-C while the garbage collector calls back, as it does after XLA."""

import subprocess
import sys

PROGRAM = """
import gc, signal, sys, time
from fewshot_mss import cli

def callback(phase, info):
  if phase == "start":
    signal.raise_signal(signal.SIGINT)

def verb(parsed):
  gc.callbacks.append(callback)
  gc.collect()
  gc.callbacks.remove(callback)
  time.sleep(60)

cli._VERBS["describe"] = verb
status = cli.main(["describe"])
assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
sys.exit(status)
"""


def test_an_interrupt_in_a_callback_of_the_collector_is_not_lost():
  done = subprocess.run(
    [sys.executable, "-c", PROGRAM],
    capture_output=True,
    text=True,
    check=False,
    timeout=50,
  )
  assert done.returncode == 130
  assert done.stderr.count("\n") == 1
  assert "interrupted" in done.stderr


ENDING = """
import atexit, sys
from fewshot_mss import cli
atexit.register(print, "a regular end")
cli.main = lambda: int(sys.argv[1])
print("said before")
cli.run_program()
"""


def test_an_interrupted_program_ends_at_once_with_all_said():
  for status, said in (
    (130, "said before\n"),
    (2, "said before\na regular end\n"),
  ):
    done = subprocess.run(
      [sys.executable, "-c", ENDING, str(status)],
      capture_output=True,
      text=True,
      check=False,
    )
    assert (done.returncode, done.stdout) == (status, said)
