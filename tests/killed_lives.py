"""A run that is killed and started again, in one process for each life.

  python killed_lives.py CONFIG_JSON

Reads lines `WORKDIR FROM OPERATION DELAY_S` and answers each with how the life
ended, `-9` or `0`. A life is a real process, forked once everything is imported
and before anything of JAX is alive: this spares it ten seconds. It is killed
DELAY_S after its OPERATION-th operation on files of the workdir (opening,
renaming, listing, ... by any thread); never if OPERATION is 0. Where FROM is
`end`, those before the last step was saved do not count.
"""

import json
import os
import signal
import sys
import threading
import traceback
import warnings
from pathlib import Path

# That JAX is not made for it: it is, before it has done anything.
warnings.filterwarnings("ignore", message=r"os\.fork\(\)")

from fewshot_mss.data.pipeline import import_tensorflow  # noqa: E402
from fewshot_mss.default_config import get_config  # noqa: E402
from fewshot_mss.training.train import train_and_evaluate  # noqa: E402


def kill():
  os.kill(os.getpid(), signal.SIGKILL)


def live(config, workdir, start, operation, delay_s):
  """Trains in this process; it is killed where the arguments say."""
  count = 0
  done = Path(workdir) / "checkpoints" / str(config.train.steps)

  def on_operation(event, args):
    nonlocal count
    if not args or not isinstance(args[0], str | os.PathLike):
      return
    if not os.fspath(args[0]).startswith(workdir):
      return
    if start == "start" or done.is_dir():
      count += 1
      if count == operation and delay_s:
        threading.Timer(delay_s, kill).start()
      elif count == operation:
        kill()

  sys.addaudithook(on_operation)
  train_and_evaluate(config, Path(workdir))


def main():
  config = get_config()
  config.update_from_flattened_dict(json.loads(sys.argv[1]))
  import_tensorflow()
  for line in sys.stdin:
    workdir, start, operation, delay_s = line.split()
    child = os.fork()
    if child == 0:
      with Path(f"{workdir}.log").open("a", encoding="utf-8") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
      status = 1
      try:
        live(config, workdir, start, int(operation), float(delay_s))
        status = 0
      finally:
        if status:
          traceback.print_exc()
        sys.stderr.flush()
        os._exit(status)
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
  main()
