"""A second task for the encoder: to name the instrument of each example.

One linear layer on the embeddings, which training alone has: it lies beside
the network's parameters in the state and in checkpoints, and in no archive.
"""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Int

from fewshot_mss.models.separator import FewShotSeparator

HEAD = "class_head"


def init_head(model: FewShotSeparator) -> dict[str, Array]:
  """Returns the layer before the first step: every class is as likely.

  Args:
    model: Whose embeddings it reads; it has a class for each of `num_classes`.

  Returns:
    Its parameters.
  """
  return {
    "kernel": jnp.zeros((model.condition_dim, model.num_classes)),
    "bias": jnp.zeros((model.num_classes,)),
  }


def without_head(params: Mapping[str, Any]) -> dict[str, Any]:
  """Returns the parameters of the network alone."""
  return {part: leaves for part, leaves in params.items() if part != HEAD}


def class_loss(
  head: Mapping[str, Array],
  embeddings: Float[Array, "B Q K D"],
  mask: Bool[Array, "B Q K"],
  class_id: Int[Array, "B Q"],
) -> Float[Array, "B Q"]:
  """Returns the mean cross entropy of a query's examples, in nats.

  Args:
    head: The layer.
    embeddings: Of the positive examples.
    mask: Which of them are there.
    class_id: What they show; -1 where that is no single seen class.

  Returns:
    The loss; 0 of a query without a class or without examples.
  """
  counts = mask & (class_id >= 0)[..., None]
  # `where` on the way in, too: a NaN of padding would reach the gradient.
  logits = jnp.where(mask[..., None], embeddings, 0.0) @ head["kernel"]
  entropies = optax.softmax_cross_entropy_with_integer_labels(
    logits + head["bias"], jnp.maximum(class_id, 0)[..., None]
  )
  total = jnp.sum(jnp.where(counts, entropies, 0.0), axis=-1)
  return total / jnp.maximum(jnp.sum(counts, axis=-1), 1)
