"""Slakh2100 and BabySlakh: every trap of their trees, and the real ones."""

import numpy as np
import pytest
import soundfile

from fewshot_mss.data.labels import look_up
from fewshot_mss.data.layouts.slakh import babyslakh, slakh
from fewshot_mss.errors import InputError
from slakh_files import only, stem, track


def instruments(track_set):
  return {stem.name: stem.instrument for stem in only(track_set).stems}


def test_a_song_of_each_split_and_its_sound(tmp_path):
  for name, split in [
    ("Track00001", "train"),
    ("Track01501", "validation"),
    ("Track01876", "test"),
  ]:
    track(tmp_path / split / name, {"S00": stem()})
  found = slakh(tmp_path)
  assert [(song.name, song.split) for song in found.tracks] == [
    ("Track00001", "train"),
    ("Track01501", "validation"),
    ("Track01876", "test"),
  ]
  assert found.sources == ("Slakh2100-redux",)
  assert found.skipped == ()
  samples, rate_hz = found.tracks[2].stems[0].read()
  assert (samples.shape, rate_hz) == ((64, 1), 44_100)
  np.testing.assert_array_equal(samples, 0.25)


def test_ids_with_holes(tmp_path):
  stems = {
    "S10": stem("Bass", "pop_bass.nkm"),
    "S01": stem("Guitar", "funk_guitar.nkm"),
    "S06": stem("Sound Effects", "None", audio_rendered=False),
  }
  track(tmp_path / "train" / "Track00001", stems, files=["S01", "S10"])
  found = slakh(tmp_path)
  assert instruments(found) == {"S01": "guitar", "S10": "bass"}
  assert [stem.name for stem in only(found).stems] == ["S01", "S10"]
  assert found.skipped == ()


def test_a_file_counts_whatever_audio_rendered_says(tmp_path):
  stems = {f"S{i:02d}": stem(audio_rendered=False) for i in range(3)}
  track(
    tmp_path / "Track00001",
    stems,
    files=["S00", "S02"],
    extension="wav",
    rate_hz=16_000,
  )
  found = babyslakh(tmp_path)
  assert list(instruments(found)) == ["S00", "S02"]
  assert found.skipped == ()
  assert found.sources == ("BabySlakh",)
  assert only(found).stems[1].read()[1] == 16_000


def test_what_is_there_by_half_is_told(tmp_path):
  folder = tmp_path / "train" / "Track00001"
  track(folder, {"S00": stem(), "S01": stem()}, files=["S00", "S07"])
  found = slakh(tmp_path)
  assert list(instruments(found)) == ["S00"]
  assert found.skipped == (
    "Track00001/S01: rendered, but there is no file",
    "Track00001/S07: not in metadata.yaml",
  )


def test_omitted_songs_and_other_folders_are_not_read(tmp_path):
  track(tmp_path / "train" / "Track00001", {"S00": stem()})
  for other in ("omitted/Track00049", "train/.Track00002", "train/notes"):
    folder = tmp_path / other
    folder.mkdir(parents=True)
    (folder / "metadata.yaml").write_text("no metadata")
  (tmp_path / "train" / "Track00003").write_text("no folder")
  assert only(slakh(tmp_path)).name == "Track00001"
  # An edition that has all songs finds none in omitted, either.
  found = slakh(tmp_path, "orig")
  assert only(found).name == "Track00001"
  assert found.skipped == ()


@pytest.mark.parametrize(
  ("edition", "kept", "skipped"),
  [
    ("redux", {"Track00004"}, "Track00049: omitted in redux"),
    # Its notes are also those of Track01939, a song of the test.
    (
      "orig",
      {"Track00049"},
      "Track00004: its MIDI file is also in validation or test",
    ),
  ],
)
def test_compositions_of_two_splits(tmp_path, edition, kept, skipped):
  for name in ("Track00004", "Track00049"):
    track(tmp_path / "train" / name, {"S00": stem()})
  track(tmp_path / "test" / "Track01940", {"S00": stem()})
  found = slakh(tmp_path, edition)
  assert {song.name for song in found.tracks} == kept | {"Track01940"}
  assert found.skipped == (skipped,)


