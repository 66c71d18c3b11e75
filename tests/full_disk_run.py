"""A run that cannot write files of more than some bytes from a step on.

  python full_disk_run.py CONFIG_JSON WORKDIR STEP BYTES

The kernel refuses to write more, as it does on a full disk.
"""

import json
import resource
import signal
import sys
from pathlib import Path

from fewshot_mss import cli
from fewshot_mss.default_config import get_config
from fewshot_mss.training.train import train_and_evaluate


def run():
  settings, workdir, last_step, size = sys.argv[1:]
  config = get_config()
  config.update_from_flattened_dict(json.loads(settings))
  # Else the kernel ends the process.
  signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

  def fill(step):
    if step == int(last_step):
      limits = int(size), resource.RLIM_INFINITY
      resource.setrlimit(resource.RLIMIT_FSIZE, limits)

  train_and_evaluate(config, Path(workdir), fill)


if __name__ == "__main__":
  cli.parse = lambda words: type("Words", (), {"verb": "run"})
  cli._VERBS = {"run": lambda parsed: run()}
  cli.run_program()
