"""`condition` and `separate_patch` as ONNX graphs.

Module by module what `models` says; a test holds the numbers to be the same.
"""

import numpy as np
import onnx

from fewshot_mss.export.functions import Function
from fewshot_mss.export.onnx_graph import Graph
from fewshot_mss.export.onnx_ops import (
  Image,
  compress,
  conv,
  dense,
  fold,
  group_norm,
  pad_frames,
  standardize,
  unfold,
)
from fewshot_mss.export.onnx_spectral import istft, magnitude, stft
from fewshot_mss.models import spectral
from fewshot_mss.models.separator import FewShotSeparator

_LEAK = 0.2
# Of flax's LayerNorm.
_EPSILON = 1e-6


def condition_model(
  graph: Graph, model: FewShotSeparator, function: Function
) -> onnx.ModelProto:
  """Makes the graph of `condition`.

  Args:
    graph: An empty one, with the parameters.
    model: The network.
    function: What `functions.make_functions` says of it.

  Returns:
    The whole model.
  """
  if model.conditioning == "class":
    return graph.model(function, _class_vector(graph, model))
  samples = function.inputs[0].shape[-1]
  if model.conditioning == "examples":
    return graph.model(
      function, _mean(graph, model, "positive", samples, "empty")
    )
  both = graph.op(
    "Concat",
    _mean(graph, model, "positive", samples, "no_positive"),
    _mean(graph, model, "negative", samples, "no_negative"),
    axis=-1,
  )
  combined = dense(graph, both, "conditioner/combine")
  return graph.model(function, graph.op("Relu", combined))


def separate_model(
  graph: Graph, model: FewShotSeparator, function: Function
) -> onnx.ModelProto:
  """Makes the graph of `separate_patch`; arguments as above."""
  samples = function.inputs[0].shape[-1]
  sizes = (model.n_fft, model.hop_samples)
  frames = spectral.num_frames(samples, *sizes)
  queries = graph.op("Shape", "condition", start=1, end=2)
  parts = stft(graph, "mixture", samples, *sizes)
  bins = model.n_fft // 2
  below = graph.cut(magnitude(graph, *parts), 2, 0, bins)
  padded = pad_frames(graph, below, frames, model.frames_multiple)
  features = _encode(
    graph, model, padded, frames + -frames % model.frames_multiple
  )
  mask = _decode(graph, model, features, queries)
  mask = graph.cut(mask, 1, 0, frames)
  # The Nyquist bin takes its neighbour's mask.
  last = graph.cut(mask, 2, bins - 1, bins)
  mask = graph.op("Concat", mask, last, axis=2)
  shape = graph.op(
    "Concat",
    graph.ints(-1),
    queries,
    graph.ints(frames, bins + 1),
    axis=0,
  )
  mask = graph.op("Reshape", mask, shape)
  masked = [
    graph.op("Mul", graph.op("Unsqueeze", part, graph.ints(1)), mask)
    for part in parts
  ]
  return graph.model(function, istft(graph, masked, samples, *sizes))


def _class_vector(graph: Graph, model: FewShotSeparator) -> str:
  none = graph.constant(np.array(0, np.int32), "first_class")
  rest = graph.constant(np.array(model.num_classes, np.int32), "no_class")
  row = graph.op("Where", graph.op("Less", "class_id", none), rest, "class_id")
  return graph.op("Gather", graph.param("conditioner/table/embedding"), row)


def _mean(
  graph: Graph, model: FewShotSeparator, kind: str, samples: int, empty: str
) -> str:
  """Returns the mean of the clips' embeddings by their weights, [b, D]."""
  embedded = _embed(
    graph, model, graph.reshape(f"{kind}s", -1, samples), samples
  )
  weights = f"{kind}_weights"
  shape = graph.op(
    "Concat",
    graph.op("Shape", weights),
    graph.ints(model.condition_dim),
    axis=0,
  )
  embedded = graph.op("Reshape", embedded, shape)
  zero = graph.floats(0.0, "zero")
  there = graph.op("Greater", weights, zero)
  weights = graph.op("Where", there, weights, zero)
  # Not the product alone: NaN in a clip of weight 0 would stay NaN.
  last = graph.ints(-1)
  embedded = graph.op(
    "Where", graph.op("Unsqueeze", there, last), embedded, zero
  )
  weighed = graph.op("Mul", embedded, graph.op("Unsqueeze", weights, last))
  summed = graph.op("ReduceSum", weighed, graph.ints(1), keepdims=0)
  total = graph.op("ReduceSum", weights, last, keepdims=1)
  any_there = graph.op("Greater", total, zero)
  divisor = graph.op("Where", any_there, total, graph.floats(1.0, "one"))
  return graph.op(
    "Where",
    any_there,
    graph.op("Div", summed, divisor),
    graph.param(f"conditioner/{empty}"),
  )


