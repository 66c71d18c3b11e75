"""Levels against numbers worked out by hand."""

import numpy as np
import pytest

from fewshot_mss.audio.levels import block_rms_db, rms_db


def test_full_scale_square_wave_is_0_db_and_half_is_6_db_lower():
  square = np.array([1.0, -1.0] * 8, np.float32)
  assert rms_db(square) == pytest.approx(0.0, abs=1e-6)
  assert rms_db(square / 2) == pytest.approx(-6.0206, abs=1e-4)


def test_sine_is_3_db_below_its_peak():
  sine = np.sin(2 * np.pi * np.arange(1000) / 100)
  assert rms_db(sine) == pytest.approx(-3.0103, abs=1e-4)


def test_silence_has_a_finite_level():
  assert rms_db(np.zeros(5, np.float32)) == pytest.approx(-130.0)


def test_last_shorter_block_is_averaged_over_its_own_length():
  samples = np.array([1, 1, 0.1, 0.1, 0.01], np.float32)
  np.testing.assert_allclose(
    block_rms_db(samples, 2), [0.0, -20.0, -40.0], atol=1e-4
  )
