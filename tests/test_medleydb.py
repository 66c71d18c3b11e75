"""MedleyDB: every trap of its tree, and all 196 tracks by their metadata."""

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

SHARED = Path(__file__).parents[2] / "shared" / "data" / "layout_examples"
REAL = SHARED / "medleydb"
# Three of the distributed tracks.
RAIN, HOME, CHILD = (
  "LizNelson_Rainfall",
  "LizNelson_ImComingHome",
  "AimeeNorwich_Child",
)
LISTED = json.loads(TRACKS_FILE.read_text())


def wav(path, *, level=0.5, channels=2, rate_hz=8_000):
  path.parent.mkdir(parents=True, exist_ok=True)
  wave = np.full((80, channels), level)
  soundfile.write(path, wave, rate_hz, subtype="FLOAT")
  return path


def describe(path, name, instruments, **changes):
  """Writes metadata as MedleyDB has it."""
  content = {
    "artist": "somebody",
    "excerpt": "no",
    "has_bleed": "no",
    "stem_dir": f"{name}_STEMS",
    "stems": {
      f"S{i:02d}": {
        "component": "",
        "filename": f"{name}_STEM_{i:02d}.wav",
        "instrument": instrument,
        "raw": {},
      }
      for i, instrument in enumerate(instruments, start=1)
    },
    **changes,
  }
  path.parent.mkdir(parents=True, exist_ok=True)
  path.write_text(yaml.safe_dump(content))


def song(base, name, instruments=("piano", "violin"), **changes):
  folder = base / name
  for i in range(1, len(instruments) + 1):
    wav(folder / f"{name}_STEMS" / f"{name}_STEM_{i:02d}.wav")
  wav(folder / f"{name}_MIX.wav")
  describe(folder / f"{name}_METADATA.yaml", name, instruments, **changes)
  return folder


def names(track_set):
  return [track.name for track in track_set.tracks]


@pytest.mark.parametrize("base", ["Audio", "V1", "V2", "."])
def test_songs_lie_in_audio_or_v2_or_in_the_root(tmp_path, base):
  song(tmp_path / base, RAIN)
  (tmp_path / "Annotations").mkdir()
  found = medleydb(tmp_path)
  assert names(found) == [RAIN]
  assert found.skipped == ()
  assert found.sources == ("MedleyDB",)
  stems = found.tracks[0].stems
  assert [(stem.name, stem.instrument, stem.family) for stem in stems] == [
    ("S01", *look_up("medleydb", "piano")),
    ("S02", *look_up("medleydb", "violin")),
  ]


def test_both_versions_are_read_in_order_of_names(tmp_path):
  song(tmp_path / "V2", "BarefootSisters_RedJetta")
  song(tmp_path / "V2", CHILD)
  song(tmp_path / "Audio", RAIN)
  assert names(medleydb(tmp_path)) == [CHILD, "BarefootSisters_RedJetta", RAIN]


def test_one_track_in_two_folders_is_refused(tmp_path):
  song(tmp_path / "V2", RAIN)
  song(tmp_path / "Audio", RAIN)
  with pytest.raises(InputError, match=r"V2.* are one track"):
    medleydb(tmp_path)


def test_only_distributed_tracks_are_read(tmp_path):
  song(tmp_path / "Audio", RAIN)
  # One with metadata but no audio in the dataset, and a part of Bach10.
  song(tmp_path / "Audio", "Adele_SomeoneLikeYou")
  describe(
    tmp_path / "Metadata" / "Bach10_01AchGottundHerr_METADATA.yaml",
    "Bach10_01AchGottundHerr",
    ["violin"],
  )
  found = medleydb(tmp_path)
  assert names(found) == [RAIN]
  assert found.skipped == (
    "Adele_SomeoneLikeYou: not one of the distributed tracks",
  )


