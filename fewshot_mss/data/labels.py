"""What the datasets call an instrument, and what it is called here.

`instruments.csv` beside this file maps every raw label of the datasets to one
instrument and its family; one table of labels a vocabulary.
"""

import csv
import functools
import io
import re
from pathlib import Path
from typing import NamedTuple

from fewshot_mss.errors import InputError

TABLE_FILE = Path(__file__).with_name("instruments.csv")
TABLES = (
  "general_midi",
  "medley_solos_db",
  "medleydb",
  "moisesdb",
  "musdb",
  "slakh",
)
# Of a stem that several kinds of instruments share, such as `other`.
UNKNOWN_FAMILY = "unknown"
_HEAD = "table,label,instrument,family"


class Label(NamedTuple):
  """What a raw label means.

  Attributes:
    instrument: The class, lower case (`violin`).
    family: The family of the class (`strings`); `unknown` where a label
      covers several.
  """

  instrument: str
  family: str


class LabelRow(NamedTuple):
  """One line of the table.

  Attributes:
    table: The vocabulary, one of `TABLES`.
    label: The raw label, folded as `fold` does it.
    instrument: The class.
    family: The family of the class.
  """

  table: str
  label: str
  instrument: str
  family: str


def fold(raw: str) -> str:
  """Makes spellings of one label equal: case, spaces, underscores, hyphens.

  Args:
    raw: As a dataset spells it (`Bowed_Strings/Violin  (solo)`).

  Returns:
    Lower case with single spaces (`bowed strings/violin (solo)`).
  """
  return re.sub(r"[\s_-]+", " ", raw).strip().lower()


def look_up(table: str, raw: str, *, path: Path = TABLE_FILE) -> Label:
  """Says which instrument a dataset's label is.

  Args:
    table: The vocabulary, one of `TABLES`. That of MoisesDB holds
      `stemName/trackType` as well as stem names alone.
    raw: The label in any spelling that `fold` makes equal.
    path: Another table than the package's.

  Returns:
    The instrument and its family.

  Raises:
    InputError: If the table or the label is not there; the message holds the
      line to add to the file.
  """
  labels = _labels(path)
  if table not in TABLES:
    raise InputError(
      f"no table {table!r} of labels: there are {', '.join(TABLES)}"
    )
  label = fold(raw)
  if not label:
    raise InputError(
      f"empty instrument label of {table}: name the instrument in the metadata"
    )
  if (table, label) not in labels:
    raise InputError(
      f"label {raw!r} of {table} is in no line of {path}: add this one, with "
      f"the right instrument and family: {_line_to_add(labels, table, label)}"
    )
  return labels[table, label]


def all_labels(path: Path = TABLE_FILE) -> tuple[LabelRow, ...]:
  """Reads the whole table.

  Args:
    path: Another table than the package's.

  Returns:
    Its lines, sorted by table and label.

  Raises:
    InputError: If the file cannot be read, a line is damaged, a label is
      there twice or an instrument has two families.
  """
  return tuple(
    LabelRow(*key, *label) for key, label in sorted(_labels(path).items())
  )


@functools.cache
def _labels(path: Path) -> dict[tuple[str, str], Label]:
  try:
    text = path.read_text(encoding="utf-8")
  except (OSError, UnicodeDecodeError) as error:
    raise InputError(
      f"table of labels {path} cannot be read ({error}): install the package "
      "again"
    ) from error
  reader = csv.reader(io.StringIO(text))
  if ",".join(next(reader, [])) != _HEAD:
    raise InputError(f"{path} line 1: the head must be {_HEAD}")
  labels: dict[tuple[str, str], Label] = {}
  families: dict[str, str] = {}
  for cells in reader:
    place = f"{path} line {reader.line_num}"
    row = _row(cells, place)
    if (row.table, row.label) in labels:
      raise InputError(
        f"{place}: {row.table} has {row.label!r} twice: remove one"
      )
    family = families.setdefault(row.instrument, row.family)
    if family != row.family:
      raise InputError(
        f"{place}: {row.instrument!r} is of family {row.family!r} here and "
        f"{family!r} above: an instrument has one family"
      )
    labels[row.table, row.label] = Label(row.instrument, row.family)
  return labels


def _row(cells: list[str], place: str) -> LabelRow:
  if len(cells) != 4 or not all(cell.strip() for cell in cells):
    raise InputError(f"{place}: write four filled cells, {_HEAD}")
  table, label, instrument, family = (cell.strip() for cell in cells)
  if table not in TABLES:
    raise InputError(
      f"{place}: no table {table!r}: there are {', '.join(TABLES)}"
    )
  return LabelRow(table, fold(label), instrument.lower(), family.lower())


def _line_to_add(
  labels: dict[tuple[str, str], Label], table: str, label: str
) -> str:
  """Writes a csv line for a label: a known instrument if the name says so."""
  # A track type of MoisesDB may hold slashes itself.
  track_type = label.partition("/")[2].strip() if table == "moisesdb" else ""
  name = track_type or label
  meanings = {key: value for (_, key), value in labels.items()}
  meanings |= {fold(value.instrument): value for value in labels.values()}
  meaning = meanings.get(name, Label(name, UNKNOWN_FAMILY))
  text = io.StringIO()
  csv.writer(text, lineterminator="").writerow([table, label, *meaning])
  return text.getvalue()
