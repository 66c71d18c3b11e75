"""A folder of MIDI files: what is played is what the files say."""

import pickle
import shutil
from pathlib import Path

import mido
import numpy as np
import pytest

from fewshot_mss import cli
from fewshot_mss.data.labels import all_labels
from fewshot_mss.data.layouts import midi as layout
from fewshot_mss.data.layouts.midi import midi
from fewshot_mss.data.splits import load_splits
from fewshot_mss.data.synth.render import render
from fewshot_mss.data.synth.soundfont import default_soundfont
from midi_songs_files import GUNSHOT, TAIKO, VIOLA, VIOLIN, song
from test_midi_files import program, write

SHARED = Path(__file__).parents[2] / "shared" / "data" / "midi"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
  root = tmp_path_factory.mktemp("midi") / "tunes"
  song(root / "a.mid", 60, drums=True)
  song(root / "more" / "b.MIDI", 61, (VIOLIN, VIOLIN, 0, 1, VIOLA))
  # In other instruments and faster: the same song.
  slow = mido.MidiFile(song(root / "more" / "c.mid", 60, (0, 1), drums=True))
  slow.ticks_per_beat = 100
  slow.save(root / "more" / "c.mid")
  song(root / "d.mid", 62, (VIOLIN,))
  song(root / "e.mid", 63, (VIOLIN, GUNSHOT, TAIKO))
  (root / "f.mid").write_bytes(b"no MIDI")
  write(root / "g.mid", program(0, 3))
  (root / "._a.mid").write_bytes(b"of another system")
  (root / "notes.txt").touch()
  return root


@pytest.fixture(scope="module")
def found(folder):
  return midi(folder, progress=False)


def test_programs_are_instruments_and_channels_are_stems(found):
  assert [track.name for track in found.tracks] == ["a.mid", "more/b.MIDI"]
  labels = {
    track.name: [(s.name, s.instrument, s.family, s.patch) for s in track.stems]
    for track in found.tracks
  }
  assert labels == {
    "a.mid": [
      ("violin", "violin", "strings", "TimGM6mb/040 violin"),
      ("flute", "flute", "pipe", "TimGM6mb/073 flute"),
      ("drums", "drums", "drums", "TimGM6mb/000 standard kit"),
    ],
    "more/b.MIDI": [
      ("violin", "violin", "strings", "TimGM6mb/040 violin"),
      ("violin_2", "violin", "strings", "TimGM6mb/040 violin"),
      ("piano", "piano", "piano", "TimGM6mb/000 acoustic grand piano"),
      ("piano_2", "piano", "piano", "TimGM6mb/001 bright acoustic piano"),
      # TimGM6mb plays the samples of the violin: one sound, one instrument.
      ("violin_3", "violin", "strings", "TimGM6mb/041 viola"),
    ],
  }
  assert found.sources == ("MIDI files of tunes", "TimGM6mb.sf2")
  assert found.unseen == load_splits("midi").unseen
  assert found.unheard_patches == ()
  assert not any(stem.files for track in found.tracks for stem in track.stems)


def test_what_is_left_out_is_named(found):
  assert sorted(found.skipped) == [
    "d.mid: fewer than two parts that TimGM6mb plays",
    "e.mid: fewer than two parts that TimGM6mb plays",
    "f.mid: cannot be read as MIDI",
    "g.mid: has no note in its first 600 s",
    "more/c.mid: has the notes of a.mid",
  ]


def test_stems_sum_to_the_file_as_a_player_plays_it(folder, found):
  for track, file in zip(found.tracks, ("a.mid", "more/b.MIDI"), strict=True):
    sounds = [stem.read()[0] for stem in track.stems]
    length = max(len(sound) for sound in sounds)
    total = np.zeros((length, 2))
    for sound in sounds:
      total[: len(sound)] += sound
    whole, _ = render(
      default_soundfont(),
      (folder / file).read_bytes(),
      length_s=length / 48_000,
      level_db=None,
    )
    assert np.abs(whole).max() > 0.05
    # The last event of the file cuts off what would ring on.
    heard = slice(0, round(1.4 * 48_000))
    error = total[heard] - whole[heard]
    assert np.mean(error**2) < 1e-3 * np.mean(whole[heard] ** 2)


def test_stems_travel_to_other_processes(found):
  stem = found.tracks[0].stems[0]
  sound, rate_hz = pickle.loads(pickle.dumps(stem.read))()
  assert rate_hz == 48_000
  np.testing.assert_array_equal(sound, stem.read()[0])


