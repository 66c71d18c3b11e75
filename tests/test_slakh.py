"""Slakh2100 and BabySlakh: every trap of their trees, and the real ones."""

import collections
import json
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

from fewshot_mss.data.builder import build
from fewshot_mss.data.catalogue import load_catalogue
from fewshot_mss.data.labels import all_labels, look_up
from fewshot_mss.data.layouts.slakh import babyslakh, slakh
from fewshot_mss.data.splits import load_splits
from fewshot_mss.errors import InputError

REAL = Path(__file__).parents[2] / "shared" / "data" / "layout_examples"
BABY = REAL / "slakh_fixture" / "babyslakh_16k"
REDUX = REAL / "slakh_fixture" / "slakh2100_flac_redux"
SPLIT_SIZES = {"train": 1500, "validation": 375, "test": 225}


def stem(inst_class="Piano", plugin="grand_piano.nkm", **more):
  """One entry of metadata.yaml, of a stem that was rendered."""
  drums = inst_class == "Drums"
  return {
    "audio_rendered": True,
    "inst_class": inst_class,
    "is_drum": drums,
    "midi_saved": True,
    "plugin_name": plugin,
    "program_num": 128 if drums else 0,
    **more,
  }


def track(folder, stems, files=None, *, extension="flac", rate_hz=44_100):
  """Writes a song: metadata of all the stems, and audio of the files' ids."""
  (folder / "stems").mkdir(parents=True)
  content = {
    # Neither is so on a disk: both fields are to be ignored.
    "audio_dir": "elsewhere/stems",
    "midi_dir": "elsewhere/MIDI",
    "stems": stems,
  }
  (folder / "metadata.yaml").write_text(
    yaml.safe_dump(content, sort_keys=False)
  )
  for name in stems if files is None else files:
    soundfile.write(
      folder / "stems" / f"{name}.{extension}",
      np.full(64, 0.25, np.float32),
      rate_hz,
    )
  return folder


def only(track_set):
  (song,) = track_set.tracks
  return song


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


@pytest.mark.parametrize(
  ("text", "message"),
  [
    ("stems: [", "cannot be read as YAML"),
    ("stems: !!python/object/apply:os.getcwd []", "cannot be read as YAML"),
    ("", "no mapping `stems`"),
    ("stems: [S00]", "no mapping `stems`"),
    ("stems: {S00: Piano}", "stem S00 has no inst_class"),
    ("stems: {S00: {inst_class: null}}", "stem S00 has no inst_class"),
    ("stems: {0: {inst_class: Piano}}", "stem 0 has no inst_class"),
    ("stems: {S00: {inst_class: Kazoo}}", "slakh,kazoo,kazoo"),
  ],
)
def test_damaged_metadata_in_one_line(tmp_path, text, message):
  folder = track(tmp_path / "train" / "Track00001", {"S00": stem()})
  (folder / "metadata.yaml").write_text(text)
  with pytest.raises(InputError, match=message) as raised:
    slakh(tmp_path)
  assert "\n" not in str(raised.value)


@pytest.mark.parametrize("extension", ["flac", "wav"])
def test_files_and_mixture_are_told_for_checks(tmp_path, extension):
  folder = track(tmp_path / "train" / "Track00001", {"S00": stem()},
    extension=extension)  # fmt: skip
  file = folder / "stems" / f"S00.{extension}"
  song = only(slakh(tmp_path))
  assert song.stems[0].files == (file,)
  assert song.stems[0].bleed is None
  assert song.mixture is None
  soundfile.write(folder / f"mix.{extension}", np.full(9, 0.75), 44_100)
  samples, rate_hz = only(slakh(tmp_path)).mixture()
  assert (samples.tolist(), rate_hz) == ([[0.75]] * 9, 44_100)
  # Damage does not stop the layout: checks of the headers find it.
  file.write_bytes(b"fLaC, they said")
  damaged = only(slakh(tmp_path)).stems[0]
  with pytest.raises(InputError, match=rf"S00\.{extension} cannot be read"):
    damaged.read()


