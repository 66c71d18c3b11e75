"""The transform in matmuls is the transform, and its inverse undoes it."""

import numpy as np
import pytest

pytest.importorskip("onnx", reason="the extra [onnx] is not installed")

from fewshot_mss.export.functions import Function, Tensor
from fewshot_mss.export.onnx_graph import Graph
from fewshot_mss.export.onnx_spectral import (
  istft,
  magnitude,
  stft,
)
from fewshot_mss.models import spectral
from tiny_onnx import run

# n_fft, hop, samples: even and odd, hops that divide the signal and not.
SIZES = [
  (64, 32, 256),
  (48, 16, 101),
  (30, 5, 7),
  (33, 11, 101),
  (512, 256, 1),
]


def signals(samples):
  rng = np.random.default_rng(samples)
  return rng.normal(0, 1, (3, samples)).astype(np.float32)


def function(samples, *shape):
  signal = Tensor("signal", "float32", ("b", samples))
  output = Tensor("output", "float32", ("b", *shape))
  return Function("transform", None, (signal,), output)


@pytest.mark.parametrize(("n_fft", "hop", "samples"), SIZES)
def test_spectra_are_those_of_the_fft(n_fft, hop, samples):
  frames = spectral.num_frames(samples, n_fft, hop)
  padded = np.pad(signals(samples), [(0, 0), (n_fft - hop, n_fft)])
  window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)
  framed = np.stack(
    [padded[:, i * hop : i * hop + n_fft] for i in range(frames)], axis=1
  )
  wanted = np.fft.rfft(framed * window)
  for index, part in enumerate((wanted.real, wanted.imag)):
    graph = Graph({})
    output = stft(graph, "signal", samples, n_fft, hop)[index]
    model = graph.model(function(samples, frames, n_fft // 2 + 1), output)
    found = run(model, signal=signals(samples))
    np.testing.assert_allclose(found, part, atol=2e-5)


@pytest.mark.parametrize(("n_fft", "hop", "samples"), SIZES)
def test_the_inverse_gives_the_signal_back(n_fft, hop, samples):
  graph = Graph({})
  spectrum = [
    graph.op("Unsqueeze", part, graph.ints(1))
    for part in stft(graph, "signal", samples, n_fft, hop)
  ]
  output = istft(graph, spectrum, samples, n_fft, hop)
  model = graph.model(function(samples, 1, samples), output)
  found = run(model, signal=signals(samples))
  np.testing.assert_allclose(found[:, 0], signals(samples), atol=5e-6)


def test_magnitude_of_three_and_four_is_five():
  graph = Graph({})
  four = graph.op("Mul", "signal", graph.floats(-4 / 3, "factor"))
  model = graph.model(function(2, 2), magnitude(graph, "signal", four))
  found = run(model, signal=np.float32([[3, 0]]))
  np.testing.assert_allclose(found, [[5, 0]])
