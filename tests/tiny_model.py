"""A network and a batch small enough for every test, built by hand."""

import jax
import jax.numpy as jnp
import numpy as np

from fewshot_mss.episode import EpisodeBatch, Support
from fewshot_mss.models.separator import FewShotSeparator
from fewshot_mss.training.step import TrainState

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


def draw_params(module, *args, seed=1):
  """Parameters far from their start, where FiLM is no identity.

  Drawn by numpy: XLA takes seconds to compile the initialisers of even the
  smallest network.
  """
  shapes = jax.eval_shape(module.init, jax.random.key(0), *args)["params"]
  rng = np.random.default_rng(seed)

  def draw(path, leaf):
    fan_in = max(1, int(np.prod(leaf.shape[:-1])))
    # Norms scale by about 1, kernels keep the level, biases are small.
    centre = 1.0 if path[-1].key == "scale" else 0.0
    spread = fan_in**-0.5 if path[-1].key == "kernel" else 0.2
    noise = rng.normal(centre, spread, leaf.shape)
    return jnp.asarray(noise, jnp.float32)

  return jax.tree_util.tree_map_with_path(draw, shapes)


def draw_state(model, optimizer, batch) -> TrainState:
  """The state before the first step, with drawn parameters."""
  params = draw_params(model, batch)
  return TrainState(
    step=jnp.zeros((), jnp.int32),
    params=params,
    ema_params=jax.tree.map(jnp.copy, params),
    opt_state=optimizer.init(params),
  )