def test_the_wrong_folder_or_edition(tmp_path):
  track(tmp_path / "train" / "Track00001", {"S00": stem()})
  with pytest.raises(InputError, match="no edition 'v2'"):
    slakh(tmp_path, "v2")
  for root in (tmp_path.parent, tmp_path / "nothing"):
    with pytest.raises(InputError, match="holds train, validation and test"):
      slakh(root)
    with pytest.raises(InputError, match="holds Track00001"):
      babyslakh(root)


@pytest.mark.parametrize("dataset", ["slakh2100", "babyslakh"])
def test_what_is_unseen_is_drawn_as_the_file_says(dataset):
  splits = load_splits(dataset)
  classes = ["brass", "flutes", "organ", "pitched percussion", "reeds",
    "synth lead", "synth pad"]  # fmt: skip
  drawn = np.random.default_rng(0).choice(classes, 3, replace=False)
  assert splits.unseen == tuple(sorted(drawn))
  known = {row.instrument for row in all_labels() if row.table == "slakh"}
  assert set(classes) <= known
  # A tenth of the 115 patches of seen classes, some class by class.
  assert 10 <= len(splits.unheard_patches) <= 14
  assert not any(name.endswith(".nkm") for name in splits.unheard_patches)


def test_babyslakh_is_split_as_its_file_says(tmp_path):
  names = [f"Track{number:05d}" for number in range(1, 21)]
  for name in names:
    track(tmp_path / name, {"S00": stem()}, extension="wav")
  found = babyslakh(tmp_path)
  order = np.random.default_rng(0).permutation(names)
  expected = dict.fromkeys(names, "train")
  expected |= dict.fromkeys(order[:4], "test")
  expected |= dict.fromkeys(order[4:6], "validation")
  assert {song.name: song.split for song in found.tracks} == expected
  splits = load_splits("slakh2100")
  assert found.unseen == splits.unseen
  assert found.unheard_patches == splits.unheard_patches
  assert {*splits.validation, *splits.test} == set()


def real_lists(name):
  path = REAL / "slakh_splits" / f"{name}.json"
  if not path.is_file():
    pytest.skip("no shared data")
  return json.loads(path.read_text())


@pytest.fixture(scope="module")
def whole_tree(tmp_path_factory):
  """All 2100 songs as the original splits have them, of one tiny stem each."""
  root = tmp_path_factory.mktemp("slakh2100_flac")
  model = track(root / "model", {"S00": stem()})
  number = 0
  for split, size in SPLIT_SIZES.items():
    for _ in range(size):
      number += 1
      folder = root / split / f"Track{number:05d}"
      (folder / "stems").mkdir(parents=True)
      for name in ("metadata.yaml", "stems/S00.flac"):
        os.link(model / name, folder / name)
  return root


def splits_of_midi(track_set):
  """Returns, of each MIDI file, the splits of the songs that are made of it."""
  duplicates = real_lists("duplicates")
  splits = collections.defaultdict(list)
  for song in track_set.tracks:
    splits[duplicates[song.name]["midi_md5"]].append(song.split)
  return splits


def sizes(track_set):
  return dict(collections.Counter(song.split for song in track_set.tracks))


def test_redux_is_the_published_one(whole_tree):
  redux = real_lists("redux")
  found = slakh(whole_tree, "redux")
  kept = {name for name, entry in redux.items() if entry["action"] is None}
  assert {song.name for song in found.tracks} == kept
  assert sizes(found) == {"train": 1289, "validation": 270, "test": 151}
  assert len(found.skipped) == 390
  assert max(map(len, splits_of_midi(found).values())) == 1


