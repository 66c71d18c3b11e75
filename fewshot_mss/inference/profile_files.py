"""Profiles as files: numbers and names, no code, checked before use.

A `.profile` is a safetensors file of two float64 vectors, the sums of the
embeddings of the positive and of the negative examples, with a JSON text among
its metadata that tells the rest.
"""

import contextlib
import json
import os
import re
import reprlib
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, deserialize
from safetensors.numpy import save

from fewshot_mss.errors import InputError
from fewshot_mss.inference.listener import Heard
from fewshot_mss.inference.profiles import (
  NEGATIVE,
  POSITIVE,
  Profile,
  ProfileExample,
  plain_text,
)

SUFFIX = ".profile"
FORMAT_VERSION = 1
_KEY = "fewshot_mss_profile"
_KINDS = (POSITIVE, NEGATIVE)
# Some thousands of examples; no file of a stranger is read beyond this.
_MAX_BYTES = 2**20
_MAX_TEXT = 1000
_HASH = re.compile("[0-9a-f]{64}")
# Entries of an embedding are a few in size; above this they were made up to
# drown all examples that are given beside the profile, or to overflow.
_LARGEST_ENTRY = 1e4
# What an example may be: up to a week long, of any level that floats have.
_BOUNDS = {"length_s": (0.0, 604_800.0), "level_dbfs": (-1000.0, 1000.0)}


def save_profile(path: Path, profile: Profile) -> None:
  """Writes a profile, whole or not at all.

  Args:
    path: Of the file; its folder is made, and one of that name replaced.
    profile: What to write.

  Raises:
    InputError: If it cannot be written, or would be too large to be read.
  """
  content = profile_bytes(profile)
  if len(content) > _MAX_BYTES:
    raise InputError(
      f"{path} would have {len(content)} bytes, more than a profile may "
      f"({_MAX_BYTES}): take fewer examples, longer ones"
    )
  if path.is_dir():
    raise InputError(f"{path} is a folder: name a file")
  working = path.with_name(f".{path.name}.{os.getpid()}.writing")
  try:
    path.parent.mkdir(parents=True, exist_ok=True)
    working.write_bytes(content)
    working.replace(path)
  except OSError as error:
    raise InputError(
      f"{path} cannot be written ({error.strerror}): name another place, or "
      "make room"
    ) from error
  finally:
    with contextlib.suppress(OSError):
      working.unlink()


def load_profile(path: Path) -> Profile:
  """Reads a profile and checks all of it.

  Args:
    path: Of the file.

  Returns:
    The profile. Whether it is of the model at hand, `make_conditions` checks.

  Raises:
    InputError: If it is none, damaged, or from a newer version.
  """
  try:
    # One byte more tells that there is too much.
    with path.open("rb") as file:
      content = file.read(_MAX_BYTES + 1)
  except OSError as error:
    raise InputError(
      f"{path} cannot be read ({error.strerror}): name a file that "
      "`fewshot-mss profile build` wrote"
    ) from error
  if len(content) > _MAX_BYTES:
    raise InputError(f"{path} is no profile: it is larger than {_MAX_BYTES}")
  try:
    return _from_bytes(content)
  except _UnusableError as error:
    raise InputError(f"{path} {error}") from error


class _UnusableError(Exception):
  """What is wrong with the content of a file, in a few words."""


def profile_bytes(profile: Profile) -> bytes:
  """Returns what the file of a profile holds; see `save_profile`."""
  heard = (profile.positive, profile.negative)
  described = {
    "format_version": FORMAT_VERSION,
    "package_version": profile.package_version,
    "name": profile.name,
    "model_hash": profile.model_hash,
    "created": profile.created,
    "counts": {
      kind: part.count for kind, part in zip(_KINDS, heard, strict=True)
    },
    "examples": [example._asdict() for example in profile.examples],
  }
  return save(
    {
      f"{kind}_total": part.total
      for kind, part in zip(_KINDS, heard, strict=True)
    },
    {_KEY: json.dumps(described)},
  )


