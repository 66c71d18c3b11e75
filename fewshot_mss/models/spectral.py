"""Short-time Fourier transform and its exact inverse, in two equal forms.

The form `rfft` is fast on CPU and GPU. The form `dft` writes the transform as
a product with the DFT matrix: nothing but matmuls and real numbers, which is
what ONNX and the matrix units of a TPU want. Both agree to 1e-5.

Frames start n_fft - hop samples before the signal and end after it, so every
sample lies under n_fft / hop frames and the inverse needs no special edges.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from fewshot_mss.errors import InputError

FORMS = ("rfft", "dft")


class Spectrum(NamedTuple):
  """A complex spectrum as two real arrays.

  Attributes:
    real: Real part, frames by n_fft // 2 + 1 bins.
    imag: Imaginary part, the same shape.
  """

  real: Float[Array, "*batch frames bins"]
  imag: Float[Array, "*batch frames bins"]


def num_frames(num_samples: int, n_fft: int, hop_samples: int) -> int:
  """Returns the number of frames of a signal of `num_samples`."""
  return -(-num_samples // hop_samples) + n_fft // hop_samples - 1


def _window(n_fft: int) -> Float[np.ndarray, " n_fft"]:
  """Returns the periodic Hann window."""
  return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)


def _synthesis_window(
  n_fft: int, hop_samples: int
) -> Float[np.ndarray, " n_fft"]:
  """Returns the window that undoes the analysis window under overlap-add.

  Dividing by the sum of the squared windows over all frames that cover a
  sample makes the inverse exact for any hop that divides n_fft (Griffin and
  Lim 1984).
  """
  window = _window(n_fft)
  overlap = np.sum(window.reshape(-1, hop_samples) ** 2, axis=0)
  return window / np.tile(overlap, n_fft // hop_samples)


@functools.cache
def _dft_matrices(n_fft: int) -> tuple[np.ndarray, np.ndarray]:
  """Returns cos and -sin of the real DFT, [n_fft, n_fft // 2 + 1] each."""
  angle = 2 * np.pi * np.outer(np.arange(n_fft), np.arange(n_fft // 2 + 1))
  angle = np.mod(angle / n_fft, 2 * np.pi)
  return np.cos(angle), -np.sin(angle)


def _check(n_fft: int, hop_samples: int, form: str) -> None:
  if n_fft % hop_samples or n_fft < 2 * hop_samples:
    raise InputError(
      f"model.hop_samples is {hop_samples}: it must divide model.n_fft "
      f"({n_fft}) at least twice"
    )
  if form not in FORMS:
    raise InputError(f"model.stft_form {form!r} is none of {FORMS}")


def stft(
  signal: Float[Array, "*batch samples"],
  n_fft: int,
  hop_samples: int,
  form: str = "rfft",
) -> Spectrum:
  """Transforms signals into spectra of Hann-windowed frames.

  Args:
    signal: Real signals.
    n_fft: Samples a frame.
    hop_samples: Samples between frames; divides n_fft at least twice.
    form: 'rfft' or 'dft'.

  Returns:
    Spectra of `num_frames(samples, n_fft, hop_samples)` frames.
  """
  _check(n_fft, hop_samples, form)
  ratio = n_fft // hop_samples
  frames = num_frames(signal.shape[-1], n_fft, hop_samples)
  left = n_fft - hop_samples
  right = (frames + ratio - 1) * hop_samples - left - signal.shape[-1]
  padding = [(0, 0)] * (signal.ndim - 1) + [(left, right)]
  blocks = jnp.pad(signal, padding)
  blocks = blocks.reshape(*signal.shape[:-1], -1, hop_samples)
  framed = jnp.concatenate(
    [blocks[..., i : i + frames, :] for i in range(ratio)], axis=-1
  )
  framed = framed * _window(n_fft).astype(np.float32)
  if form == "rfft":
    spectrum = jnp.fft.rfft(framed)
    return Spectrum(jnp.real(spectrum), jnp.imag(spectrum))
  cosine, sine = _dft_matrices(n_fft)
  product = functools.partial(jnp.matmul, precision=jax.lax.Precision.HIGHEST)
  return Spectrum(
    product(framed, cosine.astype(np.float32)),
    product(framed, sine.astype(np.float32)),
  )


def istft(
  spectrum: Spectrum,
  n_fft: int,
  hop_samples: int,
  num_samples: int,
  form: str = "rfft",
) -> Float[Array, "*batch samples"]:
  """Inverts `stft`: `istft(stft(x), ...)` is x to the last bits.

  Args:
    spectrum: What `stft` returned, possibly masked.
    n_fft: As given to `stft`.
    hop_samples: As given to `stft`.
    num_samples: Length of the signal.
    form: 'rfft' or 'dft'.

  Returns:
    Signals of `num_samples`.
  """
  _check(n_fft, hop_samples, form)
  if form == "rfft":
    framed = jnp.fft.irfft(jax.lax.complex(*spectrum), n=n_fft)
  else:
    cosine, sine = _dft_matrices(n_fft)
    # Bins between 0 and Nyquist stand for two bins of the full transform.
    weight = np.full((n_fft // 2 + 1, 1), 2.0 / n_fft)
    weight[[0, -1]] = 1.0 / n_fft
    product = functools.partial(jnp.matmul, precision=jax.lax.Precision.HIGHEST)
    framed = product(
      spectrum.real, (weight * cosine.T).astype(np.float32)
    ) + product(spectrum.imag, (weight * sine.T).astype(np.float32))
  framed = framed * _synthesis_window(n_fft, hop_samples).astype(np.float32)
  ratio = n_fft // hop_samples
  frames = framed.shape[-2]
  parts = framed.reshape(*framed.shape[:-1], ratio, hop_samples)
  no_pad = [(0, 0)] * (framed.ndim - 2)
  blocks = sum(
    jnp.pad(parts[..., i, :], [*no_pad, (i, ratio - 1 - i), (0, 0)])
    for i in range(ratio)
  )
  length = (frames + ratio - 1) * hop_samples
  signal = blocks.reshape(*framed.shape[:-2], length)
  left = n_fft - hop_samples
  return signal[..., left : left + num_samples]


def magnitude(spectrum: Spectrum) -> Float[Array, "*batch frames bins"]:
  """Returns the magnitude, with a gradient of 0 instead of NaN at silence."""
  power = spectrum.real**2 + spectrum.imag**2
  # The root's gradient is infinite at 0, and infinite times 0 is NaN.
  silent = power == 0.0
  return jnp.where(silent, 0.0, jnp.sqrt(jnp.where(silent, 1.0, power)))
