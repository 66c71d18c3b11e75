"""The second task: by hand, and out of everything but training."""

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
from fewshot_mss.training.losses import masked_sum
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
  train = get_config().train
  plain, count = loss_sum(params, batch, model, train)
  head = {
    "kernel": jnp.asarray(np.random.default_rng(0).normal(size=(6, 3)) / 3),
    "bias": jnp.zeros(3),
  }
  train.class_loss_weight = 0.5
  both = {**params, HEAD: jax.tree.map(jnp.float32, head)}
  total, counted = loss_sum(both, batch, model, train)
  assert float(counted) == float(count) == 4.0
  embedded = model.apply(
    {"params": params}, batch.support, method="embed_support"
  )
  naming, _ = masked_sum(
    class_loss(
      both[HEAD],
      embedded.positives,
      embedded.positive_mask,
      embedded.class_id,
    ),
    batch.query_mask,
  )
  assert float(total) == pytest.approx(float(plain + 0.5 * naming), rel=1e-5)
  slope = jax.grad(lambda p: loss_sum(p, batch, model, train)[0])
  taught, without = (
    slope(both),
    jax.grad(lambda p: loss_sum(p, batch, model, get_config().train)[0])(
      params
    ),
  )
  assert float(jnp.abs(taught[HEAD]["kernel"]).max()) > 0
  moved = jax.tree.map(
    lambda a, b: float(jnp.abs(a - b).max()), without_head(taught), without
  )
  assert moved["encoder"]["embed"]["kernel"] > 1e-3
  # What comes after the embeddings learns as ever.
  assert max(jax.tree.leaves(moved["unet"])) < 1e-3


def test_a_run_keeps_its_head_and_archives_have_none(toy_dataset, tmp_path):
  config = tiny_config(
    toy_dataset,
    train__steps=4,
    train__checkpoint_every_steps=2,
    train__eval_every_steps=100,
    train__class_loss_weight=0.5,
  )
  whole = train_and_evaluate(config, tmp_path / "whole")
  stopped = tmp_path / "stopped"

  class KilledError(Exception):
    pass

  def kill(step):
    if step == 4:
      raise KilledError

  with pytest.raises(KilledError):
    train_and_evaluate(config, stopped, on_step=kill)
  resumed = train_and_evaluate(config, stopped)
  assert_same(jax.device_get(whole), jax.device_get(resumed))
  assert_same(saved_states(stopped, config, [4]), [jax.device_get(whole)])
  kernel = np.asarray(resumed.params[HEAD]["kernel"])
  assert kernel.shape == (8, 256) and np.any(kernel != 0)
  assert HEAD not in load_archive(stopped / "model").params
  last = read_weights(stopped, "last").archive
  assert_same(last.params, load_archive(stopped / "model").params)
  described = json.loads((stopped / "model" / "config.json").read_text())
  assert described["training"]["class_loss_weight"] == 0.5


def test_a_run_without_the_task_has_no_head(toy_dataset):
  state = new_state(tiny_config(toy_dataset))
  assert HEAD not in state.params
