"""MoisesDB: every trap of its tree, on trees as its description has them."""

import pytest

from fewshot_mss.data.layouts.moisesdb import moisesdb
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

OTHER = "0a1b2c3d-0000-4000-8000-000000000002"


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
