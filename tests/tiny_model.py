"""A network and a batch small enough for every test, built by hand."""

import jax
import jax.numpy as jnp
import numpy as np

from fewshot_mss.episode import EpisodeBatch, Support
from fewshot_mss.models.separator import FewShotSeparator

SIZES = {
  "sample_rate_hz": 8000,
  "n_fft": 32,
  "hop_samples": 8,
  "stft_form": "rfft",
  "unet_channels": (4, 8),
  "unet_kernel": 3,
  "encoder_channels": (4, 8),
  "condition_dim": 6,
  "film_site": "bottleneck",
  "conditioning": "examples",
  "num_classes": 3,
}


def make_model(**changes) -> FewShotSeparator:
  return FewShotSeparator(**{**SIZES, **changes})


def make_batch(
  seed=0, mixtures=2, queries=2, samples=100, shots=3, negatives=2, clip=60
) -> EpisodeBatch:
  """Noise everywhere, every example there, every query counted."""
  rng = np.random.default_rng(seed)

  def noise(*shape):
    return rng.normal(0.0, 0.3, shape).astype(np.float32)

  targets = noise(mixtures, queries, samples)
  one_a_query = (mixtures, queries)
  return EpisodeBatch(
    mixture=targets.sum(axis=1),
    targets=targets,
    support=Support(
      positives=noise(*one_a_query, shots, clip),
      positive_mask=np.ones((*one_a_query, shots), bool),
      negatives=noise(*one_a_query, negatives, clip),
      negative_mask=np.ones((*one_a_query, negatives), bool),
      class_id=np.tile(np.arange(queries, dtype=np.int32), (mixtures, 1)),
    ),
    query_mask=np.ones(one_a_query, bool),
  )


def to_jax(tree):
  return jax.tree.map(jnp.asarray, tree)


def shaken(params, seed=1, scale=0.3):
  """Parameters away from their start, where FiLM is no identity."""
  leaves, treedef = jax.tree.flatten(params)
  rng = np.random.default_rng(seed)
  return jax.tree.unflatten(
    treedef,
    [
      leaf + rng.normal(0.0, scale, leaf.shape).astype(np.float32)
      for leaf in leaves
    ],
  )
