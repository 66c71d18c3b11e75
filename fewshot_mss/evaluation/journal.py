"""What an evaluation has done so far, in files, for the next start.

One line a batch is appended as soon as the batch is scored. The first line says
what the figures depend on: where anything of that is different, they are scored
anew. Each host writes a file of its own and reads those of all, for an item has
the same figures on whatever host it is.
"""

import hashlib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from fewshot_mss.errors import InputError
from fewshot_mss.evaluation.scores import Score

_NAME = "unfinished_{}_of_{}.jsonl"

# `Score`, or another NamedTuple with its item's `place`.
Row = Any


def remove_journals(directory: Path) -> None:
  """Removes the files of all hosts, also those of a start with more hosts."""
  for path in directory.glob(_NAME.format("*", "*")):
    path.unlink(missing_ok=True)


class Journal:
  """The scores of finished batches; as a context manager it closes its file.

  Attributes:
    num_found: How many items are done already.
  """

  def __init__(
    self,
    directory: Path,
    depends_on: Mapping[str, Any],
    host: int = 0,
    hosts: int = 1,
    *,
    columns: Sequence[str] = Score._fields,
    read_row: Callable[[list[Any]], Row] = lambda cells: Score(*cells),
  ):
    """Reads what is there; host 0 says on stderr whether it can be used.

    Args:
      directory: Where the files are. Nothing is written before the first batch
        is; what a kill left of a line is not used, and cut off then.
      depends_on: What the figures depend on, by names for people; JSON values.
      host: Which of the hosts this is.
      hosts: How many there are.
      columns: What a row holds.
      read_row: Makes a row again of what JSON has made of it.

    Raises:
      InputError: If a file cannot be read.
    """
    self._path = directory / _NAME.format(host, hosts)
    self._done: dict[tuple[str, int], list[Row]] = {}
    self._aside: dict[tuple[str, int], dict[str, Any]] = {}
    self._read_row = read_row
    self._file: BinaryIO | None = None
    self._header = {name: _digest(value) for name, value in depends_on.items()}
    self._header["columns"] = _digest(columns)
    differing: set[str] = set()
    # Bytes that stay of the file of this host.
    self._size = 0
    for path in sorted(directory.glob(_NAME.format("*", "*"))):
      first, *lines = _whole_lines(path) or [b""]
      differing |= _differences(first, self._header)
      size = self._take(first, lines) if _parsed(first) == self._header else 0
      if path == self._path:
        self._size = size
    self.num_found = len(self._done)
    if host == 0:
      _say(directory, self.num_found, differing)

  def scores_of(self, dataset: str, items: Sequence[int]) -> list[Row] | None:
    """Returns the scores of a batch.

    Args:
      dataset: Its name.
      items: Those of the batch, by their index in its list.

    Returns:
      In the order of the items; None if not all of them are done.
    """
    found = [self._done.get((dataset, item)) for item in items]
    if not all(found):
      return None
    return [score for scores in found for score in scores or ()]

  def aside_of(self, dataset: str, items: Sequence[int]) -> dict[str, Any]:
    """Returns what was added aside of the batch of `scores_of`, by name."""
    aside: dict[str, Any] = {}
    for item in items:
      aside |= self._aside.get((dataset, item), {})
    return aside

  def add(
    self, scores: Sequence[Row], aside: Mapping[str, Any] | None = None
  ) -> None:
    """Writes the scores of a batch, so that a kill after this loses none.

    Args:
      scores: All those of all its items.
      aside: What else is known of the batch, by name; JSON values.

    Raises:
      InputError: If the file cannot be written.
    """
    try:
      if self._file is None:
        self._file = self._open()
      self._file.write(_line([scores, aside or {}]))
      self._file.flush()
    except OSError as error:
      raise InputError(
        f"{self._path} cannot be written ({error.strerror}): make room, or see "
        "to it that its folder can be written"
      ) from error

  def __enter__(self) -> "Journal":
    return self

  def __exit__(self, *exception: object) -> None:
    if self._file is not None:
      self._file.close()

  def _open(self) -> BinaryIO:
    """Opens the file behind what stays of it; the rest is cut off."""
    self._path.parent.mkdir(parents=True, exist_ok=True)
    file = self._path.open("r+b" if self._size else "wb")
    file.truncate(self._size)
    file.seek(self._size)
    if not self._size:
      file.write(_line(self._header))
    return file

  def _take(self, first: bytes, lines: list[bytes]) -> int:
    """Takes the lines up to one that is damaged; returns their bytes."""
    size = len(first)
    for line in lines:
      try:
        rows, aside = _parsed(line)
        scores = [self._read_row(row) for row in rows]
      except (TypeError, ValueError):
        break
      by_place: dict[tuple[str, int], list[Row]] = {}
      for score in scores:
        by_place.setdefault(score.place, []).append(score)
      self._done |= by_place
      if aside:
        self._aside |= dict.fromkeys(by_place, aside)
      size += len(line)
    return size


def _say(directory: Path, num_found: int, differing: set[str]) -> None:
  if differing:
    print(
      f"fewshot-mss: the unfinished evaluation in {directory} is of another "
      f"({', '.join(sorted(differing))}): its items are scored anew",
      file=sys.stderr,
    )
  if num_found:
    print(
      f"fewshot-mss: the evaluation goes on, {num_found} items are done",
      file=sys.stderr,
    )


def _differences(first: bytes, header: dict[str, str]) -> set[str]:
  """Returns in what a first line differs; nothing if there is no whole one."""
  there = _parsed(first)
  if not first or there == header:
    return set()
  if not isinstance(there, dict):
    return {"its first line is damaged"}
  names = there.keys() | header.keys()
  return {name for name in names if there.get(name) != header.get(name)}


def _whole_lines(path: Path) -> list[bytes]:
  """Returns the lines that have an end."""
  try:
    lines = path.read_bytes().splitlines(keepends=True)
  except OSError as error:
    raise InputError(
      f"{path} cannot be read ({error.strerror}): remove it"
    ) from error
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
