"""From embeddings to the one vector that FiLM reads, in three ways."""

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

CONDITIONINGS = ("examples", "examples_and_negatives", "class")


def masked_mean(
  embeddings: Float[Array, "*batch K D"],
  mask: Bool[Array, "*batch K"],
  empty: Float[Array, " D"],
) -> Float[Array, "*batch D"]:
  """Averages the embeddings that are there; `empty` where none is.

  Padding changes nothing, not even a NaN in it, and neither does the order.
  """
  there = mask[..., None]
  total = jnp.sum(jnp.where(there, embeddings, 0.0), axis=-2)
  count = jnp.sum(mask, axis=-1, dtype=jnp.float32)[..., None]
  return jnp.where(count > 0, total / jnp.maximum(count, 1.0), empty)


class AverageExamples(nn.Module):
  """The average of the positives' embeddings; zero shots are learned."""

  dim: int

  @nn.compact
  def __call__(
    self,
    positives: Float[Array, "B Q K D"],
    positive_mask: Bool[Array, "B Q K"],
  ) -> Float[Array, "B Q D"]:
    """Returns the condition of each query."""
    empty = self.param("empty", nn.initializers.normal(0.02), (self.dim,))
    return masked_mean(positives, positive_mask, empty)


class ExamplesAndNegatives(nn.Module):
  """Both averages, concatenated, through one dense layer and a ReLU."""

  dim: int

  @nn.compact
  def __call__(
    self,
    positives: Float[Array, "B Q K D"],
    positive_mask: Bool[Array, "B Q K"],
    negatives: Float[Array, "B Q N D"],
    negative_mask: Bool[Array, "B Q N"],
  ) -> Float[Array, "B Q D"]:
    """Returns the condition of each query."""
    start = nn.initializers.normal(0.02)
    no_positive = self.param("no_positive", start, (self.dim,))
    no_negative = self.param("no_negative", start, (self.dim,))
    both = jnp.concatenate(
      [
        masked_mean(positives, positive_mask, no_positive),
        masked_mean(negatives, negative_mask, no_negative),
      ],
      axis=-1,
    )
    return nn.relu(nn.Dense(self.dim, name="combine")(both))


class ClassTable(nn.Module):
  """A learned vector a class: the paper's baseline (one-hot, then linear).

  The last row serves class_id -1: no single class, or none seen in training.
  """

  num_classes: int
  dim: int

  @nn.compact
  def __call__(self, class_id: Int[Array, "B Q"]) -> Float[Array, "B Q D"]:
    """Returns the condition of each query."""
    table = nn.Embed(self.num_classes + 1, self.dim, name="table")
    row = jnp.where(class_id < 0, self.num_classes, class_id)
    return table(row)