def test_many_files_are_read_by_several_processes(folder, found, monkeypatch):
  monkeypatch.setattr(layout, "_MANY_FILES", 2)
  again = midi(folder, progress=False)
  assert [(t.name, t.split) for t in again.tracks] == [
    (t.name, t.split) for t in found.tracks
  ]
  assert again.skipped == found.skipped


def test_unheard_soundfont_repeats_the_test_songs(tmp_path):
  other = tmp_path / "other.sf2"
  shutil.copy(default_soundfont(), other)
  root = tmp_path / "tunes"
  for i in range(30):
    song(root / f"{i}.mid", 40 + i)
  found = midi(root, unheard_soundfont=other, progress=False)
  by_name = {track.name: track for track in found.tracks}
  tests = [t for t in found.tracks[:] if t.split == "test"]
  assert len(by_name) == len(found.tracks) == 30 + len(tests) / 2 > 30
  for name, track in by_name.items():
    unheard = {s.patch in found.unheard_patches for s in track.stems}
    assert unheard == {name.endswith("_other")}
    if name.endswith("_other"):
      first = by_name[name.removesuffix("_other")]
      assert first.split == "test"
      assert [s.name for s in first.stems] == [s.name for s in track.stems]
  assert found.sources[1:] == ("TimGM6mb.sf2", "other.sf2")


@pytest.mark.parametrize(
  ("words", "said"),
  [
    (["--layout=midi", "--song_s=3"], "--song_s is for the layout rendered"),
    (["--layout=midi", "--num_songs=0"], "--num_songs is for"),
    (["--layout=midi", "--midi_folder=x"], "--midi_folder is for"),
    (["--layout=midi", "--seed=0"], "--seed is for the layout stem_folder or"),
    (["--layout=midi", "--unseen=x"], "--unseen is for the layout stem_folder"),
    (["--layout=midi", "--with_bleed"], "--with_bleed is for the layout med"),
    (["--soundfont=x.sf2"], "--soundfont is for the layout rendered or midi,"),
    (["--unheard_soundfont=x.sf2"], "not for stem_folder: leave it out"),
  ],
)
def test_options_of_other_layouts_are_refused(
  folder, tmp_path, capsys, words, said
):
  output = tmp_path / "data"
  words = ["data", "build", str(folder), *words, f"--output={output}"]
  assert cli.main(words) == 2
  error = capsys.readouterr().err
  assert said in error
  assert error.count("\n") == 1
  assert not output.exists()


def test_the_command_line_builds_it(folder, tmp_path, capsys):
  from fewshot_mss.data.catalogue import load_catalogue

  words = ["data", "build", str(folder), "--layout=midi", "--segment_s=1"]
  assert cli.main([*words, f"--output={tmp_path / 'data'}"]) == 0
  assert "left out: f.mid: cannot be read as MIDI" in capsys.readouterr().err
  catalogue = load_catalogue(tmp_path / "data")
  assert catalogue.tracks == ("a.mid", "more/b.MIDI")
  assert set(catalogue.instruments) == {"violin", "flute", "drums", "piano"}


@pytest.mark.parametrize("name", ["freedoom", "openscore_quartets"])
def test_real_files_are_played(tmp_path, name):
  if not SHARED.is_dir():
    pytest.skip("no shared data")
  paths = sorted((SHARED / name).rglob("*.mid"), key=lambda p: p.stat().st_size)
  for path in paths[:6]:
    (tmp_path / path.name).symlink_to(path)
  found = midi(tmp_path, progress=False)
  assert found.tracks
  known = {row.instrument for row in all_labels()}
  for track in found.tracks:
    assert {stem.instrument for stem in track.stems} <= known
  sound, rate_hz = found.tracks[0].stems[0].read()
  assert rate_hz == 48_000
  assert 0.001 < np.abs(sound).max() < 1.5


def test_doubles_among_real_files_are_found(tmp_path):
  if not SHARED.is_dir():
    pytest.skip("no shared data")
  for name in ("d_intro.mid", "d_introa.mid"):
    (tmp_path / name).symlink_to(SHARED / "freedoom" / name)
  found = midi(tmp_path, progress=False)
  assert [track.name for track in found.tracks] == ["d_intro.mid"]
  assert found.skipped == ("d_introa.mid: has the notes of d_intro.mid",)


def test_a_song_that_changes_is_another_to_a_build(folder, found):
  del folder
  for track in found.tracks:
    for stem in track.stems:
      path, font = stem.made_from
      assert path.name == Path(track.name).name
      assert font == default_soundfont()
