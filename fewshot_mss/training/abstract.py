"""A run's shapes, and the FLOPs of its programs: nothing is computed."""

from collections.abc import Callable
from typing import Any

import jax
from ml_collections import ConfigDict

from fewshot_mss.episode import EpisodeBatch
from fewshot_mss.training.programs import init_of, step_of
from fewshot_mss.training.run_checks import blank_batch
from fewshot_mss.training.step import AXIS, TrainState


def abstract_batch(
  config: ConfigDict, mixtures: int, *devices: int
) -> EpisodeBatch:
  """Returns the shapes and types of a batch of `mixtures` episodes.

  Args:
    config: As of `default_config.get_config`.
    mixtures: Episodes in the batch.
    *devices: None, or one number: of devices that get `mixtures` each.

  Returns:
    Leaves are `jax.ShapeDtypeStruct` [(devices,) mixtures, ...].

  Raises:
    InputError: If `config.data` is not sound.
  """
  return jax.tree.map(
    lambda leaf: jax.ShapeDtypeStruct(
      (*devices, mixtures, *leaf.shape[1:]), leaf.dtype
    ),
    blank_batch(config),
  )


def abstract_state(config: ConfigDict) -> TrainState:
  """Returns the shapes and types of all that changes in training."""
  return jax.eval_shape(init_of(config))


def written_flops(function: Callable, *shapes: Any) -> float:
  """Counts the FLOPs of a function as it is written, before XLA fuses it.

  A multiply-add is two, FFTs are in it. The compiled program's count would
  depend on the machine: on CPU, convolutions become library calls that count
  as nothing.

  Args:
    function: Of arrays.
    *shapes: Its arguments as `jax.ShapeDtypeStruct`.

  Returns:
    XLA's count.
  """
  return float(jax.jit(function).lower(*shapes).cost_analysis()["flops"])


def train_step_flops(config: ConfigDict, mixtures: int) -> float:
  """Counts the FLOPs of a train step of `mixtures` episodes as written."""
  # Of a loop over parts XLA would count a single turn.
  config = config.copy_and_resolve_references()
  config.train.microbatches = 1
  # train_step adds up over AXIS: give it one, of length 1.
  on_one_device = jax.vmap(
    step_of(config), in_axes=(None, 0), out_axes=(None, None), axis_name=AXIS
  )
  return written_flops(
    on_one_device, abstract_state(config), abstract_batch(config, mixtures, 1)
  )
