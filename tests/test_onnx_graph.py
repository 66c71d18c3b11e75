"""What graphs are put together from."""

import jax.numpy as jnp
import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="the extra [onnx] is not installed")

from fewshot_mss.export.functions import Function, Tensor  # noqa: E402
from fewshot_mss.export.onnx_graph import Graph  # noqa: E402
from tiny_onnx import run  # noqa: E402

KERNEL = np.arange(16, dtype=np.float32).reshape(1, 2, 2, 4)
FUNCTION = Function(
  "double",
  None,
  (Tensor("x", "float32", ("b", 6)),),
  Tensor("y", "float32", ("b", 6)),
)


def initializers(graph):
  model = graph.model(FUNCTION, graph.op("Add", "x", "x"))
  return {tensor.name: tensor for tensor in model.graph.initializer}


def test_a_graph_runs_and_says_who_made_it():
  graph = Graph({})
  model = graph.model(FUNCTION, graph.op("Add", "x", "x"))
  x = np.arange(12, dtype=np.float32).reshape(2, 6)
  np.testing.assert_array_equal(run(model, x=x), 2 * x)
  assert (model.producer_name, model.graph.name) == ("fewshot-mss", "double")
  assert model.ir_version == 8


def test_a_graph_that_makes_no_sense_is_not_written():
  graph = Graph({})
  with pytest.raises(onnx.checker.ValidationError, match="absent"):
    graph.model(FUNCTION, graph.op("Add", "x", "absent"))
  graph = Graph({})
  wrong = graph.op("Concat", "x", "x", axis=1)
  with pytest.raises(onnx.shape_inference.InferenceError):
    graph.model(FUNCTION, wrong)


def test_reshape_and_cut():
  graph = Graph({})
  threes = graph.reshape("x", 0, 2, -1)
  last = graph.cut(threes, 2, 1, 3)
  doubled = graph.op("Concat", last, graph.cut(last, 2, 0, 1), axis=2)
  model = graph.model(FUNCTION, graph.reshape(doubled, 0, -1))
  x = np.arange(6, dtype=np.float32)[None]
  np.testing.assert_array_equal(run(model, x=x), [[1, 2, 1, 4, 5, 4]])


def test_constants_are_stored_once():
  graph = Graph({"a": {"kernel": KERNEL + 0.1}})
  assert graph.ints(1, -2) == graph.ints(1, -2) != graph.ints(1, 2)
  assert graph.param("a/kernel") == graph.param("a/kernel") == "a/kernel"
  stored = initializers(graph)
  assert stored.keys() == {"ints_1_-2", "ints_1_2", "a/kernel"}


def test_parameters_take_the_form_of_their_operator():
  params = {"a": {"kernel": KERNEL + 0.1, "bias": np.float32([1, 2])}}
  graph = Graph(params)
  graph.param("a/kernel", "conv")
  graph.param("a/bias", "image")
  stored = initializers(graph)
  kernel = onnx.numpy_helper.to_array(stored["a/kernel"])
  # [height, width, in, out] becomes [out, in, height, width].
  assert kernel.shape == (4, 2, 1, 2)
  assert kernel[3, 1, 0, 0] == KERNEL[0, 0, 1, 3] + np.float32(0.1)
  assert stored["a/bias"].dims == [2, 1, 1]


@pytest.mark.parametrize("value", [0.1, 1e9])
def test_one_weight_that_half_precision_cannot_hold_keeps_all_full(value):
  half = Graph({"a": KERNEL, "b": KERNEL})
  full = Graph({"a": KERNEL, "b": np.float32([value])})
  kinds = []
  for graph in (half, full):
    graph.param("a")
    kinds.append(initializers(graph)["a"].data_type)
  assert kinds == [onnx.TensorProto.FLOAT16, onnx.TensorProto.FLOAT]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_parameters_may_come_in_half_precision(dtype):
  graph = Graph({"a": jnp.asarray(KERNEL, dtype)})
  graph.param("a")
  stored = onnx.numpy_helper.to_array(initializers(graph)["a"])
  np.testing.assert_array_equal(stored, KERNEL)
