"""Another rate, the same sound."""

import numpy as np
import pytest

from fewshot_mss.audio.resampling import (
  StreamResampler,
  resample,
  resampled_length,
  to_mono,
)


def tone(rate_hz, frequency_hz=440.0, duration_s=0.5):
  times_s = np.arange(round(duration_s * rate_hz)) / rate_hz
  return (0.5 * np.sin(2 * np.pi * frequency_hz * times_s)).astype(np.float32)


@pytest.mark.parametrize("from_hz", [8_000, 44_100, 48_000, 96_000])
def test_tone_keeps_pitch_phase_and_level(from_hz):
  resampled = resample(tone(from_hz), from_hz, 22_050)
  wanted = tone(22_050)
  assert resampled.dtype == np.float32
  assert len(resampled) == len(wanted)
  np.testing.assert_allclose(resampled[500:-500], wanted[500:-500], atol=1e-3)


def test_what_the_new_rate_cannot_hold_is_removed_rather_than_folded():
  folded = resample(tone(48_000, frequency_hz=7_000), 48_000, 8_000)
  assert np.abs(folded[200:-200]).max() < 1e-4


def test_channels_are_resampled_alike():
  left, right = tone(44_100, 300), tone(44_100, 500)
  both = resample(np.stack([left, right], axis=1), 44_100, 16_000)
  np.testing.assert_allclose(both[:, 0], resample(left, 44_100, 16_000))
  np.testing.assert_allclose(both[:, 1], resample(right, 44_100, 16_000))


def test_equal_rates_change_nothing():
  samples = tone(8_000)
  assert resample(samples, 8_000, 8_000) is samples


def test_mono_is_the_average():
  stereo = np.array([[1.0, 0.0], [0.5, -0.5]], np.float32)
  np.testing.assert_array_equal(to_mono(stereo), [0.5, 0.0])


RATES_HZ = [
  (44_100, 8_000),
  (8_000, 44_100),
  (192_000, 8_000),
  (3_000, 8_000),
  (11_025, 48_000),
  (8_000, 8_000),
]


@pytest.mark.parametrize(("from_hz", "to_hz"), RATES_HZ)
def test_a_stream_is_the_whole_to_the_last_bit_however_it_is_cut(
  from_hz, to_hz
):
  rng = np.random.default_rng(0)
  for samples in (0, 1, 2, 5, 100, 20_003):
    sound = rng.uniform(-1, 1, (samples, 2)).astype(np.float32)
    length = -(-samples * to_hz // from_hz)
    assert resampled_length(samples, from_hz, to_hz) == length
    for most in (1, 7, 1000, 1 << 20):
      if most == 1 and samples > 1000:
        continue
      stream = StreamResampler(from_hz, to_hz, 2)
      given, place = [], 0
      while place < samples:
        count = int(rng.integers(0, most + 1))
        given.append(stream.push(sound[place : place + count]))
        place += count
      given.append(stream.finish())
      resampled = np.concatenate(given)
      assert resampled.shape == (length, 2)
      if samples:
        whole = resample(sound, from_hz, to_hz)[:length]
        np.testing.assert_array_equal(resampled[: len(whole)], whole)
        assert length - len(whole) <= 1
        assert not resampled[len(whole) :].any()
