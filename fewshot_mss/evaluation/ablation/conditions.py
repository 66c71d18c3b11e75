"""Condition vectors with what they are of, and their two main directions."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float32, Float64
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from fewshot_mss.errors import InputError

_LABELS = ("instruments", "families", "groups")


class Conditions(NamedTuple):
  """Vectors that the reference arm gave to FiLM.

  Attributes:
    vectors: One a query.
    instruments: The target of each.
    families: Its family.
    groups: `seen`, `unseen`, or either with `, unheard timbre`.
  """

  vectors: Float32[np.ndarray, "n D"]
  instruments: tuple[str, ...]
  families: tuple[str, ...]
  groups: tuple[str, ...]


def write_conditions(path: Path, conditions: Conditions) -> None:
  """Writes condition vectors as one safetensors file, whole or not at all.

  Args:
    path: The file.
    conditions: What to write.

  Raises:
    OSError: If it cannot be written.
  """
  labels = {name: json.dumps(getattr(conditions, name)) for name in _LABELS}
  temporary = path.with_name(f".{path.name}.tmp")
  temporary.write_bytes(save({"vectors": conditions.vectors}, labels))
  temporary.replace(path)


def read_conditions(path: Path) -> Conditions:
  """Reads what `write_conditions` wrote.

  Args:
    path: The file.

  Returns:
    The vectors and their labels.

  Raises:
    InputError: If it is missing or damaged.
  """
  try:
    with safe_open(path, framework="numpy") as file:
      labels = file.metadata() or {}
      vectors = file.get_tensor("vectors")
    of = [tuple(json.loads(labels[name])) for name in _LABELS]
  except (OSError, SafetensorError, ValueError, KeyError) as error:
    raise InputError(f"{path} cannot be read: ablate again") from error
  if vectors.ndim != 2 or {len(vectors)} != set(map(len, of)):
    raise InputError(f"{path} has no label for each vector: ablate again")
  return Conditions(vectors.astype(np.float32), *of)


def principal_components(
  vectors: Float[np.ndarray, "n D"],
) -> tuple[Float64[np.ndarray, "n 2"], Float64[np.ndarray, "2"]]:
  """Projects vectors on the two directions in which they differ most.

  Args:
    vectors: One an item.

  Returns:
    Their places, the largest part of each direction positive so that the
    picture does not depend on the library's signs; and the share of the
    variance that each of the two holds. Zeros where there is no second one.
  """
  centred = vectors.astype(np.float64)
  centred = centred - centred.mean(axis=0)
  _, sizes, directions = np.linalg.svd(centred, full_matrices=False)
  places = np.zeros((len(vectors), 2))
  shares = np.zeros(2)
  for i, (size, direction) in enumerate(
    zip(sizes[:2], directions[:2], strict=True)
  ):
    sign = np.sign(direction[np.abs(direction).argmax()])
    places[:, i] = centred @ (sign * direction)
    if size > 0:
      shares[i] = size**2 / np.sum(sizes**2)
  return places, shares
