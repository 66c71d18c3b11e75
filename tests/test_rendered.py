import collections
import shutil

import mido
import numpy as np
import pytest

from fewshot_mss.data.builder import build
from fewshot_mss.data.catalogue import load_catalogue
from fewshot_mss.data.layouts.rendered import RenderSettings, rendered
from fewshot_mss.data.synth.general_midi import MUSICAL_PROGRAMS
from fewshot_mss.data.synth.soundfont import default_soundfont
from fewshot_mss.errors import InputError


@pytest.fixture(scope="module")
def default():
  return rendered(RenderSettings(song_s=6.0))


def _songs(track_set, split):
  return [track for track in track_set.tracks if track.split == split]


def _times(tracks):
  """In how many songs each instrument is."""
  return collections.Counter(s.instrument for t in tracks for s in t.stems)


def _labels(track_set):
  return [
    (t.name, t.split, [(s.name, s.family, s.patch) for s in t.stems])
    for t in track_set.tracks
  ]


def test_songs_are_split_6_1_3(default):
  counts = collections.Counter(track.split for track in default.tracks)
  assert counts == {"train": 72, "validation": 12, "test": 36}
  assert default.tracks[0].name == "song_0001"
  assert len({track.name for track in default.tracks}) == 120


def test_songs_have_3_to_5_different_instruments(default):
  for track in default.tracks:
    assert 3 <= len(track.stems) <= 5
    assert len({s.instrument for s in track.stems}) == len(track.stems)
    assert len({s.name for s in track.stems}) == len(track.stems)


def test_over_100_programs_and_drums_in_half_of_the_songs(default):
  stems = [stem for track in default.tracks for stem in track.stems]
  patches = {s.patch for s in stems if s.instrument != "drums"}
  assert len(patches) >= 100
  assert patches <= {
    f"TimGM6mb/{p.number:03d} {p.name}" for p in MUSICAL_PROGRAMS
  }
  for split in ("train", "validation", "test"):
    tracks = _songs(default, split)
    assert _times(tracks)["drums"] == len(tracks) / 2
  kits = collections.Counter(s.patch for s in stems if s.family == "drums")
  assert len(kits) == 8
  assert "TimGM6mb/025 tr 808 kit" in kits


def test_unseen_are_in_no_training_song(default):
  train = _times(_songs(default, "train"))
  assert len(default.unseen) == 20
  assert not set(default.unseen) & train.keys()
  assert "drums" not in default.unseen
  families = {s.instrument: s.family for t in default.tracks for s in t.stems}
  spread = collections.Counter(families[name] for name in default.unseen)
  assert len(spread) >= 10
  assert max(spread.values()) <= 2
  # What is not unseen has been trained.
  heard = _times(default.tracks).keys() - set(default.unseen)
  assert heard == train.keys()


def test_training_is_balanced(default):
  times = _times(_songs(default, "train"))
  del times["drums"]
  assert len(times) == 96 - 20
  assert max(times.values()) - min(times.values()) <= 1


def test_patches_of_an_instrument_are_used_evenly(default):
  used = collections.Counter(
    s.patch
    for t in _songs(default, "train")
    for s in t.stems
    if s.instrument in ("acoustic grand piano", "violin", "drums")
  )
  for name in ("piano", "vio|fiddle", "kit"):
    counts = [
      n for p, n in used.items() if any(k in p for k in name.split("|"))
    ]
    assert len(counts) == {"piano": 3, "vio|fiddle": 3, "kit": 8}[name]
    assert max(counts) - min(counts) <= 1


def test_seen_instruments_are_tested_in_trained_patches(default):
  trained = {s.patch for t in _songs(default, "train") for s in t.stems}
  for split in ("validation", "test"):
    for stem in (s for t in _songs(default, split) for s in t.stems):
      assert (stem.patch in trained) == (stem.instrument not in default.unseen)


@pytest.mark.parametrize("split", ["validation", "test"])
def test_every_class_is_in_two_songs_of_its_split(default, split):
  tracks = _songs(default, split)
  assert min(_times(tracks).values()) >= 2
  shares = []
  for track in tracks:
    pitched = [s.instrument for s in track.stems if s.instrument != "drums"]
    unseen = sum(name in default.unseen for name in pitched)
    assert 0 < unseen < len(pitched)
    shares.append(unseen / len(pitched))
  assert np.mean(shares) == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize("count", [6, 7, 9, 20])
def test_small_sets_hold_the_same(count):
  track_set = rendered(RenderSettings(num_songs=count, song_s=4.0, seed=count))
  for split in ("train", "validation", "test"):
    assert min(_times(_songs(track_set, split)).values()) >= 2
  train = _times(_songs(track_set, "train")).keys()
  for stem in (s for t in track_set.tracks for s in t.stems):
    assert (stem.instrument in train) != (stem.instrument in track_set.unseen)


def test_same_seed_same_songs_and_sound_another_seed_others():
  settings = RenderSettings(num_songs=6, song_s=3.0, seed=5)
  first, second = rendered(settings), rendered(settings)
  assert _labels(first) == _labels(second)
  sounds = [
    track_set.tracks[0].stems[0].read()[0] for track_set in (first, second)
  ]
  assert np.array_equal(*sounds)
  other = rendered(RenderSettings(num_songs=6, song_s=3.0, seed=6))
  assert _labels(other) != _labels(first)
  assert not np.array_equal(other.tracks[0].stems[0].read()[0], sounds[0])