def _embed(
  graph: Graph, model: FewShotSeparator, clips: str, samples: int
) -> str:
  """Returns the embeddings of [clips, samples], [clips, D]."""
  sizes = (model.n_fft, model.hop_samples)
  frames, bins = spectral.num_frames(samples, *sizes), model.n_fft // 2
  value = magnitude(graph, *stft(graph, clips, samples, *sizes))
  value = compress(graph, graph.cut(value, 2, 0, bins))
  value = graph.reshape(value, 0, 1, -1)
  value = standardize(graph, value, 1, _EPSILON)
  value = graph.reshape(value, 0, frames, bins)
  high = model.encoder_fold[0]
  value = pad_frames(graph, value, frames, high)
  image = fold(graph, value, frames + -frames % high, bins, model.encoder_fold)
  for i in range(len(model.encoder_channels)):
    if i:
      image = _leaky_relu(graph, image)
    image = conv(graph, image, f"encoder/conv_{i}", stride=2)
    image = group_norm(graph, image, f"encoder/norm_{i}")
  value = graph.op("ReduceMean", image.value, axes=[2], keepdims=0)
  value = graph.op("Transpose", value, perm=[0, 2, 1])
  inputs = image.bins * image.channels
  value = graph.reshape(value, 0, inputs)
  root = graph.floats(inputs**0.5, "root_of_inputs")
  value = dense(graph, graph.op("Div", value, root), "encoder/embed")
  return graph.op(
    "LayerNormalization",
    value,
    graph.param("encoder/embed_norm/scale"),
    graph.param("encoder/embed_norm/bias"),
    epsilon=_EPSILON,
  )


def _encode(
  graph: Graph, model: FewShotSeparator, magnitudes: str, frames: int
) -> list[Image]:
  """Returns the features of every block, the bottleneck last."""
  bins = model.n_fft // 2
  image = fold(
    graph, compress(graph, magnitudes), frames, bins, model.unet_fold
  )
  # One channel more, empty, to which each column's place is added.
  pads = graph.ints(0, 0, 0, 0, 0, 1, 0, 0)
  place = np.zeros((image.channels + 1, 1, image.bins))
  place[-1] = np.linspace(-1.0, 1.0, image.bins)
  value = graph.op(
    "Add", graph.op("Pad", image.value, pads), graph.floats(place, "place")
  )
  image = image._replace(value=value, channels=image.channels + 1)
  features = []
  for i in range(len(model.unet_channels)):
    image = conv(graph, image, f"unet/down_{i}", stride=2)
    image = group_norm(graph, image, f"unet/down_norm_{i}")
    image = _leaky_relu(graph, image)
    features.append(image)
  return features


def _decode(
  graph: Graph, model: FewShotSeparator, features: list[Image], queries: str
) -> str:
  """Returns the masks, [b * q, frames, bins]."""
  condition = graph.reshape("condition", -1, model.condition_dim)
  *skips, image = features
  image = _film(graph, _repeat(graph, image, queries), condition, 0)
  blocks = len(features)
  for i in range(blocks):
    image = conv(graph, image, f"unet/up_{i}")
    if i > 0:
      skip = conv(graph, skips[-i], f"unet/skip_{i}")
      skip = _repeat(graph, skip, queries)
      value = graph.op("Add", image.value, skip.value)
      image = image._replace(value=value)
    value = graph.op("DepthToSpace", image.value, blocksize=2, mode="DCR")
    _, channels, frames, bins = image
    image = Image(value, channels // 4, frames * 2, bins * 2)
    if i == blocks - 1:
      break
    image = group_norm(graph, image, f"unet/up_norm_{i}")
    if model.film_site == "decoder":
      image = _film(graph, image, condition, i + 1)
    image = image._replace(value=graph.op("Relu", image.value))
  return graph.op("Sigmoid", unfold(graph, image, model.unet_fold))


def _leaky_relu(graph: Graph, image: Image) -> Image:
  value = graph.op("LeakyRelu", image.value, alpha=_LEAK)
  return image._replace(value=value)


def _film(graph: Graph, image: Image, condition: str, number: int) -> Image:
  axes = graph.ints(2, 3)
  delta, beta = (
    graph.op(
      "Unsqueeze", dense(graph, condition, f"unet/film_{number}/{name}"), axes
    )
    for name in ("delta", "beta")
  )
  gamma = graph.op("Add", delta, graph.floats(1.0, "one"))
  value = graph.op("Mul", gamma, image.value)
  return image._replace(value=graph.op("Add", value, beta))


def _repeat(graph: Graph, image: Image, queries: str) -> Image:
  """Repeats each mixture's image for each of its queries."""
  value = graph.op("Unsqueeze", image.value, graph.ints(1))
  shape = graph.op(
    "Concat", graph.ints(1), queries, graph.ints(1, 1, 1), axis=0
  )
  value = graph.op("Expand", value, shape)
  return image._replace(value=graph.reshape(value, -1, *image[1:]))
