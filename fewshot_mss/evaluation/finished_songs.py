"""What is done of an evaluation on songs, so that it goes on where it was.

A line of JSON a song, in a file for each process: written when the song is
done. The first line says what the figures are of; a file of other figures is
begun anew. Any number of processes can go on with what others have left.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fewshot_mss.data.catalogue import write_text_whole
from fewshot_mss.errors import InputError
from fewshot_mss.evaluation.scores import Score
from fewshot_mss.evaluation.song_evaluation import SongResult

Key = dict[str, Any]


def to_line(result: SongResult) -> str:
  """Returns a song's result as a line of JSON."""
  return json.dumps(result)


def from_line(line: str) -> SongResult:
  """Returns the result that `to_line` wrote."""
  song, rows, frames = json.loads(line)
  return SongResult(song, [Score(*row) for row in rows], frames)


def read_finished(folder: Path, key: Key) -> list[SongResult]:
  """Reads what all processes have done of an evaluation.

  Args:
    folder: Where the files lie; it may not be there yet.
    key: What the figures are of, as JSON has it.

  Returns:
    The songs that are done, each once. A line that was cut off in the writing
    is passed over, and its song is done again.
  """
  found: dict[str, SongResult] = {}
  for path in sorted(folder.glob("finished_*.jsonl")):
    lines = path.read_text(encoding="utf-8").splitlines()
    if not lines or _parsed(lines[0]) != key:
      continue
    for line in lines[1:]:
      if _parsed(line) is not None:
        result = from_line(line)
        found.setdefault(result.song, result)
  return list(found.values())


def begin_file(
  folder: Path, process: int, key: Key, results: Sequence[SongResult]
) -> Path:
  """Begins the file of a process with what has been done before.

  Args:
    folder: Where to; made if it is not there.
    process: Its number.
    key: What the figures are of.
    results: What the file has to hold from the start.

  Returns:
    The file, to be given to `add_song`.

  Raises:
    InputError: If it cannot be written.
  """
  path = folder / f"finished_{process}.jsonl"
  lines = [json.dumps(key), *map(to_line, results)]
  try:
    folder.mkdir(parents=True, exist_ok=True)
    write_text_whole(path, "".join(f"{line}\n" for line in lines))
  except OSError as error:
    raise _unwritable(path, error) from error
  return path


def add_song(path: Path, result: SongResult) -> None:
  """Adds a song to a file.

  Args:
    path: What `begin_file` returned.
    result: Of the song.

  Raises:
    InputError: If the file cannot be written.
  """
  try:
    with path.open("a", encoding="utf-8") as file:
      file.write(to_line(result) + "\n")
  except OSError as error:
    raise _unwritable(path, error) from error


def _parsed(line: str) -> Any:
  try:
    return json.loads(line)
  except ValueError:
    return None


def _unwritable(path: Path, error: OSError) -> InputError:
  return InputError(
    f"{path} cannot be written ({error.strerror}): make room or name another "
    "--workdir"
  )
