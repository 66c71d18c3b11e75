"""Finished items in a file, so that an interrupted evaluation goes on.

A file of JSON lines: the first says what the results are of, by a hash of all
that they depend on; each other one is the rows of one item. A line is there
whole or is not counted.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fewshot_mss.errors import InputError

# Dataset and number of an item.
Place = tuple[str, int]
Rows = Sequence[Sequence[Any]]


def settings_hash(settings: Mapping[str, Any]) -> str:
  """Returns the SHA-256 of all that results depend on, as JSON values."""
  text = json.dumps(settings, sort_keys=True)
  return hashlib.sha256(text.encode()).hexdigest()


class FinishedItems:
  """The finished items of an evaluation; those of one host are one file.

  Attributes:
    rows: The rows of each finished item, of all hosts of earlier starts.
  """

  def __init__(self, directory: Path, name: str, settings: str, host: int):
    """Reads what earlier starts have finished, with any number of hosts.

    Args:
      directory: Of the files; made if it is not there.
      name: What they are called: `NAME.HOST.jsonl`.
      settings: See `settings_hash`. What is of other settings is dropped.
      host: Whose file is written.

    Raises:
      InputError: If the folder cannot be written.
    """
    self.rows: dict[Place, Rows] = {}
    self._directory, self._name = directory, name
    self._path = directory / f"{name}.{host}.jsonl"
    self._head = _line({"settings": settings})
    try:
      directory.mkdir(parents=True, exist_ok=True)
      for path in self._files():
        kept = _whole_lines(path)
        if kept[:1] == [self._head]:
          self.rows |= {
            (dataset, item): rows
            for dataset, item, rows in map(json.loads, kept[1:])
          }
      own = _whole_lines(self._path) if self._path.exists() else []
      if own[:1] != [self._head]:
        own = [self._head]
      # A line that a kill has cut off is left out, or the next would join it.
      self._path.write_text("".join(own), encoding="utf-8")
    except OSError as error:
      raise InputError(
        f"{directory} cannot be written ({error.strerror}): name another folder"
      ) from error

  def add(self, place: Place, rows: Rows) -> None:
    """Adds a finished item; it is in the file when this returns."""
    self.rows[place] = rows
    with self._path.open("a", encoding="utf-8") as file:
      file.write(_line([*place, rows]))

  def remove(self) -> None:
    """Removes the files of all hosts, when all is done."""
    for path in self._files():
      path.unlink(missing_ok=True)

  def _files(self) -> list[Path]:
    return sorted(self._directory.glob(f"{self._name}.*.jsonl"))


def _line(value: Any) -> str:
  return json.dumps(value, allow_nan=False) + "\n"


def _whole_lines(path: Path) -> list[str]:
  lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
  return lines if not lines or lines[-1].endswith("\n") else lines[:-1]
