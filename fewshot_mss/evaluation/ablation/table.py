"""The tidy table of an ablation: one row an output, all settings spelled out.

An arm is a tuple of settings. Which axis an arm belongs to is not written down:
it is the one in which it differs from the reference arm.
"""

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, get_type_hints

from fewshot_mss.data.catalogue import write_text_whole
from fewshot_mss.errors import InputError


class Arm(NamedTuple):
  """How a query was asked.

  Attributes:
    model: Name of the checkpoint, as the config or `--compare` calls it.
    reading: How the condition was made: `examples`, `class` (its own learned
      vector), or for unseen classes `class, nearest of the family` and
      `class, oracle`.
    shots: Positive examples, at most.
    negatives: Negative examples, at most.
    example_s: Seconds of each example.
    origin: `same song`, `another song`, `another timbre` or `another dataset`.
    target: `one`, `several` or `absent`.
    query: `right`, `wrong` (another instrument of the mixture) or `random`.
    quality: `clean`, `bleed -20 dB`, `bleed -10 dB`, `bleed 0 dB`,
      `one of five mislabelled` or `reverberant`.
  """

  model: str
  reading: str
  shots: int
  negatives: int
  example_s: float
  origin: str
  target: str
  query: str
  quality: str


class ArmScore(NamedTuple):
  """One output for one item of the fixed list.

  Attributes:
    arm: The settings; of a baseline only `target` means anything, and
      `model` is its name (`mixture`, `silence`, `ideal ratio mask`).
    dataset: Name of the dataset.
    item: Number of the item in its list.
    song: Name of the track.
    instrument: The target (of several: joined by ` + `).
    family: Its family.
    group: `seen`, `unseen`, or either with `, unheard timbre`.
    examples: Positives there were; fewer than asked for if there are no more.
    usdr_db: See metrics.py, likewise below; NaN where there is none (absent).
    si_sdr_db: Of the output.
    si_sdr_improvement_db: Over the mixture's.
    snr_db: Of the output.
    level_db: Of the output against the target.
    level_over_mixture_db: Of the output against the mixture: the figure of an
      absent target.
    collapsed: Whether the output counts as silence.
  """

  arm: Arm
  dataset: str
  item: int
  song: str
  instrument: str
  family: str
  group: str
  examples: int
  usdr_db: float
  si_sdr_db: float
  si_sdr_improvement_db: float
  snr_db: float
  level_db: float
  level_over_mixture_db: float
  collapsed: bool

  @property
  def place(self) -> tuple[str, int]:
    """What tells the item from those of all lists."""
    return self.dataset, self.item


COLUMNS = (*Arm._fields, *ArmScore._fields[1:])
_ARM = len(Arm._fields)


def write_table(path: Path, scores: Sequence[ArmScore]) -> None:
  """Writes the rows as CSV; what does not exist is an empty field.

  Args:
    path: Where to.
    scores: All rows, in the order in which they shall stand.

  Raises:
    OSError: If it cannot be written.
  """
  text = io.StringIO()
  writer = csv.writer(text, lineterminator="\n")
  writer.writerow(COLUMNS)
  for score in scores:
    writer.writerow(map(_field, (*score.arm, *score[1:])))
  write_text_whole(path, text.getvalue())


def read_table(path: Path) -> list[ArmScore]:
  """Reads back what `write_table` wrote.

  Args:
    path: Where from.

  Returns:
    The rows, their figures to the four decimals that the file holds.

  Raises:
    InputError: If there is no such table.
  """
  try:
    with path.open(encoding="utf-8", newline="") as file:
      reader = csv.reader(file)
      if next(reader, None) != list(COLUMNS):
        raise InputError(f"{path} is no table of an ablation: ablate again")
      return [_row(cells) for cells in reader]
  except InputError:
    raise
  except (OSError, ValueError, KeyError) as error:
    raise InputError(f"{path} cannot be read: ablate again") from error


def to_cells(score: ArmScore) -> list[str | int | float | None]:
  """Returns a row as JSON values in the order of `COLUMNS`; NaN is None."""
  flat = (*score.arm, *score[1:])
  return [None if value != value else value for value in flat]


def from_cells(cells: Sequence[str | int | float | None]) -> ArmScore:
  """Undoes `to_cells`."""
  flat = [math.nan if value is None else value for value in cells]
  return ArmScore(Arm(*flat[:_ARM]), *flat[_ARM:])


def _field(value: str | int | float) -> str | int | float:
  if isinstance(value, float):
    return "" if math.isnan(value) else round(value, 4)
  return value


def _row(cells: list[str]) -> ArmScore:
  values = [_READ[kind](cell) for kind, cell in zip(_KINDS, cells, strict=True)]
  return ArmScore(Arm(*values[:_ARM]), *values[_ARM:])


def _read_bool(cell: str) -> bool:
  return {"True": True, "False": False}[cell]


_READ = {
  str: str,
  int: int,
  float: lambda cell: float(cell or "nan"),
  bool: _read_bool,
}
_KINDS = (
  *get_type_hints(Arm).values(),
  *list(get_type_hints(ArmScore).values())[1:],
)
