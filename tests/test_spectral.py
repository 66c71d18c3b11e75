"""The STFT against hand-made frames, its inverse, and its three forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fewshot_mss.errors import InputError
from fewshot_mss.models import spectral
from fewshot_mss.models.spectral import Spectrum

FORMS = spectral.FORMS


def _noise(*shape, seed=0):
  return jnp.asarray(
    np.random.default_rng(seed).normal(size=shape).astype(np.float32)
  )


@pytest.mark.parametrize(
  ("samples", "frames"), [(1, 4), (128, 4), (129, 5), (16000, 128)]
)
def test_number_of_frames_by_hand(samples, frames):
  assert spectral.num_frames(samples, 512, 128) == frames


@pytest.mark.parametrize("form", FORMS)
def test_one_frame_by_hand(form):
  signal = jnp.array([1.0, 2.0, 3.0, 4.0])
  spectrum = spectral.stft(signal, 4, 2, form)
  # Frames start at samples -2, 0 and 2; the Hann window is [0, .5, 1, .5].
  real = [[2.0, -1.0, 0.0], [6.0, -3.0, 0.0], [2.0, 0.0, -2.0]]
  imag = [[0.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.0, -2.0, 0.0]]
  np.testing.assert_allclose(spectrum.real, real, atol=1e-6)
  np.testing.assert_allclose(spectrum.imag, imag, atol=1e-6)


@pytest.mark.parametrize("form", FORMS)
def test_frames_match_numpy(form):
  signal = _noise(2, 75)
  spectrum = spectral.stft(signal, 32, 8, form)
  padded = np.pad(np.asarray(signal, np.float64), [(0, 0), (24, 64)])
  window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(32) / 32)
  for frame in range(spectral.num_frames(75, 32, 8)):
    expected = np.fft.rfft(padded[:, 8 * frame :][:, :32] * window)
    np.testing.assert_allclose(
      spectrum.real[:, frame], expected.real, atol=1e-5
    )
    np.testing.assert_allclose(
      spectrum.imag[:, frame], expected.imag, atol=1e-5
    )


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
  ("n_fft", "hop", "samples"),
  [(16, 4, samples) for samples in range(1, 14)]
  + [(16, 8, 1), (16, 8, 25), (33, 11, 100), (512, 128, 4001)],
)
def test_inverse_is_exact(n_fft, hop, samples, form):
  signal = _noise(2, samples)

  @jax.jit
  def there_and_back(x):
    spectrum = spectral.stft(x, n_fft, hop, form)
    return spectral.istft(spectrum, n_fft, hop, samples, form)

  back = there_and_back(signal)
  assert back.shape == signal.shape
  np.testing.assert_allclose(back, signal, rtol=1e-5, atol=2e-6)


@settings(max_examples=20, deadline=None)
@given(scale=st.floats(1e-4, 1e4), seed=st.integers(0, 2**31))
def test_inverse_is_exact_at_any_level(scale, seed):
  signal = scale * _noise(50, seed=seed)
  spectrum = spectral.stft(signal, 16, 4)
  back = spectral.istft(spectrum, 16, 4, 50)
  np.testing.assert_allclose(back, signal, rtol=1e-5, atol=2e-6 * scale)


def test_forms_agree():
  signal = _noise(3, 999)
  by_fft = spectral.stft(signal, 64, 16, "rfft")
  by_matmul = spectral.stft(signal, 64, 16, "dft")
  np.testing.assert_allclose(by_fft.real, by_matmul.real, atol=1e-5)
  np.testing.assert_allclose(by_fft.imag, by_matmul.imag, atol=1e-5)


@pytest.mark.parametrize("form", FORMS)
def test_magnitudes_below_nyquist_are_those_of_the_spectrum(form):
  signal = _noise(3, 200)
  spectrum = spectral.stft(signal, 64, 16, "rfft")
  np.testing.assert_allclose(
    spectral.magnitudes_below_nyquist(signal, 64, 16, form),
    spectral.magnitude(spectrum)[..., :-1],
    atol=1e-5,
  )


def _as_a_tpu_does(monkeypatch):
  """Gives `dft_bf16x3` the arithmetic that it has on a TPU."""
  conv = spectral._conv

  def split(x):
    high = jnp.asarray(x, jnp.float32).astype(jnp.bfloat16)
    rest = (x - high.astype(jnp.float32)).astype(jnp.bfloat16)
    return high.astype(jnp.float32), rest.astype(jnp.float32)

  def three_products(blocks, kernel, padding):
    (high, low), (k_high, k_low) = split(blocks), split(np.float32(kernel))
    return (
      conv(high, np.asarray(k_high), padding)
      + conv(high, np.asarray(k_low), padding)
      + conv(low, np.asarray(k_high), padding)
    )

  monkeypatch.setattr(spectral, "_conv", three_products)


def test_three_bfloat16_products_agree_to_1e_4(monkeypatch):
  time = np.arange(3000) / 44100
  tone = 0.8 * np.sin(2 * np.pi * 441.0 * time)
  signal = jnp.asarray(tone + 1e-3 * _noise(3000), jnp.float32)
  exact = spectral.stft(signal, 2048, 512, "rfft")
  _as_a_tpu_does(monkeypatch)
  rounded = spectral.stft(signal, 2048, 512, "dft_bf16x3")
  loudest = float(spectral.magnitude(exact).max())
  error = max(
    float(np.abs(a - b).max()) for a, b in zip(exact, rounded, strict=True)
  )
  # The two rests are rounded to 2^-9 of 2^-9, and their product is left out.
  assert 1e-7 < error / loudest < 2e-5
  back = spectral.istft(rounded, 2048, 512, 3000, "dft_bf16x3")
  assert 1e-6 < float(np.abs(back - signal).max()) < 1e-4


def test_inverses_agree_on_what_is_no_spectrum_of_a_signal():
  # After masking, frames contradict each other, and DC may have a phase.
  masked = Spectrum(_noise(2, 10, 33), _noise(2, 10, 33, seed=1))
  by_fft = spectral.istft(masked, 64, 16, 100, "rfft")
  by_matmul = spectral.istft(masked, 64, 16, 100, "dft")
  by_conv = spectral.istft(masked, 64, 16, 100, "dft_bf16x3")
  assert by_fft.shape == (2, 100)
  np.testing.assert_allclose(by_fft, by_matmul, atol=1e-5)
  np.testing.assert_allclose(by_fft, by_conv, atol=1e-5)


@pytest.mark.parametrize(
  ("n_fft", "hop", "form", "said"),
  [
    (16, 5, "rfft", "hop_samples"),
    (16, 16, "rfft", "hop_samples"),
    (16, 4, "fft", "stft_form"),
  ],
)
def test_sizes_without_an_exact_inverse_are_refused(n_fft, hop, form, said):
  with pytest.raises(InputError, match=said):
    spectral.stft(_noise(40), n_fft, hop, form)
  with pytest.raises(InputError, match=said):
    spectral.istft(Spectrum(_noise(9, 9), _noise(9, 9)), n_fft, hop, 20, form)


def test_magnitude_by_hand_and_its_gradient():
  real, imag = jnp.array([[3.0, 0.0]]), jnp.array([[-4.0, 0.0]])

  def total(real, imag):
    return jnp.sum(spectral.magnitude(Spectrum(real, imag)))

  np.testing.assert_allclose(
    spectral.magnitude(Spectrum(real, imag)), [[5.0, 0.0]]
  )
  by_real, by_imag = jax.grad(total, argnums=(0, 1))(real, imag)
  np.testing.assert_allclose(by_real, [[0.6, 0.0]], rtol=1e-6)
  np.testing.assert_allclose(by_imag, [[-0.8, 0.0]], rtol=1e-6)


def test_a_tpu_is_told_of_three_products():
  # Without, it takes one of bfloat16, which no test on a CPU would see.
  def there_and_back(x):
    spectrum = spectral.stft(x, 32, 8, "dft_bf16x3")
    return spectral.istft(spectrum, 32, 8, 100, "dft_bf16x3")

  jaxpr = jax.make_jaxpr(there_and_back)(jnp.zeros((1, 100)))
  found = [
    equation.params["precision"]
    for equation in jaxpr.eqns
    if equation.primitive.name == "conv_general_dilated"
  ]
  assert found == [(jax.lax.Precision.HIGH,) * 2] * 4
