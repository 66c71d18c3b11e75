"""One training step: a plain function of a state and a batch."""

import functools
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
from jax import lax
from ml_collections import ConfigDict

from fewshot_mss.episode import EpisodeBatch
from fewshot_mss.errors import InputError
from fewshot_mss.models.separator import FewShotSeparator
from fewshot_mss.models.unet import KEPT
from fewshot_mss.training import losses
from fewshot_mss.training.class_head import HEAD, class_loss, init_head

AXIS = "devices"
PyTree = Any


class TrainState(NamedTuple):
  """All that changes in training.

  Attributes:
    step: Steps done.
    params: What is learned; the network's parameters, and perhaps a head
      that training alone has (class_head.py).
    ema_params: Their exponential moving average: what is evaluated and kept.
    opt_state: State of the optimiser.
  """

  step: jax.Array
  params: PyTree
  ema_params: PyTree
  opt_state: PyTree


def init_state(
  model: nn.Module,
  optimizer: optax.GradientTransformation,
  seed: int,
  batch: EpisodeBatch,
  *,
  with_head: bool = False,
) -> TrainState:
  """Returns the state before the first step.

  Args:
    model: The network.
    optimizer: What `make_optimizer` returned.
    seed: Of the first parameters.
    batch: Gives the shapes.
    with_head: Whether the state has a class head.

  Returns:
    The state.
  """
  batch = jax.tree.map(jnp.asarray, batch)
  # From shapes alone: given values, XLA would fold a whole forward pass of
  # constants, for minutes, to throw its result away.
  shapes = jax.tree.map(
    lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), batch
  )
  params = model.lazy_init(jax.random.key(seed), shapes)["params"]
  if with_head:
    params = {**params, HEAD: init_head(model)}
  return TrainState(
    step=jnp.zeros((), jnp.int32),
    params=params,
    ema_params=jax.tree.map(jnp.copy, params),
    opt_state=optimizer.init(params),
  )


def loss_sum(
  params: PyTree,
  batch: EpisodeBatch,
  model: FewShotSeparator,
  train: ConfigDict,
) -> tuple[jax.Array, jax.Array]:
  """Returns the loss summed over the queries that count, and their number."""
  apply = functools.partial(model.apply, {"params": params})
  naming = 0.0
  if HEAD in params:
    embedded = apply(batch.support, method="embed_support")
    condition = apply(embedded, method="combine")
    estimates = apply(batch.mixture, condition, method="separate")
    naming = train.class_loss_weight * class_loss(
      params[HEAD],
      embedded.positives,
      embedded.positive_mask,
      embedded.class_id,
    )
  else:
    estimates = apply(batch)
  values = losses.get_loss(train.loss)(
    losses.Batch(
      estimates,
      batch.targets,
      batch.mixture,
      model.n_fft,
      model.hop_samples,
      train.absent_floor_db,
    )
  )
  return losses.masked_sum(values + naming, batch.query_mask)


def check_microbatches(mixtures: int, parts: int) -> None:
  """Raises InputError unless a device's mixtures can be cut into `parts`."""
  if parts < 1 or mixtures % parts:
    raise InputError(
      f"train.microbatches is {parts}: it must divide the {mixtures} mixtures "
      "of each device (train.global_batch / devices)"
    )


def _sums(
  params: PyTree,
  batch: EpisodeBatch,
  model: FewShotSeparator,
  train: ConfigDict,
) -> tuple[tuple[jax.Array, jax.Array], PyTree]:
  """Returns loss and count summed over the batch, and the sum's gradient.

  Sums of parts are the sums of the whole, so cutting the batch changes only
  how much is in memory at once.
  """
  function = functools.partial(loss_sum, model=model, train=train)
  if train.remat:
    function = jax.checkpoint(
      function, policy=jax.checkpoint_policies.save_only_these_names(KEPT)
    )
  gradient = jax.value_and_grad(function, has_aux=True)
  parts = train.microbatches
  check_microbatches(len(batch.mixture), parts)
  if parts == 1:
    return gradient(params, batch)
  cut = jax.tree.map(
    lambda leaf: leaf.reshape(parts, len(leaf) // parts, *leaf.shape[1:]), batch
  )

  def add(sums: PyTree, part: EpisodeBatch) -> tuple[PyTree, None]:
    return jax.tree.map(jnp.add, sums, gradient(params, part)), None

  shapes = jax.eval_shape(gradient, params, jax.tree.map(lambda x: x[0], cut))
  zeros = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
  return lax.scan(add, zeros, cut)[0]


def train_step(
  state: TrainState,
  batch: EpisodeBatch,
  *,
  model: FewShotSeparator,
  optimizer: optax.GradientTransformation,
  train: ConfigDict,
) -> tuple[TrainState, dict[str, jax.Array]]:
  """Takes one step on this device's share of the batch.

  The only parallel words are the three psums: gradients are the sum over all
  devices of the gradient of the sum, divided by the sum of the counts. That is
  the gradient of the global mean also when devices count different numbers of
  queries.

  Args:
    state: The same on every device.
    batch: This device's episodes.
    model: The network.
    optimizer: What `make_optimizer` returned.
    train: The config group: `loss`, `absent_floor_db`, `class_loss_weight`,
      `remat`, `microbatches` and `ema_decay` are read here.

  Returns:
    The next state, and metrics as scalars, the same on every device.

  Raises:
    InputError: If `train.microbatches` does not divide the share.
  """
  (total, count), grads = _sums(state.params, batch, model, train)
  total, count = lax.psum(total, AXIS), lax.psum(count, AXIS)
  count = jnp.maximum(count, 1.0)
  grads = jax.tree.map(lambda g: g / count, lax.psum(grads, AXIS))
  updates, opt_state = optimizer.update(grads, state.opt_state, state.params)
  params = optax.apply_updates(state.params, updates)
  # Early in a run the average would remember the random start for long.
  decay = jnp.minimum(train.ema_decay, (1.0 + state.step) / (10.0 + state.step))
  ema_params = optax.incremental_update(params, state.ema_params, 1.0 - decay)
  metrics = {
    "loss": total / count,
    "queries": count,
    "grad_norm": optax.tree.norm(grads),
    "param_norm": optax.tree.norm(params),
    "update_norm": optax.tree.norm(updates),
    "bad_steps": opt_state.total_notfinite,
    "bad_steps_in_a_row": opt_state.notfinite_count,
  }
  return TrainState(state.step + 1, params, ema_params, opt_state), metrics
