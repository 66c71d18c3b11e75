"""Songs of broad classes: what training hears, and what it never does."""

import collections
import dataclasses
import shutil

import numpy as np
import pytest
import soundfile

from fewshot_mss.data.broad_classes import all_broad_classes
from fewshot_mss.data.builder import build
from fewshot_mss.data.catalogue import load_catalogue
from fewshot_mss.data.layouts.broad import BroadSettings, broad
from fewshot_mss.data.layouts.datasets import read_layout
from fewshot_mss.data.layouts.medley_solos_db import medley_solos_db
from fewshot_mss.data.stats import num_timbres
from fewshot_mss.data.synth.soundfont import default_soundfont
from fewshot_mss.errors import InputError
from test_rendered import _write_midi
from test_sampler import write_note
from tiny_soundfont import sine, write_soundfont

MANY = ("violin", "flute", "trumpet", "clarinet", "cello", "tuba", "harp")
NOTE_HZ = {"C3": 130.8, "G3": 196.0, "D4": 293.7, "A4": 440.0}


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
  """A font, notes, MIDI files and solos, all small."""
  folder = tmp_path_factory.mktemp("parts")
  other = write_soundfont(
    folder / "other.sf2",
    [sine(period) for period in (91, 93, 97)],
    {
      (0, 0): [(0, 0, 127)],
      (0, 27): [(1, 0, 127)],
      (0, 73): [(2, 0, 127)],
    },
  )
  for name, hz in NOTE_HZ.items():
    write_note(folder / "room" / "guitar-electric" / f"{name}.wav", hz)
  # With the SoundFont's, three voices of each of many classes.
  for room in ("room", "hall"):
    for name in MANY:
      shutil.copytree(folder / "room/guitar-electric", folder / room / name)
  for i in range(3):
    (folder / "tunes").mkdir(exist_ok=True)
    _write_midi(folder / "tunes" / f"{i}.mid", (0, 1, 2), 50 + i)
  solos = folder / "solos"
  solos.mkdir()
  lines = ["subset,instrument,instrument_id,song_id,uuid4"]
  rng = np.random.default_rng(0)
  for i, (subset, instrument) in enumerate(
    [("training", "tenor saxophone"), ("training", "piano"), ("test", "piano")]
  ):
    lines.append(f"{subset},{instrument},{i},{i:03d},u{i}")
    soundfile.write(
      solos / f"Medley-solos-DB_{subset}-{i}_u{i}.wav",
      0.1 * rng.standard_normal(8000),
      8000,
    )
  (solos / "metadata.csv").write_text("\n".join(lines))
  return folder, other


@pytest.fixture(scope="module")
def settings(parts):
  folder, other = parts
  return BroadSettings(
    num_songs=40,
    song_s=4.0,
    seed=1,
    unheard_soundfonts=(other,),
    midi_folders=(folder / "tunes",),
    notes=(folder / "room", folder / "hall"),
    solos=folder / "solos",
    num_unseen=10,
  )


@pytest.fixture(scope="module")
def made(settings):
  return broad(settings)


def _stems(track_set, split, ending=""):
  return [
    stem
    for track in track_set.tracks
    if track.split == split and track.name.endswith(ending)
    for stem in track.stems
  ]


def test_splits_and_what_is_added_for_training(made):
  counts = collections.Counter(track.split for track in made.tracks)
  # 40 composed, 3 of MIDI files, 2 solos; the test songs in all they have.
  assert counts["train"] == 24 + 3 + 2
  assert counts["validation"] == 4
  kept_out = [t.name for t in made.tracks if t.name.endswith("_kept_out")]
  assert 0 < len(kept_out) <= 12
  other = [t.name for t in made.tracks if t.name.endswith("_other")]
  assert 0 < len(other) <= 12
  assert counts["test"] == 12 + len(kept_out) + len(other)
  assert len({track.name for track in made.tracks}) == len(made.tracks)
  assert made.tracks[0].name == "broad_1_song_0001"


def test_training_hears_nothing_unseen_or_unheard(made):
  train = _stems(made, "train")
  unheard = set(made.unheard_patches)
  assert not {stem.patch for stem in train} & unheard
  assert not {s.instrument for s in train if "Medley" not in s.patch} & set(
    made.unseen
  )
  assert len(made.unseen) == 10
  trained = {stem.patch for stem in train}
  for stem in _stems(made, "validation"):
    assert (stem.patch in trained) != (stem.instrument in made.unseen)


