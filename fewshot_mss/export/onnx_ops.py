"""The network's building blocks, written as ONNX operators.

Images are [batch, channels, frames, bins] here, as ONNX convolves them; JAX has
the channels last. All sizes but those of the batch are known when the graph is
made, so paddings and shapes are plain numbers in it.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from fewshot_mss.export.onnx_graph import Graph
from fewshot_mss.models import unet


class Image(NamedTuple):
  """A value in the graph and its sizes, the batch's aside."""

  value: str
  channels: int
  frames: int
  bins: int


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
