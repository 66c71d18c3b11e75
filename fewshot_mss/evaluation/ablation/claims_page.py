"""The claims as a page, a table and a figure."""

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fewshot_mss.data.catalogue import write_text_whole
from fewshot_mss.data.figure import PRINT_DPI, import_figure, save_figure
from fewshot_mss.errors import InputError
from fewshot_mss.evaluation.ablation.claims import (
  FAILS,
  HOLDS,
  OPEN,
  Claims,
  Finding,
)
from fewshot_mss.evaluation.ablation.forest import draw_forest
from fewshot_mss.evaluation.ablation.page import Provenance, bullets
from fewshot_mss.evaluation.ablation.statistics import Draws
from fewshot_mss.evaluation.ablation.style import MakeFigure
from fewshot_mss.evaluation.bootstrap import FEWEST_SONGS, Interval
from fewshot_mss.evaluation.cells import (
  format_db,
  format_interval,
  format_n,
  format_share,
  markdown_table,
)

FIGURE, PAGE, CSV = "claims.png", "claims.md", "claims.csv"
_COLUMNS = (
  *("claim", "items", "difference_db", "low_db", "high_db", "median_db"),
  *("items_n", "songs_n", "goal_db", "verdict"),
  *("arm_db", "against_db"),
)
_NOTES = """\
One model of each conditioning, of one size, trained on the same mixtures and
queries in the same order; all asked about the same items. Differences are
paired, item by item, in SI-SDR; intervals are 95 % percentile intervals of
{samples} bootstrap draws of whole songs (seed {seed}). A claim **{holds}**
where the mean reaches its goal and the interval lies above 0; it **{fails}**
where the whole interval lies below the goal; else, and with fewer than {fewest}
songs, it is **{open}**. The goals are ours. One training of each: nothing here
says how far another one would come out.

How a model that knows classes is asked for one that it has never seen is our
rule, in two readings: by the seen class of the family whose mean spectrum is
nearest to that of five examples, and by the best of all outputs, one a class,
picked with the answer in hand, which no one could do and which is an upper
bound.
"""


def write_claims(
  folder: Path, claims: Claims, *, provenance: Provenance, draws: Draws
) -> Path:
  """Writes `claims.csv`, `claims.png` and, last, `claims.md`.

  Args:
    folder: Of the ablation that they were found in.
    claims: What was found.
    provenance: What the reader must know.
    draws: Of the bootstrap.

  Returns:
    The page.

  Raises:
    InputError: If the folder cannot be written, or matplotlib is missing.
  """
  figure_of = import_figure(PRINT_DPI)
  try:
    write_text_whole(folder / CSV, claims_csv(claims.findings))
    save_figure(draw_claims(figure_of, claims.findings), folder / FIGURE)
    page = claims_markdown(claims, provenance=provenance, draws=draws)
    write_text_whole(folder / PAGE, page)
  except OSError as error:
    raise InputError(
      f"{folder} cannot be written ({error.strerror}): name another folder "
      "with --output"
    ) from error
  return folder / PAGE


def claims_markdown(
  claims: Claims, *, provenance: Provenance, draws: Draws
) -> str:
  """Returns the page of the claims.

  Args:
    claims: What was found.
    provenance: What the reader must know.
    draws: Of the bootstrap.

  Returns:
    Markdown.
  """
  notes = _NOTES.format(
    holds=HOLDS,
    fails=FAILS,
    open=OPEN,
    fewest=FEWEST_SONGS,
    **draws._asdict(),
  )
  parts = ["# The claims\n", bullets(provenance), notes]
  parts += [f"![The differences]({FIGURE})\n", _findings_table(claims)]
  if claims.gaps:
    parts += [
      "Whether examples are worth more on unseen instruments than on seen "
      "ones: the difference on the first minus that on the second.\n",
      _gaps_table(claims),
    ]
  parts += ["## What was scored\n", _standings_table(claims)]
  return "\n".join(parts)


def claims_csv(findings: Sequence[Finding]) -> str:
  """Returns the findings as a tidy table."""
  text = io.StringIO()
  writer = csv.writer(text, lineterminator="\n")
  writer.writerow(_COLUMNS)
  for finding in findings:
    row = finding.comparison
    values = (
      *(finding.claim.name, row.items),
      *(*row.difference[:3], row.median_difference, *row.difference[3:]),
      *(finding.claim.goal_db, finding.verdict),
      *(row.figure.mean.mean, row.against_figure.mean.mean),
    )
    writer.writerow([_field(value) for value in values])
  return text.getvalue()


def draw_claims(figure_of: MakeFigure, findings: Sequence[Finding]) -> Any:
  """Draws the differences with their intervals, a line each, set by set.

  Args:
    figure_of: Of `import_figure`.
    findings: At least one.

  Returns:
    The figure.
  """
  by_set: dict[str, list[tuple[str, str, Interval]]] = {}
  for finding in findings:
    row = finding.comparison
    by_set.setdefault(row.items, []).append(
      (finding.claim.name, row.items, row.difference)
    )
  return draw_forest(
    figure_of,
    [line for lines in by_set.values() for line in lines],
    title="The claims: paired differences",
    label="difference in SI-SDR (dB), mean and 95 % interval over songs",
  )


def _findings_table(claims: Claims) -> str:
  titles = ["claim", "items", "difference, dB [95 %]", "median", "n (songs)"]
  lines = [
    [
      finding.claim.name,
      finding.comparison.items,
      format_interval(finding.comparison.difference),
      format_db(finding.comparison.median_difference),
      format_n(finding.comparison.difference),
      format_db(finding.claim.goal_db),
      finding.verdict and f"**{finding.verdict}**",
    ]
    for finding in claims.findings
  ]
  return markdown_table([*titles, "goal, dB", "it"], lines)


def _gaps_table(claims: Claims) -> str:
  lines = [
    [
      gap.name,
      f"{gap.unseen} - {gap.seen}",
      format_interval(gap.larger_by),
      format_n(gap.larger_by),
      "" if math.isnan(gap.larger_by.low) else _sign(gap.larger_by),
    ]
    for gap in claims.gaps
  ]
  titles = ["difference", "items", "larger by, dB [95 %]", "n (songs)", "it is"]
  return markdown_table(titles, lines)


def _sign(interval: Interval) -> str:
  if interval.low > 0:
    return "larger"
  return "smaller" if interval.high < 0 else OPEN


def _standings_table(claims: Claims) -> str:
  titles = [
    "items",
    "who",
    "SI-SDR improvement, dB [95 %]",
    "median",
    "SI-SDR, dB",
    "of the way to the mask, median",
    "silent",
    "n (songs)",
  ]
  lines = [
    [
      each.items,
      each.name,
      format_interval(each.figure.mean),
      format_db(each.figure.median),
      format_db(each.si_sdr_db),
      format_share(each.share_of_way),
      format_share(each.figure.collapsed),
      format_n(each.figure.mean),
    ]
    for each in claims.standings
  ]
  return markdown_table(titles, lines)


def _field(value: str | int | float) -> str | int | float:
  if isinstance(value, float):
    return "" if math.isnan(value) else float(f"{value:.6g}")
  return value
