"""The support encoder: each example alone, and what it must tell apart."""

import jax
import jax.numpy as jnp
import numpy as np
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


def test_silence_and_loudness_stay_finite(embed):
  for level in (0.0, 1e-20, 1e6):
    assert np.all(np.isfinite(embed(jnp.full((1, 12, 16), level))))
