"""What is told when nobody listens: real processes, their streams cut off."""

import subprocess
import sys

import pytest

from fewshot_mss import terminal

# A verb that tells of two things, opens a file, and may complain.
PROGRAM = """
import os, sys
from rich.table import Table
from fewshot_mss import cli, terminal
from fewshot_mss.errors import InputError
def verb(parsed):
  assert os.open(os.devnull, os.O_RDONLY) > 2
  terminal.show(Table("a page"))
  terminal.say("a line")
  if parsed.folder.name == "wrong":
    raise InputError("what is wrong")
cli._VERBS = {"profile list": verb}
cli.run_program()
"""


def run(redirections, folder="right"):
  command = f'exec "$0" -c "$1" profile list {folder} {redirections}'
  done = subprocess.run(
    ["bash", "-c", command, sys.executable, PROGRAM],
    capture_output=True,
    text=True,
    timeout=60,
    check=False,
  )
  return done.returncode, done.stdout, done.stderr


def test_both_streams_are_there():
  status, out, err = run("")
  assert (status, err) == (0, "")
  assert "a page" in out and out.endswith("a line\n")
  assert run("", "wrong")[::2] == (2, "fewshot-mss: what is wrong\n")


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_trouble(closed):
  status, _, err = run(closed)
  assert (status, err) == (0, "")
  assert run(closed, "wrong")[0] == 2


def test_output_that_cannot_be_written_is_told_in_a_line():
  said = "fewshot-mss: standard output cannot be written"
  status, _, err = run(">/dev/full")
  assert (status, err) == (1, f"{said} (No space left on device)\n")
  # A reader that is gone before anything is said.
  status, _, err = run("> >(exec true)")
  assert (status, err) == (1, f"{said} (Broken pipe)\n")
  # Of the last one nobody can be told, but for the status.
  assert run("2>/dev/full", "wrong")[0] == 2


def test_names_that_are_no_text_are_shown(capsys):
  terminal.show("a\udcff.wav")
  terminal.say("b\udcff\n.wav")
  assert capsys.readouterr().out == "a\\udcff.wav\nb\\udcff\\n.wav\n"