def test_orig_loses_what_two_splits_share_and_no_more(whole_tree):
  found = slakh(whole_tree, "orig")
  midi = splits_of_midi(found)
  assert all(len(set(splits)) == 1 for splits in midi.values())
  assert sizes(found) == {"train": 1330, "validation": 349, "test": 225}
  duplicates = real_lists("duplicates")
  dropped = set(duplicates) - {song.name for song in found.tracks}
  # Nothing is lost of which no later split has another copy.
  assert len(dropped) == 196
  for name in dropped:
    (split,) = set(midi[duplicates[name]["midi_md5"]])
    assert split != "train"


def test_split2_moves_and_keeps_everything(whole_tree, tmp_path_factory):
  moves = {
    name: entry["destination_split"]
    for name, entry in real_lists("splits_v2").items()
    if entry["action"] == "move"
  }
  with pytest.raises(InputError, match="split2 has Track00003 in test"):
    slakh(whole_tree, "split2")
  root = tmp_path_factory.mktemp("slakh2100_split2")
  for split in SPLIT_SIZES:
    (root / split).mkdir()
  for split in SPLIT_SIZES:
    for folder in (whole_tree / split).iterdir():
      (root / moves.get(folder.name, split) / folder.name).symlink_to(folder)
  found = slakh(root, "split2")
  assert sizes(found) == SPLIT_SIZES
  assert found.skipped == ()
  midi = splits_of_midi(found)
  assert all(len(set(splits)) == 1 for splits in midi.values())


def test_babyslakh_holds_no_composition_twice():
  duplicates = real_lists("duplicates")
  names = [f"Track{number:05d}" for number in range(1, 21)]
  assert len({duplicates[name]["midi_md5"] for name in names}) == 20


@pytest.mark.parametrize(
  ("read", "root", "rate_hz", "skipped"),
  [
    (slakh, REDUX, 44_100, ()),
    (babyslakh, BABY, 16_000, ("Track00007: no metadata.yaml",)),
  ],
)
def test_the_real_track(read, root, rate_hz, skipped):
  if not root.is_dir():
    pytest.skip("no shared data")
  found = read(root)
  assert found.skipped == skipped
  assert (only(found).name, only(found).split) == ("Track00001", "train")
  expected = [
    ("S00", "guitar", "elektrik_guitar"),
    ("S01", "drums", "session_kit_full"),
    ("S02", "piano", "the_giant_modern_studio"),
    ("S03", "bass", "scarbee_rickenbacker_bass_palm_muted"),
    ("S04", "ensemble", "choir_o"),
    ("S05", "organ", "fever"),
    ("S07", "guitar", "jazz_guitar2"),
    ("S08", "guitar", "elektrik_guitar"),
    ("S09", "organ", "transistor_compact"),
    ("S10", "organ", "transistor_compact"),
  ]
  stems = only(found).stems
  assert [(s.name, s.instrument, s.patch) for s in stems] == expected
  sounds = [stem.read() for stem in stems]
  assert {rate for _, rate in sounds} == {rate_hz}
  mix, mix_rate_hz = only(found).mixture()
  assert mix_rate_hz == rate_hz
  total = np.sum([samples for samples, _ in sounds], axis=0)
  assert np.abs(total).max() > 0.1
  np.testing.assert_allclose(total, mix, atol=1e-4)


def test_the_real_babyslakh_is_prepared(tmp_path):
  if not BABY.is_dir():
    pytest.skip("no shared data")
  folder = build(
    babyslakh(BABY),
    tmp_path / "dataset",
    sample_rate_hz=8000,
    segment_s=1.0,
    progress=False,
  )
  catalogue = load_catalogue(folder)
  # Of two seconds of ten stems, nine are silent.
  assert catalogue.instruments == ("guitar",)
  assert catalogue.patches == ("elektrik_guitar",)
  assert catalogue.stems == ("Track00001/S00",)
  assert catalogue.start_samples.tolist() == [0, 8000]
  assert catalogue.provenance == ("BabySlakh",)
  assert catalogue.seen.tolist() == [True]
