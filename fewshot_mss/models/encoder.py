"""The conditioning encoder: one example in, one embedding out."""

from collections.abc import Sequence

import flax.linen as nn
import jax.numpy as jnp
from jax.ad_checkpoint import checkpoint_name
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from fewshot_mss.models.unet import (
  KEPT,
  compress,
  fold,
  group_norm,
  pad_frames,
)


class SupportEncoder(nn.Module):
  """Embeds the magnitude spectrogram of one example.

  Strided convolutions, then the mean over time: where in the clip the
  instrument sounds does not matter, at which frequencies it does, so the
  frequency axis is kept until the last linear map. How loud the clip is does
  not matter either. The body is our choice.

  What all examples have in common is kept small, or it grows: the gradients
  that do not yet depend on the example add up in it, and after some hundred
  steps all embeddings can be one (a run of the demo was lost so). Hence a
  spectrogram of mean 0 without the place of its bins, no activation on the
  last features, and a last map whose many inputs are scaled by the root of
  their number, so that a step of Adam moves its output no faster than that of
  a narrow layer.

  Attributes:
    channels: Channels of each block.
    dim: Size of the embedding.
    dtype: What is computed in; parameters and embeddings are float32.
    cell: Frames and bins that become one pixel's channels before the first
      block.
  """

  channels: Sequence[int]
  dim: int
  dtype: DTypeLike = jnp.float32
  cell: Sequence[int] = (1, 1)

  @nn.compact
  def __call__(
    self, magnitude: Float[Array, "N frames bins"]
  ) -> Float[Array, "N D"]:
    """Returns the embeddings of N examples."""
    x = nn.LayerNorm(
      reduction_axes=(1, 2),
      use_bias=False,
      use_scale=False,
      name="standardized",
      dtype=self.dtype,
    )(compress(magnitude))
    x = fold(pad_frames(x, self.cell[0]), self.cell)
    x = checkpoint_name(x, KEPT)
    for i, channels in enumerate(self.channels):
      x = nn.Conv(
        channels,
        (3, 3),
        strides=2,
        use_bias=False,
        name=f"conv_{i}",
        dtype=self.dtype,
      )(x if i == 0 else nn.leaky_relu(x, 0.2))
      x = checkpoint_name(x, KEPT)
      x = group_norm(channels, f"norm_{i}", self.dtype)(x)
    x = jnp.mean(x, axis=1, dtype=jnp.float32)
    x = x.reshape(x.shape[0], -1)
    x = nn.Dense(
      self.dim,
      # Of unit variance: the inputs are scaled instead.
      kernel_init=nn.initializers.normal(1.0),
      name="embed",
    )(x / x.shape[-1] ** 0.5)
    # Unit scale, so that FiLM hears the examples from the first steps on.
    return nn.LayerNorm(name="embed_norm")(x)
