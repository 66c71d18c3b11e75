"""Real processes that are interrupted, killed, or out of room."""

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from processes import assert_they_end, wait_until, xla_flags
from separating import everything, noise, write_song, written
from tiny_archive import write_archive

# Five minutes: seconds of work.
LONG = 8000 * 300
# SIGINT is ignored in the children of a shell's background jobs, SIGHUP in
# those of nohup. With a limit, no file can grow beyond so many bytes, as on a
# full disk.
PROGRAM = """
import resource, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
limit = int(sys.argv.pop(1))
if limit:
  resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
from fewshot_mss import cli
cli.run_program()
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
  """A folder with a model, an example and a song of five minutes."""
  folder = tmp_path_factory.mktemp("place")
  write_archive(folder / "model")
  soundfile.write(folder / "horn.wav", noise(9000, 1), 8000)
  sound = np.tile(noise(8000, 1), (LONG // 8000, 1))
  soundfile.write(folder / "long.wav", sound, 8000)
  write_song(folder / "a.wav")
  write_song(folder / "z.wav")
  return folder


def start(place, out, *songs, limit=0, more=(), stderr=subprocess.PIPE, **env):
  words = [*songs, "-p", "horn.wav", "-m", "model", "-o", str(out), *more]
  return subprocess.Popen(
    [sys.executable, "-c", PROGRAM, str(limit), "separate", *words],
    cwd=place,
    env=os.environ | {"XLA_FLAGS": xla_flags(devices=1)} | env,
    stdout=subprocess.PIPE,
    stderr=stderr,
    text=True,
  )


def is_at_work(out):
  """Some of the long song is written, under a hidden name."""
  return lambda: any(
    path.stat().st_size > 100_000 for path in Path(out).glob("long/.*.writing")
  )


def test_an_interrupted_run_leaves_whole_songs_and_nothing_else(
  place, tmp_path
):
  out = tmp_path / "out"
  process = start(place, out, "a.wav", "long.wav", "z.wav")
  wait_until(is_at_work(out))
  process.send_signal(signal.SIGINT)
  said, complained = process.communicate(timeout=60)
  assert process.returncode == 130, complained
  assert written(said) == [
    f"wrote {out}/a/target.wav",
    f"wrote {out}/a/residual.wav",
  ]
  last = complained.splitlines()[-1]
  assert last.startswith("fewshot-mss: interrupted")
  assert "Traceback" not in complained
  assert everything(out) == ["a", "a/residual.wav", "a/target.wav"]
  assert soundfile.info(out / "a" / "residual.wav").frames == 2500


@pytest.mark.parametrize(
  ("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_run_that_is_told_to_end_puts_away_what_it_began(
  place, tmp_path, number, status
):
  out = tmp_path / "out"
  process = start(place, out, "a.wav", "long.wav", "z.wav")
  wait_until(is_at_work(out))
  process.send_signal(number)
  # Terminals that are closed tell twice.
  process.send_signal(number)
  complained = process.communicate(timeout=60)[1]
  assert process.returncode == status, complained
  assert complained.splitlines()[-1] == (
    f"fewshot-mss: told to end ({number.name}); songs separated so far are "
    "whole"
  )
  assert "Traceback" not in complained
  assert everything(out) == ["a", "a/residual.wav", "a/target.wav"]


def test_a_terminal_that_is_closed_leaves_nothing_of_a_stream(place, tmp_path):
  scratch = tmp_path / "scratch"
  scratch.mkdir()
  ours, its = pty.openpty()
  process = start(place, "-", "long.wav", stderr=its, TMPDIR=str(scratch))
  os.close(its)
  wait_until(
    lambda: any(
      path.stat().st_size > 100_000 for path in scratch.rglob("*.writing")
    )
  )
  # Whatever it says, its bar for instance, cannot be written any more.
  os.close(ours)
  process.send_signal(signal.SIGHUP)
  process.communicate(timeout=60)
  assert process.returncode == 129
  assert everything(scratch) == []


def test_a_killed_run_leaves_the_old_and_the_next_one_cleans_up(
  place, tmp_path
):
  out = tmp_path / "out"
  (out / "long").mkdir(parents=True)
  (out / "long" / "target.wav").write_text("precious")
  process = start(place, out, "long.wav", more=["--overwrite"])
  wait_until(is_at_work(out))
  process.kill()
  process.communicate(timeout=60)
  assert_they_end(process.pid)
  left = everything(out / "long")
  assert [name for name in left if not name.startswith(".")] == ["target.wav"]
  assert len(left) == 3
  assert (out / "long" / "target.wav").read_text() == "precious"
  process = start(place, out, "long.wav", more=["--overwrite"])
  complained = process.communicate(timeout=120)[1]
  assert process.returncode == 0, complained
  assert everything(out / "long") == ["residual.wav", "target.wav"]
  parts = [
    soundfile.read(out / "long" / f"{part}.wav", dtype="int16")[0].astype(int)
    for part in ("target", "residual")
  ]
  song = soundfile.read(place / "long.wav", dtype="int16")[0]
  np.testing.assert_array_equal(sum(parts), song)


def test_a_full_disk_fails_the_song_and_leaves_nothing_of_it(place, tmp_path):
  out = tmp_path / "out"
  process = start(place, out, "a.wav", "long.wav", "z.wav", limit=LONG // 2)
  said, complained = process.communicate(timeout=60)
  assert process.returncode == 1, complained
  assert len(written(said)) == 4
  first, last = complained.splitlines()[-2:]
  assert f"{out}/long/" in first
  assert "cannot be written" in first and "make room" in first
  assert "1 of 3 songs failed" in last
  assert "Traceback" not in complained
  assert everything(out) == [
    "a",
    "a/residual.wav",
    "a/target.wav",
    "z",
    "z/residual.wav",
    "z/target.wav",
  ]


def test_a_reader_that_goes_away_is_told_in_a_line(place):
  with start(place, "-", "a.wav") as process:
    process.stdout.close()
    complained = process.stderr.read()
    assert process.wait(timeout=60) == 1
  assert complained.splitlines()[-1] == (
    "fewshot-mss: standard output cannot be written (Broken pipe)"
  )
  assert "Traceback" not in complained
