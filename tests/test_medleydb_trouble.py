"""MedleyDB folders that are damaged; the committed splits, real metadata."""

import collections
import json
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

from fewshot_mss.data.labels import all_labels, look_up
from fewshot_mss.data.layouts.medleydb import TRACKS_FILE, medleydb
from fewshot_mss.data.splits import load_splits
from fewshot_mss.errors import InputError
from medleydb_files import CHILD, HOME, RAIN, names, song, wav

SHARED = Path(__file__).parents[2] / "shared" / "data" / "layout_examples"


REAL = SHARED / "medleydb"


LISTED = json.loads(TRACKS_FILE.read_text())


def test_a_stem_that_is_no_audio_does_not_stop_the_others(tmp_path):
  folder = song(tmp_path, RAIN)
  path = folder / f"{RAIN}_STEMS" / f"{RAIN}_STEM_02.wav"
  path.write_text("no audio")
  (track,) = medleydb(tmp_path).tracks
  assert track.stems[1].files == (path,)
  with pytest.raises(InputError, match=r"STEM_02\.wav cannot be read"):
    track.stems[1].read()
  assert len(track.stems[0].read()[0]) == 80


@pytest.mark.parametrize("changes", [{}, {"mix_filename": "all of it.wav"}])
def test_the_mixture_is_for_checks(tmp_path, changes):
  folder = song(tmp_path, RAIN, **changes)
  path = wav(folder / changes.get("mix_filename", f"{RAIN}_MIX.wav"), level=0.9)
  (track,) = medleydb(tmp_path).tracks
  samples, rate_hz = track.mixture()
  assert (samples[0, 0], rate_hz) == (np.float32(0.9), 8_000)
  path.unlink()
  assert medleydb(tmp_path).tracks[0].mixture is None


def test_bleed_is_told_of_each_stem(tmp_path):
  song(tmp_path, RAIN)
  song(tmp_path, CHILD, has_bleed="yes")
  song(tmp_path, HOME, ["piano", "female singer"])
  bleed = {
    track.name: [stem.bleed for stem in track.stems]
    for track in medleydb(tmp_path, with_bleed=True).tracks
  }
  assert bleed == {
    CHILD: [True, True],
    HOME: [False, True],
    RAIN: [False, False],
  }


def test_stems_are_read_when_asked(tmp_path):
  folder = song(tmp_path, RAIN, ["piano"])
  (track,) = medleydb(tmp_path).tracks
  wav(folder / f"{RAIN}_STEMS" / f"{RAIN}_STEM_01.wav", level=0.125)
  assert track.stems[0].read()[0].max() == 0.125


@pytest.mark.parametrize(
  "change",
  [{"stems": None}, {"stems": {"S01": 3}}, {"stems": {"one": {}}}],
)
def test_damaged_metadata_are_named(tmp_path, change):
  song(tmp_path, RAIN, **change)
  with pytest.raises(InputError, match=f"{RAIN}_METADATA.yaml: "):
    medleydb(tmp_path)


def test_an_empty_or_missing_folder_is_refused(tmp_path):
  with pytest.raises(InputError, match="no track of MedleyDB"):
    medleydb(tmp_path)
  with pytest.raises(InputError, match="no folder"):
    medleydb(tmp_path / "absent")
  song(tmp_path, RAIN, has_bleed="yes")
  with pytest.raises(InputError, match=rf"left out: {RAIN}: has bleed"):
    medleydb(tmp_path)


def test_the_patch_is_the_artist(tmp_path):
  for name in (RAIN, CHILD, "MatthewEntwistle_Lontano"):
    song(tmp_path, name)
  patches = {
    track.name: {stem.patch for stem in track.stems}
    for track in medleydb(tmp_path).tracks
  }
  assert patches == {
    RAIN: {"Liz Nelson & Jennifer Davies"},
    CHILD: {"Aimee Norwich"},
    "MatthewEntwistle_Lontano": {"Matthew Entwistle"},
  }


def test_the_split_is_the_committed_one(tmp_path):
  splits = load_splits("medleydb")
  chosen = {
    "validation": splits.validation[0],
    "test": splits.test[0],
    "train": CHILD,
  }
  for name in chosen.values():
    song(tmp_path, name)
  found = medleydb(tmp_path)
  assert {track.split: track.name for track in found.tracks} == chosen
  assert found.unseen == splits.unseen


def test_no_artist_is_in_two_splits():
  splits = load_splits("medleydb")
  artists, prefixes = LISTED["tracks"], collections.defaultdict(set)
  assert len(artists) == 196
  assert set(splits.validation) | set(splits.test) <= set(artists)
  held = collections.defaultdict(set)
  for name, artist in artists.items():
    held[artist].add(splits.split_of(name))
    # Music Delta are many players, whom the index of artists tells apart.
    if not name.startswith("MusicDelta_"):
      prefixes[name.split("_")[0]].add(splits.split_of(name))
  assert all(len(found) == 1 for found in held.values())
  assert all(len(found) == 1 for found in prefixes.values())
  assert 0.08 < len(splits.validation) / 196 < 0.15
  assert 0.2 < len(splits.test) / 196 < 0.3


