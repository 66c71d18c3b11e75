"""YAML of datasets: read by the safe loader, refused in one line."""

from pathlib import Path
from typing import Any

import yaml

from fewshot_mss.errors import InputError

# The safe loader in C, where PyYAML was built with it, is ten times as fast.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(path: Path) -> Any:
  """Reads a YAML file.

  Args:
    path: Of the file.

  Returns:
    Its content: mappings, lists, strings, numbers, None.

  Raises:
    InputError: If it cannot be read, or asks for other objects.
  """
  try:
    return yaml.load(path.read_text(encoding="utf-8"), _LOADER)
  except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
    reason = " ".join(str(error).split())
    raise InputError(
      f"{path} cannot be read as YAML ({reason}): copy it again"
    ) from error


def as_mapping(value: Any, path: Path) -> dict[Any, Any]:
  """Returns a value as it is if it is a mapping.

  Args:
    value: A part of what a YAML file holds.
    path: Of the file, for the message.

  Returns:
    The value.

  Raises:
    InputError: If it is anything else.
  """
  if not isinstance(value, dict):
    found = str(value)[:40]
    raise InputError(f"{path}: {found!r} is no mapping: copy the file again")
  return value
