"""The optimiser: an optax chain read from `config.train`."""

from typing import Any

import jax
import optax
import optax.contrib
from ml_collections import ConfigDict

from fewshot_mss.errors import InputError

OPTIMIZERS = ("adam", "muon")
# Narrower ones have nothing to make orthogonal.
_NARROWEST = 8


def learning_rate(train: ConfigDict) -> optax.Schedule:
  """Returns the schedule: linear warm-up, then a cosine to a small share."""
  warmup = min(train.warmup_steps, train.steps)
  return optax.warmup_cosine_decay_schedule(
    init_value=0.0,
    peak_value=train.learning_rate,
    warmup_steps=warmup,
    decay_steps=max(train.steps, warmup + 1),
    end_value=train.learning_rate * train.final_learning_rate_share,
  )


def make_optimizer(train: ConfigDict) -> optax.GradientTransformation:
  """Returns the rule with warm-up, cosine, clipping and a guard against NaN.

  A step whose gradients are not finite changes nothing and is counted. optax
  lets the one after `train.max_bad_steps` of them in a row through, so the loop
  has to stop at that many, when the parameters are still good.

  Args:
    train: The config group.

  Returns:
    The transformation.

  Raises:
    InputError: If `train.optimizer` is none of `OPTIMIZERS`.
  """
  if train.optimizer not in OPTIMIZERS:
    raise InputError(
      f"train.optimizer {train.optimizer!r} is none of {OPTIMIZERS}"
    )
  rule = _muon if train.optimizer == "muon" else _adam
  chain = optax.chain(optax.clip_by_global_norm(train.clip_norm), rule(train))
  return optax.apply_if_finite(chain, train.max_bad_steps)


def _adam(train: ConfigDict) -> optax.GradientTransformation:
  return optax.adamw(learning_rate(train), weight_decay=train.weight_decay)


def _muon(train: ConfigDict) -> optax.GradientTransformation:
  """Returns Muon (Jordan et al. 2024) for the kernels, Adam for the rest.

  Updates are scaled as Adam's are (Liu et al. 2025), so one learning rate
  serves both.
  """
  return optax.contrib.muon(
    learning_rate(train),
    weight_decay=train.weight_decay,
    adam_weight_decay=train.weight_decay,
    muon_weight_dimension_numbers=_matrices,
    consistent_rms=0.2,
  )


def _matrices(params: Any) -> Any:
  """Tells of each leaf which axes make a matrix of it, or None.

  Each place of a convolution's window is a matrix of its own: of the window as
  one, which learned no faster, the steps would take much longer.
  """

  def of_leaf(path: Any, leaf: jax.Array) -> Any:
    *modules, name = (key.key for key in path)
    # FiLM begins at zero, as biases do; a table's rows are no matrix.
    is_film = any(module.startswith("film") for module in modules)
    if name != "kernel" or is_film or min(leaf.shape[-2:]) < _NARROWEST:
      return None
    return optax.contrib.MuonDimensionNumbers(leaf.ndim - 2, leaf.ndim - 1)

  return jax.tree_util.tree_map_with_path(of_leaf, params)
