"""Each building block against the one of JAX."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

pytest.importorskip("onnx", reason="the extra [onnx] is not installed")

from fewshot_mss.export import onnx_ops
from fewshot_mss.export.functions import Function, Tensor
from fewshot_mss.export.onnx_graph import Graph
from fewshot_mss.export.onnx_ops import Image
from fewshot_mss.models import unet
from tiny_onnx import run


def noise(*shape):
  rng = np.random.default_rng(0)
  return rng.normal(0, 1, shape).astype(np.float32)


def finish(graph, x, output, shape):
  """Runs a graph of one input."""
  tensor = Tensor("x", "float32", ("b", *x.shape[1:]))
  wanted = Tensor("y", "float32", ("b", *shape))
  return run(graph.model(Function("f", None, (tensor,), wanted), output), x=x)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("bias", [True, False])
def test_convolutions_pad_as_those_of_jax(stride, kernel, bias):
  if bias and kernel != 3:
    return
  x = noise(2, 7, 8, 3)
  layer = nn.Conv(5, (kernel, kernel), strides=stride, use_bias=bias)
  params = layer.init(jax.random.key(0), x)["params"]
  if bias:
    params["bias"] = noise(5)
  wanted = layer.apply({"params": params}, x).transpose(0, 3, 1, 2)
  graph = Graph({"a": params})
  image = onnx_ops.conv(graph, Image("x", 3, 7, 8), "a", stride)
  assert image[1:] == wanted.shape[1:]
  found = finish(graph, x.transpose(0, 3, 1, 2), image.value, image[1:])
  np.testing.assert_allclose(found, wanted, atol=1e-5)


@pytest.mark.parametrize("channels", [4, 16, 20])
def test_group_norm(channels):
  x = 3 + 2 * noise(2, 5, 4, channels)
  params = {"scale": noise(channels), "bias": 1 + noise(channels)}
  layer = unet.group_norm(channels, "a")
  wanted = layer.apply({"params": params}, x).transpose(0, 3, 1, 2)
  graph = Graph({"a": params})
  image = Image("x", channels, 5, 4)
  image = onnx_ops.group_norm(graph, image, "a")
  found = finish(graph, x.transpose(0, 3, 1, 2), image.value, image[1:])
  np.testing.assert_allclose(found, wanted, atol=1e-5)


@pytest.mark.parametrize("cell", [(1, 1), (2, 1), (1, 4), (2, 4), (3, 2)])
def test_fold_and_back(cell):
  x = noise(2, 6, 8)
  graph = Graph({})
  image = onnx_ops.fold(graph, "x", 6, 8, cell)
  wanted = np.asarray(unet.fold(jnp.asarray(x), cell)).transpose(0, 3, 1, 2)
  assert image[1:] == wanted.shape[1:]
  found = finish(graph, x, image.value, image[1:])
  np.testing.assert_array_equal(found, wanted)
  graph = Graph({})
  image = onnx_ops.fold(graph, "x", 6, 8, cell)
  back = onnx_ops.unfold(graph, image, cell)
  np.testing.assert_array_equal(finish(graph, x, back, (6, 8)), x)


@pytest.mark.parametrize("multiple", [1, 3, 4])
def test_frames_are_padded_up_to_a_multiple(multiple):
  x = noise(2, 6, 2)
  graph = Graph({})
  value = graph.op("Identity", "x")
  value = onnx_ops.pad_frames(graph, value, 6, multiple)
  wanted = np.asarray(unet.pad_frames(jnp.asarray(x), multiple))
  found = finish(graph, x, value, wanted.shape[1:])
  np.testing.assert_array_equal(found, wanted)


def test_dense_standardize_and_compress():
  x = noise(2, 3)
  params = {"kernel": noise(3, 4), "bias": noise(4)}
  graph = Graph({"a": params})
  found = finish(graph, x, onnx_ops.dense(graph, "x", "a"), (4,))
  np.testing.assert_allclose(
    found, x @ params["kernel"] + params["bias"], atol=1e-6
  )
  graph = Graph({})
  x = np.float32([[[1, 3], [0, 4]]])
  value = onnx_ops.standardize(graph, "x", 2, 3.0)
  # Variances 1 and 4; epsilon makes the deviations 2 and root 7.
  found = finish(graph, x, value, (2, 2))
  root = 2 / 7**0.5
  np.testing.assert_allclose(found, [[[-0.5, 0.5], [-root, root]]], atol=1e-6)
  graph = Graph({})
  found = finish(graph, x, onnx_ops.compress(graph, "x"), (2, 2))
  np.testing.assert_allclose(found, unet.compress(jnp.asarray(x)), atol=1e-6)
