"""Figures of one output against its target, in decibels; numpy, float64.

uSDR and SI-SDR are different numbers: the first punishes a wrong level, the
second does not see it. That is why the level is a figure of its own. The SNR is
the uSDR without the constant that keeps it finite.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Float32, Float64

from fewshot_mss.models import spectral

# Raise it with any change of a number that this file returns: an evaluation
# that was interrupted goes on only with figures of the same version.
METRICS_VERSION = 1

# Added to both energies of the uSDR, as the Music Demixing Challenge 2021 does.
USDR_DELTA = 1e-7
# An output that holds nothing of the target has an SI-SDR of minus infinity,
# and 0 / 0 if it is silent. It is given the floor, below any mixture that is
# scored, so that silence never looks like an improvement; a perfect output is
# given the ceiling.
SI_SDR_FLOOR_DB, SI_SDR_CEILING_DB = -50.0, 100.0
# A perfect output has an SNR of infinity; far below the floor an output is a
# mistake of scale, whatever its number.
SNR_FLOOR_DB, SNR_CEILING_DB = -100.0, 100.0
LEVEL_FLOOR_DB = -120.0


def usdr_db(
  target: Float[np.ndarray, "*#batch T"],
  estimate: Float[np.ndarray, "*#batch T"],
) -> Float64[np.ndarray, "..."]:
  """Returns the utterance-level SDR of whole items (MDX 2021).

  Args:
    target: The truth; leading axes broadcast.
    estimate: The output.

  Returns:
    10 log10((|s|^2 + d) / (|s - e|^2 + d)) with d = 1e-7, without the last
    axis. A silent output scores 0 dB, whatever the target.
  """
  target, estimate = _float64(target, estimate)
  error = _energy(target - estimate)
  ratio = (_energy(target) + USDR_DELTA) / (error + USDR_DELTA)
  return np.asarray(10 * np.log10(ratio))


def si_sdr_db(
  target: Float[np.ndarray, "*#batch T"],
  estimate: Float[np.ndarray, "*#batch T"],
) -> Float64[np.ndarray, "..."]:
  """Returns the scale-invariant SDR (Le Roux et al. 2019), means kept.

  Args:
    target: The truth; leading axes broadcast.
    estimate: The output.

  Returns:
    10 log10(|a s|^2 / |e - a s|^2), where a s is the projection of the output
    on the target, within [SI_SDR_FLOOR_DB, SI_SDR_CEILING_DB] and without the
    last axis. The floor for an output that holds nothing of the target, above
    all a silent one; NaN for a silent target, and where the output is NaN.
  """
  target, estimate = _float64(target, estimate)
  energy = _energy(target)
  with np.errstate(divide="ignore", invalid="ignore"):
    factor = _product(target, estimate) / energy
    kept = factor**2 * energy
    lost = _energy(estimate - factor[..., None] * target)
    ratio_db = 10 * np.log10(kept / lost)
  ratio_db = np.where(kept == 0, SI_SDR_FLOOR_DB, ratio_db)
  limited = np.clip(ratio_db, SI_SDR_FLOOR_DB, SI_SDR_CEILING_DB)
  return np.asarray(limited)


def snr_db(
  target: Float[np.ndarray, "*#batch T"],
  estimate: Float[np.ndarray, "*#batch T"],
) -> Float64[np.ndarray, "..."]:
  """Returns the SNR of whole items, as Watcharasupat & Lerch (2024) define it.

  Args:
    target: The truth; leading axes broadcast.
    estimate: The output.

  Returns:
    10 log10(|s|^2 / |s - e|^2), within [SNR_FLOOR_DB, SNR_CEILING_DB] and
    without the last axis. A silent output scores 0 dB; NaN for a silent target,
    and where the output is NaN.
  """
  target, estimate = _float64(target, estimate)
  energy, error = _energy(target), _energy(target - estimate)
  with np.errstate(divide="ignore", invalid="ignore"):
    ratio_db = 10 * np.log10(energy / error)
  limited = np.clip(ratio_db, SNR_FLOOR_DB, SNR_CEILING_DB)
  return np.asarray(np.where(energy == 0, np.nan, limited))


def level_db(
  target: Float[np.ndarray, "*#batch T"],
  estimate: Float[np.ndarray, "*#batch T"],
) -> Float64[np.ndarray, "..."]:
  """Returns the level of outputs relative to that of their targets.

  Args:
    target: The truth; leading axes broadcast.
    estimate: The output.

  Returns:
    10 log10(|e|^2 / |s|^2), at least LEVEL_FLOOR_DB, without the last axis;
    NaN for a silent target.
  """
  target, estimate = _float64(target, estimate)
  reference = _energy(target)
  with np.errstate(divide="ignore", invalid="ignore"):
    level = 10 * np.log10(_energy(estimate) / reference)
  level = np.where(reference == 0, np.nan, level)
  return np.asarray(np.maximum(level, LEVEL_FLOOR_DB))


def level_over_mixture_db(
  mixture: Float[np.ndarray, "*#batch T"],
  estimate: Float[np.ndarray, "*#batch T"],
) -> Float64[np.ndarray, "..."]:
  """Returns the level of outputs relative to that of their mixtures.

  It exists where the target is absent, and all that is heard is too much.

  Args:
    mixture: What was separated; leading axes broadcast.
    estimate: The output.

  Returns:
    10 log10(|e|^2 / |x|^2), at least LEVEL_FLOOR_DB, without the last axis;
    NaN for a silent mixture.
  """
  return level_db(mixture, estimate)


def ideal_ratio_mask_estimate(
  target: Float32[np.ndarray, "*batch T"],
  rest: Float32[np.ndarray, "*batch T"],
  n_fft: int,
  hop_samples: int,
) -> Float32[np.ndarray, "*batch T"]:
  """Returns what the best mask of its kind makes of a mixture.

  The mask is |S| / (|S| + |R|), with the mixture's phase: what a network that
  masks magnitudes is up against, with the answer in hand.

  Args:
    target: The truth.
    rest: The mixture without the target.
    n_fft: Samples a frame.
    hop_samples: Samples between frames.

  Returns:
    The masked mixture.
  """
  return np.asarray(_ideal_ratio_mask(target, rest, n_fft, hop_samples))


@functools.partial(jax.jit, static_argnums=(2, 3))
def _ideal_ratio_mask(
  target: Float[Array, "*batch T"],
  rest: Float[Array, "*batch T"],
  n_fft: int,
  hop_samples: int,
) -> Float[Array, "*batch T"]:
  wanted = spectral.stft(target, n_fft, hop_samples)
  other = spectral.stft(rest, n_fft, hop_samples)
  magnitude = spectral.magnitude(wanted)
  total = magnitude + spectral.magnitude(other)
  mask = magnitude / jnp.where(total == 0.0, 1.0, total)
  masked = spectral.Spectrum(
    (wanted.real + other.real) * mask, (wanted.imag + other.imag) * mask
  )
  return spectral.istft(masked, n_fft, hop_samples, target.shape[-1])


def _float64(*signals: np.ndarray) -> list[Float64[np.ndarray, "..."]]:
  return [signal.astype(np.float64, copy=False) for signal in signals]


def _product(
  signal: Float64[np.ndarray, "*#batch T"],
  other: Float64[np.ndarray, "*#batch T"],
) -> Float64[np.ndarray, "..."]:
  """Returns the inner product, without an array of all products."""
  return np.asarray(np.vecdot(signal, other))


def _energy(
  signal: Float64[np.ndarray, "*batch T"],
) -> Float64[np.ndarray, "..."]:
  return _product(signal, signal)
