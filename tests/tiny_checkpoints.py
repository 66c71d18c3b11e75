"""Checkpoints of a state of a few numbers."""

import jax.numpy as jnp

from fewshot_mss.training import checkpoint
from fewshot_mss.training.parallel import create_state
from fewshot_mss.training.step import TrainState


def make_state(step):
  return create_state(
    lambda: TrainState(
      step=jnp.int32(step),
      params={"w": step + jnp.arange(3.0)},
      ema_params={"w": step - jnp.arange(3.0)},
      opt_state=(jnp.full((2,), step, jnp.float32), {}),
    )
  )


def save_all(workdir, keep, scores, steps):
  """Saves steps with their scores in one start; returns the steps that stay."""
  with checkpoint.open_manager(workdir, keep) as manager:
    for step in steps:
      checkpoint.save(manager, make_state(step), step, scores.get(step))
    manager.wait_until_finished()
    return list(manager.all_steps())
