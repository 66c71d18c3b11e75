"""An ONNX graph in the making.

By hand: converters from JAX (jax2onnx 0.17) need minutes and wrote graphs that
fail when they are run, where the batch is of any size.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from flax.traverse_util import flatten_dict
from onnx import TensorProto, helper, numpy_helper

import fewshot_mss
from fewshot_mss.export.functions import Function, Tensor

# The oldest that has LayerNormalization, and old enough for any onnxruntime
# since 2022 and for the ones in browsers; the format version that came with it.
OPSET = 17
_IR_VERSION = 8
_TYPES = {"float32": TensorProto.FLOAT, "int32": TensorProto.INT32}


class Graph:
  """Collects the nodes of a graph; values are known by their names.

  Attributes:
    params: Parameters of `FewShotSeparator` by names like `unet/up_0/kernel`,
      in float32.
  """

  def __init__(self, params: Mapping[str, Any]):
    """Begins an empty graph."""
    self.params = {
      name: np.asarray(leaf, np.float32)
      for name, leaf in flatten_dict(dict(params), sep="/").items()
    }
    with np.errstate(over="ignore"):
      self._half = all(
        np.array_equal(array.astype(np.float16), array)
        for array in self.params.values()
      )
    self._nodes: list[onnx.NodeProto] = []
    self._constants: dict[str, onnx.TensorProto] = {}

  def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
    """Adds a node and returns the name of what it gives."""
    name = f"{kind}_{len(self._nodes)}"
    node = helper.make_node(kind, inputs, [name], name, **attributes)
    self._nodes.append(node)
    return name

  def constant(self, array: np.ndarray, name: str) -> str:
    """Returns a constant; the same name is the same constant."""
    if name not in self._constants:
      array = np.asarray(array, order="C")
      self._constants[name] = numpy_helper.from_array(array, name)
    return name

  def ints(self, *numbers: int) -> str:
    """Returns a constant vector: a shape, or axes, or paddings."""
    name = "ints_" + "_".join(map(str, numbers))
    return self.constant(np.array(numbers, np.int64), name)

  def floats(self, array: Any, name: str) -> str:
    """Returns a constant of float32."""
    return self.constant(np.asarray(array, np.float32), name)

  def param(self, name: str, form: str = "") -> str:
    """Returns a parameter in the form that its operator wants.

    Where half precision holds all of them exactly, as it does those of an
    archive in it, they are stored so, which halves the file, and become float32
    when the graph is loaded.

    Args:
      name: Of the parameter.
      form: 'conv' turns [height, width, in, out] around, 'image' makes a vector
        of channels fit an image; else as it is.

    Returns:
      The constant.
    """
    array = self.params[name]
    if form == "conv":
      array = array.transpose(3, 2, 0, 1)
    elif form == "image":
      array = array[:, None, None]
    if not self._half:
      return self.floats(array, name)
    stored = self.constant(array.astype(np.float16), name)
    return self.op("Cast", stored, to=TensorProto.FLOAT)

  def reshape(self, value: str, *sizes: int) -> str:
    """Adds a reshape: 0 keeps the size in that place, -1 takes the rest."""
    return self.op("Reshape", value, self.ints(*sizes))

  def cut(self, value: str, axis: int, start: int, stop: int) -> str:
    """Adds a slice along one axis."""
    places = (self.ints(start), self.ints(stop), self.ints(axis))
    return self.op("Slice", value, *places)

  def model(self, function: Function, output: str) -> onnx.ModelProto:
    """Returns the whole, checked.

    Args:
      function: What it is: its name, inputs and output.
      output: The value that is returned.

    Returns:
      The model.
    """
    self._nodes.append(
      helper.make_node("Identity", [output], [function.output.name])
    )
    graph = helper.make_graph(
      self._nodes,
      function.name,
      [_described(tensor) for tensor in function.inputs],
      [_described(function.output)],
      [*self._constants.values()],
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


def _described(tensor: Tensor) -> onnx.ValueInfoProto:
  kind = _TYPES[tensor.dtype]
  return helper.make_tensor_value_info(tensor.name, kind, tensor.shape)
