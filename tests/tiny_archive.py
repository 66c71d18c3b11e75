"""A network of random numbers in an archive: what inference tests work on."""

import jax
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from fewshot_mss.episode import EpisodeBatch, Support
from fewshot_mss.export.archive import save_archive
from fewshot_mss.export.checks import build_model

MODEL = {
  "sample_rate_hz": 8000,
  "n_fft": 64,
  "hop_samples": 32,
  "stft_form": "rfft",
  "unet_channels": (4, 8),
  "unet_kernel": 3,
  "encoder_channels": (4,),
  "condition_dim": 6,
  "film_site": "bottleneck",
  "conditioning": "examples",
  "num_classes": 3,
}
# Patches of 1024 samples, pieces of examples of 2048.
TRAINING = {"mixture_s": 0.128, "example_s": 0.256, "steps": 7, "seed": 0}
INSTRUMENTS = ["bass", "horn"]


def random_params(model=MODEL):
  """Random values for every parameter; nothing is compiled for them."""
  support = Support(
    positives=np.zeros((1, 1, 1, 64), np.float32),
    positive_mask=np.ones((1, 1, 1), np.bool_),
    negatives=np.zeros((1, 1, 0, 64), np.float32),
    negative_mask=np.ones((1, 1, 0), np.bool_),
    class_id=np.zeros((1, 1), np.int32),
  )
  batch = EpisodeBatch(
    mixture=np.zeros((1, 64), np.float32),
    targets=np.zeros((1, 1, 64), np.float32),
    support=support,
    query_mask=np.ones((1, 1), np.bool_),
  )
  init = build_model(model).init
  shapes = jax.eval_shape(init, jax.random.key(0), batch)["params"]
  rng = np.random.default_rng(0)
  return jax.tree.map(
    lambda leaf: rng.normal(0, 0.3, leaf.shape).astype(leaf.dtype), shapes
  )


def mask_of_ones(params):
  """Changes the last layer so that every mask is 1: the target is the song."""
  flat = flatten_dict(params, sep="/")
  for name in ("unet/up_1/kernel", "unet/skip_1/kernel"):
    flat[name] = np.zeros_like(flat[name])
  flat["unet/up_1/bias"] = np.full_like(flat["unet/up_1/bias"], 50)
  return unflatten_dict(flat, sep="/")


def write_archive(directory, params=None, **changes):
  """Writes an archive; `changes` are to the model's fields."""
  model = MODEL | changes
  save_archive(
    directory,
    random_params(model) if params is None else params,
    model=model,
    instruments=INSTRUMENTS,
    training=TRAINING,
  )
  return directory
