"""Broad classes: an instrument as musicians name it, in many timbres.

`broad_classes.csv` beside this file gives each instrument of the table of
labels that General MIDI or Medley-solos-DB knows, and each folder of single
notes by its name, its broad class, the family of that and the effects that it
is played through.
"""

import csv
import functools
from pathlib import Path
from typing import NamedTuple

from fewshot_mss.data.labels import fold
from fewshot_mss.errors import InputError

TABLE_FILE = Path(__file__).with_name("broad_classes.csv")
# Of `effects`; an equaliser is for every instrument.
EFFECTS = ("drive", "chorus", "tremolo")
_HEAD = ["label", "class", "family", "effects"]


class BroadClass(NamedTuple):
  """A class that holds several instruments of the table of labels.

  Attributes:
    name: Lower case (`electric guitar`).
    family: Its family (`guitar`).
    effects: Those of `EFFECTS` that it is usually played through.
  """

  name: str
  family: str
  effects: tuple[str, ...]


def broad_class(label: str, *, path: Path = TABLE_FILE) -> BroadClass:
  """Says which broad class an instrument is of.

  Args:
    label: An instrument, or the name of a folder of notes, in any spelling.
    path: Another table than the package's.

  Returns:
    The class.

  Raises:
    InputError: If the table does not hold the label, or is damaged.
  """
  classes = all_broad_classes(path)
  folded = fold(label)
  if folded not in classes:
    raise InputError(
      f"{label!r} is in no line of {path}: add one, {','.join(_HEAD)}, or call "
      "it by a name that is there"
    )
  return classes[folded]


@functools.cache
def all_broad_classes(path: Path = TABLE_FILE) -> dict[str, BroadClass]:
  """Reads the whole table.

  Args:
    path: Another table than the package's.

  Returns:
    The class of each label.

  Raises:
    InputError: If the file cannot be read or a line is damaged, a label is
      there twice, or a class has two families or two lists of effects.
  """
  try:
    with path.open(encoding="utf-8", newline="") as file:
      head, *rows = list(csv.reader(file)) or [[]]
  except (OSError, UnicodeDecodeError, csv.Error) as error:
    raise InputError(
      f"table of broad classes {path} cannot be read ({error}): install the "
      "package again"
    ) from error
  if head != _HEAD:
    raise InputError(f"{path} line 1: the head must be {','.join(_HEAD)}")
  classes: dict[str, BroadClass] = {}
  by_name: dict[str, BroadClass] = {}
  for line, cells in enumerate(rows, start=2):
    place = f"{path} line {line}"
    if len(cells) != len(_HEAD) or not all(cells[:3]):
      raise InputError(f"{place}: write {','.join(_HEAD)}; effects may be none")
    label, name, family, effects = cells
    found = BroadClass(name, family, tuple(effects.split()))
    if not set(found.effects) <= set(EFFECTS):
      raise InputError(f"{place}: the effects are {', '.join(EFFECTS)}")
    if fold(label) in classes:
      raise InputError(f"{place}: {label!r} is there twice: remove one")
    if by_name.setdefault(name, found) != found:
      raise InputError(
        f"{place}: {name!r} has another family or other effects above: a class "
        "has one line of them"
      )
    classes[fold(label)] = found
  return classes
