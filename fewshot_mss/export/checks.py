"""What an archive must hold, checked before any of it is used."""

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict

from fewshot_mss.episode import EpisodeBatch, Support
from fewshot_mss.errors import InputError
from fewshot_mss.export.dtypes import DTYPES
from fewshot_mss.models.separator import FewShotSeparator

# 1 has no `dtype`: its weights are float32. What a version reads is kept for
# ever, see tests/archives.
FORMAT_VERSIONS = (1, 2)
FORMAT_VERSION = FORMAT_VERSIONS[-1]
CONFIG_NAME = "config.json"
# Inference works at the lengths that training used: GroupNorm measures over
# the whole patch, so a patch of another length is another input.
_LENGTH_KEYS = ("mixture_s", "example_s")
# No network has sizes beyond these; a stranger's file must not fill the memory.
_LARGEST = 2**20
_LONGEST_SAMPLES = 2**28
_KEYS = ("format_version", "model", "instruments", "training", "weights_sha256")


def build_model(fields: Mapping[str, Any]) -> FewShotSeparator:
  """Makes the network from the fields that an archive holds.

  Args:
    fields: Those of `FewShotSeparator`; lists may stand for tuples.

  Returns:
    The network.
  """
  return FewShotSeparator(
    **{
      name: tuple(value) if isinstance(value, list) else value
      for name, value in fields.items()
    }
  )


def check_config(config: Any, directory: Path) -> None:
  """Checks everything in `config.json` but the fit of the weights.

  Args:
    config: What was read.
    directory: Of the archive, for the message.

  Raises:
    InputError: If something is missing, unknown or of another type.
  """
  path = directory / CONFIG_NAME
  if not isinstance(config, dict) or "format_version" not in config:
    raise InputError(f"{path} describes no fewshot-mss model")
  version = config["format_version"]
  if type(version) is not int or version not in FORMAT_VERSIONS:
    readable = " and ".join(map(str, FORMAT_VERSIONS))
    raise InputError(
      f"{path} has format_version {version!r}, this program reads "
      f"{readable}: use the fewshot-mss that wrote it "
      f"({config.get('package_version', 'unknown')})"
    )
  keys = _KEYS if version == 1 else (*_KEYS, "dtype")
  missing = [key for key in keys if key not in config]
  if missing:
    raise InputError(f"{path} lacks {', '.join(missing)}: export again")
  for key, kind in (("model", dict), ("instruments", list), ("training", dict)):
    if not isinstance(config[key], kind):
      raise InputError(f"{path}: {key} is not a {kind.__name__}: export again")
  if dtype_of(config) not in tuple(DTYPES):
    raise InputError(
      f"{path}: dtype is {config['dtype']!r}, this program reads "
      f"{', '.join(DTYPES)}: export again as one of these"
    )
  _check_fields(config["model"], path)
  instruments = config["instruments"]
  if not all(isinstance(name, str) for name in instruments):
    raise InputError(f"{path}: instruments holds what is no text: export again")
  rows = config["model"]["num_classes"]
  if config["model"]["conditioning"] == "class" and len(instruments) > rows:
    raise InputError(
      f"{path} names {len(instruments)} instruments but model.num_classes is "
      f"{rows}: export again with the classes of the training"
    )
  rate_hz = config["model"]["sample_rate_hz"]
  for key in _LENGTH_KEYS:
    seconds = config["training"].get(key)
    if not (_is_number(seconds) and 1 <= seconds * rate_hz <= _LONGEST_SAMPLES):
      raise InputError(
        f"{path}: training.{key} is {seconds!r}, not a length in seconds: "
        "export again"
      )


def dtype_of(config: Mapping[str, Any]) -> Any:
  """Returns what type `config.json` says that the weights have."""
  return "float32" if config["format_version"] == 1 else config["dtype"]


