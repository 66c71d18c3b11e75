"""The second task: by hand, and out of everything but training."""

import functools
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fewshot_mss.default_config import get_config
from fewshot_mss.export.archive import load_archive
from fewshot_mss.training.class_head import (
  HEAD,
  class_loss,
  init_head,
  without_head,
)
from fewshot_mss.training.step import loss_sum
from fewshot_mss.training.train import train_and_evaluate
from fewshot_mss.training.weights import read_weights
from tiny_model import draw_params, make_batch, make_model, to_jax
from tiny_run import assert_same, new_state, saved_states, tiny_config

# Two classes in two dimensions: the logits are the embedding itself.
IDENTITY = {"kernel": jnp.eye(2), "bias": jnp.zeros(2)}


def loss(embeddings, mask, class_id, head=IDENTITY):
  return class_loss(
    head,
    jnp.asarray(embeddings, jnp.float32)[None],
    jnp.asarray(mask)[None],
    jnp.asarray(class_id, jnp.int32)[None],
  )[0]


def test_by_hand():
  # -log(e^0 / (e^0 + e^log3)) = log 4 for class 0, log(4 / 3) for class 1.
  log3 = [0.0, np.log(3.0)]
  found = loss([[log3, log3], [log3, log3]], np.ones((2, 2), bool), [0, 1])
  np.testing.assert_allclose(found, [np.log(4), np.log(4 / 3)], rtol=1e-6)


def test_the_mean_is_of_examples_that_are_there():
  clips = [[[0.0, 0.0], [0.0, np.log(3.0)], [9.0, -9.0]]]
  found = loss(clips, [[True, True, False]], [0])
  assert float(found[0]) == pytest.approx((np.log(2) + np.log(4)) / 2)
  broken = [[[0.0, 0.0], [0.0, np.log(3.0)], [np.nan, np.nan]]]
  gradient = jax.grad(
    lambda kernel: jnp.sum(
      loss(broken, [[True, True, False]], [0], IDENTITY | {"kernel": kernel})
    )
  )(jnp.eye(2))
  assert np.isfinite(gradient).all() and np.any(gradient != 0)


def test_what_is_no_single_class_counts_nothing():
  clips = np.ones((2, 1, 2))
  assert loss(clips, [[True], [True]], [-1, 0]).tolist() == [
    0.0,
    pytest.approx(np.log(2)),
  ]
  assert loss(clips, [[False], [True]], [1, 1])[0] == 0.0


def test_every_class_is_as_likely_at_first():
  head = init_head(make_model(num_classes=7, condition_dim=6))
  clips = np.random.default_rng(0).normal(size=(1, 3, 6))
  found = loss(clips, [[True] * 3], [4], head)
  assert float(found[0]) == pytest.approx(np.log(7), rel=1e-6)


def test_the_task_is_added_to_each_query_and_teaches_the_encoder():
  batch, model = to_jax(make_batch()), make_model(num_classes=3)
  params = draw_params(model, batch)

  def learn(params, train):
    loss = functools.partial(loss_sum, batch=batch, model=model, train=train)
    return jax.jit(jax.value_and_grad(loss, has_aux=True))(params)

  (plain, count), without = learn(params, get_config().train)
  kernel = np.random.default_rng(0).normal(0, 0.3, (6, 3))
  head = {"kernel": jnp.asarray(kernel, jnp.float32), "bias": jnp.zeros(3)}
  both = {**params, HEAD: head}
  train = get_config().train
  train.class_loss_weight = 0.5
  (total, counted), taught = learn(both, train)
  assert float(counted) == float(count) == 4.0
  embed = jax.jit(functools.partial(model.apply, method="embed_support"))
  embedded = embed({"params": params}, batch.support)
  naming = class_loss(
    both[HEAD], embedded.positives, embedded.positive_mask, embedded.class_id
  )
  # Every query counts, of 2 x 2.
  added = 0.5 * float(naming.sum())
  assert added > 0.1
  assert float(total) == pytest.approx(float(plain) + added, rel=1e-5)
  assert float(jnp.abs(taught[HEAD]["kernel"]).max()) > 0
  moved = jax.tree.map(
    lambda a, b: float(np.abs(np.asarray(a) - np.asarray(b)).max()),
    without_head(taught),
    without,
  )
  assert moved["encoder"]["embed"]["kernel"] > 1e-3
  # What comes after the embeddings learns as ever.
  assert max(jax.tree.leaves(moved["unet"])) < 1e-3


def test_a_run_goes_on_with_its_head_and_archives_have_none(
  toy_dataset, tmp_path
):
  config = tiny_config(
    toy_dataset,
    train__steps=4,
    train__checkpoint_every_steps=2,
    train__eval_every_steps=100,
    train__class_loss_weight=0.5,
    eval__max_items=1,
  )

  class KilledError(Exception):
    pass

  def kill(step):
    if step == 4:
      raise KilledError

  with pytest.raises(KilledError):
    train_and_evaluate(config, tmp_path, on_step=kill)
  (before,) = saved_states(tmp_path, config, [2])
  state = train_and_evaluate(config, tmp_path)
  assert_same(saved_states(tmp_path, config, [4]), [jax.device_get(state)])
  kernels = [np.asarray(of.params[HEAD]["kernel"]) for of in (before, state)]
  assert kernels[0].shape == (8, 256) and np.any(kernels[0] != 0)
  assert np.any(kernels[0] != kernels[1])
  assert HEAD not in load_archive(tmp_path / "model").params
  last = read_weights(tmp_path, "last").archive
  assert_same(last.params, load_archive(tmp_path / "model").params)
  described = json.loads((tmp_path / "model" / "config.json").read_text())
  assert described["training"]["class_loss_weight"] == 0.5


def test_a_run_without_the_task_has_no_head(toy_dataset):
  state = new_state(tiny_config(toy_dataset))
  assert HEAD not in state.params
