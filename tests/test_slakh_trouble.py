"""Slakh folders that are damaged or another edition; the published splits."""

import collections
import json
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from fewshot_mss.data.builder import build
from fewshot_mss.data.catalogue import load_catalogue
from fewshot_mss.data.labels import all_labels
from fewshot_mss.data.layouts.slakh import babyslakh, slakh
from fewshot_mss.data.splits import load_splits
from fewshot_mss.errors import InputError
from slakh_files import only, stem, track

REAL = Path(__file__).parents[2] / "shared" / "data" / "layout_examples"


BABY = REAL / "slakh_fixture" / "babyslakh_16k"


REDUX = REAL / "slakh_fixture" / "slakh2100_flac_redux"


SPLIT_SIZES = {"train": 1500, "validation": 375, "test": 225}


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
