"""A process that makes the files that its standard input asks for.

Run by work.py. When that process ends, killed or not, so does this one: its
input ends.
"""

import os
import signal
import sys
import threading

from fewshot_mss.data.quiet import beam
from fewshot_mss.data.work import beam_options, run_pipeline
from fewshot_mss.errors import RunError


def _end_with_input() -> None:
  # Past Python's buffer, whose lock would be held when the work is done.
  os.read(sys.stdin.fileno(), 1)
  os._exit(1)


if __name__ == "__main__":
  # An interrupt comes to all processes of a terminal; the first one ends this.
  signal.signal(signal.SIGINT, signal.SIG_IGN)
  size = int.from_bytes(sys.stdin.buffer.read(8), "big")
  make, items = beam.coders.CloudpickleCoder().decode(
    sys.stdin.buffer.read(size)
  )
  threading.Thread(target=_end_with_input, daemon=True).start()
  try:
    run_pipeline(make, items, beam_options(()))
  except RunError as error:
    print(error, file=sys.stderr)
    sys.exit(1)
