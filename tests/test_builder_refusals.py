"""What a build refuses, and what is in its way or is not."""

import dataclasses
import fcntl
from pathlib import Path

import numpy as np
import pytest

from builder_songs import loud, make, pair, stem
from fewshot_mss.data.builder import build
from fewshot_mss.data.catalogue import load_catalogue
from fewshot_mss.data.synth.toy import toy_track_set
from fewshot_mss.data.tracks import Stem, Track
from fewshot_mss.errors import InputError


@pytest.mark.parametrize(
  ("tracks", "message"),
  [
    ([], "no usable stem"),
    ([Track("a", "train", ())], "no usable stem"),
    ([pair("a"), pair("a", "test")], "two songs are called a"),
    ([pair("a", "valid")], "song a is of split valid: use one of train, val"),
    (
      [Track("a", "train", (stem("horn", loud()), stem("horn", loud())))],
      "two stems of song a are called horn",
    ),
  ],
)
def test_songs_that_cannot_be_used_leave_nothing(tmp_path, tracks, message):
  with pytest.raises(InputError, match=message):
    make(tracks, tmp_path / "out")
  assert list(tmp_path.iterdir()) == []


def test_songs_of_silence_are_refused(tmp_path):
  silent = Track("a", "test", (stem("violin", np.zeros(8000)),))
  with pytest.raises(
    InputError, match="no usable stem in the test songs: every stem is silent"
  ):
    make([pair(), silent], tmp_path / "out")
  assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("segment_s", [0.2, float("nan"), float("inf")])
def test_segments_shorter_than_a_block_are_refused(tmp_path, segment_s):
  with pytest.raises(
    InputError, match=rf"segment_s is {segment_s}: give at least"
  ):
    make([pair()], tmp_path / "out", segment_s=segment_s)
  assert list(tmp_path.iterdir()) == []


def test_a_sample_rate_of_nothing_is_refused(tmp_path):
  with pytest.raises(InputError, match="sample_rate_hz is 0: give at least 1"):
    make([pair()], tmp_path / "out", sample_rate_hz=0)
  assert list(tmp_path.iterdir()) == []


def test_a_folder_in_use_is_left_alone(tmp_path):
  (tmp_path / "mine.txt").write_text("mine")
  with pytest.raises(InputError, match="exists already"):
    make([pair()], tmp_path)
  with pytest.raises(InputError, match="exists already"):
    make([pair()], tmp_path / "mine.txt")
  assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
  (tmp_path / "file").write_text("")
  with pytest.raises(InputError, match="cannot be written"):
    make([pair()], tmp_path / "file" / "out")


def test_an_empty_folder_and_a_killed_build_are_no_obstacle(
  tmp_path, monkeypatch
):
  output = tmp_path / "out"
  output.mkdir()
  left = tmp_path / "out.building" / "stem_dataset"
  left.mkdir(parents=True)
  (left / "half").write_text("")
  # Named as a person would from inside.
  monkeypatch.chdir(output)
  make([pair()], Path())
  assert len(load_catalogue(output)) == 2
  assert sorted(p.name for p in tmp_path.iterdir()) == ["out"]


def test_the_same_songs_give_the_same_catalogue(toy_dataset, tmp_path):
  again = build(
    toy_track_set(),
    tmp_path / "again",
    sample_rate_hz=8000,
    segment_s=1.0,
    progress=False,
  )
  for name in (
    "catalogue.json",
    "evaluation_test.json",
    "evaluation_validation.json",
  ):
    assert (again / name).read_bytes() == (toy_dataset / name).read_bytes()
  changed = dataclasses.replace(toy_track_set(), unseen=("bell",))
  other = build(
    changed,
    tmp_path / "other",
    sample_rate_hz=8000,
    segment_s=1.0,
    progress=False,
  )
  # The organ is not declared unseen, but no training song has it.
  assert not load_catalogue(other).seen[
    load_catalogue(other).instruments.index("organ")
  ]


def test_two_builds_of_one_folder_do_not_disturb_each_other(tmp_path):
  working = tmp_path / "out.building"
  (working / "stem_dataset").mkdir(parents=True)
  with (working / "lock").open("w") as file:
    fcntl.flock(file, fcntl.LOCK_EX)
    with pytest.raises(InputError, match="at work in another process"):
      make([pair()], tmp_path / "out")
    # What the other is writing.
    assert (working / "stem_dataset").exists()
  make([pair()], tmp_path / "out")
  assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_folder_of_other_things_is_not_taken_for_a_builds_own(tmp_path):
  mine = tmp_path / "out.building" / "mine.txt"
  mine.parent.mkdir()
  mine.touch()
  with pytest.raises(InputError, match=r"mine\.txt is of no build"):
    make([pair()], tmp_path / "out")
  assert mine.exists()


def test_a_mounted_disk_is_refused_before_the_work(tmp_path, monkeypatch):
  output = tmp_path / "out"
  output.mkdir()
  monkeypatch.setattr(Path, "is_mount", lambda path: path == output)
  with pytest.raises(InputError, match="name a folder in it"):
    make([pair()], output)
  assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_what_could_not_be_read_is_read_anew_by_the_next_try(tmp_path):
  drive = tmp_path / "drive"

  def read():
    if not drive.exists():
      raise InputError("the drive is not there")
    return loud()[:, None], 8000

  songs = [pair(), Track("b", "train", (Stem("oboe", "oboe", "f", "", read),))]
  expected = r"the drive is not there \(--skip_bad leaves it out\)"
  with pytest.raises(InputError, match=expected):
    make(songs, tmp_path / "out")
  drive.touch()
  directory = make(songs, tmp_path / "out")
  assert "oboe" in load_catalogue(directory).instruments
