"""One step by hand, and a network that follows the query."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fewshot_mss.default_config import get_config
from fewshot_mss.models.separator import FewShotSeparator
from fewshot_mss.training import step as step_module
from fewshot_mss.training.optimizer import make_optimizer
from fewshot_mss.training.step import AXIS, init_state, train_step
from tiny_model import SIZES, draw_state, make_batch, make_model, to_jax


def _train(**changes):
  train = get_config().train
  train.update({"warmup_steps": 0, "learning_rate": 0.01, **changes})
  return train


def _one_device(model, optimizer, train):
  """Returns the step on one device: a batch axis of one to add up over."""
  step = functools.partial(
    train_step, model=model, optimizer=optimizer, train=train
  )
  over_one = jax.vmap(
    step, in_axes=(None, 0), out_axes=(None, None), axis_name=AXIS
  )
  return jax.jit(
    lambda state, batch: over_one(
      state, jax.tree.map(lambda leaf: leaf[None], batch)
    )
  )


class Gain(FewShotSeparator):
  """The smallest separator: every query is the mixture times one number."""

  def setup(self):
    self.gain = self.param("gain", self.start(), ())

  def start(self):
    return nn.initializers.constant(0.25)

  def __call__(self, batch):
    shape = batch.targets.shape
    return jnp.broadcast_to(self.gain * batch.mixture[:, None], shape)


class DrawnGain(Gain):
  """The same from a random start."""

  def start(self):
    return nn.initializers.uniform()


def _gain_step(batch, train):
  model, optimizer = Gain(**SIZES), make_optimizer(train)
  state = init_state(model, optimizer, 0, batch)
  return state, _one_device(model, optimizer, train)


@pytest.fixture(scope="module")
def gain_step():
  """Returns a batch whose targets are half the mixture, a state, a step."""
  batch = to_jax(make_batch())
  batch = batch._replace(
    targets=jnp.repeat(0.5 * batch.mixture[:, None], 2, axis=1)
  )
  return batch, *_gain_step(batch, _train(ema_decay=0.9))


def test_one_step_by_hand(gain_step):
  batch, state, step = gain_step
  mask = jnp.array([[True, False], [True, True]])
  after, metrics = step(state, batch._replace(query_mask=mask))
  # Noise is (0.25 / 0.5)^2 = 0.25 of the target; the floor adds 0.001. With
  # gain g: loss = 10 log10(((g - 0.5) / 0.5)^2 + 0.001).
  assert float(metrics["loss"]) == pytest.approx(10 * np.log10(0.251), abs=1e-4)
  slope = 10 / np.log(10) / 0.251 * 2 * (0.25 - 0.5) / 0.25
  assert float(metrics["grad_norm"]) == pytest.approx(-slope, rel=1e-4)
  assert float(metrics["queries"]) == 3.0
  # Adam's first step is the learning rate, against the sign of the slope.
  assert float(after.params["gain"]) == pytest.approx(0.26, abs=1e-5)
  assert float(metrics["param_norm"]) == pytest.approx(0.26, abs=1e-5)
  assert float(metrics["update_norm"]) == pytest.approx(0.01, abs=1e-5)
  # The average starts with a decay of 1 / 10: 0.1 * 0.25 + 0.9 * 0.26.
  assert float(after.ema_params["gain"]) == pytest.approx(0.259, abs=1e-5)
  assert int(after.step) == 1


def test_the_average_slows_down_to_its_decay(gain_step):
  batch, state, step = gain_step
  for at, decay in [(1, 2 / 11), (10, 11 / 20), (1000, 0.9)]:
    before = state._replace(
      step=jnp.int32(at), ema_params={"gain": jnp.float32(1.0)}
    )
    after, _ = step(before, batch)
    expected = decay + (1 - decay) * float(after.params["gain"])
    assert float(after.ema_params["gain"]) == pytest.approx(expected, abs=1e-5)
    assert int(after.step) == at + 1


def test_a_step_that_is_not_finite_changes_nothing_and_is_counted(gain_step):
  batch, state, step = gain_step
  broken = batch._replace(targets=batch.targets.at[0, 0, 0].set(jnp.nan))
  after, metrics = step(state, broken)
  assert float(after.params["gain"]) == 0.25
  assert float(after.ema_params["gain"]) == pytest.approx(0.25)
  assert int(metrics["bad_steps"]) == int(metrics["bad_steps_in_a_row"]) == 1
  after, metrics = step(after, batch)
  assert int(metrics["bad_steps"]) == 1
  assert int(metrics["bad_steps_in_a_row"]) == 0
  assert float(after.params["gain"]) == pytest.approx(0.26, abs=1e-5)


def test_queries_that_fill_up_do_not_count(gain_step):
  batch, state, step = gain_step
  mask = jnp.array([[True, False], [False, False]])
  filled = batch._replace(query_mask=mask, targets=batch.targets.at[1].set(1e3))
  _, metrics = step(state, filled)
  assert float(metrics["loss"]) == pytest.approx(10 * np.log10(0.251), abs=1e-4)
  after, metrics = step(state, batch._replace(query_mask=mask & False))
  assert float(metrics["loss"]) == 0.0
  assert float(after.params["gain"]) == pytest.approx(0.25)


def test_the_configured_loss_is_the_one_that_falls():
  batch = to_jax(make_batch())
  batch = batch._replace(
    targets=jnp.repeat(0.5 * batch.mixture[:, None], 2, axis=1)
  )
  state, step = _gain_step(batch, _train(loss="l1", learning_rate=0.25))
  _, before = step(state, batch)
  _, after = step(step(state, batch)[0], batch)
  assert before["loss"] > 0.01
  assert float(after["loss"]) == pytest.approx(0.0, abs=1e-4)


def test_init_depends_on_the_seed_and_not_on_the_batch():
  model, optimizer = DrawnGain(**SIZES), make_optimizer(_train())
  states = [
    init_state(model, optimizer, seed, make_batch(batch_seed))
    for seed, batch_seed in [(3, 0), (3, 1), (4, 0)]
  ]
  gains = [float(state.params["gain"]) for state in states]
  assert gains[0] == gains[1] != gains[2]
  first = states[0]
  assert int(first.step) == 0
  assert float(first.ema_params["gain"]) == gains[0]
  # Two buffers, or donating the state would use one up twice.
  pointers = [
    params["gain"].unsafe_buffer_pointer()
    for params in (first.params, first.ema_params)
  ]
  assert pointers[0] != pointers[1]


def _si_sdr_db(estimate, target):
  target = np.asarray(target, np.float64)
  scaled = target * np.dot(estimate, target) / np.dot(target, target)
  noise = np.sum((estimate - scaled) ** 2)
  return 10 * np.log10(np.sum(scaled**2) / noise)


def _tone_and_bursts():
  """One mixture of a tone and noise bursts, one query for each."""
  rng = np.random.default_rng(0)
  samples = 1024

  def tone(phase):
    time = np.arange(samples)
    return 0.5 * np.sin(2 * np.pi * time / 16 + phase)

  def bursts():
    gate = np.arange(samples) % 256 < 64
    return gate * rng.normal(0.0, 0.5, samples)

  targets = np.stack([tone(0.0), bursts()])
  shots = np.stack([[tone(1.0)], [bursts()]])
  blank = make_batch(mixtures=1, samples=samples, shots=1, negatives=0)
  return to_jax(
    blank._replace(
      mixture=targets.sum(axis=0)[None].astype(np.float32),
      targets=targets[None].astype(np.float32),
      support=blank.support._replace(positives=shots[None].astype(np.float32)),
    )
  )


def test_a_network_that_overfits_follows_the_query():
  batch = _tone_and_bursts()
  model = make_model(
    n_fft=128,
    hop_samples=32,
    unet_channels=(8, 16),
    encoder_channels=(8, 16),
    condition_dim=16,
  )
  train = _train(steps=80, warmup_steps=5, learning_rate=1e-2)
  optimizer = make_optimizer(train)
  state = draw_state(model, optimizer, batch)
  step = _one_device(model, optimizer, train)
  for _ in range(train.steps):
    state, _ = step(state, batch)
  apply = jax.jit(model.apply)
  right = np.asarray(apply({"params": state.params}, batch))[0]
  swapped = batch._replace(
    support=jax.tree.map(lambda leaf: leaf[:, ::-1], batch.support)
  )
  wrong = np.asarray(apply({"params": state.params}, swapped))[0]
  targets = np.asarray(batch.targets)[0]
  for query in range(2):
    assert _si_sdr_db(right[query], targets[query]) > 12.0
    # Asked for the other one, it gives the other one.
    assert _si_sdr_db(wrong[query], targets[1 - query]) > 12.0
    assert _si_sdr_db(wrong[query], targets[query]) < -8.0


def test_not_even_nan_of_a_query_that_fills_up_reaches_the_loss():
  batch = make_batch()
  targets = batch.targets.copy()
  targets[1, 1] = np.nan
  mask = batch.query_mask.copy()
  mask[1, 1] = False
  total, count = step_module.loss_sum(
    {"gain": jnp.float32(0.25)},
    to_jax(batch._replace(targets=targets, query_mask=mask)),
    Gain(**SIZES),
    _train(),
  )
  assert np.isfinite(total)
  assert float(count) == 3.0
