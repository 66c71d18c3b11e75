"""Eight devices against one, and what devices must not change."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from fewshot_mss.default_config import get_config
from fewshot_mss.errors import InputError
from fewshot_mss.training import losses, parallel
from fewshot_mss.training.step import AXIS, TrainState, train_step
from tiny_model import draw_state, make_batch, make_model

MODEL = make_model()
# Plain gradient descent: Adam would hide a wrong scale of the gradient.
OPTIMIZER = optax.apply_if_finite(optax.sgd(0.05), 5)
TRAIN = get_config().train
STEP = functools.partial(
  train_step, model=MODEL, optimizer=OPTIMIZER, train=TRAIN
)


def _uneven_batch():
  """Eight mixtures, of which devices count 1, 2 or no queries."""
  batch = make_batch(mixtures=8)
  mask = np.ones((8, 2), bool)
  mask[2] = False
  mask[3:7, 1] = False
  # Levels differ, so that it matters which query weighs how much.
  level = np.array([1.0, 0.2, 1.0, 0.5, 1.0, 0.1, 1.0, 0.3], np.float32)
  return batch._replace(
    targets=batch.targets * level[:, None, None], query_mask=mask
  )


def _new_state():
  return parallel.create_state(
    lambda: draw_state(MODEL, OPTIMIZER, make_batch(mixtures=1))
  )


def _on_one_device(state, batch):
  step = jax.pmap(
    STEP,
    axis_name=AXIS,
    in_axes=(None, 0),
    out_axes=(None, None),
    devices=jax.devices()[:1],
  )
  state = jax.device_get(state)
  return step(state, jax.tree.map(lambda leaf: leaf[None], batch))


def _largest_change(one, other):
  return max(
    float(np.abs(np.asarray(a) - np.asarray(b)).max())
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
  )


@pytest.fixture(scope="module")
def one_and_eight():
  """Returns the start, and what one device and eight make of it."""
  batch = _uneven_batch()
  start = jax.device_get(_new_state())
  on_one = _on_one_device(start, batch)
  on_eight = parallel.pmap_step(STEP)(_new_state(), parallel.put_batch(batch))
  return start, on_one, on_eight


def test_there_are_eight_devices():
  assert jax.device_count() == 8


def test_eight_devices_do_as_one_though_they_count_unequal_queries(
  one_and_eight,
):
  start, (one, one_metrics), (eight, eight_metrics) = one_and_eight
  assert _largest_change(start.params, one.params) > 1e-3
  assert _largest_change(one.params, eight.params) < 1e-5
  assert _largest_change(one.ema_params, eight.ema_params) < 1e-5
  assert float(one_metrics["queries"]) == 10.0
  for name, value in one_metrics.items():
    assert float(eight_metrics[name]) == pytest.approx(
      float(value), rel=1e-4, abs=1e-6
    ), name


# If this fails and you meant to change the network or the loss, then see that
# the new figures are plausible and put them here. If you did not, something
# that every trained checkpoint depends on has changed.
GOLDEN = {"loss": 2.703172, "grad_norm": 8.446624, "param_norm": 10.646146}


def test_golden_step(one_and_eight):
  _, (_, metrics), _ = one_and_eight
  figures = {name: float(metrics[name]) for name in GOLDEN}
  assert figures == pytest.approx(GOLDEN, rel=1e-3)


def test_a_mean_of_means_is_something_else(one_and_eight, monkeypatch):
  # The tempting mistake: each device takes the mean of its own queries.
  _, (one, _), _ = one_and_eight

  def device_mean(values, mask):
    total = jnp.sum(jnp.where(mask, values, 0.0))
    return total / jnp.maximum(jnp.sum(mask), 1), jnp.float32(1.0)

  monkeypatch.setattr(losses, "masked_sum", device_mean)
  mistaken, _ = parallel.pmap_step(functools.partial(STEP))(
    _new_state(), parallel.put_batch(_uneven_batch())
  )
  assert _largest_change(one.params, mistaken.params) > 1e-3


def test_the_state_is_not_stacked_and_the_same_everywhere(one_and_eight):
  start, _, (eight, _) = one_and_eight
  for before, after in zip(
    jax.tree.leaves(start), jax.tree.leaves(eight), strict=True
  ):
    assert before.shape == after.shape
    assert len(after.addressable_shards) == 8
    for shard in after.addressable_shards:
      np.testing.assert_array_equal(shard.data, after)


def test_a_new_state_lies_on_every_device_and_is_used_up(one_and_eight):
  del one_and_eight
  state = _new_state()
  leaves = jax.tree.leaves(state)
  assert all(len(leaf.sharding.device_set) == 8 for leaf in leaves)
  parallel.pmap_step(STEP)(state, parallel.put_batch(_uneven_batch()))
  assert all(leaf.is_deleted() for leaf in jax.tree.leaves(state.params))


def test_put_batch_gives_each_device_its_slice_in_order():
  batch = make_batch(mixtures=16)
  put = parallel.put_batch(batch)
  for before, after in zip(
    jax.tree.leaves(batch), jax.tree.leaves(put), strict=True
  ):
    assert after.shape == (8, 2, *before.shape[1:])
    for device, shard in enumerate(after.addressable_shards):
      assert shard.data.shape == (1, 2, *before.shape[1:])
      assert shard.device == jax.local_devices()[device]
      np.testing.assert_array_equal(
        shard.data[0], before[2 * device : 2 * device + 2]
      )


@pytest.mark.parametrize("global_batch", [8, 16, 64])
def test_batches_that_the_devices_divide_are_fine(global_batch):
  parallel.check_batch(global_batch, "train.global_batch")


@pytest.mark.parametrize("global_batch", [-8, 0, 1, 4, 12])
def test_a_batch_that_the_devices_do_not_divide_is_an_error(global_batch):
  with pytest.raises(
    InputError, match=rf"train\.global_batch={global_batch} .*8 devices"
  ):
    parallel.check_batch(global_batch, "train.global_batch")


def test_one_process_saves_its_state_as_it_is():
  w = {"w": jnp.ones(3)}
  state = TrainState(jnp.zeros(()), w, w, ())
  assert parallel.to_global(state) is state


def test_no_transfer_is_needed_between_steps(one_and_eight):
  del one_and_eight
  step = parallel.pmap_step(STEP)
  state, _ = step(_new_state(), parallel.put_batch(_uneven_batch()))
  batch = parallel.put_batch(_uneven_batch())
  with jax.transfer_guard("disallow"):
    state, metrics = step(state, batch)
  assert int(state.step) == 2
  assert np.isfinite(metrics["loss"])
