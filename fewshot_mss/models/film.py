"""Feature-wise linear modulation (Perez et al. 2018)."""

import flax.linen as nn
from jaxtyping import Array, Float


class FiLM(nn.Module):
  """Scales and shifts every channel by what a condition says.

  Gamma is 1 + a linear map of the condition and beta a linear map, both zero
  at first: an untrained FiLM is the identity, so conditioning can never be
  worse than none at the start. The maps are computed in the condition's type,
  the result has the features'.
  """

  @nn.compact
  def __call__(
    self,
    features: Float[Array, "N H W C"],
    condition: Float[Array, "N D"],
  ) -> Float[Array, "N H W C"]:
    """Returns gamma * features + beta, a gamma and beta for each channel."""
    channels = features.shape[-1]
    delta = nn.Dense(channels, kernel_init=nn.initializers.zeros, name="delta")
    beta = nn.Dense(channels, kernel_init=nn.initializers.zeros, name="beta")
    gamma = 1.0 + delta(condition)
    modulated = gamma[:, None, None] * features + beta(condition)[:, None, None]
    return modulated.astype(features.dtype)