def test_a_song_in_the_wrong_split_for_its_edition(tmp_path):
  track(tmp_path / "test" / "Track00003", {"S00": stem()})
  assert only(slakh(tmp_path, "split2")).split == "test"
  for edition in ("redux", "orig"):
    with pytest.raises(InputError, match=f"{edition} has Track00003 in train"):
      slakh(tmp_path, edition)
  (tmp_path / "test").rename(tmp_path / "train")
  with pytest.raises(InputError, match="split2 has Track00003 in test"):
    slakh(tmp_path, "split2")


@pytest.mark.parametrize(
  ("name", "split"),
  [
    ("Track01500", "train"),
    ("Track01501", "validation"),
    ("Track01875", "validation"),
    ("Track01876", "test"),
  ],
)
def test_bounds_of_the_original_splits(tmp_path, name, split):
  for wrong in {"train", "validation", "test"} - {split}:
    folder = track(tmp_path / wrong / name, {"S00": stem()})
    with pytest.raises(InputError, match=f"has {name} in {split}"):
      slakh(tmp_path)
    (folder / "metadata.yaml").unlink()
    folder.rename(tmp_path / f"away from {wrong}")
  track(tmp_path / split / name, {"S00": stem()})
  assert only(slakh(tmp_path)).split == split


def test_broken_songs_are_skipped(tmp_path):
  midi = tmp_path / "Track00007" / "MIDI" / "S00.mid"
  midi.parent.mkdir(parents=True)
  midi.write_bytes(b"MThd")
  track(tmp_path / "Track00008", {"S00": stem(audio_rendered=False)}, files=[])
  track(tmp_path / "Track00009", {"S00": stem()}, extension="wav")
  found = babyslakh(tmp_path)
  assert only(found).name == "Track00009"
  assert found.skipped == (
    "Track00007: no metadata.yaml",
    "Track00008: no audio in stems",
  )


def test_drums_are_no_program(tmp_path):
  stems = {
    "S00": stem("Drums", "pop_kit.nkm"),
    "S01": stem("Percussive", "funk_kit.nkm", is_drum=True, program_num=0),
  }
  track(tmp_path / "train" / "Track00001", stems)
  drums = only(slakh(tmp_path)).stems
  assert {stem.instrument for stem in drums} == {"drums"}
  assert {stem.family for stem in drums} == {look_up("slakh", "Drums").family}


def test_the_class_is_inst_class_in_any_spelling(tmp_path):
  stems = {
    # The program says harmonica; what is heard is the patch of an organ.
    "S00": stem("Organ", "fever.nkm", program_num=22),
    "S01": stem("Strings (continued)", "choir_o.nkm", program_num=52),
    "S02": stem("Strings", "violin_solo.nkm", program_num=40),
    "S03": stem("Sound effects", "x.nkm"),
    "S04": stem("Sound Effects", "x.nkm"),
  }
  track(tmp_path / "train" / "Track00001", stems)
  assert instruments(slakh(tmp_path)) == {
    "S00": "organ",
    "S01": "ensemble",
    "S02": "strings",
    "S03": "sound effects",
    "S04": "sound effects",
  }


def test_patches_are_the_names_of_plug_ins(tmp_path):
  plugins = {
    "S00": "elektrik_guitar.nkm",
    "S01": "/Library/Audio/Plug-Ins/Components/AGML2.component",
    "S02": "None",
    "S03": None,
    "S04": "v1.2_kit.nkm",
    "S05": "nkm",
  }
  stems = {name: stem("Guitar", plugin) for name, plugin in plugins.items()}
  track(tmp_path / "train" / "Track00001", stems)
  assert [stem.patch for stem in only(slakh(tmp_path)).stems] == [
    "elektrik_guitar",
    "AGML2",
    "",
    "",
    "v1.2_kit",
    "nkm",
  ]


def test_wav_as_people_convert_it_and_flac_first(tmp_path):
  folder = tmp_path / "train" / "Track00001"
  track(folder, {"S00": stem(), "S01": stem()}, extension="wav")
  soundfile.write(folder / "stems" / "S01.flac", np.zeros(8), 44_100)
  both = only(slakh(tmp_path)).stems
  assert [len(stem.read()[0]) for stem in both] == [64, 8]
