"""Losses by hand, their edges, and the masked sum."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fewshot_mss.errors import InputError
from fewshot_mss.training import losses

SAMPLES = 400


def _sine(amplitude=1.0, period=20):
  return amplitude * np.sin(2 * np.pi * np.arange(SAMPLES) / period)


def _batch(estimate, target, mixture=None):
  """One mixture, one query."""
  mixture = _sine() + _sine(period=16) if mixture is None else mixture
  return losses.Batch(
    estimates=jnp.asarray(estimate, jnp.float32)[None, None],
    targets=jnp.asarray(target, jnp.float32)[None, None],
    mixture=jnp.asarray(mixture, jnp.float32)[None],
    n_fft=32,
    hop_samples=8,
  )


def _snr(*args):
  return float(losses.get_loss("snr")(_batch(*args))[0, 0])


def _l1(*args):
  return float(losses.get_loss("l1")(_batch(*args))[0, 0])


@pytest.mark.parametrize(
  ("noise_db", "expected_db"),
  # The floor adds 0.001 of the target's energy to the noise.
  [
    (-10.0, 10 * np.log10(0.1 + 0.001)),
    (-20.0, 10 * np.log10(0.01 + 0.001)),
    (-30.0, 10 * np.log10(0.002)),
    (-90.0, -30.0),
    (10.0, 10.0),
  ],
)
def test_snr_by_hand(noise_db, expected_db):
  noise = _sine(10 ** (noise_db / 20), period=16)
  assert _snr(_sine() + noise, _sine()) == pytest.approx(expected_db, abs=1e-3)


def test_snr_of_silence_and_of_the_answer():
  assert _snr(0 * _sine(), _sine()) == pytest.approx(0.0, abs=0.01)
  assert _snr(_sine(), _sine()) == pytest.approx(-30.0, abs=1e-3)
  # The wrong sign is worse than silence: this loss knows the phase.
  assert _snr(-_sine(), _sine()) == pytest.approx(6.02, abs=0.01)


def test_snr_does_not_depend_on_the_level():
  quiet = _snr(1e-3 * _sine(0.8), 1e-3 * _sine())
  assert quiet == pytest.approx(_snr(_sine(0.8), _sine()), abs=1e-3)


def test_absent_target_asks_for_silence_relative_to_the_mixture():
  absent, mixture = 0 * _sine(), _sine(0.5)
  assert _snr(absent, absent, mixture) == pytest.approx(-30.0, abs=1e-3)
  assert _snr(mixture, absent, mixture) == pytest.approx(0.0, abs=0.01)
  assert _snr(0.1 * mixture, absent, mixture) == pytest.approx(
    10 * np.log10(0.011), abs=1e-3
  )


def test_a_present_target_is_not_compared_with_the_mixture():
  estimate, target = _sine(0.9), _sine()
  assert _snr(estimate, target, 100 * _sine()) == pytest.approx(
    _snr(estimate, target), abs=1e-5
  )


def test_each_query_reads_its_own_target():
  both = _batch(_sine(), _sine())._replace(
    estimates=jnp.asarray(np.stack([_sine(), 0 * _sine()])[None], "float32"),
    targets=jnp.asarray(np.stack([_sine(), _sine()])[None], "float32"),
  )
  values = losses.negative_snr_db(both)
  np.testing.assert_allclose(values, [[-30.0, 0.0]], atol=0.01)


def test_l1_by_hand():
  assert _l1(_sine(), _sine()) == 0.0
  # The phase is not read.
  assert _l1(-_sine(), _sine()) == pytest.approx(0.0, abs=1e-5)
  # Twice the target is as far from it as silence is, and the window of 32
  # over a constant sums up to 16 at DC and 8 at the next bin.
  silence = _l1(0 * _sine(), _sine())
  assert _l1(2 * _sine(), _sine()) == pytest.approx(silence, rel=1e-5)
  padded = np.concatenate([np.zeros(24), np.ones(SAMPLES), np.zeros(24)])
  window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(32) / 32)
  frames = [padded[8 * i : 8 * i + 32] * window for i in range(53)]
  by_numpy = np.abs(np.fft.rfft(frames)).mean()
  assert _l1(0 * _sine(), 1 + 0 * _sine()) == pytest.approx(by_numpy, rel=1e-4)


@pytest.mark.parametrize("name", ["snr", "l1"])
@pytest.mark.parametrize("target", [0 * _sine(), _sine()])
@pytest.mark.parametrize("estimate", [0 * _sine(), _sine()])
@pytest.mark.parametrize("mixture", [0 * _sine(), _sine()])
def test_values_and_gradients_are_finite_at_silence(
  name, target, estimate, mixture
):
  batch = _batch(estimate, target, mixture)

  def total(estimates):
    loss = losses.get_loss(name)(batch._replace(estimates=estimates))
    return jnp.sum(loss)

  value, gradient = jax.value_and_grad(total)(batch.estimates)
  assert np.isfinite(value)
  assert np.all(np.isfinite(gradient))


def test_unknown_loss_is_named():
  with pytest.raises(InputError, match=r"train\.loss.*'l2'.*'l1', 'snr'"):
    losses.get_loss("l2")


def test_masked_sum_by_hand_and_with_nan_padding():
  values = jnp.array([[1.0, jnp.nan], [2.0, 4.0]])
  mask = jnp.array([[True, False], [True, True]])
  total, count = losses.masked_sum(values, mask)
  assert (float(total), float(count)) == (7.0, 3.0)
  total, count = losses.masked_sum(values, jnp.zeros((2, 2), bool))
  assert (float(total), float(count)) == (0.0, 0.0)
  gradient = jax.grad(lambda v: losses.masked_sum(v, mask)[0])(values)
  np.testing.assert_array_equal(gradient, [[1.0, 0.0], [1.0, 1.0]])