def _is_number(value: Any) -> bool:
  if not isinstance(value, (int, float)) or isinstance(value, bool):
    return False
  try:
    return math.isfinite(value)
  except OverflowError:
    # JSON has integers that no float can hold.
    return False


def _check_fields(fields: dict[str, Any], path: Path) -> None:
  """Checks that the model's fields are those of the network, and their types.

  Sizes that do not go together are found by `_check_tensors`.
  """
  kinds = {
    field.name: field.type
    for field in dataclasses.fields(FewShotSeparator)
    if field.name not in ("parent", "name")
  }
  late = {name for name in kinds if hasattr(FewShotSeparator, name)}
  for word, names in (
    # A late field has a default, which is what older archives were made with.
    ("lacks", kinds.keys() - fields.keys() - late),
    ("has the unknown", fields.keys() - kinds.keys()),
  ):
    if names:
      keys = ", ".join(f"model.{name}" for name in sorted(names))
      raise InputError(
        f"{path} {word} {keys}: it fits another version of this program"
      )
  for name, value in fields.items():
    kind = kinds[name]
    if kind is str:
      fits = isinstance(value, str)
    elif kind is int:
      # No table of classes is needed where examples are the condition.
      fits = _is_size(value) or (name == "num_classes" and value == 0)
    else:
      fits = isinstance(value, (list, tuple)) and len(value) > 0
      fits = fits and all(_is_size(item) for item in value)
    if not fits:
      raise InputError(f"{path}: model.{name} cannot be {value!r}")


def _is_size(value: Any) -> bool:
  return type(value) is int and 0 < value <= _LARGEST


def check_tensors(
  tensors: dict[str, np.ndarray], fields: dict[str, Any], directory: Path
) -> None:
  """Checks the weights against the network of these fields.

  Args:
    tensors: Every parameter by its name.
    fields: Those of `FewShotSeparator`, checked by `check_config`.
    directory: Of the archive, for the message.

  Raises:
    InputError: If the fields do not go together, or a name, a shape or a value
      does not fit; it names the first.
  """
  try:
    like = flatten_dict(params_like(build_model(fields)), sep="/")
  except ValueError as error:
    raise InputError(f"{directory / CONFIG_NAME}: {error}") from error
  expected = {name: leaf.shape for name, leaf in like.items()}
  where = f"{directory}: the weights do not fit the model of {CONFIG_NAME}"
  missing = sorted(expected.keys() - tensors.keys())
  if missing:
    raise InputError(f"{where}: {missing[0]} is missing ({len(missing)} such)")
  unknown = sorted(tensors.keys() - expected.keys())
  if unknown:
    raise InputError(f"{where}: {unknown[0]} is unknown ({len(unknown)} such)")
  for name, shape in expected.items():
    if tensors[name].shape != shape:
      raise InputError(
        f"{where}: {name} is {tensors[name].shape}, expected {shape}"
      )
    if not np.isfinite(tensors[name]).all():
      raise InputError(
        f"{directory}: {name} holds NaN or infinite weights: export an earlier "
        "checkpoint"
      )


def params_like(model: FewShotSeparator) -> Any:
  """Returns the shapes of all parameters, computing none of them.

  Args:
    model: The network.

  Returns:
    A tree of `jax.ShapeDtypeStruct`.

  Raises:
    ValueError: If its fields do not go together.
  """

  def like(*shape: int, dtype: Any = jnp.float32) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, dtype)

  samples = model.n_fft
  batch = EpisodeBatch(
    mixture=like(1, samples),
    targets=like(1, 1, samples),
    support=Support(
      positives=like(1, 1, 1, samples),
      positive_mask=like(1, 1, 1, dtype=jnp.bool_),
      negatives=like(1, 1, 1, samples),
      negative_mask=like(1, 1, 1, dtype=jnp.bool_),
      class_id=like(1, 1, dtype=jnp.int32),
    ),
    query_mask=like(1, 1, dtype=jnp.bool_),
  )
  return jax.eval_shape(model.init, jax.random.key(0), batch)["params"]
