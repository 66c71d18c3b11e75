"""Folders of a few files that are there whole or not at all."""

import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path

from fewshot_mss.errors import InputError


def check_replaceable(directory: Path, names: Collection[str]) -> None:
  """Refuses to replace what an export did not write.

  Args:
    directory: Where one is to be written.
    names: Of the files that an earlier one of this form may have left.

  Raises:
    InputError: If anything else is there.
  """
  if not directory.exists():
    return
  advice = "choose another folder for the model"
  if not directory.is_dir():
    raise InputError(f"{directory} is a file: {advice}")
  found = {path.name for path in directory.iterdir()}
  strange = sorted(found - set(names))
  # A file alone, if only `config.json`, is not what an export leaves.
  if strange or len(found) == 1:
    named = (strange or sorted(found))[0]
    raise InputError(f"{directory} holds {named} and is no model: {advice}")


def write_folder(directory: Path, contents: Mapping[str, bytes]) -> None:
  """Writes files beside a folder, then puts them in its place.

  Args:
    directory: The folder; what it held is gone afterwards, so
      `check_replaceable` comes first.
    contents: Of each file by its name, or by `FOLDER/NAME`.

  Raises:
    InputError: If it cannot be written; it is as it was then.
  """
  try:
    # A link stays one: what it points to is replaced.
    _replace(directory.resolve(), contents)
  except OSError as error:
    raise InputError(
      f"{directory} cannot be written ({error.strerror}): choose another folder"
    ) from error


def _replace(directory: Path, contents: Mapping[str, bytes]) -> None:
  directory.parent.mkdir(parents=True, exist_ok=True)
  with tempfile.TemporaryDirectory(
    dir=directory.parent, prefix=f".{directory.name}."
  ) as scratch:
    new, old = Path(scratch) / "new", Path(scratch) / "old"
    new.mkdir()
    for name, content in contents.items():
      path = new / name
      path.parent.mkdir(exist_ok=True)
      path.write_bytes(content)
    if not directory.exists():
      new.rename(directory)
      return
    try:
      directory.rename(old)
      new.rename(directory)
    finally:
      # Also after Ctrl-C: both are in the scratch folder, which goes now.
      if not directory.exists():
        old.rename(directory)
