"""The folder of a server: its own, and gone with it, or with the next one."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fewshot_mss.web.folder import server_folder
from processes import wait_until

PROGRAM = """
import time
from fewshot_mss.web.folder import server_folder
with server_folder() as folder:
  (folder / "song.wav").write_bytes(b"x")
  print(folder, flush=True)
  time.sleep(600)
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
  monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
  return tmp_path


def test_a_folder_is_its_owners_and_goes(temporary):
  with server_folder() as folder:
    assert folder.parent == temporary
    assert folder.stat().st_mode & 0o777 == 0o700
    (folder / "some").mkdir()
  assert not list(temporary.iterdir())


def test_what_a_killed_server_leaves_goes_with_the_next(temporary):
  process = subprocess.Popen(
    [sys.executable, "-c", PROGRAM],
    stdout=subprocess.PIPE,
    text=True,
    env=os.environ
    | {"TMPDIR": str(temporary), "PYTHONPATH": str(Path(__file__).parents[1])},
  )
  with process, process.stdout:
    theirs = Path(process.stdout.readline().strip())
    # Of other programs, of a server that begins, and a link to elsewhere.
    others = [temporary / "other", temporary / "fewshot_mss_serve_new"]
    for other in others:
      other.mkdir()
    link = temporary / "fewshot_mss_serve_link"
    link.symlink_to(theirs)
    with server_folder():
      assert (theirs / "song.wav").exists()
    process.send_signal(signal.SIGKILL)
    process.wait()
  assert (theirs / "song.wav").exists()
  link.unlink()
  link.symlink_to(others[0])
  with server_folder():
    wait_until(lambda: not theirs.exists())
  assert sorted(temporary.iterdir()) == sorted([*others, link])