@pytest.mark.parametrize("beside", [True, False])
def test_metadata_may_lie_in_a_folder_of_all(tmp_path, beside):
  root = tmp_path / "Audio" if beside else tmp_path
  folder = song(tmp_path / "Audio", RAIN)
  file = folder / f"{RAIN}_METADATA.yaml"
  (tmp_path / "Metadata").mkdir()
  file.rename(tmp_path / "Metadata" / file.name)
  assert names(medleydb(root)) == [RAIN]
  (tmp_path / "Metadata" / file.name).unlink()
  with pytest.raises(InputError, match=rf"no {file.name} in .*copy it"):
    medleydb(root)


def test_metadata_of_the_song_folder_come_first(tmp_path):
  song(tmp_path, RAIN, ["flute"])
  describe(tmp_path / "Metadata" / f"{RAIN}_METADATA.yaml", RAIN, ["cello"])
  (track,) = medleydb(tmp_path).tracks
  assert [stem.instrument for stem in track.stems] == ["flute"]


@pytest.mark.parametrize(("yes", "no"), [("yes", "no"), (True, False)])
def test_bleed_is_a_word(tmp_path, yes, no):
  song(tmp_path, RAIN, has_bleed=no)
  song(tmp_path, CHILD, has_bleed=yes)
  found = medleydb(tmp_path)
  assert names(found) == [RAIN]
  assert found.skipped == (f"{CHILD}: has bleed",)
  found = medleydb(tmp_path, with_bleed=True)
  assert (names(found), found.skipped) == ([CHILD, RAIN], ())
  song(tmp_path, RAIN, has_bleed="perhaps")
  with pytest.raises(InputError, match="has_bleed is 'perhaps'"):
    medleydb(tmp_path)


def test_stems_that_bleed_untagged_are_left_out(tmp_path):
  song(tmp_path, HOME, ["piano", "female singer", "violin"])
  found = medleydb(tmp_path)
  assert [stem.name for stem in found.tracks[0].stems] == ["S01", "S03"]
  assert found.skipped == (f"{HOME}_STEM_02: bleeds, says the errata",)
  found = medleydb(tmp_path, with_bleed=True)
  assert len(found.tracks[0].stems) == 3


def test_what_is_no_instrument_is_dropped(tmp_path):
  song(tmp_path, RAIN, ["Main System", "piano", "Unlabeled"])
  song(tmp_path, CHILD, ["Main System"])
  found = medleydb(tmp_path)
  assert names(found) == [RAIN]
  assert [stem.name for stem in found.tracks[0].stems] == ["S02"]
  assert found.skipped == (
    f"{CHILD}_STEM_01: Main System is no instrument",
    f"{CHILD}: no stem of one instrument",
    f"{RAIN}_STEM_01: Main System is no instrument",
    f"{RAIN}_STEM_03: Unlabeled is no instrument",
  )


def test_an_instrument_may_be_a_list(tmp_path):
  song(tmp_path, RAIN, [["piano"], ["violin", "cello"], ["flute", "flute"]])
  found = medleydb(tmp_path)
  assert [stem.instrument for stem in found.tracks[0].stems] == [
    "piano",
    "flute",
  ]
  assert found.skipped == (
    f"{RAIN}_STEM_02: several instruments (cello, violin)",
  )


@pytest.mark.parametrize("instrument", [None, [], 3, ["piano", None]])
def test_an_instrument_that_is_no_name_is_refused(tmp_path, instrument):
  song(tmp_path, RAIN, [instrument])
  with pytest.raises(InputError, match=f"{RAIN}_METADATA.*stem S01 is"):
    medleydb(tmp_path)


def test_an_unknown_label_prints_the_line_to_add(tmp_path):
  song(tmp_path, RAIN, ["nose flute"])
  with pytest.raises(InputError, match="medleydb,nose flute,nose flute"):
    medleydb(tmp_path)


def levels(root):
  (track,) = medleydb(root).tracks
  return [
    pytest.approx(2 * float(stem.read()[0].max()), rel=1e-6)
    for stem in track.stems
  ]


