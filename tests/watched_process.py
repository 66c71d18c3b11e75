"""One process of a run that does nothing but to meet the others.

  python watched_process.py LIMIT_S PORT PROCESSES INDEX [ERROR | dies]

Says `here` once it met them. Where ERROR is given, raises an error of that name
then, or kills itself when JAX is to be left.
"""

import builtins
import os
import signal
import sys
import time

import jax
import numpy as np
from jax.experimental import multihost_utils

from fewshot_mss import cli, errors
from fewshot_mss.training import parallel, watch

# So long processes wait for one that does not leave JAX as they do.
parallel._LEAVE_TIMEOUT_S = 5


def run():
  limit_s, port, processes, index, *error = sys.argv[1:]
  parallel.join_hosts(f"127.0.0.1:{port}", int(processes), int(index))
  with watch.watched_processes(float(limit_s)):
    multihost_utils.process_allgather(np.float32(0))
    print("here", flush=True)
    if error == ["dies"]:
      jax.distributed.shutdown = lambda: os.kill(os.getpid(), signal.SIGKILL)
      error = ["RestartError"]
    if error:
      source = errors if hasattr(errors, error[0]) else builtins
      raise getattr(source, error[0])("this one went wrong")
    while True:
      multihost_utils.process_allgather(np.float32(0))
      time.sleep(0.05)


if __name__ == "__main__":
  cli.parse = lambda words: type("Words", (), {"verb": "run"})
  cli._VERBS = {"run": lambda parsed: run()}
  cli.run_program()
