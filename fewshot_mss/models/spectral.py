"""Short-time Fourier transform and its exact inverse, in three forms.

The form `rfft` is fast on CPU and GPU. The form `dft` writes the transform as
a product with the DFT matrix: nothing but matmuls and real numbers, which is
what ONNX wants. Both agree to 1e-5. The form `dft_bf16x3` is for TPUs: one
convolution over blocks of hop samples, so that overlapping frames never exist
in memory, and there the products are the sum of three of bfloat16 parts, which
agrees with the others to 1e-4 of the loudest bin (elsewhere it is float32).

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

FORMS = ("rfft", "dft", "dft_bf16x3")


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


def hann_window(n_fft: int) -> Float[np.ndarray, " n_fft"]:
  """Returns the periodic Hann window."""
  return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)


def synthesis_window(
  n_fft: int, hop_samples: int
) -> Float[np.ndarray, " n_fft"]:
  """Returns the window that undoes the analysis window under overlap-add.

  Dividing by the sum of the squared windows over all frames that cover a
  sample makes the inverse exact for any hop that divides n_fft (Griffin and
  Lim 1984).
  """
  window = hann_window(n_fft)
  overlap = np.sum(window.reshape(-1, hop_samples) ** 2, axis=0)
  return window / np.tile(overlap, n_fft // hop_samples)


@functools.cache
def _dft_matrices(n_fft: int) -> tuple[np.ndarray, np.ndarray]:
  """Returns cos and -sin of the real DFT, [n_fft, n_fft // 2 + 1] each."""
  angle = 2 * np.pi * np.outer(np.arange(n_fft), np.arange(n_fft // 2 + 1))
  angle = np.mod(angle / n_fft, 2 * np.pi)
  return np.cos(angle), -np.sin(angle)


def _conv(
  blocks: Float[Array, "N length channels_in"],
  kernel: np.ndarray,
  padding: int,
) -> Float[Array, "N _ channels_out"]:
  """Returns the sum over neighbouring blocks, each times its own matrix."""
  return jax.lax.conv_general_dilated(
    blocks,
    kernel.astype(np.float32),
    window_strides=(1,),
    padding=[(padding, padding)],
    dimension_numbers=("NWC", "WIO", "NWC"),
    # Three bfloat16 products on a TPU, float32 on a CPU.
    precision=jax.lax.Precision.HIGH,
  )


def _blocks(
  signal: Float[Array, "*batch samples"], n_fft: int, hop_samples: int
) -> Float[Array, "*batch blocks hop"]:
  """Cuts padded signals into blocks; n_fft / hop neighbours are a frame."""
  ratio = n_fft // hop_samples
  frames = num_frames(signal.shape[-1], n_fft, hop_samples)
  left = n_fft - hop_samples
  right = (frames + ratio - 1) * hop_samples - left - signal.shape[-1]
  padding = [(0, 0)] * (signal.ndim - 1) + [(left, right)]
  return jnp.pad(signal, padding).reshape(*signal.shape[:-1], -1, hop_samples)


def _stft_by_conv(
  signal: Float[Array, "*batch samples"],
  n_fft: int,
  hop_samples: int,
  bins: int,
) -> Spectrum:
  """Returns the first `bins` bins of the spectra."""
  blocks = _blocks(signal, n_fft, hop_samples)
  blocks = blocks.reshape(-1, *blocks.shape[-2:])

  def part(matrix: np.ndarray) -> Array:
    kernel = hann_window(n_fft)[:, None] * matrix[:, :bins]
    out = _conv(blocks, kernel.reshape(-1, hop_samples, bins), 0)
    return out.reshape(*signal.shape[:-1], *out.shape[1:])

  return Spectrum(*(part(matrix) for matrix in _dft_matrices(n_fft)))


def _istft_by_conv(
  spectrum: Spectrum, n_fft: int, hop_samples: int
) -> Float[Array, "*batch padded_samples"]:
  """Returns the padded signals: inverse, windowed and overlapped in one."""
  *batch, frames, bins = spectrum.real.shape
  ratio = n_fft // hop_samples
  signal = 0.0
  for part, matrix in zip(spectrum, _inverse_matrices(n_fft), strict=True):
    windowed = matrix * synthesis_window(n_fft, hop_samples)
    # Block b holds part i of frame b - i.
    kernel = windowed.reshape(bins, ratio, hop_samples).transpose(1, 0, 2)
    signal += _conv(part.reshape(-1, frames, bins), kernel[::-1], ratio - 1)
  return signal.reshape(*batch, -1)


def bin_weights(n_fft: int) -> Float[np.ndarray, " bins"]:
  """Returns what each bin of the inverse is multiplied by.

  Bins between 0 and Nyquist stand for two bins of the full transform; where
  n_fft is odd, no bin lies at Nyquist, so the last stands for two as well.
  """
  weight = np.full(n_fft // 2 + 1, 2.0 / n_fft)
  weight[0] = 1.0 / n_fft
  if n_fft % 2 == 0:
    weight[-1] = 1.0 / n_fft
  return weight


def _inverse_matrices(n_fft: int) -> tuple[np.ndarray, np.ndarray]:
  """Returns what real and imaginary parts are multiplied by, [bins, n_fft]."""
  cosine, sine = _dft_matrices(n_fft)
  weight = bin_weights(n_fft)[:, None]
  return weight * cosine.T, weight * sine.T


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
    form: 'rfft', 'dft' or 'dft_bf16x3'.

  Returns:
    Spectra of `num_frames(samples, n_fft, hop_samples)` frames.
  """
  _check(n_fft, hop_samples, form)
  if form == "dft_bf16x3":
    return _stft_by_conv(signal, n_fft, hop_samples, n_fft // 2 + 1)
  ratio = n_fft // hop_samples
  frames = num_frames(signal.shape[-1], n_fft, hop_samples)
  blocks = _blocks(signal, n_fft, hop_samples)
  framed = jnp.concatenate(
    [blocks[..., i : i + frames, :] for i in range(ratio)], axis=-1
  )
  framed = framed * hann_window(n_fft).astype(np.float32)
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
    form: 'rfft', 'dft' or 'dft_bf16x3'.

  Returns:
    Signals of `num_samples`.
  """
  _check(n_fft, hop_samples, form)
  left = n_fft - hop_samples
  if form == "dft_bf16x3":
    signal = _istft_by_conv(spectrum, n_fft, hop_samples)
    return signal[..., left : left + num_samples]
  if form == "rfft":
    framed = jnp.fft.irfft(jax.lax.complex(*spectrum), n=n_fft)
  else:
    by_real, by_imag = _inverse_matrices(n_fft)
    product = functools.partial(jnp.matmul, precision=jax.lax.Precision.HIGHEST)
    framed = product(spectrum.real, by_real.astype(np.float32)) + product(
      spectrum.imag, by_imag.astype(np.float32)
    )
  framed = framed * synthesis_window(n_fft, hop_samples).astype(np.float32)
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
  return signal[..., left : left + num_samples]


def magnitudes_below_nyquist(
  signal: Float[Array, "*batch samples"],
  n_fft: int,
  hop_samples: int,
  form: str = "rfft",
) -> Float[Array, "*batch frames bins"]:
  """Returns the magnitudes of `stft` without the last bin.

  What is left can be halved, and a form that computes each bin by itself does
  not compute the last one.
  """
  if form != "dft_bf16x3":
    spectrum = stft(signal, n_fft, hop_samples, form)
    return magnitude(spectrum)[..., :-1]
  _check(n_fft, hop_samples, form)
  return magnitude(_stft_by_conv(signal, n_fft, hop_samples, n_fft // 2))


def magnitude(spectrum: Spectrum) -> Float[Array, "*batch frames bins"]:
  """Returns the magnitude, with a gradient of 0 instead of NaN at silence."""
  power = spectrum.real**2 + spectrum.imag**2
  # The root's gradient is infinite at 0, and infinite times 0 is NaN.
  silent = power == 0.0
  return jnp.where(silent, 0.0, jnp.sqrt(jnp.where(silent, 1.0, power)))
