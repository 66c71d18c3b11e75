"""A training run small enough for tests, and what it leaves, read back."""

import json

import jax
import numpy as np

from fewshot_mss.default_config import get_config
from fewshot_mss.training import parallel, recovery
from fewshot_mss.training.programs import init_of

SIZES = {
  "model.n_fft": 64,
  "model.hop_samples": 32,
  "model.unet_channels": (4,),
  "model.encoder_channels": (4,),
  "model.condition_dim": 8,
  "data.mixture_s": 0.5,
  "data.example_s": 0.5,
  "data.max_positives": 2,
  "train.global_batch": 8,
  "train.warmup_steps": 1,
  "train.log_every_steps": 1,
  "train.compilation_cache": False,
  "eval.max_items": 4,
  "eval.batch": 2,
  "eval.shots": (1, 2),
}


def tiny_config(dataset, **changes):
  """Keys of `changes` have `__` for the dot: `train__steps=3`."""
  config = get_config()
  config.update_from_flattened_dict(SIZES)
  config.data.sources = str(dataset)
  config.update_from_flattened_dict(
    {key.replace("__", "."): value for key, value in changes.items()}
  )
  return config


def new_state(config):
  """The state that a run of this configuration begins with."""
  return parallel.create_state(init_of(config))


def saved_steps(workdir):
  return recovery.saved_steps(workdir / "checkpoints")


def saved_states(workdir, config, steps):
  """The states of those steps, on the host."""
  like = new_state(config)
  folder = (workdir / "checkpoints").absolute()
  return [
    recovery.read_checkpoint(folder / str(step), like)[0] for step in steps
  ]


def rows(workdir):
  text = (workdir / "metrics.jsonl").read_text(encoding="utf-8")
  return [json.loads(line) for line in text.splitlines()]


def assert_same(one, other):
  """Every leaf of both trees is the same to the last bit."""
  assert jax.tree.structure(one) == jax.tree.structure(other)
  for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
    assert a.dtype == b.dtype
    np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
