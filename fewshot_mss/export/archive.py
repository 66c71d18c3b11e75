"""The archive that lasts: one folder with the weights and what they are for.

`model.safetensors` holds the parameters in float32 under names like
`unet/down_0/kernel`, `config.json` everything else that is needed to use them.
No code is in either, so an archive of a stranger can be opened.
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict
from safetensors import SafetensorError, deserialize
from safetensors.numpy import save

import fewshot_mss
from fewshot_mss.errors import InputError
from fewshot_mss.export import folder
from fewshot_mss.export.checks import (
  CONFIG_NAME,
  FORMAT_VERSION,
  check_config,
  check_tensors,
)

WEIGHTS_NAME = "model.safetensors"
_NAMES = (CONFIG_NAME, WEIGHTS_NAME)


@dataclasses.dataclass(frozen=True, eq=False)
class Archive:
  """What an archive holds, checked.

  Attributes:
    params: Parameters of `FewShotSeparator`, as a nested dictionary.
    model: Its fields.
    instruments: The classes that training has seen, in the order of class_id.
    training: Summary of the training; `mixture_s` and `example_s` for sure.
    content_hash: SHA-256 of the weights, in hexadecimal.
  """

  params: dict[str, Any]
  model: dict[str, Any]
  instruments: tuple[str, ...]
  training: dict[str, Any]
  content_hash: str


def save_archive(
  directory: Path,
  params: Mapping[str, Any],
  *,
  model: Mapping[str, Any],
  instruments: Sequence[str],
  training: Mapping[str, Any],
) -> None:
  """Writes an archive, whole or not at all.

  Args:
    directory: Where; an archive that is there already is replaced.
    params: Parameters of the network, of any float type.
    model: The fields of `FewShotSeparator`.
    instruments: The classes that training has seen, in the order of class_id.
    training: What JSON can hold of the training. `mixture_s` and `example_s`,
      the lengths of its mixtures and examples in seconds, must be there.

  Raises:
    InputError: If the folder holds anything else, cannot be written, or the
      parts do not belong together.
  """
  directory = Path(directory)
  tensors = _flat(params)
  weights = save(tensors)
  config = {
    "format_version": FORMAT_VERSION,
    "package_version": fewshot_mss.__version__,
    "model": dict(model),
    "instruments": list(instruments),
    "training": dict(training),
    "weights_sha256": hashlib.sha256(weights).hexdigest(),
  }
  check_config(config, directory)
  check_tensors(tensors, config["model"], directory)
  check_replaceable(directory)
  text = json.dumps(config, indent=2) + "\n"
  folder.write_folder(
    directory, {WEIGHTS_NAME: weights, CONFIG_NAME: text.encode()}
  )


def load_archive(directory: Path) -> Archive:
  """Reads an archive and checks all of it before anything is used.

  Args:
    directory: What `save_archive` wrote.

  Returns:
    The archive.

  Raises:
    InputError: If it is no archive, damaged, from a newer version, or its
      weights do not fit the network that it describes.
  """
  directory = Path(directory)
  config_path = directory / CONFIG_NAME
  text = _read(config_path)
  try:
    config = json.loads(text)
  except (json.JSONDecodeError, UnicodeDecodeError) as error:
    raise InputError(
      f"{config_path} is no JSON file: export the model again"
    ) from error
  check_config(config, directory)
  weights = _read(directory / WEIGHTS_NAME)
  content_hash = hashlib.sha256(weights).hexdigest()
  if content_hash != config["weights_sha256"]:
    raise InputError(
      f"{directory / WEIGHTS_NAME} is damaged: its SHA-256 is not the one in "
      f"{CONFIG_NAME}; copy or export the model again"
    )
  tensors = _tensors(weights, directory / WEIGHTS_NAME)
  check_tensors(tensors, config["model"], directory)
  return Archive(
    params=unflatten_dict(tensors, sep="/"),
    model=config["model"],
    instruments=tuple(config["instruments"]),
    training=config["training"],
    content_hash=content_hash,
  )


def weights_hash(params: Mapping[str, Any]) -> str:
  """Returns the `content_hash` that an archive of parameters would have."""
  return hashlib.sha256(save(_flat(params))).hexdigest()


def _flat(params: Mapping[str, Any]) -> dict[str, np.ndarray]:
  return {
    name: np.asarray(leaf, np.float32)
    for name, leaf in flatten_dict(dict(params), sep="/").items()
  }


def _read(path: Path) -> bytes:
  try:
    return path.read_bytes()
  except OSError as error:
    raise InputError(
      f"{path} cannot be read ({error.strerror}): a model is a folder with "
      f"{CONFIG_NAME} and {WEIGHTS_NAME}"
    ) from error


def check_replaceable(directory: Path) -> None:
  """Refuses to replace what `save_archive` did not write.

  Args:
    directory: Where an archive is to be written.

  Raises:
    InputError: If anything else is there.
  """
  folder.check_replaceable(directory, _NAMES)


def _tensors(weights: bytes, path: Path) -> dict[str, np.ndarray]:
  try:
    parts = deserialize(weights)
  except SafetensorError as error:
    raise InputError(
      f"{path} is no safetensors file: export the model again"
    ) from error
  for name, part in parts:
    if part["dtype"] != "F32":
      raise InputError(
        f"{path}: {name} is {part['dtype']}, expected F32: export again"
      )
  return {
    name: np.frombuffer(part["data"], "<f4").reshape(part["shape"])
    for name, part in parts
  }
