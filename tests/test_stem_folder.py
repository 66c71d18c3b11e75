"""The folder that anyone can make, as people make it."""

import numpy as np
import pytest

from fewshot_mss.data.layouts.stem_folder import stem_folder
from fewshot_mss.errors import InputError
from stem_files import songs, tone


def test_names_of_files_are_instruments(tmp_path):
  song = tmp_path / "song"
  names = ["violin.wav", "violin_2.WAV", "Electric_Guitar_12.Flac",
    "French horn.ogg", "Synth_80s.mp3", "violin-3.wav"]  # fmt: skip
  for name in names:
    tone(song / name, rate_hz=44_100)
  (track,) = stem_folder(tmp_path).tracks
  assert (track.name, track.split) == ("song", "train")
  assert {stem.name: stem.instrument for stem in track.stems} == {
    "violin": "violin",
    "violin_2": "violin",
    "electric_guitar_12": "electric guitar",
    "french horn": "french horn",
    "synth_80s": "synth 80s",
    "violin-3": "violin-3",
  }
  assert {(stem.family, stem.patch) for stem in track.stems} == {
    ("unknown", "")
  }


def test_what_is_no_stem_is_passed_over(tmp_path):
  song = tmp_path / "song"
  for name in ["bass.wav", "Mixture.wav", "MIX_2.wav", "master.flac"]:
    tone(song / name)
  for name in [".bass_2.wav", "._bass.wav", "notes.txt", "bass.wav.asd"]:
    (song / name).write_text("no audio")
  (tmp_path / ".trash").mkdir()
  (tmp_path / "readme.txt").touch()
  (track,) = stem_folder(tmp_path).tracks
  assert [stem.name for stem in track.stems] == ["bass"]


def test_stems_are_read_when_asked_and_as_they_are(tmp_path):
  path = tone(tmp_path / "song" / "horn.wav", rate_hz=11_025, channels=2)
  (track,) = stem_folder(tmp_path).tracks
  tone(path, rate_hz=11_025, channels=2, level=0.25)
  samples, rate_hz = track.stems[0].read()
  assert rate_hz == 11_025
  assert samples.shape == (5_512, 2)
  assert np.abs(samples).max() == pytest.approx(0.25, abs=1e-3)


def test_links_to_folders_and_files_are_followed(tmp_path):
  path = tone(tmp_path / "elsewhere" / "take 1.wav")
  (tmp_path / "root" / "song").mkdir(parents=True)
  (tmp_path / "root" / "song" / "horn.wav").symlink_to(path)
  (tmp_path / "root" / "other").symlink_to(tmp_path / "root" / "song")
  tracks = stem_folder(tmp_path / "root").tracks
  assert [track.name for track in tracks] == ["other", "song"]
  assert tracks[0].stems[0].read()[0].shape == (4_000, 1)


def test_fewer_than_five_songs_are_all_for_training(tmp_path):
  tracks = stem_folder(songs(tmp_path, 4)).tracks
  assert [track.split for track in tracks] == ["train"] * 4


def splits(root, **kwargs):
  return {
    track.name: track.split for track in stem_folder(root, **kwargs).tracks
  }


def counts(root, **kwargs):
  found = list(splits(root, **kwargs).values())
  return tuple(found.count(name) for name in ("train", "validation", "test"))


def test_five_songs_and_more_are_split(tmp_path):
  root = songs(tmp_path, 5)
  assert counts(root) == (3, 1, 1)
  assert counts(root, validation_share=0.0) == (4, 0, 1)
  assert counts(root, validation_share=0.0, test_share=0.0) == (5, 0, 0)
  assert counts(root, validation_share=0.09, test_share=0.9) == (1, 0, 4)
  songs(root, 20)
  assert counts(root) == (14, 2, 4)


def test_the_split_is_drawn_by_the_seed_alone(tmp_path):
  root = songs(tmp_path, 12, ["violin"])
  assert splits(root) == splits(root, seed=0)
  drawn = [splits(root, seed=seed) for seed in range(4)]
  assert any(split != drawn[0] for split in drawn[1:])
  # Names in order would put neighbours, often takes of one song, together.
  assert list(drawn[0].values()) != sorted(drawn[0].values())
  assert list(drawn[0]) == sorted(drawn[0])


@pytest.mark.parametrize("shares", [(0.5, 0.5), (-0.1, 0.2), (0.2, -0.1)])
def test_shares_that_leave_no_song_are_refused(tmp_path, shares):
  validation_share, test_share = shares
  with pytest.raises(InputError, match="sum to less than 1"):
    stem_folder(
      songs(tmp_path, 1),
      validation_share=validation_share,
      test_share=test_share,
    )


def test_splits_by_hand_are_kept(tmp_path):
  for folder in ["train/a", "train/d", "valid/b", "test/c"]:
    tone(tmp_path / folder / "bass.wav")
  assert splits(tmp_path) == {
    "a": "train",
    "b": "validation",
    "c": "test",
    "d": "train",
  }
  (tmp_path / "valid").rename(tmp_path / "Validation")
  assert splits(tmp_path)["b"] == "validation"


def test_a_song_belongs_to_one_split(tmp_path):
  tone(tmp_path / "train" / "a" / "bass.wav")
  tone(tmp_path / "test" / "a" / "bass.wav")
  with pytest.raises(InputError, match=r"test/a and .*train/a have one name"):
    stem_folder(tmp_path)


def test_an_empty_split_is_named(tmp_path):
  tone(tmp_path / "train" / "a" / "bass.wav")
  (tmp_path / "test").mkdir()
  with pytest.raises(InputError, match=r"no song folder in .*/test"):
    stem_folder(tmp_path)


def test_unseen_is_named_as_a_person_writes_it(tmp_path):
  songs(tmp_path, 1, ["violin_1", "Electric_Guitar"])
  for name in ["Electric_Guitar", "electric guitar"]:
    assert stem_folder(tmp_path, unseen=[name]).unseen == ("electric guitar",)


def test_unseen_instruments_must_be_there_and_leave_some(tmp_path):
  root = songs(tmp_path, 1, ["violin", "drums"])
  with pytest.raises(InputError, match=r"'horn'.*there are drums, violin"):
    stem_folder(root, unseen=["violin", "horn"])
  with pytest.raises(InputError, match=r"\(drums, violin\).*is unseen"):
    stem_folder(root, unseen=["violin", "drums"])
  assert stem_folder(root, unseen=["drums"]).unseen == ("drums",)


def test_unseen_must_leave_something_in_the_training_songs(tmp_path):
  tone(tmp_path / "train" / "a" / "bass.wav")
  tone(tmp_path / "test" / "b" / "horn.wav")
  with pytest.raises(InputError, match=r"\(bass\) is unseen"):
    stem_folder(tmp_path, unseen=["bass"])
  assert stem_folder(tmp_path, unseen=["horn"]).unseen == ("horn",)
