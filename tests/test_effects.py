"""Effects do what they say to a sine and to a click, and keep its length."""

import numpy as np
import pytest

from fewshot_mss.data.synth.effects import apply_effect, filtered

RATE_HZ = 16000
NAMES = ("drive", "chorus", "tremolo", "eq")


def tone(hz, length_s=1.0):
  time_s = np.arange(round(length_s * RATE_HZ)) / RATE_HZ
  return 0.1 * np.sin(2 * np.pi * hz * time_s).astype(np.float32)[:, None]


def level_at(sound, hz):
  """Amplitude of a sine of a whole number of turns in the sound."""
  spectrum = np.abs(np.fft.rfft(sound[:, 0])) * 2 / len(sound)
  return spectrum[round(hz * len(sound) / RATE_HZ)]


@pytest.mark.parametrize("name", NAMES)
def test_a_seed_is_a_setting_and_length_and_silence_stay(name):
  sound = tone(500)
  first, again, other = (
    apply_effect(name, sound, RATE_HZ, s) for s in (1, 1, 2)
  )
  assert first.shape == sound.shape
  assert first.dtype == np.float32
  assert np.array_equal(first, again)
  assert not np.allclose(first, other, atol=1e-3)
  assert not np.allclose(first, sound, atol=1e-3)
  silence = np.zeros((800, 2), np.float32)
  assert not apply_effect(name, silence, RATE_HZ, 0).any()


def test_none_is_the_sound_itself():
  sound = tone(500)
  assert apply_effect("", sound, RATE_HZ, 0) is sound


def test_drive_adds_harmonics_and_the_cabinet_takes_the_highest():
  driven = apply_effect("drive", tone(500), RATE_HZ, 3)
  assert level_at(tone(500), 1500) < 1e-6
  assert level_at(driven, 1500) > 0.02 * level_at(driven, 500)
  # The fifteenth harmonic, above any cabinet, is far below the third.
  assert level_at(driven, 7500) < 0.05 * level_at(driven, 1500)
  # Not louder by loudness: the same sound quieter is driven as much.
  quiet = apply_effect("drive", 0.1 * tone(500), RATE_HZ, 3)
  np.testing.assert_allclose(quiet, driven, atol=1e-4)


def test_chorus_adds_one_late_copy_of_a_click():
  click = np.zeros((RATE_HZ // 4, 1), np.float32)
  click[1000] = 1
  for seed in range(5):
    heard = apply_effect("chorus", click, RATE_HZ, seed)
    assert heard[1000] == 1
    late = np.flatnonzero(np.abs(heard[:, 0]) > 1e-6)[1:] - 1000
    # 8 to 25 ms and a swing of 4 ms at most.
    assert len(late)
    assert late.min() >= 0.004 * RATE_HZ
    assert late.max() <= 0.030 * RATE_HZ
    assert 0.3 < np.abs(heard[1001:]).sum() < 1.1


def test_tremolo_only_turns_the_loudness_down():
  sound = np.ones((RATE_HZ, 1), np.float32)
  heard = apply_effect("tremolo", sound, RATE_HZ, 5)
  assert heard.max() == pytest.approx(1, abs=1e-3)
  assert 0.1 <= heard.min() <= 0.7
  swings = np.sum(np.diff(heard[:, 0] > heard.mean()))
  assert 3 <= swings <= 19


def test_filter_scales_each_frequency_and_delays_none():
  sound = tone(500) + tone(2000)
  half = filtered(sound, RATE_HZ, lambda hz: np.where(hz > 1000, 0.5, 1.0))
  middle = slice(RATE_HZ // 4, RATE_HZ * 3 // 4)
  expected = (tone(500) + 0.5 * tone(2000))[middle]
  np.testing.assert_allclose(half[middle], expected, atol=2e-3)
  same = filtered(sound, RATE_HZ, np.ones_like)
  np.testing.assert_allclose(same, sound, atol=1e-6)


def test_eq_keeps_within_9_db():
  for seed in range(5):
    for hz in (100, 440, 3000):
      gain = level_at(apply_effect("eq", tone(hz), RATE_HZ, seed), hz) / 0.1
      assert 10 ** (-9.5 / 20) < gain < 10 ** (9.5 / 20)
