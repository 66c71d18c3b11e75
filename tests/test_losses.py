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


@pytest.mark.parametrize("name", sorted(losses.LOSSES))
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
  with pytest.raises(
    InputError, match=r"train\.loss.*'l2'.*'l1', 'log', 'snr'"
  ):
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


def _powers_by_numpy(signal):
  padded = np.concatenate([np.zeros(24), signal, np.zeros(24)])
  window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(32) / 32)
  frames = [padded[8 * i : 8 * i + 32] * window for i in range(53)]
  return np.abs(np.fft.rfft(frames)) ** 2


def _named(name, *args):
  return float(losses.get_loss(name)(_batch(*args))[0, 0])


def test_compressed_by_hand():
  mixture, target = _sine() + _sine(period=16), _sine()
  estimate = 0.5 * _sine() + 0.3 * _sine(period=16)
  powers = [_powers_by_numpy(x) for x in (mixture, target, estimate)]
  quiet = 1e-6 * powers[0].mean()
  wanted, given = ((p + quiet) ** 0.15 - quiet**0.15 for p in powers[1:])
  ratio = np.sum((wanted - given) ** 2) / np.sum(wanted**2)
  expected = 10 * np.log10(ratio + 1e-3)
  assert -15 < expected < -1
  assert _named("compressed", estimate, target, mixture) == pytest.approx(
    expected, abs=0.01
  )


def test_compressed_hears_no_phase_and_silence_is_0_db():
  assert _named("compressed", _sine(), _sine()) == pytest.approx(-30.0, abs=0.1)
  assert _named("compressed", -_sine(), _sine()) == pytest.approx(-30, abs=0.1)
  silent = _named("compressed", 0 * _sine(), _sine())
  assert silent == pytest.approx(10 * np.log10(1.001), abs=1e-3)
  # Absent: silence is right, the mixture is 0 dB.
  absent = 0 * _sine()
  assert _named("compressed", absent, absent) == pytest.approx(-30.0, abs=0.1)
  mixture = _sine() + _sine(period=16)
  assert _named("compressed", mixture, absent) == pytest.approx(0, abs=0.01)


def test_log_by_hand():
  mixture = _sine() + _sine(period=16)
  # 6 dB in every bin that is loud; what is quieter than -60 dB is silence.
  target, estimate = mixture, 0.5 * mixture
  powers = [_powers_by_numpy(x) for x in (mixture, target, estimate)]
  quiet = 1e-6 * powers[0].mean()
  levels = [10 * np.log10(p + quiet) for p in powers[1:]]
  expected = np.abs(levels[0] - levels[1]).mean()
  assert 3 < expected < 10 * np.log10(4)
  found = _named("log", estimate, target, mixture)
  assert found == pytest.approx(expected, abs=0.02)
  assert _named("log", target, target, mixture) == 0.0
  # Of an absent target all that is heard is too much.
  absent = 0 * mixture
  assert _named("log", estimate, absent, mixture) > 10
  assert _named("log", absent, absent, mixture) == 0.0


@pytest.mark.parametrize("name", ["compressed", "log"])
def test_magnitudes_do_not_depend_on_the_level(name):
  sounds = [_sine(0.8), _sine(), _sine() + _sine(period=16)]
  quiet = [1e-3 * sound for sound in sounds]
  assert _named(name, *quiet) == pytest.approx(_named(name, *sounds), abs=0.05)


def test_several_losses_are_added():
  sounds = (_sine(0.7), _sine())
  parts = [_named(name, *sounds) for name in ("snr", "compressed", "log")]
  assert _named("snr+compressed", *sounds) == pytest.approx(sum(parts[:2]))
  assert _named("snr+compressed+log", *sounds) == pytest.approx(sum(parts))
  with pytest.raises(InputError, match=r"no loss 'lag'; choose"):
    losses.get_loss("snr+lag")


@pytest.mark.parametrize("floor_db", [-20.0, -30.0, -45.0])
def test_the_floor_of_absent_targets(floor_db):
  absent, mixture = 0 * _sine(), _sine(0.5)

  def loss(level_db):
    sound = 10 ** (level_db / 20) * mixture
    batch = _batch(sound, absent, mixture)
    floored = batch._replace(absent_floor_db=floor_db)
    return float(losses.negative_snr_db(floored)[0, 0])

  assert loss(-300.0) == pytest.approx(floor_db, abs=0.01)
  assert loss(floor_db) == pytest.approx(floor_db + 3.01, abs=0.01)
  # A dB less of output is a dB less of loss far above it, half a dB at it.
  slopes = [loss(at + 0.5) - loss(at - 0.5) for at in (floor_db + 15, floor_db)]
  assert slopes == pytest.approx([1.0, 0.5], abs=0.05)


def test_the_floor_of_absent_targets_is_not_that_of_others():
  batch = _batch(_sine(), _sine())._replace(absent_floor_db=-60.0)
  assert float(losses.negative_snr_db(batch)[0, 0]) == pytest.approx(-30.0)
