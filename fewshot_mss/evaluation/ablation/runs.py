"""An ablation as its folder holds it, read back to be compared."""

import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

from fewshot_mss.errors import InputError
from fewshot_mss.evaluation.ablation.compare import Run, write_comparison
from fewshot_mss.evaluation.ablation.statistics import Draws
from fewshot_mss.evaluation.ablation.table import Arm, read_table

TABLE = "ablation.csv"
# Where the table comes from.
RECORD = "ablation.json"
# Two of what it depends on.
WEIGHTS = "weights (SHA-256)"
LISTS = "evaluation lists (SHA-256)"


# What else has to be equal: other examples, or other figures, are no pair.
_EQUAL = ("seed", "examples", "metrics", "collapse_db")


class _Kept(NamedTuple):
  run: Run
  crossed: list[tuple[str, str]]
  draws: Draws
  equal: dict[str, str | int | float]


def compare_folders(first: Path, second: Path, output: Path) -> Path:
  """Writes the comparison of two ablations, with the draws of the first.

  Args:
    first: Workdir, or folder of an ablation.
    second: Another one.
    output: Folder to write.

  Returns:
    That folder.

  Raises:
    InputError: If one is missing, damaged or changed, or the two cannot be
      compared.
  """
  one, other = _read(first), _read(second)
  for name, value in one.equal.items():
    if other.equal[name] != value:
      raise InputError(
        f"{second} was ablated with {name} {other.equal[name]}, {first} with "
        f"{value}: ablate both alike"
      )
  write_comparison(
    output,
    one.run,
    other.run,
    crossed=one.crossed,
    bootstrap_samples=one.draws.samples,
    seed=one.draws.seed,
  )
  return output


def file_hash(path: Path) -> str:
  """Returns the SHA-256 of a file in hexadecimal digits."""
  return hashlib.sha256(path.read_bytes()).hexdigest()


def _read(place: Path) -> _Kept:
  folder = place if (place / RECORD).exists() else place / "ablation"
  path = folder / RECORD
  try:
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if record["table (SHA-256)"] != file_hash(folder / TABLE):
      raise InputError(
        f"{folder / TABLE} is not what was written there: ablate again"
      )
    lists = sorted(record["depends on"][LISTS].values())
    return _Kept(
      Run(
        name=str(place),
        scores=read_table(folder / TABLE),
        list_hash=" ".join(lists),
        provenance=record["provenance"],
        reference=Arm(**record["reference"]),
      ),
      [(one, other) for one, other in record["crossed"]],
      Draws(*record["draws"]),
      {name: record["depends on"][name] for name in _EQUAL},
    )
  except InputError:
    raise
  except (OSError, ValueError, KeyError, TypeError) as error:
    raise InputError(
      f"{place} holds no finished ablation ({RECORD} and {TABLE}): run "
      "`fewshot-mss ablate` there"
    ) from error
