"""Writes what an ablation found: a page, a table and the figures."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from fewshot_mss.data.catalogue import write_text_whole
from fewshot_mss.data.figure import PRINT_DPI, import_figure
from fewshot_mss.errors import InputError
from fewshot_mss.evaluation.ablation.analysis import Analysis, analyse
from fewshot_mss.evaluation.ablation.axes import describe_arm
from fewshot_mss.evaluation.ablation.conditions import Conditions
from fewshot_mss.evaluation.ablation.figures import write_figures
from fewshot_mss.evaluation.ablation.page import ablation_markdown
from fewshot_mss.evaluation.ablation.statistics import Comparison, Draws
from fewshot_mss.evaluation.ablation.table import Arm, ArmScore

BASELINE = "baseline"
_COLUMNS = (
  *("axis", "items", "value", *Arm._fields, "measure"),
  *("mean_db", "low_db", "high_db", "median_db", "items_n", "songs_n"),
  *("examples", "collapsed_share"),
  *("difference_db", "difference_low_db", "difference_high_db"),
  *("difference_median_db", "paired_items_n", "paired_songs_n"),
  *("p_value", "holm_p_value"),
)


def write_report(
  folder: Path,
  scores: Sequence[ArmScore],
  *,
  reference: Arm,
  crossed: Sequence[tuple[str, str]],
  provenance: Mapping[str, str | int | float],
  bootstrap_samples: int,
  seed: int,
  conditions: Conditions | None = None,
) -> None:
  """Writes `report.md`, `comparisons.csv` and the figures of an ablation.

  The page comes last: where it is, all is there.

  Args:
    folder: Where to; made if it is not there.
    scores: All rows.
    reference: The arm that the others are compared with.
    crossed: Pairs of settings of which every combination was asked.
    provenance: What the reader must know, in order: data, hash of the list,
      weights, machine, command.
    bootstrap_samples: Draws of each interval and p-value. Corrected p-values
      of an axis of m arms cannot be below 2 m / draws.
    seed: Of the draws.
    conditions: Vectors to draw in two dimensions, if any.

  Raises:
    InputError: If matplotlib is missing, or the folder cannot be written.
    ValueError: If the reference arm was not scored, or an arm has an item
      twice.
  """
  figure_of = import_figure(PRINT_DPI)
  draws = Draws(bootstrap_samples, seed)
  analysis = analyse(scores, reference=reference, crossed=crossed, draws=draws)
  try:
    folder.mkdir(parents=True, exist_ok=True)
    text = comparisons_csv(analysis)
    write_text_whole(folder / "comparisons.csv", text)
    figures = write_figures(figure_of, folder, analysis, conditions)
    page = ablation_markdown(
      analysis, provenance=provenance, draws=draws, figures=figures
    )
    write_text_whole(folder / "report.md", page)
  except OSError as error:
    raise InputError(
      f"{folder} cannot be written ({error.strerror}): name another folder"
    ) from error


def comparisons_csv(analysis: Analysis) -> str:
  """Returns every comparison as one tidy table, families and baselines too."""
  text = io.StringIO()
  writer = csv.writer(text, lineterminator="\n")
  writer.writerow(_COLUMNS)
  tables = [
    *analysis.axes.items(),
    *analysis.families.items(),
    (BASELINE, analysis.baselines),
  ]
  for axis, rows in tables:
    writer.writerows(_fields(axis, row, analysis.reference) for row in rows)
  return text.getvalue()


def _fields(
  axis: str, row: Comparison, reference: Arm
) -> list[str | int | float]:
  value = row.arm.model
  if axis != BASELINE:
    value = describe_arm(row.arm, axis, reference)
  figure, difference = row.figure, row.difference
  values = (
    *(axis, row.items, value),
    *(*row.arm, row.measure),
    *(*figure.mean[:3], figure.median, *figure.mean[3:]),
    *figure[2:],
    *(*difference[:3], row.median_difference, *difference[3:]),
    *(row.p_value, row.holm_p_value),
  )
  return [_field(value) for value in values]


def _field(value: str | int | float) -> str | int | float:
  if isinstance(value, float):
    return "" if math.isnan(value) else float(f"{value:.6g}")
  return value
