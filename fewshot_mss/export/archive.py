"""The archive that lasts: one folder with the weights and what they are for.

`model.safetensors` holds the parameters under names like `unet/down_0/kernel`,
`config.json` everything else that is needed to use them, and `README.md`, if it
is there, tells people of the model. `profiles/`, if it is there, holds what
examples of some instruments say to it. No code is in any of them, so an archive
of a stranger can be opened.
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from flax.traverse_util import unflatten_dict

import fewshot_mss
from fewshot_mss.errors import InputError
from fewshot_mss.export import folder
from fewshot_mss.export.checks import (
  CONFIG_NAME,
  FORMAT_VERSION,
  check_config,
  check_tensors,
  dtype_of,
)
from fewshot_mss.export.dtypes import flat_float32, from_bytes, to_bytes

WEIGHTS_NAME = "model.safetensors"
CARD_NAME = "README.md"
PROFILES_NAME = "profiles"
_NAMES = (CONFIG_NAME, WEIGHTS_NAME, CARD_NAME, PROFILES_NAME)


@dataclasses.dataclass(frozen=True, eq=False)
class Archive:
  """What an archive holds, checked.

  Attributes:
    params: Parameters of `FewShotSeparator`, as a nested dictionary; read from
      a file, they are float32, whatever it holds.
    model: Its fields.
    instruments: The classes that training has seen, in the order of class_id.
    training: Summary of the training; `mixture_s` and `example_s` for sure.
    content_hash: SHA-256 of the file of the weights, in hexadecimal.
    dtype: What the file holds, a key of `dtypes.DTYPES`.
  """

  params: dict[str, Any]
  model: dict[str, Any]
  instruments: tuple[str, ...]
  training: dict[str, Any]
  content_hash: str
  dtype: str = "float32"


def save_archive(
  directory: Path,
  params: Mapping[str, Any],
  *,
  model: Mapping[str, Any],
  instruments: Sequence[str],
  training: Mapping[str, Any],
  dtype: str = "float32",
  card: str | None = None,
  profiles: Mapping[str, bytes] | None = None,
) -> None:
  """Writes an archive, whole or not at all.

  Args:
    directory: Where; an archive that is there already is replaced.
    params: Parameters of the network, of any float type.
    model: The fields of `FewShotSeparator`.
    instruments: The classes that training has seen, in the order of class_id.
    training: What JSON can hold of the training. `mixture_s` and `example_s`,
      the lengths of its mixtures and examples in seconds, must be there.
    dtype: What the weights are rounded to, a key of `dtypes.DTYPES`.
    card: Text of the model card; none if None.
    profiles: Contents of the profiles by the names of their files; no folder
      of them if None.

  Raises:
    InputError: If the folder holds anything else, cannot be written, the
      parts do not belong together, or a weight is too large for the type.
  """
  directory = Path(directory)
  tensors = flat_float32(params)
  config = {
    "format_version": FORMAT_VERSION,
    "package_version": fewshot_mss.__version__,
    "dtype": dtype,
    "model": dict(model),
    "instruments": list(instruments),
    "training": dict(training),
    "weights_sha256": "",
  }
  check_config(config, directory)
  check_tensors(tensors, config["model"], directory)
  weights = to_bytes(tensors, dtype)
  config["weights_sha256"] = hashlib.sha256(weights).hexdigest()
  contents = {WEIGHTS_NAME: weights}
  if card is not None:
    contents[CARD_NAME] = card.encode()
    config["card_sha256"] = hashlib.sha256(card.encode()).hexdigest()
  if profiles:
    contents |= {f"{PROFILES_NAME}/{n}": held for n, held in profiles.items()}
    config["profiles_sha256"] = {
      name: hashlib.sha256(held).hexdigest() for name, held in profiles.items()
    }
  check_replaceable(directory)
  contents[CONFIG_NAME] = (json.dumps(config, indent=2) + "\n").encode()
  folder.write_folder(directory, contents)


def describe_archive(directory: Path) -> Archive:
  """Reads all of an archive but its weights, and checks it.

  Args:
    directory: What `save_archive` wrote.

  Returns:
    The archive without parameters; its hash is the one that it should have.

  Raises:
    InputError: If it is no archive, damaged, or from a newer version.
  """
  directory = Path(directory)
  config = _read_config(directory)
  check_config(config, directory)
  return Archive(
    params={},
    model=config["model"],
    instruments=tuple(config["instruments"]),
    training=config["training"],
    content_hash=str(config["weights_sha256"]),
    dtype=dtype_of(config),
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
  described = describe_archive(directory)
  weights = _read(directory / WEIGHTS_NAME)
  content_hash = hashlib.sha256(weights).hexdigest()
  if content_hash != described.content_hash:
    raise InputError(
      f"{directory / WEIGHTS_NAME} is damaged: its SHA-256 is "
      f"{content_hash[:12]}..., in {CONFIG_NAME} it is "
      f"{described.content_hash[:12]}...; copy or export the model again"
    )
  tensors = from_bytes(weights, described.dtype, directory / WEIGHTS_NAME)
  check_tensors(tensors, described.model, directory)
  return dataclasses.replace(described, params=unflatten_dict(tensors, sep="/"))


def weights_hash(params: Mapping[str, Any], dtype: str = "float32") -> str:
  """Returns the `content_hash` that an archive of parameters would have."""
  weights = to_bytes(flat_float32(params), dtype)
  return hashlib.sha256(weights).hexdigest()


def _read_config(directory: Path) -> Any:
  path = directory / CONFIG_NAME
  text = _read(path)
  try:
    return json.loads(text)
  # Of bytes, of signs, of a number of thousands of digits; and of depth.
  except (ValueError, RecursionError) as error:
    raise InputError(
      f"{path} is no JSON file: export the model again"
    ) from error


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
  if (directory / CONFIG_NAME).exists():
    _check_ours(directory)
  card, profiles = directory / CARD_NAME, directory / PROFILES_NAME
  if profiles.exists():
    _check_our_profiles(profiles, _known(directory, "profiles_sha256"))
  if card.exists():
    ours = _known(directory, "card_sha256")
    if hashlib.sha256(_read(card)).hexdigest() != ours:
      # A person who chose a licence wrote it there.
      raise InputError(
        f"{card} has been changed since it was written: move it away, or "
        "choose another folder for the model"
      )


def _known(directory: Path, key: str) -> Any:
  """Returns what `config.json` says of what was written beside it."""
  config = _read_config(directory)
  return config.get(key) if isinstance(config, dict) else None


def _check_our_profiles(profiles: Path, ours: Any) -> None:
  """Refuses to lose a profile that a person put to those of the model."""
  listed = ours if isinstance(ours, dict) else {}
  for path in sorted(profiles.iterdir()) if profiles.is_dir() else [profiles]:
    known = listed.get(path.name)
    if not path.is_file() or (hashlib.sha256(_read(path)).hexdigest() != known):
      raise InputError(
        f"{path} is none of the profiles that were written with the model: "
        "move it away, or choose another folder for the model"
      )


def _check_ours(directory: Path) -> None:
  """Refuses a model of another program, whose files have the same names."""
  try:
    config = json.loads(_read(directory / CONFIG_NAME))
  except (ValueError, RecursionError):
    # Damaged: an export anew is what mends it.
    return
  if not isinstance(config, dict) or "format_version" not in config:
    raise InputError(
      f"{directory} holds a model of another program: choose another folder "
      "for the model"
    )
