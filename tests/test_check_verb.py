"""`data check` as a command: what it tells, prints and refuses."""

import json
import signal
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from fewshot_mss import cli
from made_songs import RATE_HZ, noise

# ---- The verb.


@pytest.fixture
def songs(tmp_path, monkeypatch):
  """Three songs of two instruments, split by hand."""
  monkeypatch.chdir(tmp_path)
  for i, split in enumerate(("train", "train", "test")):
    folder = tmp_path / "songs" / split / f"song {i}"
    folder.mkdir(parents=True)
    for j, name in enumerate(("bass", "flute")):
      samples = noise(10 * i + j)
      soundfile.write(folder / f"{name}.wav", samples, RATE_HZ)
  return tmp_path / "songs"


def run(*words):
  return cli.main(["data", "check", *map(str, words)])


def files_of(folder):
  return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_good_songs_are_told_of_and_left_alone(songs, tmp_path, capsys):
  before = files_of(tmp_path)
  assert run("songs") == 0
  out, err = capsys.readouterr()
  assert out.startswith("songs as stem_folder (stem folder songs)\n")
  assert "0 errors, 0 warnings" in out
  assert "3/3" in err
  assert files_of(tmp_path) == before


def test_json_is_all_that_is_printed(songs, capsys):
  soundfile.write(songs / "train/song 1/bass.wav", np.zeros(2000), RATE_HZ)
  assert run("songs", "--json", "--layout=stem_folder") == 0
  found = json.loads(capsys.readouterr().out)
  assert found["songs"]["all"]["songs"] == 3
  assert found["warnings"] == 1
  assert found["findings"][0]["where"] == "song 1/bass"


def test_a_song_in_two_splits_is_an_error(songs, capsys):
  content = (songs / "train/song 0/bass.wav").read_bytes()
  (songs / "test/song 2/flute.wav").write_bytes(content)
  assert run("songs") == 1
  out, err = capsys.readouterr()
  assert "song 0 (train), song 2 (test): same sound (bass = flute)" in out
  assert err.split("\n")[-2] == (
    "fewshot-mss: 1 error in songs as stem_folder: mend before `data build`"
  )


# To hold once layouts leave reading headers to checks and builds.
def test_an_unreadable_file_in_a_folder_is_an_error(songs, capsys):
  path = songs / "train/song 0/bass.wav"
  path.write_bytes(path.read_bytes()[:1000])
  (songs / "train/song 1/bass.wav").write_text("no sound")
  assert run("songs", "--json") == 1
  found = json.loads(capsys.readouterr().out)
  assert found["errors"] == 2
  by_place = {row["where"]: row for row in found["findings"]}
  assert "ends before its header says" in by_place["song 0/bass"]["what"]
  assert "song 1/bass.wav" in by_place["song 1/bass"]["what"]


@pytest.mark.parametrize(
  ("words", "said"),
  [
    ([], "root"),
    (["absent"], "absent"),
    (["empty"], "no song folder in empty"),
    (["songs", "--layout=rendered"], "rendered"),
    (["songs", "--layout=nope"], "nope"),
    (["songs", "--with_bleed"], "--with_bleed"),
    (["songs", "--layout=musdb18_hq", "--with_bleed"], "--with_bleed"),
    (["songs", "--layout=musdb18_hq"], "songs"),
    (["songs", "--config.train.steps=1"], "no configuration"),
  ],
)
def test_what_cannot_be_checked_is_one_line(
  songs, tmp_path, capsys, words, said
):
  (tmp_path / "empty").mkdir()
  assert run(*words) == 2
  out, err = capsys.readouterr()
  assert out == ""
  assert err.startswith("fewshot-mss: ")
  assert err.count("\n") == 1
  assert said in err


INTERRUPTED = """
import signal
import threading
# Where a script starts a suite in the background, interrupts are ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
from fewshot_mss import cli, data_verbs
from fewshot_mss.data.tracks import Stem, Track, TrackSet
def read():
  print("reading", flush=True)
  threading.Event().wait()
stem = Stem("x", "x", "f", "", read)
tracks = TrackSet((Track("a", "train", (stem,)),))
data_verbs._read_tracks = lambda parsed: tracks
cli.main.__globals__["sys"].argv = ["fewshot-mss", "data", "check", "songs"]
cli.run_program()
"""


def test_an_interrupted_check_ends_at_once():
  with subprocess.Popen(
    [sys.executable, "-c", INTERRUPTED],
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
  ) as process:
    assert process.stdout.readline() == "reading\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
  assert process.returncode == 130
  assert out == ""
  assert "fewshot-mss: interrupted" in err
