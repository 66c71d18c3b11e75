"""MoisesDB folders that are odd, damaged or not there; the real labels."""

import collections
import uuid

import numpy as np
import pytest
import soundfile

from fewshot_mss.data.labels import all_labels
from fewshot_mss.data.layouts.moisesdb import moisesdb, split_of
from fewshot_mss.data.splits import load_splits
from fewshot_mss.errors import InputError
from moisesdb_files import (
  GUITAR,
  SONG,
  entry,
  heard,
  simple,
  song,
  stems_of,
  wave,
)


def test_bleed_as_text_is_refused(tmp_path):
  simple(tmp_path / SONG)
  song(tmp_path / SONG, [("piano", [(entry("p", "piano", "no"), wave(8))])])
  with pytest.raises(InputError, match="has_bleed is 'no'"):
    moisesdb(tmp_path)


def test_rates_and_channels_within_a_song_are_made_one(tmp_path):
  low, high = 8_000, 16_000
  times_s = np.arange(low) / low
  tone = 0.5 * np.sin(2 * np.pi * 440 * times_s)[:, np.newaxis]
  stereo = np.stack([np.full(high, 0.25), np.full(high, -0.25)], axis=1)
  song(
    tmp_path / SONG,
    [
      (
        "piano",
        [
          (entry("a", "grand piano", rate=low), tone),
          (entry("b", "grand piano", rate=high), stereo),
        ],
      ),
      ("bass", [(entry("c", "bass guitar", rate=low), wave(low // 2))]),
    ],
  )
  stems = stems_of(tmp_path)
  samples, rate_hz = stems["piano/piano"].read()
  assert (samples.shape, rate_hz) == ((high, 2), high)
  times_s = np.arange(high) / high
  wanted = 0.5 * np.sin(2 * np.pi * 440 * times_s)
  inner = slice(1_000, -1_000)
  expected = wanted[:, np.newaxis] + [0.25, -0.25]
  np.testing.assert_allclose(samples[inner], expected[inner], atol=1e-3)
  samples, rate_hz = stems["bass/electric bass"].read()
  assert (samples.shape, rate_hz) == ((high, 2), high)
  np.testing.assert_allclose(samples[1_000:7_000], 0.25, atol=1e-3)
  assert not samples[8_000:].any()


@pytest.mark.parametrize("track_type", ["prepared piano", "", None])
def test_an_unknown_track_type_falls_back_to_the_stem(tmp_path, track_type):
  song(tmp_path / SONG, [("piano", [(entry("p", track_type), wave(8))])])
  assert list(stems_of(tmp_path)) == ["piano/piano"]


def test_an_unknown_stem_prints_the_line_to_add(tmp_path):
  song(tmp_path / SONG, [("theremins", [(entry("p", "solo"), wave(8))])])
  with pytest.raises(InputError, match="moisesdb,theremins/solo,"):
    moisesdb(tmp_path)


def test_extensions_may_have_a_dot_and_be_another(tmp_path):
  song(
    tmp_path / SONG,
    [("piano", [(entry("p", "grand piano", extension=".wav"), wave(8))])],
  )
  assert heard(tmp_path) == {"piano/piano": [0.25] * 8}


def test_missing_tracks_are_named(tmp_path):
  tracks = [(entry(name, "grand piano"), None) for name in "pq"]
  song(tmp_path / SONG, [("piano", tracks)])
  match = r"0001 lacks piano/p\.wav, piano/q\.wav, named in data\.json"
  with pytest.raises(InputError, match=match):
    moisesdb(tmp_path)


def test_a_track_that_is_no_audio_does_not_stop_the_others(tmp_path):
  folder = song(
    tmp_path / SONG,
    [
      (
        "drums",
        [
          (entry("a", "kick drum"), wave(9)),
          (entry("b", "snare drum"), wave(3)),
        ],
      ),
      ("piano", [(entry("p", "grand piano"), wave(12))]),
    ],
  )
  (folder / "drums" / "b.wav").write_text("no audio")
  stems = stems_of(tmp_path)
  with pytest.raises(InputError, match=r"b\.wav cannot be read"):
    stems["drums/snare drum"].read()
  # It has no say about the length of the stem that it is of, either.
  assert (
    stems["drums/kick drum"].read()[0][:, 0].tolist() == [0.25] * 9 + [0.0] * 3
  )
  assert {name: stem.files for name, stem in stems.items()} == {
    "drums/kick drum": (folder / "drums" / "a.wav",),
    "drums/snare drum": (folder / "drums" / "b.wav",),
    "piano/piano": (folder / "piano" / "p.wav",),
  }


def test_tracks_are_read_when_asked(tmp_path):
  simple(tmp_path / SONG)
  stems = stems_of(tmp_path)
  file = tmp_path / SONG / "piano" / "p.wav"
  soundfile.write(file, wave(80, level=0.125), 8_000, "FLOAT")
  assert stems["piano/piano"].read()[0].max() == 0.125


@pytest.mark.parametrize(
  "text",
  [
    "{",
    "[]",
    '{"stems": 3}',
    '{"stems": [3]}',
    '{"stems": [{"stemName": "piano", "tracks": [[]]}]}',
    '{"stems": [{"stemName": "piano", "tracks": [{"id": "p"}]}]}',
  ],
)
def test_damaged_data_are_named(tmp_path, text):
  simple(tmp_path / SONG)
  (tmp_path / SONG / "data.json").write_text(text)
  with pytest.raises(InputError, match=r"data\.json") as caught:
    moisesdb(tmp_path)
  assert "\n" not in str(caught.value)


def test_an_artist_is_not_always_known(tmp_path):
  simple(tmp_path / SONG, artist=None)
  assert stems_of(tmp_path)["piano/piano"].patch == ""


def test_an_empty_or_missing_folder_is_refused(tmp_path):
  with pytest.raises(InputError, match="no song of MoisesDB"):
    moisesdb(tmp_path)
  with pytest.raises(InputError, match="no folder"):
    moisesdb(tmp_path / "absent")
  song(tmp_path / SONG, [("piano", [(entry("p", "piano", True), wave(8))])])
  with pytest.raises(InputError, match=rf"left out: {SONG}: no track"):
    moisesdb(tmp_path)


def test_the_split_is_drawn_by_the_uuid_alone(tmp_path):
  names = [str(uuid.UUID(int=i, version=4)) for i in range(4_000)]
  drawn = collections.Counter(split_of(name) for name in names)
  assert drawn["validation"] / len(names) == pytest.approx(0.1, abs=0.02)
  assert drawn["test"] / len(names) == pytest.approx(0.2, abs=0.02)
  assert split_of("B") == split_of("b")
  # By hand: the first 32 bits of sha256sum as a fraction.
  by_hand = {"a": 0.791, "b": 0.243, "9": 0.099, "3303": 0.1005,
    "692": 0.2999, "1641": 0.3001}  # fmt: skip
  assert {name: split_of(name) for name in by_hand} == {
    "a": "train",
    "b": "test",
    "9": "validation",
    "3303": "test",
    "692": "test",
    "1641": "train",
  }
  for name in names[:20]:
    simple(tmp_path / name)
  found = moisesdb(tmp_path).tracks
  assert {track.name: track.split for track in found} == {
    name: split_of(name) for name in names[:20]
  }


def test_unseen_classes_are_spread_and_a_fifth(tmp_path):
  simple(tmp_path / SONG)
  unseen = moisesdb(tmp_path).unseen
  assert unseen == load_splits("moisesdb").unseen
  rows = [row for row in all_labels() if row.table == "moisesdb"]
  classes = {row.instrument: row.family for row in rows if "/" in row.label}
  assert set(unseen) <= set(classes)
  assert 0.15 <= len(unseen) / len(classes) <= 0.25
  assert len({classes[name] for name in unseen}) >= 5
  common = {"drums", "kick drum", "snare drum", "electric bass", "piano",
    GUITAR, "acoustic guitar", "distorted electric guitar", "male singer",
    "female singer", "vocalists"}  # fmt: skip
  assert common <= set(classes)
  assert not common & set(unseen)
  # So few songs have these that others leave them out of benchmarks.
  rare = {"violin", "viola", "cello", "tuba", "bassoon", "flute"}
  assert not rare & set(unseen)