def test_unseen_classes_are_spread_and_none_is_in_most_songs():
  rows = {
    row.instrument: row.family
    for row in all_labels()
    if row.table == "medleydb"
  }
  unseen = load_splits("medleydb").unseen
  assert set(unseen) <= set(rows)
  assert len({rows[name] for name in unseen}) >= 6
  common = ("drum set", "electric bass", "piano", "male singer",
    "female singer", "acoustic guitar", "clean electric guitar",
    "distorted electric guitar", "vocalists")  # fmt: skip
  assert not {look_up("medleydb", raw).instrument for raw in common} & set(
    unseen
  )


@pytest.fixture(scope="module")
def real(tmp_path_factory):
  """All distributed tracks by their own metadata; one second is all stems."""
  if not REAL.is_dir():
    pytest.skip("no shared data")
  root = tmp_path_factory.mktemp("medleydb")
  second = root / "second.wav"
  soundfile.write(second, np.full((44_100, 2), 0.5), 44_100)
  for name in ("Metadata", "mixing_coefficients.yaml",
    "mixing_coefficients_version2.yaml"):  # fmt: skip
    (root / name).symlink_to(REAL / name)
  lists = {
    "Audio": "tracklist_v1.txt",
    "V2": "tracklist_v2.txt",
  }
  for folder, file in lists.items():
    for name in (REAL / file).read_text().split():
      stems = root / folder / name / f"{name}_STEMS"
      stems.mkdir(parents=True)
      text = (REAL / "Metadata" / f"{name}_METADATA.yaml").read_text()
      for line in text.splitlines():
        if line.strip().startswith("filename:") and "_STEM_" in line:
          os.link(second, stems / line.split()[1])
  return root


@pytest.fixture(scope="module")
def everything(real):
  return medleydb(real, with_bleed=True)


def test_real_metadata_all_tracks_and_stems(everything):
  assert len(everything.tracks) == 196
  assert set(names(everything)) == set(LISTED["tracks"])
  counts = collections.Counter(
    stem.instrument for track in everything.tracks for stem in track.stems
  )
  expected = {"drum set": 107, "electric bass": 84, "piano": 72,
    "clean electric guitar": 80, "male singer": 61, "synthesizer": 54,
    "distorted electric guitar": 58, "female singer": 52, "violin": 48,
    "fx/processed sound": 43, "acoustic guitar": 40, "double bass": 39,
    "flute": 22, "cello": 21, "clarinet": 18, "tabla": 16,
    "tenor saxophone": 16, "viola": 16, "bassoon": 14}  # fmt: skip
  assert {
    raw: counts[look_up("medleydb", raw).instrument] for raw in expected
  } == expected
  # 84 names, one of which, Main System with its 50 stems, is dropped.
  assert len(counts) == 83
  assert counts.total() == 1284 - 50
  dropped = [line.split(": ")[1] for line in everything.skipped]
  assert dropped.count("Main System is no instrument") == 50


def test_real_metadata_without_bleed(real):
  found = medleydb(real)
  assert len(found.tracks) == 116
  reasons = [line.split(": ")[1] for line in found.skipped]
  assert reasons.count("has bleed") == 80
  # The other errata are of tracks that are tagged.
  assert reasons.count("bleeds, says the errata") == 2
  test_stems = collections.Counter(
    instrument
    for track in found.tracks
    if track.split == "test"
    for instrument in {stem.instrument for stem in track.stems}
  )
  assert all(test_stems[name] >= 2 for name in found.unseen)
  splits = collections.Counter(track.split for track in found.tracks)
  assert splits == {"train": 74, "validation": 11, "test": 31}


def test_real_metadata_unseen_share(everything):
  classes = {
    stem.instrument for track in everything.tracks for stem in track.stems
  }
  assert 0.15 <= len(everything.unseen) / len(classes) <= 0.25
  assert set(everything.unseen) <= classes
  songs = collections.Counter(
    instrument
    for track in everything.tracks
    for instrument in {stem.instrument for stem in track.stems}
  )
  assert max(songs[name] for name in everything.unseen) < 25


def test_real_artists_and_coefficients(everything):
  index = json.loads((REAL / "artist_index.json").read_text())
  index = {
    name: artist.replace("MatthewE", "Matthew E")
    for name, artist in index.items()
  }
  tracks = {track.name: track for track in everything.tracks}
  for name, track in tracks.items():
    assert {stem.patch for stem in track.stems} == {index[name]}

  def gains(name):
    return {
      stem.name: float(stem.read()[0].max() * 2) for stem in tracks[name].stems
    }

  # By hand; the fit of version 1 had given stem 2 10.9.
  night = gains("AClassicEducation_NightOwl")
  assert (night["S02"], night["S03"]) == pytest.approx((1.0, 0.2), rel=1e-4)
  # The first version's least squares.
  child = gains("AimeeNorwich_Child")
  assert child["S03"] == pytest.approx(0.1454918, rel=1e-4)
  # Only version 2 knows it.
  table = yaml.safe_load(
    (REAL / "mixing_coefficients_version2.yaml")
    .read_text()
    .split("BarefootSisters_RedJetta:")[1]
    .split("\nB")[0]
  )
  red = gains("BarefootSisters_RedJetta")
  (first, *_) = red
  assert red[first] == pytest.approx(table["audio"][int(first[1:])], rel=1e-4)
