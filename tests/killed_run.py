"""One process of a run: trains once, then again, and is killed in the middle.

  python killed_run.py STEP SECOND_WORKDIR WORDS_OF_FEWSHOT_MSS_TRAIN...

The second time, in SECOND_WORKDIR, the process kills itself once step STEP is
on its way: no handler runs, nothing is flushed or closed.
"""

import os
import signal
import sys
import time
from pathlib import Path

from fewshot_mss import arguments
from fewshot_mss.training import parallel, scoring
from fewshot_mss.training.train import train_and_evaluate


def main():
  last_step, second, *words = sys.argv[1:]
  parsed = arguments.parse(words)
  parallel.join_hosts(
    parsed.coordinator, parsed.num_processes, parsed.process_id
  )
  if parsed.process_id == 0:
    # Long enough for one that does not wait to be gone; nothing needs it.
    write = scoring.write_evaluation
    scoring.write_evaluation = lambda *args: (time.sleep(2), write(*args))
  train_and_evaluate(parsed.config, parsed.workdir)
  if not (parsed.workdir / "evaluation" / "evaluation.md").is_file():
    print("done before process 0 had scored", file=sys.stderr, flush=True)
    # At once: a regular end would wait for the other process.
    os._exit(3)

  def kill(step):
    if step == int(last_step):
      os.kill(os.getpid(), signal.SIGKILL)

  train_and_evaluate(parsed.config, Path(second), on_step=kill)


if __name__ == "__main__":
  main()
