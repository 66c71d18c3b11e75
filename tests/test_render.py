import numpy as np
import pytest

from fewshot_mss.data.loudness import sounding_rms
from fewshot_mss.data.synth.notes import Note, midi_bytes
from fewshot_mss.data.synth.render import check_playable, render
from fewshot_mss.errors import InputError, RunError
from tiny_soundfont import sine, write_soundfont


@pytest.fixture(scope="module")
def soundfont(tmp_path_factory):
  # A sine of 48000 / 100 = 480 Hz at key 60.
  return write_soundfont(
    tmp_path_factory.mktemp("font") / "sine.sf2",
    [sine(100)],
    {(0, 7): [(0, 0, 127)]},
  )


def _midi(*notes, program=7, length_s=1.0):
  return midi_bytes(notes, program=program, drums=False, length_s=length_s)


def test_note_sounds_where_it_stands_at_its_pitch(soundfont):
  midi = _midi(Note(0.5, 0.3, 72, 100), length_s=1.5)
  sound, rate_hz = render(soundfont, midi, length_s=1.5, level_db=-20.0)
  assert rate_hz == 48000
  assert sound.shape == (72000, 2)
  assert sound.dtype == np.float32
  assert not sound[:23500].any()
  heard = sound[26400:36000, 0]
  peak = np.argmax(np.abs(np.fft.rfft(heard))) * rate_hz / len(heard)
  assert peak == pytest.approx(960, abs=10)
  assert np.abs(sound[60000:]).max() < 0.1 * np.abs(heard).max()


def test_level_is_that_of_the_sounding_part(soundfont):
  midi = _midi(Note(0.0, 0.5, 60, 50), length_s=2.0)
  for level_db in (-26.0, -18.0):
    sound, _ = render(soundfont, midi, length_s=2.0, level_db=level_db)
    rms = np.sqrt(np.mean(sound[4800:21600] ** 2, dtype=np.float64))
    assert 20 * np.log10(rms) == pytest.approx(level_db, abs=1.5)


def test_same_midi_same_sound(soundfont):
  midi = _midi(Note(0.0, 0.5, 60, 50))
  first, second = (
    render(soundfont, midi, length_s=1.0, level_db=-20.0)[0] for _ in range(2)
  )
  assert np.array_equal(first, second)


def test_longer_than_the_file_is_silence_and_shorter_is_cut(soundfont):
  midi = _midi(Note(0.0, 2.9, 60, 50), length_s=3.0)
  longer, _ = render(soundfont, midi, length_s=9.0, level_db=-20.0)
  assert longer.shape == (432000, 2)
  assert not longer[-48000:].any()
  shorter, _ = render(soundfont, midi, length_s=0.5, level_db=-20.0)
  assert shorter.shape == (24000, 2)
  assert shorter[-480:].any()


def test_part_without_sound_is_zeros(soundfont):
  sound, _ = render(soundfont, _midi(), length_s=0.5, level_db=-20.0)
  assert sound.shape == (24000, 2)
  assert not sound.any()


def test_sounding_rms_leaves_out_quiet_blocks():
  sound = np.zeros((40, 2), np.float32)
  sound[10:20] = 0.5
  sound[20:30] = 0.25
  sound[30:] = 0.01  # 34 dB below
  assert sounding_rms(sound, 10) == pytest.approx(np.sqrt((0.25 + 0.0625) / 2))
  assert sounding_rms(sound[:5], 10) == 0.0


def test_unplayable_soundfont_is_named(tmp_path, soundfont):
  check_playable(soundfont)
  path = tmp_path / "broken.sf2"
  path.write_bytes(soundfont.read_bytes()[:-200])
  with pytest.raises(InputError, match=r"broken\.sf2 cannot be played \(") as e:
    check_playable(path)
  assert "\n" not in str(e.value)


def test_a_renderer_that_is_killed_is_no_fault_of_the_soundfont(
  soundfont, tmp_path, monkeypatch
):
  killed = tmp_path / "python"
  killed.write_text("#!/bin/sh\nkill -9 $$\n")
  killed.chmod(0o755)
  monkeypatch.setattr("sys.executable", str(killed))
  with pytest.raises(RunError, match="start again"):
    render(soundfont, _midi(), length_s=1.0, level_db=None)