def test_stems_are_multiplied_by_their_coefficients(tmp_path):
  song(tmp_path, RAIN, ["piano", "violin", "flute"])
  assert levels(tmp_path) == [1, 1, 1]
  file = tmp_path / "mixing_coefficients.yaml"
  file.write_text(f"{CHILD}: {{1: 0.1}}\n{RAIN}: {{1: 0.5, 2: 1.5}}\n")
  assert levels(tmp_path) == [0.5, 1.5, 1]
  found = medleydb(tmp_path)
  assert found.sources == ("MedleyDB", "mixing_coefficients.yaml")
  samples, rate_hz = found.tracks[0].stems[1].read()
  assert (samples.shape, samples.dtype, rate_hz) == ((80, 2), "float32", 8_000)


def test_poor_fits_leave_a_stem_as_it_is(tmp_path):
  song(tmp_path, RAIN, ["piano", "violin", "flute", "cello"])
  (tmp_path / "mixing_coefficients.yaml").write_text(
    f"{RAIN}: {{1: 0.0, 2: 10.863, 3: 3.999998, 4: 3.9}}"
  )
  assert levels(tmp_path) == [1, 1, 1, 3.9]


def test_version_2_nests_its_coefficients_another_way(tmp_path):
  song(tmp_path / "V2", RAIN)
  file = tmp_path / "mixing_coefficients_version2.yaml"
  methods = {
    "stft": {1: 0.5, 2: 0.5},
    "audio": {1: 0.75, 2: 0.25},
    "manual": {1: 0.2, 2: 1.0},
  }
  file.write_text(yaml.safe_dump({RAIN: methods}))
  assert levels(tmp_path) == [0.2, 1]
  assert levels(tmp_path / "V2") == [0.2, 1]
  del methods["manual"]
  file.write_text(yaml.safe_dump({RAIN: methods}))
  assert levels(tmp_path) == [0.75, 0.25]
  # Where both files know a track, least squares come before the newer fits.
  old = tmp_path / "mixing_coefficients.yaml"
  old.write_text(f"{RAIN}: {{1: 0.3, 2: 0.4}}")
  assert levels(tmp_path) == [0.3, 0.4]
  methods["manual"] = {1: 0.2, 2: 1.0}
  file.write_text(yaml.safe_dump({RAIN: methods}))
  assert levels(tmp_path) == [0.2, 1]
  old.write_text(f"{CHILD}: {{1: 0.3}}")
  file.write_text(yaml.safe_dump({RAIN: {"guess": {1: 0.3}}}))
  assert levels(tmp_path) == [1, 1]


def test_coefficients_in_the_root_come_before_those_beside_it(tmp_path):
  song(tmp_path / "root", RAIN, ["piano"])
  for folder, value in ((tmp_path, 0.5), (tmp_path / "root", 0.25)):
    file = folder / "mixing_coefficients.yaml"
    file.write_text(f"{RAIN}: {{1: {value}}}")
  assert levels(tmp_path / "root") == [0.25]


@pytest.mark.parametrize(
  "text",
  ["[1]", f"{RAIN}: 3", f"{RAIN}: {{x: 1.0}}", f"{RAIN}: {{1: loud}}", "a: ["],
)
def test_damaged_coefficients_are_named(tmp_path, text):
  song(tmp_path, RAIN)
  (tmp_path / "mixing_coefficients.yaml").write_text(text)
  with pytest.raises(InputError, match=r"mixing_coefficients\.yaml") as caught:
    medleydb(tmp_path)
  assert "\n" not in str(caught.value)


def test_missing_stems_are_named(tmp_path):
  folder = song(tmp_path, RAIN, ["piano", "violin", "Main System"])
  for number in (2, 3):
    (folder / f"{RAIN}_STEMS" / f"{RAIN}_STEM_0{number}.wav").unlink()
  match = f"lacks {RAIN}_STEM_02.wav, {RAIN}_STEM_03.wav, named in {RAIN}_META"
  with pytest.raises(InputError, match=match):
    medleydb(tmp_path)


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
