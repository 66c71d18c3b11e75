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
