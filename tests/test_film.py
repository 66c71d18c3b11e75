"""FiLM by hand."""

import jax
import jax.numpy as jnp
import numpy as np

from fewshot_mss.models.film import FiLM
from tiny_model import draw_params

FEATURES = jnp.arange(24.0).reshape(2, 2, 3, 2)
CONDITION = jnp.array([[1.0, 0.0, -1.0], [0.5, 2.0, 0.0]])


def test_untrained_is_the_identity():
  out, variables = FiLM().init_with_output(
    jax.random.key(0), FEATURES, CONDITION
  )
  np.testing.assert_array_equal(out, FEATURES)
  assert len(jax.tree.leaves(variables)) == 4


def test_by_hand():
  params = {
    "delta": {
      "kernel": jnp.array([[1.0, 0.0], [0.0, 1.0], [2.0, 0.0]]),
      "bias": jnp.array([0.0, 0.5]),
    },
    "beta": {
      "kernel": jnp.array([[10.0, 0.0], [0.0, 0.0], [0.0, 4.0]]),
      "bias": jnp.array([0.0, 1.0]),
    },
  }
  out = FiLM().apply({"params": params}, FEATURES, CONDITION)
  # Condition 0: delta (-1, 0.5), beta (10, -3); 1: delta (0.5, 2.5),
  # beta (5, 1). Gamma is 1 + delta.
  expected = np.stack(
    [
      FEATURES[0] * np.array([0.0, 1.5]) + np.array([10.0, -3.0]),
      FEATURES[1] * np.array([1.5, 3.5]) + np.array([5.0, 1.0]),
    ]
  )
  np.testing.assert_allclose(out, expected, rtol=1e-6)


def test_each_item_reads_its_own_condition():
  variables = {"params": draw_params(FiLM(), FEATURES, CONDITION)}
  both = FiLM().apply(variables, FEATURES, CONDITION)
  for i in range(2):
    alone = FiLM().apply(variables, FEATURES[i : i + 1], CONDITION[i : i + 1])
    np.testing.assert_allclose(both[i], alone[0], rtol=1e-6)
