"""Built folders are whole or not there."""

import json

import numpy as np
import pytest

from builder_songs import loud, make, pair, stem
from fewshot_mss.data.catalogue import SPLITS, TRAIN, load_catalogue
from fewshot_mss.data.records import RecordReader
from fewshot_mss.data.synth.toy import toy_track_set
from fewshot_mss.data.tracks import Stem, Track
from fewshot_mss.errors import InputError


def test_a_folder_holds_records_catalogue_and_lists_alone(toy_dataset):
  assert sorted(p.name for p in toy_dataset.iterdir()) == [
    "catalogue.json",
    "catalogue.npz",
    "dataset_info.json",
    "evaluation_test.json",
    "evaluation_validation.json",
    "features.json",
    "stem_dataset-test.array_record-00000-of-00001",
    "stem_dataset-train.array_record-00000-of-00001",
    "stem_dataset-validation.array_record-00000-of-00001",
  ]
  assert [p.name for p in toy_dataset.parent.iterdir()] == ["dataset"]


def test_samples_are_stored_as_two_bytes_each(toy_dataset):
  features = json.loads(next(toy_dataset.glob("features.json")).read_text())
  pcm = features["featuresDict"]["features"]["pcm"]["tensor"]
  assert (pcm["dtype"], pcm["encoding"]) == ("int16", "bytes")
  (path,) = toy_dataset.glob("*test.array_record*")
  # 48 segments of 16,000 bytes; the files come in blocks of 64 KiB.
  assert path.stat().st_size < 1.4 * 48 * 16000


def test_toy_songs_come_out_as_they_were_declared(toy_dataset):
  catalogue = load_catalogue(toy_dataset)
  declared = toy_track_set()
  assert catalogue.tracks == tuple(sorted(t.name for t in declared.tracks))
  unseen = {"bell", "organ"}
  assert set(catalogue.instruments) - set(catalogue.seen_instruments) == unseen
  trained = catalogue.instrument[catalogue.split == TRAIN]
  assert catalogue.seen[trained].all()


@pytest.mark.parametrize("num_songs", [6, 12, 21])
def test_each_class_of_a_split_is_in_two_toy_songs(num_songs):
  track_set = toy_track_set(num_songs=num_songs)
  assert len(track_set.tracks) == num_songs
  for split in SPLITS:
    songs = [t for t in track_set.tracks if t.split == split]
    parts = np.array([[s.instrument for s in song.stems] for song in songs])
    assert all(len(set(names)) == 3 for names in parts.tolist())
    held, counts = np.unique(parts, return_counts=True)
    assert counts.min() >= 2
    unseen = set(track_set.unseen) & set(held.tolist())
    assert bool(unseen) == (split != "train")


def test_toy_songs_depend_on_their_seed_alone():
  def sounds(seed):
    return [
      stem.read()[0]
      for track in toy_track_set(num_songs=6, seed=seed, song_s=1.0).tracks
      for stem in track.stems
    ]

  one, same, other = sounds(0), sounds(0), sounds(1)
  assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
  assert not any(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
  for sound in one:
    assert sound.shape == (8000, 1)
    assert 0.02 < np.abs(sound).max() <= 1
  with pytest.raises(InputError, match="num_songs is 5"):
    toy_track_set(num_songs=5)


def test_silent_segments_are_not_stored_and_the_rest_keeps_its_place(tmp_path):
  half = np.concatenate([np.zeros(8000), loud(8000, 0.25), np.zeros(8000)])
  track = Track("song", "train", (stem("violin", half), stem("drums", loud())))
  directory = make([track], tmp_path / "out")
  catalogue = load_catalogue(directory)
  assert catalogue.start_samples.tolist() == [0, 8000]
  assert [catalogue.instruments[i] for i in catalogue.instrument] == [
    "drums",
    "violin",
  ]
  reader = RecordReader(directory, catalogue)
  np.testing.assert_array_equal(
    reader.read(1) * 32768, np.full(8000, round(0.25 * 32767))
  )


def test_many_songs_stay_in_order(tmp_path):
  tracks = [
    Track(f"song{i}", "train", (stem("violin", loud(level=(i + 1) / 16)),))
    for i in range(12)
  ]
  directory = make(tracks, tmp_path / "out")
  catalogue = load_catalogue(directory)
  reader = RecordReader(directory, catalogue)
  for row in range(12):
    song = int(catalogue.tracks[catalogue.track[row]].removeprefix("song"))
    level = round((song + 1) / 16 * 32767)
    assert reader.read(row)[0] * 32768 == level


def failing(error):
  def read():
    raise error

  return Stem("horn", "horn", "f", "p", read)


def test_a_stem_that_cannot_be_read_stops_the_build_but_keeps_its_work(
  tmp_path,
):
  reads = tmp_path / "reads"
  reads.mkdir()

  def counted(name):
    def read():
      with (reads / name).open("a") as file:
        file.write("x")
      return loud()[:, None], 8000

    return Track(name, "train", (Stem("horn", "horn", "f", "p", read),))

  broken = [
    Track(name, "train", (failing(InputError(f"{name}.wav is broken")),))
    for name in "bc"
  ]
  tracks = [counted("a"), *broken, counted("d")]
  with pytest.raises(InputError) as caught:
    make(tracks, tmp_path / "out")
  assert str(caught.value) == (
    "b.wav is broken (and 1 more like it; --skip_bad leaves them out)"
  )
  assert not (tmp_path / "out").exists()
  mended = [tracks[0], pair("b"), pair("c"), tracks[3]]
  directory = make(mended, tmp_path / "out")
  assert {p.name: p.read_text() for p in reads.iterdir()} == {
    "a": "x",
    "d": "x",
  }
  assert load_catalogue(directory).tracks == ("a", "b", "c", "d")
  assert sorted(p.name for p in tmp_path.iterdir()) == ["out", "reads"]


def test_unreadable_stems_are_left_out_by_name_if_asked(tmp_path, capsys):
  broken = failing(InputError("horn.wav is broken"))
  tracks = [
    Track("a", "train", (stem("violin", loud()), broken)),
    Track("b", "train", (broken,)),
  ]
  catalogue = load_catalogue(make(tracks, tmp_path / "out", skip_bad=True))
  assert catalogue.stems == ("a/violin",)
  assert catalogue.provenance == ("2 unreadable stems left out",)
  said = capsys.readouterr().err.splitlines()
  assert said == 2 * ["left out: horn.wav is broken"] + [
    "left out 2 stems that cannot be read"
  ]
  # Nothing readable is no dataset.
  with pytest.raises(InputError, match="no usable stem in the train songs"):
    make(tracks[1:], tmp_path / "other", skip_bad=True)


def test_another_error_is_not_taken_for_bad_input(tmp_path):
  broken = Track("a", "train", (failing(OSError("the disk is gone")),))
  with pytest.raises(OSError, match="the disk is gone"):
    make([broken], tmp_path / "out", skip_bad=True)
  assert not (tmp_path / "out").exists()


def test_the_message_of_a_failing_stem_stays_one_line(tmp_path):
  broken = Track("b", "train", (failing(InputError("horn.wav is broken")),))
  with pytest.raises(InputError) as caught:
    make([broken], tmp_path / "out")
  assert str(caught.value) == "horn.wav is broken (--skip_bad leaves it out)"
