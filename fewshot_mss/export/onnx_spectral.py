"""The short-time Fourier transform as ONNX matmuls.

No operator for it is needed that a browser's onnxruntime may lack.
"""

from collections.abc import Sequence

import numpy as np

from fewshot_mss.export.onnx_graph import Graph
from fewshot_mss.models import spectral


def _dft_matrices(graph: Graph, n_fft: int) -> tuple[str, str]:
  """Returns cos and -sin of the real DFT, [n_fft, n_fft // 2 + 1] each.

  The graph holds a table of one turn and looks the matrices up in it, once,
  when it is loaded: in a file they would outweigh the network.
  """
  turn = 2 * np.pi * np.arange(n_fft) / n_fft
  time = graph.constant(np.arange(n_fft)[:, None], "time")
  frequency = graph.constant(np.arange(n_fft // 2 + 1)[None], "frequency")
  place = graph.op("Mul", time, frequency)
  place = graph.op("Mod", place, graph.ints(n_fft))
  cosine = graph.op("Gather", graph.floats(np.cos(turn), "cosine"), place)
  sine = graph.op("Gather", graph.floats(-np.sin(turn), "minus_sine"), place)
  return cosine, sine


def stft(
  graph: Graph, signal: str, samples: int, n_fft: int, hop_samples: int
) -> tuple[str, str]:
  """Adds what `spectral.stft` does to [batch, samples].

  Args:
    graph: Where.
    signal: The signals.
    samples: Their length.
    n_fft: As of `spectral.stft`.
    hop_samples: Likewise.

  Returns:
    Real and imaginary part, [batch, frames, bins].
  """
  ratio = n_fft // hop_samples
  frames = spectral.num_frames(samples, n_fft, hop_samples)
  left = n_fft - hop_samples
  right = (frames + ratio - 1) * hop_samples - left - samples
  padded = graph.op("Pad", signal, graph.ints(0, left, 0, right))
  blocks = graph.reshape(padded, 0, -1, hop_samples)
  parts = [graph.cut(blocks, 1, i, i + frames) for i in range(ratio)]
  framed = graph.op("Concat", *parts, axis=2)
  window = graph.floats(spectral.hann_window(n_fft), "window")
  framed = graph.op("Mul", framed, window)
  real, imag = (
    graph.op("MatMul", framed, matrix) for matrix in _dft_matrices(graph, n_fft)
  )
  return real, imag


def magnitude(graph: Graph, real: str, imag: str) -> str:
  """Adds the root of the power."""
  power = graph.op(
    "Add", graph.op("Mul", real, real), graph.op("Mul", imag, imag)
  )
  return graph.op("Sqrt", power)


def istft(
  graph: Graph,
  spectrum: Sequence[str],
  samples: int,
  n_fft: int,
  hop_samples: int,
) -> str:
  """Adds what `spectral.istft` does to [batch, queries, frames, bins].

  Args:
    graph: Where.
    spectrum: Real and imaginary part.
    samples: Length of the signals.
    n_fft: As of `spectral.istft`.
    hop_samples: Likewise.

  Returns:
    The signals, [batch, queries, samples].
  """
  weights = spectral.bin_weights(n_fft)[:, None]
  by_bin = graph.floats(weights, "bin_weights")
  products = []
  for part, matrix in zip(spectrum, _dft_matrices(graph, n_fft), strict=True):
    turned = graph.op("Transpose", matrix, perm=[1, 0])
    products.append(graph.op("MatMul", part, graph.op("Mul", by_bin, turned)))
  window = spectral.synthesis_window(n_fft, hop_samples)
  framed = graph.op(
    "Mul", graph.op("Add", *products), graph.floats(window, "synthesis_window")
  )
  ratio = n_fft // hop_samples
  blocks = ""
  for i in range(ratio):
    part = graph.cut(framed, 3, i * hop_samples, (i + 1) * hop_samples)
    pads = graph.ints(0, 0, i, 0, 0, 0, ratio - 1 - i, 0)
    part = graph.op("Pad", part, pads)
    blocks = graph.op("Add", blocks, part) if blocks else part
  left = n_fft - hop_samples
  return graph.cut(graph.reshape(blocks, 0, 0, -1), 2, left, left + samples)
