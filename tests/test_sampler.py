"""The sampler plays the right note, when it is asked to, and lets it fade."""

import numpy as np
import pytest
import soundfile

from fewshot_mss.data.synth.notes import Note
from fewshot_mss.data.synth.sampler import (
  instrument_folders,
  keys_of,
  note_key,
  play_notes,
)
from fewshot_mss.errors import InputError

RATE_HZ = 16000


def write_note(path, hz, *, silence_s=0.05, length_s=2.0):
  path.parent.mkdir(parents=True, exist_ok=True)
  time_s = np.arange(round(length_s * RATE_HZ)) / RATE_HZ
  sine = 0.2 * np.sin(2 * np.pi * hz * time_s)
  silence = np.zeros(round(silence_s * RATE_HZ))
  soundfile.write(path, np.concatenate([silence, sine]), RATE_HZ)


@pytest.fixture(scope="module")
def flute(tmp_path_factory):
  folder = tmp_path_factory.mktemp("notes") / "flute"
  write_note(folder / "A4.wav", 440)
  write_note(folder / "A5.wav", 880)
  (folder / "readme.txt").write_text("no note")
  return folder


def pitch_hz(sound):
  spectrum = np.abs(np.fft.rfft(sound[:, 0] * np.hanning(len(sound))))
  return np.argmax(spectrum) * RATE_HZ / len(sound)


@pytest.mark.parametrize(
  ("name", "key"),
  [
    ("C4", 60),
    ("A4", 69),
    ("As3", 58),
    ("A#3", 58),
    ("Bb3", 58),
    ("C-1", 0),
    ("Fs6", 90),
    ("H4", None),
    ("F2 v2", None),
    ("a4", None),
  ],
)
def test_names_are_pitches(name, key):
  assert note_key(name) == key


def test_only_notes_are_notes(flute):
  assert set(keys_of(flute)) == {69, 81}
  assert instrument_folders(flute.parent) == [flute]
  with pytest.raises(InputError, match="holds no notes"):
    instrument_folders(flute)
  with pytest.raises(InputError, match="holds no notes"):
    instrument_folders(flute / "none")


def test_wrong_names_of_tonejs_are_passed_over(tmp_path):
  for name in ("D5", "E5"):
    write_note(tmp_path / "guitar-nylon" / f"{name}.wav", 440, length_s=0.1)
  assert set(keys_of(tmp_path / "guitar-nylon")) == {76}


@pytest.mark.parametrize(
  ("key", "hz"), [(69, 440), (71, 493.9), (67, 392), (79, 784), (81, 880)]
)
def test_notes_sound_at_their_pitch(flute, key, hz):
  sound, rate_hz = play_notes(flute, [Note(0.0, 1.0, key, 127)], 1.0)
  assert rate_hz == RATE_HZ
  assert sound.shape == (RATE_HZ, 1)
  assert pitch_hz(sound[1600:14400]) == pytest.approx(hz, rel=0.01)


def test_a_note_starts_without_the_silence_before_it_and_fades(flute):
  sound, _ = play_notes(flute, [Note(0.5, 0.3, 69, 127)], 2.0)
  loud = np.abs(sound[:, 0])
  assert not loud[: RATE_HZ // 2].any()
  # The first period is there at once: 50 ms of silence were cut.
  assert loud[8000 : 8000 + 80].max() > 0.9
  assert loud[8000:12800].max() == pytest.approx(1, abs=0.02)
  released = loud[12800 : 12800 + 1920]
  assert released[:100].max() > 0.9
  assert 0.4 < released[900:1020].max() < 0.6
  assert released[-40:].max() < 0.05
  assert not loud[12800 + 1920 :].any()


def test_notes_add_up_and_are_as_loud_as_their_velocity(flute):
  low, high = Note(0.0, 1.0, 69, 127), Note(0.3, 0.5, 81, 64)
  both, _ = play_notes(flute, [low, high], 1.5)
  alone = [play_notes(flute, [note], 1.5)[0] for note in (low, high)]
  np.testing.assert_allclose(both, sum(alone), atol=1e-6)
  assert np.abs(alone[1]).max() == pytest.approx((64 / 127) ** 2, abs=0.02)


def test_what_does_not_fit_is_cut(flute):
  sound, _ = play_notes(flute, [Note(0.9, 3.0, 69, 127)], 1.0)
  assert sound.shape == (RATE_HZ, 1)
  assert np.abs(sound[-1600:]).max() > 0.9


def test_other_rates_are_refused(tmp_path):
  write_note(tmp_path / "flute" / "A4.wav", 440)
  soundfile.write(tmp_path / "flute" / "A5.wav", np.ones(800), 8000)
  with pytest.raises(InputError, match=r"A5\.wav has another rate"):
    play_notes(tmp_path / "flute", [Note(0.0, 0.1, 81, 90)], 0.5)
