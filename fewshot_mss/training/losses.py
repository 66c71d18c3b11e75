"""Losses of one query, and their masked sum over a batch.

Each compares a separated waveform with its target and returns one number a
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
# About as the ear does, and as the network hears (`unet.compress`).
_COMPRESSION = 0.3
# What is 60 dB below the mixture's mean bin counts as silence where magnitudes
# are compressed: the slope there would be infinite.
_QUIET = 1e-6


class Batch(NamedTuple):
  """What a loss reads.

  Attributes:
    estimates: What the network says.
    targets: What it should have said; all zeros for an absent target.
    mixture: What it was given.
    n_fft: Samples a frame, for losses on spectra.
    hop_samples: Samples between frames.
    absent_floor_db: Level of the output over the mixture that is as good as
      silence where the target is absent.
  """

  estimates: Float[Array, "B Q T"]
  targets: Float[Array, "B Q T"]
  mixture: Float[Array, "B T"]
  n_fft: int
  hop_samples: int
  absent_floor_db: float = -30.0


def negative_snr_db(batch: Batch) -> Float[Array, "B Q"]:
  """Returns minus the signal-to-noise ratio of the waveform, in dB.

  The noise has a floor of 30 dB below the reference, which is the target, or
  the mixture where the target is absent: then the loss asks for silence (the
  zero-source loss of FUSS, Wisdom et al. 2021), and its pull is halved at
  `absent_floor_db` below the mixture and soon gone.
  """
  noise = jnp.sum((batch.targets - batch.estimates) ** 2, axis=-1)
  target = jnp.sum(batch.targets**2, axis=-1)
  mixture = jnp.sum(batch.mixture**2, axis=-1)[:, None]
  return _noise_db(batch, noise, target, mixture)


def compressed_snr_db(batch: Batch) -> Float[Array, "B Q"]:
  """Returns minus the SNR in dB of magnitudes to the power of 0.3.

  Otherwise as `negative_snr_db`: quiet partials and decays count, the phase
  does not. The square's mean, unlike the median of `l1_magnitude`, is not
  silence where a bin is uncertain.
  """
  estimates, targets, mixture, quiet = _powers(batch)

  def compressed(power: Array) -> Array:
    # 0 at silence.
    half = 0.5 * _COMPRESSION
    return (power + quiet) ** half - quiet**half

  def energy(magnitude: Array) -> Array:
    return jnp.sum(magnitude**2, axis=(-2, -1))

  wanted = compressed(targets)
  noise = energy(wanted - compressed(estimates))
  return _noise_db(batch, noise, energy(wanted), energy(compressed(mixture)))


def log_magnitude_db(batch: Batch) -> Float[Array, "B Q"]:
  """Returns the mean distance of the log magnitudes, in dB.

  Levels end 60 dB below the mixture's mean bin, where all counts as silence.
  Every bin counts alike, most of them near silent.
  """
  estimates, targets, _, quiet = _powers(batch)
  error = jnp.log10(estimates + quiet) - jnp.log10(targets + quiet)
  return 10.0 * jnp.mean(jnp.abs(error), axis=(-2, -1))


def _noise_db(
  batch: Batch,
  noise: Float[Array, "B Q"],
  target: Float[Array, "B Q"],
  mixture: Float[Array, "B 1"],
) -> Float[Array, "B Q"]:
  """Returns the energy of the noise over that of the reference, in dB."""
  absent = target == 0.0
  reference = jnp.where(absent, mixture, target) + _TINY
  floor = jnp.where(absent, 10 ** (batch.absent_floor_db / 10), _FLOOR)
  return 10.0 * (jnp.log10(noise + floor * reference) - jnp.log10(reference))


def _powers(
  batch: Batch,
) -> tuple[
  Float[Array, "B Q frames bins"],
  Float[Array, "B Q frames bins"],
  Float[Array, "B 1 frames bins"],
  Float[Array, "B 1 1 1"],
]:
  """Returns power spectra, of the mixture too, and what counts as silence."""

  def power(signal: Array) -> Array:
    spectrum = spectral.stft(signal, batch.n_fft, batch.hop_samples)
    return spectrum.real**2 + spectrum.imag**2

  mixture = power(batch.mixture[:, None])
  mean = jnp.mean(mixture, axis=(-2, -1), keepdims=True)
  # Of a silent mixture a little above 0.
  quiet = _QUIET * mean + 1e-12
  return power(batch.estimates), power(batch.targets), mixture, quiet


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


LossFn = Callable[[Batch], Float[Array, "B Q"]]

LOSSES: dict[str, LossFn] = {
  "snr": negative_snr_db,
  "compressed": compressed_snr_db,
  "log": log_magnitude_db,
  "l1": l1_magnitude,
}


def get_loss(name: str) -> LossFn:
  """Returns the loss called `name`, `snr`, or the sum of several, `snr+log`.

  Args:
    name: Keys of `LOSSES`, with + between.

  Returns:
    The loss.

  Raises:
    InputError: Naming those there are.
  """
  names = name.split("+")
  for each in names:
    if each not in LOSSES:
      raise InputError(
        f"config.train.loss: no loss {each!r}; choose one of {sorted(LOSSES)}, "
        "or several with + between"
      )

  def total(batch: Batch) -> Float[Array, "B Q"]:
    return sum(LOSSES[each](batch) for each in names)

  return total


def masked_sum(
  values: Float[Array, "B Q"], mask: Bool[Array, "B Q"]
) -> tuple[Float[Array, ""], Float[Array, ""]]:
  """Returns the sum of the values that count, and how many they are."""
  # `where` and not a product: a NaN of a padded query times 0 is NaN.
  total = jnp.sum(jnp.where(mask, values, 0.0))
  return total, jnp.sum(mask, dtype=jnp.float32)
