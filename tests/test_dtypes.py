"""Weights in fewer bits: rounded as hand-computed, read back in float32."""

from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from safetensors import deserialize
from safetensors.numpy import save

from fewshot_mss import export_arguments
from fewshot_mss.errors import InputError
from fewshot_mss.export.dtypes import (
  DTYPES,
  cast_params,
  from_bytes,
  to_bytes,
)

# float16 steps by 2**-10 above 1, bfloat16 by 2**-7; what lies in the middle
# goes to the even neighbour.
VALUES = [1 + 2**-11, 1 + 3 * 2**-11, 1 + 2**-8, 1 + 3 * 2**-8, -65504.0, 0.1]
ROUNDED = {
  "float32": np.float32(VALUES).tolist(),
  "float16": [
    1.0,
    1 + 2**-9,
    1 + 2**-8,
    1 + 3 * 2**-8,
    -65504.0,
    0.0999755859375,
  ],
  "bfloat16": [1.0, 1.0, 1.0, 1 + 2**-6, -65536.0, 0.10009765625],
}
PATH = Path("model.safetensors")


def tensors(values=VALUES):
  return {"a/b": np.float32(values), "c": np.zeros((2, 3), np.float32)}


@pytest.mark.parametrize("dtype", DTYPES)
def test_weights_are_rounded_to_the_nearest_and_come_back_in_float32(dtype):
  weights = to_bytes(tensors(), dtype)
  stored = dict(deserialize(weights))["a/b"]
  numbers = np.frombuffer(stored["data"], jnp.dtype(dtype))
  assert numbers.astype(np.float64).tolist() == ROUNDED[dtype]
  back = from_bytes(weights, dtype, PATH)
  assert back["a/b"].dtype == np.float32
  assert back["a/b"].tolist() == ROUNDED[dtype]
  assert back["c"].shape == (2, 3)


@pytest.mark.parametrize("dtype", DTYPES)
def test_parameters_are_cast_to_what_a_file_holds(dtype):
  rounded = cast_params({"a": {"b": np.float32(VALUES)}}, dtype)
  leaf = rounded["a"]["b"]
  assert leaf.dtype == jnp.dtype(dtype)
  assert leaf.astype(np.float64).tolist() == ROUNDED[dtype]


def test_a_weight_that_float16_cannot_hold_is_named():
  with pytest.raises(InputError, match=r"a/b holds 70000, too large for fl"):
    to_bytes(tensors([1.0, -7e4]), "float16")
  wide = cast_params(tensors([1.0, -7e4]), "bfloat16")
  assert wide["a"]["b"].tolist() == [1.0, -70144.0]


def test_another_type_than_the_one_that_is_told_is_refused():
  with pytest.raises(InputError, match="is F16, expected BF16"):
    from_bytes(to_bytes(tensors(), "float16"), "bfloat16", PATH)
  mixed = save({"a/b": np.zeros(1, np.float64)})
  with pytest.raises(InputError, match=r"a/b is F64, expected F32"):
    from_bytes(mixed, "float32", PATH)


def test_the_command_line_offers_the_types_that_there_are():
  assert tuple(DTYPES) == export_arguments.DTYPES


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_a_weight_that_is_not_finite_is_not_said_to_need_a_wider_type(value):
  with pytest.raises(InputError, match=r"a/b holds NaN or infinite weights"):
    to_bytes(tensors([1.0, value]), "float32")
