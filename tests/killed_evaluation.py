"""One life of a command that evaluates, which may end at a batch.

  python killed_evaluation.py SIGNAL BATCH WORDS_OF_FEWSHOT_MSS...

Prints the items of each batch that was scored. When its BATCH-th one is to be,
the process sends itself the signal SIGNAL; never if BATCH is 0.
"""

import os
import signal
import sys

from fewshot_mss import cli
from fewshot_mss.evaluation import evaluate


def main():
  name, last, *words = sys.argv[1:]
  # Where the tests run in the background, the shell has them ignore Ctrl-C.
  signal.signal(signal.SIGINT, signal.default_int_handler)
  score_batch = evaluate.score_batch
  count = 0

  def score_and_tell(items, *args):
    nonlocal count
    count += 1
    if count == int(last):
      os.kill(os.getpid(), signal.Signals[name])
    scores = score_batch(items, *args)
    print("scored", *(item.spec.index for item in items), flush=True)
    return scores

  evaluate.score_batch = score_and_tell
  sys.argv[1:] = words
  cli.run_program()


if __name__ == "__main__":
  main()
