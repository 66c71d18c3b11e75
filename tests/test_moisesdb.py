"""MoisesDB: every trap of its tree, on trees as its description has them."""

import collections
import json
import uuid

import numpy as np
import pytest
import soundfile

from fewshot_mss.data.labels import all_labels
from fewshot_mss.data.layouts.moisesdb import moisesdb, split_of
from fewshot_mss.data.splits import load_splits
from fewshot_mss.errors import InputError

SONG = "0a1b2c3d-0000-4000-8000-000000000001"
OTHER = "0a1b2c3d-0000-4000-8000-000000000002"
GUITAR = "clean electric guitar"


def wave(length, *, level=0.25, channels=1):
  return np.full((length, channels), level)


def entry(identity, track_type, has_bleed=False, **changes):
  """One track of data.json."""
  return {
    "id": identity,
    "trackType": track_type,
    "type": "audio/x-wav",
    "extension": "wav",
    "has_bleed": has_bleed,
    **changes,
  }


def song(folder, stems, *, rate_hz=8_000, **changes):
  """Writes a song: pairs of a stem's name and its pairs (track, samples)."""
  described = []
  for i, (name, tracks) in enumerate(stems):
    (folder / name).mkdir(parents=True, exist_ok=True)
    for item, samples in tracks:
      if samples is not None:
        file = folder / name / f"{item['id']}.{item['extension'].strip('.')}"
        soundfile.write(file, samples, item.get("rate", rate_hz), "FLOAT")
    described.append(
      {
        "id": f"stem-{i}",
        "stemName": name,
        "tracks": [item for item, _ in tracks],
      }
    )
  content = {"song": "Song", "artist": "Band", "genre": "rock"}
  content |= {"stems": described, **changes}
  (folder / "data.json").write_text(json.dumps(content))
  return folder


def simple(folder, **changes):
  return song(
    folder, [("piano", [(entry("p", "grand piano"), wave(80))])], **changes
  )


def stems_of(root, **kwargs):
  (track,) = moisesdb(root, **kwargs).tracks
  return {stem.name: stem for stem in track.stems}


def heard(root, **kwargs):
  """Reads the stems of the one song as mono lists of samples."""
  return {
    name: stem.read()[0][:, 0].round(6).tolist()
    for name, stem in stems_of(root, **kwargs).items()
  }


@pytest.mark.parametrize(
  "between", ["moisesdb_v0.1", "moisesdb/moisesdb_v0.1", "."]
)
def test_songs_are_found_at_any_depth(tmp_path, between):
  simple(tmp_path / between / OTHER)
  simple(tmp_path / between / SONG)
  found = moisesdb(tmp_path)
  assert [track.name for track in found.tracks] == [SONG, OTHER]
  assert (found.sources, found.skipped) == (("MoisesDB",), ())
  (track,) = moisesdb(tmp_path / between / SONG).tracks
  assert track.name == SONG


def test_songs_of_all_providers_come_in_order_of_names(tmp_path):
  simple(tmp_path / "a" / OTHER)
  simple(tmp_path / "b" / SONG)
  tracks = moisesdb(tmp_path).tracks
  assert [track.name for track in tracks] == [SONG, OTHER]
  simple(tmp_path / "b" / OTHER)
  with pytest.raises(InputError, match="are one song"):
    moisesdb(tmp_path)


def test_stems_are_told_apart_by_track_type(tmp_path):
  song(
    tmp_path / SONG,
    [
      (
        "guitar",
        [
          (entry("a", GUITAR), wave(8, level=0.25)),
          (entry("b", "acoustic guitar"), wave(8, level=0.5)),
          (entry("c", "Clean-Electric  Guitar"), wave(8, level=0.125)),
        ],
      ),
      ("bowed_strings", [(entry("d", "violin (solo)"), wave(8))]),
    ],
  )
  stems = stems_of(tmp_path)
  assert {
    name: (stem.instrument, stem.family, stem.patch)
    for name, stem in stems.items()
  } == {
    "guitar/clean electric guitar": (GUITAR, "guitar", "Band"),
    "guitar/acoustic guitar": ("acoustic guitar", "guitar", "Band"),
    "bowed_strings/violin": ("violin", "strings", "Band"),
  }
  assert heard(tmp_path) == {
    "guitar/clean electric guitar": [0.375] * 8,
    "guitar/acoustic guitar": [0.5] * 8,
    "bowed_strings/violin": [0.25] * 8,
  }


def test_a_stem_name_twice_is_merged(tmp_path):
  song(
    tmp_path / SONG,
    [
      ("guitar", [(entry("a", GUITAR), wave(8, level=0.25))]),
      ("bass", [(entry("b", "bass guitar"), wave(8))]),
      (
        "guitar",
        [
          (entry("c", GUITAR), wave(6, level=0.5)),
          # The same file again is the same sound once.
          (entry("a", GUITAR), wave(8, level=0.25)),
        ],
      ),
    ],
  )
  assert heard(tmp_path) == {
    "guitar/clean electric guitar": [0.75] * 6 + [0.0] * 2,
    "bass/electric bass": [0.25] * 8,
  }


def test_tracks_are_cut_to_the_shortest_and_stems_padded(tmp_path):
  song(
    tmp_path / SONG,
    [
      (
        "drums",
        [
          (entry("a", "kick drum"), wave(20, level=0.5)),
          (entry("b", "snare drum"), wave(7, level=0.25)),
        ],
      ),
      ("piano", [(entry("c", "grand piano"), wave(12))]),
      ("vocals", [(entry("d", "lead male singer"), wave(3))]),
    ],
  )
  # No file is a mixture.
  assert moisesdb(tmp_path).tracks[0].mixture is None
  # The shortest of the stem, not of the instrument; the longest stem, not the
  # longest file.
  assert heard(tmp_path) == {
    "drums/kick drum": [0.5] * 7 + [0.0] * 5,
    "drums/snare drum": [0.25] * 7 + [0.0] * 5,
    "piano/piano": [0.25] * 12,
    "vocals/male singer": [0.25] * 3 + [0.0] * 9,
  }


def test_bleed_has_three_values(tmp_path):
  song(
    tmp_path / SONG,
    [
      (
        "drums",
        [
          (entry("a", "kick drum", True), wave(3, level=0.5)),
          (entry("b", "kick drum", False), wave(8, level=0.25)),
          (entry("c", "kick drum", None), wave(9, level=0.125)),
        ],
      ),
    ],
  )
  # What is left out has no say about the length, either.
  assert heard(tmp_path) == {"drums/kick drum": [0.375] * 8}
  assert moisesdb(tmp_path).skipped == (f"{SONG}/drums/a: has bleed",)
  assert heard(tmp_path, with_bleed=True) == {"drums/kick drum": [0.875] * 3}
  assert moisesdb(tmp_path).tracks[0].stems[0].bleed is None
  assert moisesdb(tmp_path, with_bleed=True).tracks[0].stems[0].bleed is True
  simple(tmp_path / SONG)
  assert moisesdb(tmp_path).tracks[0].stems[0].bleed is False
  assert moisesdb(tmp_path, with_bleed=True).skipped == ()


def test_a_song_of_nothing_but_bleed_is_left_out(tmp_path):
  simple(tmp_path / OTHER)
  song(tmp_path / SONG, [("piano", [(entry("p", "piano", True), wave(8))])])
  found = moisesdb(tmp_path)
  assert [track.name for track in found.tracks] == [OTHER]
  assert found.skipped == (
    f"{SONG}/piano/p: has bleed",
    f"{SONG}: no track to use",
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
