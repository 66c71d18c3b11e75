"""The conditioning encoder: one example in, one embedding out."""

from collections.abc import Sequence

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from fewshot_mss.models.unet import group_norm, with_frequency


class SupportEncoder(nn.Module):
  """Embeds the magnitude spectrogram of one example.

  Strided convolutions, then the mean over time: where in the clip the
  instrument sounds does not matter, at which frequencies it does, so the
  frequency axis is kept until the last linear map. The body is our choice.

  Attributes:
    channels: Channels of each block.
    dim: Size of the embedding.
  """

  channels: Sequence[int]
  dim: int

  @nn.compact
  def __call__(
    self, magnitude: Float[Array, "N frames bins"]
  ) -> Float[Array, "N D"]:
    """Returns the embeddings of N examples."""
    x = with_frequency(magnitude)
    for i, channels in enumerate(self.channels):
      x = nn.Conv(
        channels, (3, 3), strides=2, use_bias=False, name=f"conv_{i}"
      )(x)
      x = nn.leaky_relu(group_norm(channels, f"norm_{i}")(x), 0.2)
    x = jnp.mean(x, axis=1)
    x = x.reshape(x.shape[0], -1)
    x = nn.Dense(self.dim, name="embed")(x)
    # Unit scale, so that FiLM hears the examples from the first steps on.
    return nn.LayerNorm(name="embed_norm")(x)