def _from_bytes(content: bytes) -> Profile:
  described = _description(content)
  totals = _totals(content)
  version = described.get("format_version")
  if type(version) is not int or version != FORMAT_VERSION:
    raise _UnusableError(
      f"has format_version {_short(version)}, this program reads "
      f"{FORMAT_VERSION}: use the fewshot-mss that wrote it, or build it again"
    )
  texts = {
    key: _text(described, key)
    for key in ("name", "model_hash", "created", "package_version")
  }
  if not _HASH.fullmatch(texts["model_hash"]):
    raise _damaged("model_hash is none")
  counts = described.get("counts")
  if not isinstance(counts, dict) or set(counts) != set(_KINDS):
    raise _damaged("counts lack a kind")
  heard = [_heard(totals[kind], counts[kind], kind) for kind in _KINDS]
  if not heard[0].count:
    raise _damaged("it holds no positive example")
  examples = _examples(described)
  for kind, part in zip(_KINDS, heard, strict=True):
    if part.count != sum(example.kind == kind for example in examples):
      raise _damaged(f"its {kind} examples are not as many as it says")
  return Profile(
    name=texts["name"],
    model_hash=texts["model_hash"],
    positive=heard[0],
    negative=heard[1],
    examples=examples,
    created=texts["created"],
    package_version=texts["package_version"],
  )


def _description(content: bytes) -> dict[str, Any]:
  """Returns the JSON text among the metadata, which the header holds."""
  try:
    # Checks the header, its length among others; it does not return metadata.
    deserialize(content)
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    described = json.loads(header["__metadata__"][_KEY])
  except (SafetensorError, ValueError, LookupError, RecursionError) as error:
    raise _UnusableError(
      "is no profile: name a file that `fewshot-mss profile build` wrote"
    ) from error
  if not isinstance(described, dict):
    raise _damaged("its description is no table")
  return described


def _totals(content: bytes) -> dict[str, np.ndarray]:
  totals = {}
  for name, part in deserialize(content):
    kind = name.removesuffix("_total")
    if name != f"{kind}_total" or kind not in _KINDS:
      raise _damaged(f"{_short(name)} is unknown")
    if part["dtype"] != "F64" or len(part["shape"]) != 1 or not part["data"]:
      raise _damaged(f"{name} is no vector of 64-bit floats")
    totals[kind] = np.frombuffer(part["data"], "<f8").astype(np.float64)
  if len({len(total) for total in totals.values()}) != 1 or len(totals) != 2:
    raise _damaged("it does not hold two vectors of one length")
  return totals


def _heard(total: np.ndarray, count: Any, kind: str) -> Heard:
  if type(count) is not int or not 0 <= count <= _MAX_BYTES:
    raise _damaged(f"the count of {kind} examples is {_short(count)}")
  # NaN is not below anything either.
  if not (np.abs(total) <= _LARGEST_ENTRY * count).all():
    raise _damaged(f"{kind}_total holds impossible numbers")
  return Heard(total, count)


def _examples(described: dict[str, Any]) -> tuple[ProfileExample, ...]:
  listed = described.get("examples")
  if not isinstance(listed, list):
    raise _damaged("it does not list its examples")
  examples = []
  for row in listed:
    if not isinstance(row, dict) or set(row) != set(ProfileExample._fields):
      raise _damaged("an example is described by other words")
    for key in ("kind", "name", "sha256"):
      _text(row, key)
    for key, (least, most) in _BOUNDS.items():
      number = row[key]
      # NaN is not between anything either.
      if type(number) not in (int, float) or not least <= number <= most:
        raise _damaged(f"the {key} of an example is impossible")
    if row["kind"] not in _KINDS or not _HASH.fullmatch(row["sha256"]):
      raise _damaged("the kind or SHA-256 of an example is none")
    examples.append(ProfileExample(**row))
  return tuple(examples)


def _text(table: dict[str, Any], key: str) -> str:
  value = table.get(key)
  if not isinstance(value, str) or len(value) > _MAX_TEXT:
    raise _damaged(f"{key} is no short text")
  if plain_text(value) != value:
    # Half a character: JSON may hold it, no terminal shows it.
    raise _damaged(f"{key} is no text")
  return value


def _short(value: Any) -> str:
  """Returns a value for a message: a stranger may have put in a book."""
  return reprlib.repr(value)


def _damaged(what: str) -> _UnusableError:
  return _UnusableError(f"is a damaged profile ({what}): build it again")
