"""The support encoder: each example alone, and what it must tell apart."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from fewshot_mss.models.encoder import SupportEncoder
from tiny_model import draw_params

MODULE = SupportEncoder(channels=(4, 8), dim=5)


def _magnitudes(n=3, frames=12, seed=0):
  rng = np.random.default_rng(seed)
  return jnp.asarray(rng.uniform(0, 1, (n, frames, 16)).astype(np.float32))


@pytest.fixture(scope="module")
def embed():
  params = draw_params(MODULE, _magnitudes())
  return jax.jit(lambda x: MODULE.apply({"params": params}, x))


def test_one_embedding_an_example(embed):
  embeddings = embed(_magnitudes())
  assert embeddings.shape == (3, 5)
  assert np.ptp(embeddings, axis=0).min() > 1e-4


def test_an_embedding_does_not_depend_on_the_other_examples(embed):
  magnitudes = _magnitudes()
  together = embed(magnitudes)
  for i in range(3):
    alone = embed(magnitudes[i : i + 1])
    np.testing.assert_allclose(together[i], alone[0], rtol=1e-4, atol=1e-5)
  reversed_ = embed(magnitudes[::-1])
  np.testing.assert_allclose(reversed_[::-1], together, rtol=1e-4, atol=1e-5)


def test_length_is_free_and_where_it_sounds_hardly_matters(embed):
  note = np.zeros((1, 64, 16), np.float32)
  note[:, 16:24, 4] = 1.0
  later = np.roll(note, 16, axis=1)
  higher = np.roll(note, 6, axis=2)
  here, there, up = (embed(jnp.asarray(x)) for x in (note, later, higher))
  # A shift by the whole stride moves the features and keeps their mean.
  np.testing.assert_allclose(here, there, rtol=1e-3, atol=1e-4)
  assert np.abs(here - up).max() > 0.01


def test_loudness_does_not_matter(embed):
  magnitudes = _magnitudes()
  for gain in (0.03, 30.0):
    np.testing.assert_allclose(
      embed(gain * magnitudes), embed(magnitudes), rtol=1e-2, atol=2e-3
    )


def test_embeddings_do_not_run_together_in_the_first_steps():
  """The loss sees what examples have in common, and nothing else."""
  rng = np.random.default_rng(0)
  notes = 0.01 * rng.uniform(0, 1, (8, 32, 64)).astype(np.float32)
  for i, note in enumerate(notes):
    for harmonic in (1, 2, 3):
      note[:, (i + 3) * harmonic] += 1 / harmonic
  notes = jnp.asarray(notes)
  module = SupportEncoder(channels=(8, 16, 32), dim=32)
  params = module.init(jax.random.key(0), notes)["params"]
  optimizer = optax.adam(2e-3)
  state = optimizer.init(params)
  wanted = jax.random.normal(jax.random.key(1), (32,))

  @jax.jit
  def step(params, state):
    grads = jax.grad(
      lambda p: -jnp.mean(module.apply({"params": p}, notes) @ wanted)
    )(params)
    updates, state = optimizer.update(grads, state)
    return optax.apply_updates(params, updates), state

  def mean_cosine(params):
    embedded = module.apply({"params": params}, notes)
    unit = embedded / jnp.linalg.norm(embedded, axis=1, keepdims=True)
    return float(jnp.mean((unit @ unit.T)[~np.eye(8, dtype=bool)]))

  # With an activation at the end, the place of the bins in the input and a
  # plain last map these were 0.91 and 0.99.
  assert mean_cosine(params) < 0.5
  for _ in range(5):
    params, state = step(params, state)
  assert mean_cosine(params) < 0.85


def test_silence_and_loudness_stay_finite(embed):
  for level in (0.0, 1e-20, 1e6):
    assert np.all(np.isfinite(embed(jnp.full((1, 12, 16), level))))
