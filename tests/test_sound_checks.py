"""Measures of single sounds, by hand."""

import numpy as np
import pytest

from fewshot_mss.data.sound_checks import (
  FULL_SCALE,
  Sound,
  difference_db,
  digest,
  flat_peaks,
  plus,
)
from made_songs import RATE_HZ, column, noise


def test_a_clipped_run_is_four_equal_samples_at_the_peak():
  assert flat_peaks(column(0.5, 1, 1, 1, 0.5)) == 0
  assert flat_peaks(column(0.5, 1, 1, 1, 1, 0.5)) == 1
  assert flat_peaks(column(1, 1, 1, 1, 0, -1, -1, -1, -1, -1)) == 2
  # The highest value of 16 bits is not quite 1.
  top = FULL_SCALE
  assert flat_peaks(column(-1, 0, top, top, top, top)) == 1
  assert flat_peaks(column(-1, 0, *4 * [top - 2**-14])) == 0
  # Held, but neither in a row nor at one value.
  assert flat_peaks(column(1, 1, 0, 1, 1)) == 0
  assert flat_peaks(column(1, 1, -1, -1)) == 0
  # A sound above full scale that moves is not clipped.
  assert flat_peaks(column(1.2, 1.3, 1.25, 1.1, 1.2)) == 0
  assert flat_peaks(column(0, 0, 0, 0, 0)) == 0
  assert flat_peaks(np.zeros((0, 2), np.float32)) == 0


def test_channels_are_clipped_one_by_one():
  left = column(0, 0, 1, 1, 1, 1)
  right = column(1, 1, 0, 0, 0, 0)
  assert flat_peaks(np.hstack([left, right])) == 1
  assert flat_peaks(np.hstack([right, right])) == 0
  assert flat_peaks(np.hstack([left, left])) == 2


def test_equal_sounds_have_equal_digests():
  sound = noise(0, channels=2)
  zeros = np.zeros((7, 2), np.float32)
  assert len(digest(sound)) == 32
  assert digest(np.concatenate([zeros, sound, zeros])) == digest(sound)
  # One of two channels may be zero at an end.
  edge = sound.copy()
  edge[0, 0] = edge[-1, 1] = 0
  assert digest(np.concatenate([zeros, edge])) == digest(edge)
  assert digest(edge) != digest(sound)
  mono = sound[:, :1]
  assert digest(np.repeat(mono, 2, axis=1)) == digest(mono)
  assert digest(mono.astype(np.float64)) == digest(mono)
  assert digest(column(1, 0.0, 1)) == digest(column(1, -0.0, 1))
  ended = np.concatenate([sound[:-1], -sound[-1:]])
  others = (mono, ended, sound[::-1], 0.5 * sound, sound[1:], sound[:-1])
  assert digest(sound) not in {digest(other) for other in others}
  assert digest(zeros) == ""
  assert digest(zeros[:0]) == ""


def test_a_mixture_is_compared_in_db_of_the_mixture():
  total = noise(1, channels=2)

  def level_db(mixture, rate_hz=RATE_HZ):
    summed = plus(None, Sound(total, RATE_HZ))
    return difference_db(Sound(mixture, rate_hz), summed)

  assert level_db(total) < -90
  assert level_db(1.1 * total) == pytest.approx(20 * np.log10(0.1 / 1.1))
  assert level_db(-total) == pytest.approx(20 * np.log10(2))
  # In mono where the channels differ in number.
  assert level_db(total.mean(axis=1, keepdims=True)) < -90
  swapped = total[:, ::-1]
  assert level_db(swapped) > 0
  # Another rate: the same duration.
  assert level_db(np.zeros((4000, 2), np.float32) + 1e-3, 2000) > 0


def test_lengths_that_differ_go_on_as_zeros():
  long, short = np.ones((400, 1), np.float32), np.ones((100, 1), np.float32)
  # 300 samples are missing: three times the energy of the mixture's 100.
  assert difference_db(
    Sound(short, 100), plus(None, Sound(long, 100))
  ) == pytest.approx(10 * np.log10(3))
  # 300 of the mixture's 400.
  assert difference_db(
    Sound(long, 100), plus(None, Sound(short, 100))
  ) == pytest.approx(10 * np.log10(3 / 4))
  summed = plus(plus(None, Sound(short, 100)), Sound(long, 100))
  np.testing.assert_array_equal(summed.samples, column(*100 * [2], *300 * [1]))


def test_sums_take_the_first_rate_and_become_mono():
  time_s = np.arange(4000)[:, np.newaxis] / 2000
  tone = np.sin(2 * np.pi * 100 * time_s).astype(np.float32)
  half = tone[::2]
  summed = plus(plus(None, Sound(half, 1000)), Sound(-tone, 2000))
  assert summed.rate_hz == 1000
  # The ends ring.
  assert np.abs(summed.samples[200:-200]).max() < 1e-3
  stereo = noise(2, channels=2)
  summed = plus(plus(None, Sound(stereo, 9)), Sound(stereo[:, :1], 9))
  expected = stereo.mean(axis=1, keepdims=True) + stereo[:, :1]
  np.testing.assert_allclose(summed.samples, expected, atol=1e-6)
