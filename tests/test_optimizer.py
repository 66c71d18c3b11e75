"""The schedule by hand, clipping, decay, and the guard against NaN."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from fewshot_mss.default_config import get_config
from fewshot_mss.errors import InputError
from fewshot_mss.training.optimizer import learning_rate, make_optimizer

PARAMS = {"w": jnp.array([1.0, -2.0])}


def _train(**changes):
  train = get_config().train
  train.update(
    {
      "steps": 100,
      "warmup_steps": 0,
      "learning_rate": 0.1,
      "final_learning_rate_share": 0.2,
      **changes,
    }
  )
  return train


def _updates(optimizer, gradients):
  state, all_updates = optimizer.init(PARAMS), []
  update = jax.jit(optimizer.update)
  for gradient in gradients:
    updates, state = update(
      {"w": jnp.asarray(gradient, jnp.float32)}, state, PARAMS
    )
    all_updates.append(updates["w"])
  return np.array(all_updates), state


@pytest.mark.parametrize(
  ("step", "expected"),
  # Up in a line to step 10, then half a cosine down to 0.02 at step 100.
  [(0, 0.0), (5, 0.05), (10, 0.1), (55, 0.06), (100, 0.02), (500, 0.02)],
)
def test_schedule_by_hand(step, expected):
  schedule = learning_rate(_train(warmup_steps=10))
  assert float(schedule(step)) == pytest.approx(expected, abs=1e-7)


def test_a_run_shorter_than_its_warm_up_ends_at_the_peak():
  schedule = learning_rate(_train(steps=4, warmup_steps=100))
  rates = [float(schedule(step)) for step in (0, 2, 4)]
  assert rates == pytest.approx([0.0, 0.05, 0.1])


def test_the_first_update_is_adams():
  updates, _ = _updates(make_optimizer(_train()), [[0.3, -0.4]])
  np.testing.assert_allclose(updates, [[-0.1, 0.1]], rtol=1e-4)


def test_long_gradients_are_clipped():
  # Adam hides the scale of a lone gradient, not of one after another.
  clipped, _ = _updates(
    make_optimizer(_train(clip_norm=1.0)), [[0.6, -0.8], [600.0, -800.0]]
  )
  short, _ = _updates(
    make_optimizer(_train(clip_norm=1.0)), [[0.6, -0.8], [0.6, -0.8]]
  )
  free, _ = _updates(
    make_optimizer(_train(clip_norm=1e9)), [[0.6, -0.8], [600.0, -800.0]]
  )
  np.testing.assert_allclose(clipped, short, rtol=1e-5)
  assert np.abs(free[1] - clipped[1]).max() > 0.01


def test_weight_decay_shrinks_what_has_no_gradient():
  updates, _ = _updates(make_optimizer(_train(weight_decay=0.5)), [[0.0, 0.0]])
  np.testing.assert_allclose(updates, [[-0.05, 0.1]], rtol=1e-5)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_bad_gradients_change_nothing_and_are_counted(bad):
  optimizer = make_optimizer(_train(max_bad_steps=3))
  good = [0.3, -0.4]
  updates, state = _updates(optimizer, [good, [bad, 0.1], [bad, bad], good])
  np.testing.assert_array_equal(updates[1:3], np.zeros((2, 2)))
  assert int(state.total_notfinite) == 2
  assert int(state.notfinite_count) == 0
  # As if the bad steps had never been, moments and schedule too.
  unharmed, _ = _updates(optimizer, [good, good])
  np.testing.assert_allclose(updates[3], unharmed[1], rtol=1e-6)


def test_the_guard_holds_for_as_many_steps_as_end_the_run():
  optimizer = make_optimizer(_train(max_bad_steps=3))
  updates, state = _updates(optimizer, [[np.nan, 0.0]] * 3)
  np.testing.assert_array_equal(updates, np.zeros((3, 2)))
  assert int(state.notfinite_count) == 3
  # From then on optax lets them through: the loop must have stopped.
  updates, _ = _updates(optimizer, [[np.nan, 0.0]] * 4)
  assert np.isnan(updates[3]).any()


def test_parameters_move_down_hill():
  optimizer = make_optimizer(_train(learning_rate=0.2))
  params, state = PARAMS, optimizer.init(PARAMS)
  update = jax.jit(optimizer.update)
  for _ in range(60):
    updates, state = update({"w": 2 * params["w"]}, state, params)
    params = optax.apply_updates(params, updates)
  assert np.abs(params["w"]).max() < 0.2


# What optax has beside Muon is Adam with Nesterov's momentum: of the first
# gradient 0.9 * 0.1 / (1 - 0.9**2) for the momentum and 1 for itself.
NADAMS_FIRST = 0.09 / 0.19 + 1


def test_muon_makes_the_steps_of_each_place_of_a_window_orthogonal():
  optimizer = make_optimizer(_train(optimizer="muon"))
  shapes = {"kernel": (3, 3, 8, 16), "bias": (16,)}
  keys = jax.random.split(jax.random.key(0), 2)
  gradients = {
    name: 0.01 * jax.random.normal(key, shape)
    for key, (name, shape) in zip(keys, shapes.items(), strict=True)
  }
  params = jax.tree.map(jnp.zeros_like, gradients)
  updates, _ = optimizer.update(gradients, optimizer.init(params), params)
  # Adam's size: 0.2 of the rate for each number of a matrix of 8 x 16.
  scales = np.linalg.svd(updates["kernel"], compute_uv=False)
  expected = 0.1 * 0.2 * 16**0.5
  # Newton and Schulz come near, by design no nearer.
  assert 0.6 * expected < scales.min() < scales.max() < 1.3 * expected
  # Of the place's own gradient: turned against it.
  for row in range(3):
    place = np.asarray(updates["kernel"][row, 1]), gradients["kernel"][row, 1]
    assert np.sum(place[0] * place[1]) < 0
  np.testing.assert_allclose(
    updates["bias"],
    -0.1 * NADAMS_FIRST * np.sign(gradients["bias"]),
    rtol=1e-4,
  )


def test_muon_leaves_film_tables_and_narrow_kernels_to_adam():
  optimizer = make_optimizer(_train(optimizer="muon"))
  params = {
    "film_0": {"kernel": jnp.zeros((8, 16))},
    "down_0": {"kernel": jnp.zeros((3, 3, 2, 16))},
    "table": {"embedding": jnp.zeros((16, 16))},
  }
  gradients = jax.tree.map(
    lambda leaf: 0.01 * jnp.arange(1.0, leaf.size + 1).reshape(leaf.shape),
    params,
  )
  updates, _ = optimizer.update(gradients, optimizer.init(params), params)
  for leaf in jax.tree.leaves(updates):
    np.testing.assert_allclose(leaf, -0.1 * NADAMS_FIRST, rtol=1e-4)


def test_an_unknown_optimizer_is_refused():
  with pytest.raises(InputError, match=r"train.optimizer 'sgd' is none of"):
    make_optimizer(_train(optimizer="sgd"))
