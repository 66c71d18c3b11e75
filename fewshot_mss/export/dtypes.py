"""The types that weights may have in a file; networks get float32 of all."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict
from safetensors import SafetensorError, deserialize
from safetensors.numpy import save

from fewshot_mss.errors import InputError

# By their names in `config.json`: safetensors' code, and numpy's type.
DTYPES: dict[str, tuple[str, np.dtype]] = {
  "float32": ("F32", np.dtype("<f4")),
  "float16": ("F16", np.dtype("<f2")),
  "bfloat16": ("BF16", np.dtype(jnp.bfloat16)),
}


def flat_float32(params: Mapping[str, Any]) -> dict[str, np.ndarray]:
  """Returns parameters in float32 by names like `unet/down_0/kernel`."""
  return {
    name: np.asarray(leaf, np.float32)
    for name, leaf in flatten_dict(dict(params), sep="/").items()
  }


def to_bytes(tensors: Mapping[str, np.ndarray], dtype: str) -> bytes:
  """Returns the file of some weights.

  Args:
    tensors: In float32.
    dtype: A key of `DTYPES`; values are rounded to the nearest.

  Returns:
    What safetensors reads.

  Raises:
    InputError: If a value is not finite, or too large for the type.
  """
  return save(
    {name: _rounded(name, leaf, dtype) for name, leaf in tensors.items()}
  )


def from_bytes(weights: bytes, dtype: str, path: Path) -> dict[str, np.ndarray]:
  """Returns the weights of a file in float32.

  Args:
    weights: Its content.
    dtype: What all of them are to have there.
    path: Of the file, for the message.

  Returns:
    Every tensor by its name.

  Raises:
    InputError: If it is no such file, or one has another type.
  """
  try:
    parts = deserialize(weights)
  except SafetensorError as error:
    raise InputError(
      f"{path} is no safetensors file: export the model again"
    ) from error
  code, kind = DTYPES[dtype]
  for name, part in parts:
    if part["dtype"] != code:
      raise InputError(
        f"{path}: {name} is {part['dtype']}, expected {code}: export again"
      )
  return {
    name: np.frombuffer(part["data"], kind)
    .reshape(part["shape"])
    .astype(np.float32)
    for name, part in parts
  }


def cast_params(params: Mapping[str, Any], dtype: str) -> dict[str, Any]:
  """Returns parameters in the type that a file of theirs would have.

  Args:
    params: Of a network.
    dtype: A key of `DTYPES`.

  Returns:
    The same tree.

  Raises:
    InputError: If a value is not finite, or too large for the type.
  """
  return unflatten_dict(
    {
      name: _rounded(name, leaf, dtype)
      for name, leaf in flat_float32(params).items()
    },
    sep="/",
  )


def _rounded(name: str, leaf: np.ndarray, dtype: str) -> np.ndarray:
  if not np.isfinite(leaf).all():
    raise InputError(
      f"{name} holds NaN or infinite weights: export an earlier checkpoint"
    )
  with np.errstate(over="ignore"):
    rounded = leaf.astype(DTYPES[dtype][1])
  if np.isinf(rounded).any():
    raise InputError(
      f"{name} holds {np.abs(leaf).max():g}, too large for {dtype}: take "
      "bfloat16 or float32"
    )
  return rounded
