"""Masked averages and the three conditionings, by hand and by invariance."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fewshot_mss.models.conditioning import (
  CONDITIONINGS,
  AverageExamples,
  ClassTable,
  ExamplesAndNegatives,
  masked_mean,
)

EMPTY = jnp.array([7.0, -7.0])
EMBEDDINGS = np.array([[[1.0, 2.0], [3.0, 6.0], [100.0, 100.0]]], np.float32)


@pytest.mark.parametrize(
  ("mask", "expected"),
  [
    ([True, True, False], [2.0, 4.0]),
    ([False, True, False], [3.0, 6.0]),
    ([True, True, True], [104 / 3, 36.0]),
    ([False, False, False], [7.0, -7.0]),
  ],
)
def test_masked_mean_by_hand(mask, expected):
  mean = masked_mean(jnp.asarray(EMBEDDINGS), jnp.array([mask]), EMPTY)
  np.testing.assert_allclose(mean, [expected], rtol=1e-6)


def test_padding_changes_nothing_not_even_nan():
  mask = jnp.array([[True, True, False]])
  for padding in (0.0, 1e30, np.inf, np.nan):
    padded = EMBEDDINGS.copy()
    padded[0, 2] = padding
    mean = masked_mean(jnp.asarray(padded), mask, EMPTY)
    np.testing.assert_array_equal(mean, [[2.0, 4.0]])


def test_no_room_for_examples_is_zero_shots():
  mean = masked_mean(jnp.zeros((4, 0, 2)), jnp.zeros((4, 0), bool), EMPTY)
  np.testing.assert_array_equal(mean, np.tile(EMPTY, (4, 1)))


def test_the_gradient_reaches_what_was_averaged_and_nothing_else():
  mask = jnp.array([[True, True, False], [False, False, False]])
  embeddings = jnp.ones((2, 3, 2))
  by_embeddings, by_empty = jax.grad(
    lambda e, z: jnp.sum(masked_mean(e, mask, z)), argnums=(0, 1)
  )(embeddings, EMPTY)
  share = np.zeros((2, 3, 2))
  share[0, :2] = 0.5
  np.testing.assert_allclose(by_embeddings, share)
  np.testing.assert_allclose(by_empty, [1.0, 1.0])


@settings(max_examples=30, deadline=None)
@given(
  values=hnp.arrays(
    np.float32, (4, 2), elements=st.floats(-100, 100, width=32)
  ),
  mask=hnp.arrays(np.bool_, (4,)),
  order=st.permutations(range(4)),
)
def test_masked_mean_is_numpys_in_any_order(values, mask, order):
  order = np.array(order)
  mean = masked_mean(
    jnp.asarray(values[order]), jnp.asarray(mask[order]), EMPTY
  )
  expected = values[mask].mean(axis=0) if mask.any() else EMPTY
  np.testing.assert_allclose(mean, expected, rtol=1e-5, atol=1e-4)


def test_average_of_examples_learns_the_empty_vector():
  module = AverageExamples(dim=2)
  mask = jnp.array([[[True, True, False], [False, False, False]]])
  embeddings = jnp.asarray(np.stack([EMBEDDINGS, EMBEDDINGS], axis=1))
  variables = {"params": {"empty": EMPTY}}
  condition = module.apply(variables, embeddings, mask)
  np.testing.assert_allclose(condition, [[[2.0, 4.0], [7.0, -7.0]]])
  drawn = module.init(jax.random.key(0), embeddings, mask)["params"]["empty"]
  assert drawn.shape == (2,)
  assert np.all(drawn != 0.0)


def test_examples_and_negatives_by_hand():
  params = {
    "no_positive": jnp.array([1.0, 0.0]),
    "no_negative": jnp.array([0.0, 5.0]),
    "combine": {
      # Rows: positive 0, positive 1, negative 0, negative 1.
      "kernel": jnp.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [-1.0, 1.0]]),
      "bias": jnp.array([0.5, -1.0]),
    },
  }
  positives = jnp.asarray(EMBEDDINGS[:, None])
  negatives = jnp.array([[[[2.0, 1.0]]]])

  def condition(positive_mask, negative_mask):
    return ExamplesAndNegatives(dim=2).apply(
      {"params": params},
      positives,
      jnp.array([[positive_mask]]),
      negatives,
      jnp.array([[negative_mask]]),
    )[0, 0]

  both = condition([True, True, False], [True])
  np.testing.assert_allclose(both, [5.5, 2.0])  # 2 + 4 - 1 + .5, 2 + 1 - 1
  no_negative = condition([True, True, False], [False])
  np.testing.assert_allclose(no_negative, [1.5, 4.0])
  neither = condition([False, False, False], [False])
  np.testing.assert_allclose(neither, [0.0, 4.0])  # ReLU of 1 - 5 + .5


def test_class_table_has_a_last_row_for_no_class():
  table = jnp.arange(8.0).reshape(4, 2)
  rows = ClassTable(num_classes=3, dim=2).apply(
    {"params": {"table": {"embedding": table}}}, jnp.array([[0, 2, -1, -3]])
  )
  np.testing.assert_array_equal(rows, [[[0, 1], [4, 5], [6, 7], [6, 7]]])
  params = ClassTable(num_classes=3, dim=2).init(
    jax.random.key(0), jnp.array([[0]])
  )
  assert jax.tree.leaves(params)[0].shape == (4, 2)


def test_the_names_are_those_of_the_configuration():
  assert CONDITIONINGS == ("examples", "examples_and_negatives", "class")
