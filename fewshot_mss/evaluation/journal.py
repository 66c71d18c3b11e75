"""What an evaluation has done so far, in a file, for the next start.

One line a batch is appended as soon as the batch is scored. The first line says
what the figures depend on: where anything of that is different, they are scored
anew.
"""

import hashlib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from fewshot_mss.data.evaluation_items import EvaluationItem
from fewshot_mss.errors import InputError
from fewshot_mss.evaluation.scores import Score

_PATTERN = "unfinished_{}_of_{}.jsonl"

# `Score`, or another NamedTuple with its item's `place`.
Row = Any


def journal_path(directory: Path, host: int, hosts: int) -> Path:
  """Returns where a host writes its share of what `directory` will hold."""
  return directory / _PATTERN.format(host, hosts)


def remove_journals(directory: Path) -> None:
  """Removes the files of all hosts, also those of a start with more hosts."""
  for path in directory.glob(_PATTERN.format("*", "*")):
    path.unlink(missing_ok=True)


class Journal:
  """The scores of finished batches; as a context manager it closes its file.

  Attributes:
    path: Where it is.
    num_found: How many items another start had done.
  """

  def __init__(
    self,
    path: Path,
    depends_on: Mapping[str, Any],
    *,
    columns: Sequence[str] = Score._fields,
    read_row: Callable[[list[Any]], Row] = lambda cells: Score(*cells),
  ):
    """Reads what is there, and says on stderr whether it can be used.

    Args:
      path: Where; nothing is written before the first batch is. What a kill
        left of a line is not used, and cut off then.
      depends_on: What the figures depend on, by names for people; JSON values.
      columns: What a row holds.
      read_row: Makes a row again of what JSON has made of it.

    Raises:
      InputError: If the file cannot be read.
    """
    self.path = path
    self._done: dict[tuple[str, int], list[Row]] = {}
    self._read_row = read_row
    self._file: BinaryIO | None = None
    self._header = {name: _digest(value) for name, value in depends_on.items()}
    self._header["columns"] = _digest(columns)
    try:
      first, *lines = _whole_lines(path) or [b""]
    except OSError as error:
      raise InputError(
        f"{path} cannot be read ({error.strerror}): remove it"
      ) from error
    there = _parsed(first)
    is_same = there == self._header
    # Of the file, what is kept.
    self._size = self._take(first, lines) if is_same else 0
    self.num_found = len(self._done)
    self._say(bool(first) and not is_same, there)

  def scores_of(
    self, dataset: str, items: Sequence[EvaluationItem]
  ) -> list[Row] | None:
    """Returns the scores of a batch.

    Args:
      dataset: Its name.
      items: Of the batch.

    Returns:
      In the order of the items; None if not all of them are done.
    """
    found = [self._done.get((dataset, item.spec.index)) for item in items]
    if not all(found):
      return None
    return [score for scores in found for score in scores or ()]

  def add(self, scores: Sequence[Row]) -> None:
    """Writes the scores of a batch, so that a kill after this loses none.

    Args:
      scores: All those of all its items.

    Raises:
      InputError: If the file cannot be written.
    """
    try:
      if self._file is None:
        self._file = self._open()
      self._file.write(_line(scores))
      self._file.flush()
    except OSError as error:
      raise InputError(
        f"{self.path} cannot be written ({error.strerror}): make room, or see "
        "to it that its folder can be written"
      ) from error

  def __enter__(self) -> "Journal":
    return self

  def __exit__(self, *exception: object) -> None:
    if self._file is not None:
      self._file.close()

  def _open(self) -> BinaryIO:
    """Opens the file behind what is kept of it; the rest is cut off."""
    self.path.parent.mkdir(parents=True, exist_ok=True)
    file = self.path.open("r+b" if self._size else "wb")
    file.truncate(self._size)
    file.seek(self._size)
    if not self._size:
      file.write(_line(self._header))
    return file

  def _take(self, first: bytes, lines: list[bytes]) -> int:
    """Takes the lines up to one that is damaged; returns their bytes."""
    size = len(first)
    for line in lines:
      rows = _parsed(line)
      try:
        scores = [self._read_row(row) for row in rows]
      except TypeError:
        break
      places = {score.place for score in scores}
      self._done |= {
        place: [score for score in scores if score.place == place]
        for place in places
      }
      size += len(line)
    return size

  def _say(self, is_other: bool, there: Any) -> None:
    header = self._header
    if self.num_found:
      print(
        f"fewshot-mss: goes on: {self.num_found} items are scored already "
        f"({self.path})",
        file=sys.stderr,
      )
    elif is_other:
      changed = ["its first line is damaged"]
      if isinstance(there, dict):
        names = sorted(there.keys() | header.keys())
        changed = [n for n in names if there.get(n) != header.get(n)]
      print(
        f"fewshot-mss: {self.path} is of another evaluation "
        f"({', '.join(changed)}): all items are scored anew",
        file=sys.stderr,
      )


def _whole_lines(path: Path) -> list[bytes]:
  """Returns the lines that have an end; none if there is no file."""
  if not path.exists():
    return []
  lines = path.read_bytes().splitlines(keepends=True)
  return [line for line in lines if line.endswith(b"\n")]


def _parsed(line: bytes) -> Any:
  """Returns the JSON of a line; None if it is none."""
  try:
    return json.loads(line)
  except ValueError:
    return None


def _line(value: Any) -> bytes:
  return json.dumps(value).encode() + b"\n"


def _digest(value: Any) -> str:
  return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
