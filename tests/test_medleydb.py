"""MedleyDB: every trap of its tree, and all 196 tracks by their metadata."""

import pytest
import yaml

from fewshot_mss.data.labels import look_up
from fewshot_mss.data.layouts.medleydb import medleydb
from fewshot_mss.errors import InputError
from medleydb_files import CHILD, HOME, RAIN, describe, names, song


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
