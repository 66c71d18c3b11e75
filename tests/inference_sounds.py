"""Sounds and a condition to ask a tiny separator with."""

import numpy as np

RATE_HZ = 8000
CONDITION = np.array([1, -1, 0.5, 2, 0, -2], np.float32)


def noise(*shape, seed=0, peak=0.5):
  rng = np.random.default_rng(seed)
  return rng.uniform(-peak, peak, shape).astype(np.float32)


def tone(frequency_hz, samples=2048, rate_hz=RATE_HZ):
  angle = 2 * np.pi * frequency_hz * np.arange(samples) / rate_hz
  return (0.5 * np.sin(angle)).astype(np.float32)


def assert_sums(separation, mixture):
  assert separation.target.dtype == separation.residual.dtype == np.float32
  assert separation.target.shape == separation.residual.shape == mixture.shape
  total = separation.target + separation.residual
  # One rounding of the residual, one of the sum.
  bound = np.spacing(
    np.maximum(abs(separation.target), abs(separation.residual))
  )
  assert np.all(np.abs(total - mixture) <= bound)
  np.testing.assert_array_equal(
    separation.residual, mixture - separation.target
  )
