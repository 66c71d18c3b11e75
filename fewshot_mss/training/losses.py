"""Losses of one query, and their masked sum over a batch.

Both compare a separated waveform with its target and return one number a
query. They are summed and counted, not averaged: the mean over devices whose
masks differ is (sum of sums) / (sum of counts), never the mean of means.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from fewshot_mss.errors import InputError
from fewshot_mss.models import spectral

# Residuals 30 dB below the reference are as good as none: without a floor the
# few items that are nearly solved would dominate (Wisdom et al. 2020).
_FLOOR = 1e-3
_TINY = 1e-8


class Batch(NamedTuple):
  """What a loss reads.

  Attributes:
    estimates: What the network says.
    targets: What it should have said; all zeros for an absent target.
    mixture: What it was given.
    n_fft: Samples a frame, for losses on spectra.
    hop_samples: Samples between frames.
  """

  estimates: Float[Array, "B Q T"]
  targets: Float[Array, "B Q T"]
  mixture: Float[Array, "B T"]
  n_fft: int
  hop_samples: int


def negative_snr_db(batch: Batch) -> Float[Array, "B Q"]:
  """Returns minus the signal-to-noise ratio of the waveform, in dB.

  The noise has a floor of 30 dB below the reference, which is the target, or
  the mixture where the target is absent: then the loss asks for silence, and
  is content at 30 dB below the mixture (the zero-source loss of FUSS, Wisdom
  et al. 2021).
  """
  noise = jnp.sum((batch.targets - batch.estimates) ** 2, axis=-1)
  target = jnp.sum(batch.targets**2, axis=-1)
  mixture = jnp.sum(batch.mixture**2, axis=-1)[:, None]
  reference = jnp.where(target > 0.0, target, mixture) + _TINY
  return 10.0 * (jnp.log10(noise + _FLOOR * reference) - jnp.log10(reference))


def l1_magnitude(batch: Batch) -> Float[Array, "B Q"]:
  """Returns the mean absolute error of the magnitudes (Jansson et al. 2017).

  Beware: the median of an uncertain bin is silence, and early in training
  masks shrink towards it.
  """

  def magnitude(signal: Array) -> Array:
    spectrum = spectral.stft(signal, batch.n_fft, batch.hop_samples)
    return spectral.magnitude(spectrum)

  error = jnp.abs(magnitude(batch.estimates) - magnitude(batch.targets))
  return jnp.mean(error, axis=(-2, -1))


LOSSES: dict[str, Callable[[Batch], Float[Array, "B Q"]]] = {
  "snr": negative_snr_db,
  "l1": l1_magnitude,
}


def get_loss(name: str) -> Callable[[Batch], Float[Array, "B Q"]]:
  """Returns the loss called `name`; InputError names those there are."""
  if name not in LOSSES:
    raise InputError(
      f"config.train.loss: no loss {name!r}; choose one of {sorted(LOSSES)}"
    )
  return LOSSES[name]


def masked_sum(
  values: Float[Array, "B Q"], mask: Bool[Array, "B Q"]
) -> tuple[Float[Array, ""], Float[Array, ""]]:
  """Returns the sum of the values that count, and how many they are."""
  # `where` and not a product: a NaN of a padded query times 0 is NaN.
  total = jnp.sum(jnp.where(mask, values, 0.0))
  return total, jnp.sum(mask, dtype=jnp.float32)
