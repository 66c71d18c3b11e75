"""The network's building blocks, written as ONNX operators.

Images are [batch, channels, frames, bins] here, as ONNX convolves them; JAX has
the channels last. All sizes but those of the batch are known when the graph is
made, so paddings and shapes are plain numbers in it.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import onnx
from flax.traverse_util import flatten_dict
from onnx import TensorProto, helper, numpy_helper

import fewshot_mss
from fewshot_mss.models import spectral, unet

# The oldest that has LayerNormalization, and old enough for any onnxruntime
# since 2022 and for the ones in browsers; the format version that came with it.
OPSET = 17
_IR_VERSION = 8
_TYPES = {"float32": TensorProto.FLOAT, "int32": TensorProto.INT32}


class Image(NamedTuple):
  """A value in the graph and its sizes, the batch's aside."""

  value: str
  channels: int
  frames: int
  bins: int


class Graph:
  """Collects the nodes of a graph; values are known by their names.

  Attributes:
    params: Parameters of `FewShotSeparator` by names like `unet/up_0/kernel`.
  """

  def __init__(self, params: Mapping[str, Any]):
    """Begins an empty graph."""
    self.params = flatten_dict(dict(params), sep="/")
    self._nodes: list[onnx.NodeProto] = []
    self._constants: dict[str, onnx.TensorProto] = {}

  def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
    """Adds a node and returns the name of what it gives."""
    name = f"{kind}_{len(self._nodes)}"
    node = helper.make_node(kind, inputs, [name], name, **attributes)
    self._nodes.append(node)
    return name

  def ints(self, *numbers: int) -> str:
    """Returns a constant vector: a shape, or axes, or paddings."""
    name = "ints_" + "_".join(map(str, numbers))
    return self._constant(np.array(numbers, np.int64), name)

  def floats(self, array: Any, name: str) -> str:
    """Returns a constant of float32; the same name is the same constant."""
    return self._constant(np.asarray(array, np.float32), name)

  def table(self, array: np.ndarray, name: str) -> str:
    """Returns a constant of the type that it has."""
    return self._constant(array, name)

  def param(self, name: str, form: str = "") -> str:
    """Returns a parameter in the form that its operator wants.

    Half precision is stored as such, which halves the file, and becomes float32
    when the graph is loaded.

    Args:
      name: Of the parameter.
      form: 'conv' turns [height, width, in, out] around, 'image' makes a vector
        of channels fit an image; else as it is.

    Returns:
      The constant.
    """
    array = np.asarray(self.params[name])
    if form == "conv":
      array = array.transpose(3, 2, 0, 1)
    elif form == "image":
      array = array[:, None, None]
    if array.dtype != np.float16:
      return self.floats(array, name)
    return self.op("Cast", self._constant(array, name), to=TensorProto.FLOAT)

  def reshape(self, value: str, *sizes: int) -> str:
    """Adds a reshape: 0 keeps the size in that place, -1 takes the rest."""
    return self.op("Reshape", value, self.ints(*sizes))

  def cut(self, value: str, axis: int, start: int, stop: int) -> str:
    """Adds a slice along one axis."""
    places = (self.ints(start), self.ints(stop), self.ints(axis))
    return self.op("Slice", value, *places)

  def _constant(self, array: np.ndarray, name: str) -> str:
    if name not in self._constants:
      array = np.ascontiguousarray(array)
      self._constants[name] = numpy_helper.from_array(array, name)
    return name

  def model(
    self,
    name: str,
    inputs: Sequence[Mapping[str, Any]],
    outputs: Sequence[Mapping[str, Any]],
  ) -> onnx.ModelProto:
    """Returns the whole, checked.

    Args:
      name: Of the graph.
      inputs: Of each its name, dtype and shape; text in a shape is any size.
      outputs: Likewise.

    Returns:
      The model.
    """
    inputs, outputs = (
      [
        helper.make_tensor_value_info(
          value["name"], _TYPES[value["dtype"]], value["shape"]
        )
        for value in values
      ]
      for values in (inputs, outputs)
    )
    graph = helper.make_graph(
      self._nodes, name, inputs, outputs, [*self._constants.values()]
    )
    model = helper.make_model(
      graph,
      opset_imports=[helper.make_opsetid("", OPSET)],
      ir_version=_IR_VERSION,
      producer_name="fewshot-mss",
      producer_version=fewshot_mss.__version__,
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def conv(graph: Graph, image: Image, name: str, stride: int = 1) -> Image:
  """Adds a convolution, padded as JAX pads `SAME`."""
  kernel = graph.params[f"{name}/kernel"]
  high, wide, _, channels = kernel.shape
  outer = [-(-size // stride) for size in (image.frames, image.bins)]
  spare = [
    max(0, (size_out - 1) * stride + window - size)
    for size_out, window, size in zip(
      outer, (high, wide), (image.frames, image.bins), strict=True
    )
  ]
  inputs = [image.value, graph.param(f"{name}/kernel", "conv")]
  if f"{name}/bias" in graph.params:
    inputs.append(graph.param(f"{name}/bias"))
  value = graph.op(
    "Conv",
    *inputs,
    kernel_shape=[high, wide],
    strides=[stride, stride],
    pads=[*(s // 2 for s in spare), *(s - s // 2 for s in spare)],
  )
  return Image(value, channels, *outer)


def standardize(graph: Graph, value: str, groups: int, epsilon: float) -> str:
  """Gives [batch, groups, ...] mean 0 and variance 1 in each group."""
  ones = graph.floats(np.ones(groups), f"ones_{groups}")
  zeros = graph.floats(np.zeros(groups), f"zeros_{groups}")
  return graph.op("InstanceNormalization", value, ones, zeros, epsilon=epsilon)


def group_norm(graph: Graph, image: Image, name: str) -> Image:
  """Adds what `unet.group_norm` does."""
  norm = unet.group_norm(image.channels, "norm")
  value = graph.reshape(image.value, 0, norm.num_groups, -1)
  value = standardize(graph, value, norm.num_groups, norm.epsilon)
  value = graph.reshape(value, 0, *image[1:])
  value = graph.op("Mul", value, graph.param(f"{name}/scale", "image"))
  value = graph.op("Add", value, graph.param(f"{name}/bias", "image"))
  return image._replace(value=value)


def dense(graph: Graph, value: str, name: str) -> str:
  """Adds a linear map of the last axis."""
  value = graph.op("MatMul", value, graph.param(f"{name}/kernel"))
  return graph.op("Add", value, graph.param(f"{name}/bias"))


def fold(
  graph: Graph, value: str, frames: int, bins: int, cell: Sequence[int]
) -> Image:
  """Makes the cells of [batch, frames, bins] channels, as `unet.fold` does."""
  high, wide = cell
  image = Image("", high * wide, frames // high, bins // wide)
  if math.prod(cell) > 1:
    value = graph.reshape(value, 0, image.frames, high, image.bins, wide)
    value = graph.op("Transpose", value, perm=[0, 2, 4, 1, 3])
  return image._replace(value=graph.reshape(value, 0, *image[1:]))


def unfold(graph: Graph, image: Image, cell: Sequence[int]) -> str:
  """Undoes `fold`: [batch, frames, bins]."""
  high, wide = cell
  value = image.value
  if math.prod(cell) > 1:
    value = graph.reshape(value, 0, high, wide, image.frames, image.bins)
    value = graph.op("Transpose", value, perm=[0, 3, 1, 4, 2])
  return graph.reshape(value, 0, image.frames * high, image.bins * wide)


def pad_frames(graph: Graph, value: str, frames: int, multiple: int) -> str:
  """Fills [batch, frames, bins] up as `unet.pad_frames` does."""
  missing = -frames % multiple
  if not missing:
    return value
  return graph.op("Pad", value, graph.ints(0, 0, 0, 0, missing, 0))


def compress(graph: Graph, value: str) -> str:
  """Adds what `unet.compress` does."""
  return graph.op("Pow", value, graph.floats(0.3, "compress"))


def _dft_matrices(graph: Graph, n_fft: int) -> tuple[str, str]:
  """Returns cos and -sin of the real DFT, [n_fft, n_fft // 2 + 1] each.

  The graph holds a table of one turn and looks the matrices up in it, once,
  when it is loaded: in a file they would outweigh the network.
  """
  turn = 2 * np.pi * np.arange(n_fft) / n_fft
  time = graph.table(np.arange(n_fft)[:, None], "time")
  frequency = graph.table(np.arange(n_fft // 2 + 1)[None], "frequency")
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
    graph.op("MatMul", framed, matrix)
    for matrix in _dft_matrices(graph, n_fft)
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
  spectrum: tuple[str, str],
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
  weight = np.full((n_fft // 2 + 1, 1), 2.0 / n_fft)
  weight[[0, -1]] = 1.0 / n_fft
  by_bin = graph.floats(weight, "bin_weights")
  products = []
  for part, matrix in zip(spectrum, _dft_matrices(graph, n_fft), strict=True):
    turned = graph.op("Transpose", matrix, perm=[1, 0])
    products.append(
      graph.op("MatMul", part, graph.op("Mul", by_bin, turned))
    )
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
