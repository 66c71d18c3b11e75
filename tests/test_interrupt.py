"""The end of a program that was interrupted."""

import subprocess
import sys

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
    (75, "said before\n"),
    (2, "said before\na regular end\n"),
  ):
    done = subprocess.run(
      [sys.executable, "-c", ENDING, str(status)],
      capture_output=True,
      text=True,
      check=False,
    )
    assert (done.returncode, done.stdout) == (status, said)