def test_test_songs_come_again_in_what_was_kept_out(made):
  unheard = set(made.unheard_patches)
  by_name = {track.name: track for track in made.tracks}
  for name, track in by_name.items():
    if name.endswith("_kept_out"):
      original = by_name[name.removesuffix("_kept_out")]
      pairs = list(zip(track.stems, original.stems, strict=True))
      changed = [a for a, b in pairs if a is not b]
      assert changed
      assert all(stem.patch in unheard for stem in changed)
      assert all(a.instrument == b.instrument for a, b in pairs)
    if name.endswith("_other"):
      assert all(s.patch.startswith("other/") for s in track.stems)
      assert all(s.patch in unheard for s in track.stems)


def test_classes_are_broad_and_timbres_many(made):
  patches, families = (collections.defaultdict(set) for _ in range(2))
  for stem in _stems(made, "train"):
    patches[stem.instrument].add(stem.patch)
    families[stem.instrument].add(stem.family)
  table = {item.name: {item.family} for item in all_broad_classes().values()}
  assert families == {name: table[name] for name in families}
  effects = {p.partition(" + ")[2] for held in patches.values() for p in held}
  assert {"", "eq", "drive", "chorus"} <= effects
  assert any("Medley-solos-DB/001" in p for p in patches["piano"])


def test_same_settings_same_songs_and_sounds(made, settings):
  again = broad(settings)
  assert [
    [(s.name, s.patch, s.read.seed) for s in track.stems]
    for track in again.tracks[:40]
  ] == [
    [(s.name, s.patch, s.read.seed) for s in track.stems]
    for track in made.tracks[:40]
  ]
  first, second = (t.tracks[0].stems[0].read() for t in (made, again))
  assert np.array_equal(first[0], second[0])
  assert first[0].shape == (4 * first[1], 1)


def test_origin_is_stated(made):
  assert made.sources == (
    "procedural songs",
    "MIDI files of tunes",
    "TimGM6mb.sf2",
    "other.sf2",
    "notes of room",
    "notes of hall",
    "Medley-solos-DB",
  )


def test_builds_and_counts_timbres(made, tmp_path):
  few = dataclasses.replace(made, tracks=made.tracks[:2])
  folder = build(
    few, tmp_path / "data", sample_rate_hz=4000, segment_s=1.0, progress=False
  )
  catalogue = load_catalogue(folder)
  heard = collections.defaultdict(set)
  for stem in _stems(few, "train"):
    heard[stem.instrument].add(stem.patch)
  assert dict(
    zip(catalogue.instruments, num_timbres(catalogue).tolist(), strict=True)
  ) == {name: len(patches) for name, patches in heard.items()}


def test_solos_have_their_own_unseen_classes_unless_broad(parts):
  folder = parts[0] / "solos"
  own, of_broad = (
    medley_solos_db(folder),
    medley_solos_db(folder, classes="broad"),
  )
  assert own.unseen == ("flute", "tenor saxophone")
  assert of_broad.unseen == ()
  assert own.tracks[0].stems[0].instrument == "tenor saxophone"
  assert of_broad.tracks[0].stems[0].instrument == "saxophone"
  assert of_broad.tracks[0].stems[0].patch == "Medley-solos-DB/000"


def test_bad_input_is_named(parts):
  folder, other = parts
  font = default_soundfont()
  for settings, message in (
    ({"num_songs": 5}, "num_songs is 5"),
    ({"song_s": 1.0}, "song_s is 1.0"),
    ({"notes": (folder / "tunes",)}, "tunes holds no notes"),
    ({"unheard_soundfonts": (font,)}, "two SoundFonts are named TimGM6mb"),
    ({"num_unseen": 90}, "num_unseen is 90"),
  ):
    with pytest.raises(InputError, match=message):
      broad(BroadSettings(**settings))
  for options, message in (
    ({"notes": [folder]}, "--notes is for --classes=broad"),
    ({"soundfont": [font, other]}, "--soundfont is there 2 times"),
  ):
    with pytest.raises(InputError, match=message):
      read_layout("rendered", None, options)
  with pytest.raises(InputError, match="--classes is for the layout rendered"):
    read_layout("stem_folder", folder, {"classes": "broad"})


def test_the_command_takes_several_of_each(parts):
  folder, other = parts
  made = read_layout(
    "rendered",
    None,
    {
      "classes": "broad",
      "num_songs": 6,
      "song_s": 2.0,
      "num_unseen": 2,
      "soundfont": [default_soundfont(), other],
      "notes": [folder / "room"],
    },
  )
  fonts = {stem.patch.partition("/")[0] for stem in _stems(made, "train")}
  assert "TimGM6mb" in fonts
  assert made.sources[1:3] == ("TimGM6mb.sf2", "other.sf2")