def test_stems_are_as_long_as_asked_and_audible(default):
  for stem in default.tracks[-1].stems:
    sound, rate_hz = stem.read()
    assert rate_hz == 48000
    assert sound.shape == (6 * 48000, 2)
    blocks = np.sqrt(np.mean(sound.reshape(-1, 4800) ** 2, axis=1))
    assert np.mean(blocks > blocks.max() / 30) > 0.2
    assert -31 < 20 * np.log10(np.sqrt(np.mean(sound**2))) < -17


def test_unheard_soundfont_repeats_the_test_songs(tmp_path):
  other = tmp_path / "other.sf2"
  shutil.copy(default_soundfont(), other)
  default = rendered(RenderSettings(num_songs=12, song_s=4.0))
  track_set = rendered(
    RenderSettings(num_songs=12, song_s=4.0, unheard_soundfont=other)
  )
  by_name = {track.name: track for track in track_set.tracks}
  assert track_set.unseen == default.unseen
  assert len(by_name) == len(track_set.tracks) == 12 + 4
  for track in _songs(default, "test"):
    repeated = by_name[f"{track.name}_other"]
    assert repeated.split == "test"
    assert [s.instrument for s in repeated.stems] == [
      s.instrument for s in track.stems
    ]
    assert {s.patch for s in repeated.stems} <= set(track_set.unheard_patches)
  for track in default.tracks:
    patches = {stem.patch for stem in by_name[track.name].stems}
    assert not patches & set(track_set.unheard_patches)
  assert track_set.sources == ("procedural songs", "TimGM6mb.sf2", "other.sf2")


def _write_midi(path, channels, note):
  file = mido.MidiFile()
  track = mido.MidiTrack()
  file.tracks.append(track)
  for number in range(24):
    for channel in channels:
      for kind, time in (("note_on", 0), ("note_off", 120)):
        pitch = 36 if channel == 9 else note + 5 * channel + number % 3
        track.append(mido.Message(kind, channel=channel, note=pitch, time=time))
  file.save(path)


@pytest.fixture
def midi_folder(tmp_path):
  folder = tmp_path / "tunes"
  (folder / "more").mkdir(parents=True)
  for i in range(8):
    channels = (0, 1, 2, 9) if i % 2 else (0, 1, 2, 3, 4, 5)
    _write_midi(folder / "more" / f"{i}.MID", channels, 50 + i)
  _write_midi(folder / "alone.mid", (0,), 60)
  return folder


def test_midi_folder_gives_the_notes(midi_folder):
  settings = RenderSettings(song_s=6.0, midi_folder=midi_folder)
  track_set = rendered(settings)
  # The file of one part is passed over.
  assert len(track_set.tracks) == 8
  for track in track_set.tracks:
    # Six parts are five; drums stay drums.
    has_drums = any(s.instrument == "drums" for s in track.stems)
    assert len(track.stems) <= (4 if has_drums else 5)
  assert _times(track_set.tracks)["drums"] >= 2
  for split in ("train", "validation", "test"):
    assert min(_times(_songs(track_set, split)).values()) >= 2
  sound, _ = track_set.tracks[0].stems[0].read()
  assert sound.shape == (6 * 48000, 2)
  assert np.abs(sound).max() > 0.05
  assert track_set.sources == ("MIDI files of tunes", "TimGM6mb.sf2")
  fewer = rendered(
    RenderSettings(song_s=6.0, midi_folder=midi_folder, num_songs=7)
  )
  assert len(fewer.tracks) == 7


def test_bad_input_is_named(tmp_path, midi_folder):
  (midi_folder / "zero.mid").write_bytes(b"nothing")
  bad = tmp_path / "bad.sf2"
  bad.write_bytes(b"nothing")
  empty = tmp_path / "empty"
  empty.mkdir()
  for settings, message in (
    ({"soundfont": bad}, r"bad\.sf2 is not a SoundFont"),
    ({"unheard_soundfont": tmp_path / "no.sf2"}, r"no\.sf2 cannot be read"),
    ({"unheard_soundfont": default_soundfont()}, "both named TimGM6mb"),
    ({"midi_folder": empty}, r"empty has no \.mid file"),
    ({"midi_folder": midi_folder}, r"zero\.mid cannot be read as MIDI"),
    ({"num_songs": 5}, "there are 5 songs: give at least 6"),
    ({"song_s": 1.0}, "song_s is 1.0: give at least 2.0"),
    ({"num_unseen": 90}, "num_unseen is 90"),
  ):
    with pytest.raises(InputError, match=message) as caught:
      rendered(RenderSettings(**settings))
    assert "\n" not in str(caught.value)


def test_builds(tmp_path):
  track_set = rendered(RenderSettings(num_songs=6, song_s=4.0))
  folder = build(
    track_set,
    tmp_path / "data",
    sample_rate_hz=8000,
    segment_s=2.0,
    progress=False,
  )
  catalogue = load_catalogue(folder)
  assert len(catalogue.tracks) == 6
  assert {"drums"} < set(catalogue.instruments)
  unseen = {
    name
    for name, seen in zip(catalogue.instruments, catalogue.seen, strict=True)
    if not seen
  }
  assert unseen
  assert unseen <= set(track_set.unseen)
