"""`init_from`: a training that begins with the weights of an archive.

What is taken: the U-Net always; the encoder of examples if both models have
one; what makes the condition if both are asked in the same way, of a table of
classes the vectors of the instruments that both know by name. All else begins
as ever.
"""

import dataclasses
from pathlib import Path
from typing import Any

import jax
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict
from ml_collections import ConfigDict

from fewshot_mss.errors import InputError
from fewshot_mss.export.archive import Archive, load_archive
from fewshot_mss.export.checks import build_model
from fewshot_mss.export.hub import local_folder
from fewshot_mss.models.separator import FewShotSeparator
from fewshot_mss.training.recovery import saved_steps
from fewshot_mss.training.step import TrainState

# Fields in which the two models may differ: how they are asked, and how, but
# not what, they compute.
_FREE_FIELDS = ("conditioning", "num_classes", "stft_form", "compute_dtype")
_TABLE = "conditioner/table/embedding"


def read_beginning(config: ConfigDict, workdir: Path) -> Archive | None:
  """Reads what a run begins with, and checks that it fits.

  Args:
    config: `init_from` and `model` are read.
    workdir: Folder of the run.

  Returns:
    The archive; None if the run begins with nothing, or goes on: then its
    checkpoints count, and the archive may be gone.

  Raises:
    InputError: If it cannot be read, or its network is another one.
  """
  place = config.init_from
  if not place or saved_steps(workdir / "checkpoints"):
    return None
  try:
    archive = load_archive(local_folder(place))
  except InputError as error:
    raise InputError(f"init_from: {error}") from error
  theirs, ours = build_model(archive.model), FewShotSeparator(**config.model)
  differing = [
    f"model.{field.name} is {_value(theirs, field.name)} there and "
    f"{_value(ours, field.name)} here"
    for field in dataclasses.fields(FewShotSeparator)
    if field.name not in (*_FREE_FIELDS, "parent", "name")
    and _value(theirs, field.name) != _value(ours, field.name)
  ]
  if differing:
    raise InputError(
      f"init_from: {place} does not fit ({'; '.join(differing)}): give its "
      f"values; only {', '.join(_FREE_FIELDS)} may differ"
    )
  return archive


def _value(model: FewShotSeparator, name: str) -> Any:
  value = getattr(model, name)
  return value if isinstance(value, str | int) else tuple(value)


def describe_beginning(archive: Archive) -> dict[str, Any]:
  """Returns what a run keeps of what it began with, as JSON values."""
  return {
    "weights_sha256": archive.content_hash,
    "training": dict(archive.training),
  }


def begin_with(
  state: TrainState,
  archive: Archive,
  conditioning: str,
  class_names: tuple[str, ...],
) -> tuple[TrainState, str]:
  """Puts the weights of an archive into a state that has taken no step.

  Args:
    state: As it begins without; the same on all processes. Its parameters'
      memory is freed.
    archive: Of `read_beginning`.
    conditioning: Of the run's network.
    class_names: The instruments that the run trains, in order of their class.

  Returns:
    The state, and in a line what was taken.
  """
  same = archive.model["conditioning"] == conditioning
  old = flatten_dict(archive.params, sep="/")
  values, taken, fresh, vectors = {}, set[str](), set[str](), ""
  for name, leaf in flatten_dict(state.params, sep="/").items():
    part = name.split("/")[0]
    if name not in old or (part == "conditioner" and not same):
      values[name] = np.asarray(leaf.addressable_data(0))
      fresh.add(part)
    elif name == _TABLE:
      table = np.array(leaf.addressable_data(0))
      known = _copy_rows(table, class_names, old[name], archive.instruments)
      values[name] = table
      vectors = (
        f", and the vectors of {known} of {len(class_names)} instruments"
      )
    else:
      values[name] = old[name]
      taken.add(part)
  line = (
    f"begins with weights {archive.content_hash[:12]}...: takes "
    f"{', '.join(sorted(taken))}{vectors}; new: "
    f"{', '.join(sorted(fresh)) or 'nothing'}"
  )
  params = unflatten_dict(values, sep="/")
  # Twice: a step uses up both.
  shardings = jax.tree.map(lambda leaf: leaf.sharding, state.params)
  jax.tree.map(lambda leaf: leaf.delete(), (state.params, state.ema_params))
  return state._replace(
    params=jax.tree.map(_put, params, shardings),
    ema_params=jax.tree.map(_put, params, shardings),
  ), line


def _copy_rows(
  table: np.ndarray,
  names: tuple[str, ...],
  old: np.ndarray,
  old_names: tuple[str, ...],
) -> int:
  """Copies the vectors of the names that both know; returns how many."""
  # The last one is of no single class.
  table[-1] = old[-1]
  rows = {name: row for row, name in enumerate(old_names)}
  for row, name in enumerate(names):
    if name in rows:
      table[row] = old[rows[name]]
  return sum(name in rows for name in names)


def _put(leaf: np.ndarray, sharding: jax.sharding.Sharding) -> jax.Array:
  return jax.make_array_from_callback(
    leaf.shape, sharding, lambda index: leaf[index]
  )
