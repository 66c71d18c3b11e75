"""The comparison of two checkpoints as Markdown."""

from collections.abc import Mapping, Sequence

from fewshot_mss.evaluation.ablation.analysis import is_baseline
from fewshot_mss.evaluation.ablation.axes import (
  OTHER,
  TITLES,
  describe_arm,
  describe_axis,
)
from fewshot_mss.evaluation.ablation.page import (
  Provenance,
  bullets,
  describe_settings,
  method_notes,
)
from fewshot_mss.evaluation.ablation.statistics import (
  LEVEL,
  Comparison,
  Draws,
)
from fewshot_mss.evaluation.ablation.table import Arm
from fewshot_mss.evaluation.cells import (
  format_db,
  format_interval,
  format_n,
  format_p,
  format_share,
  markdown_table,
)


def comparison_markdown(
  found: Mapping[str, Sequence[Comparison]],
  *,
  names: tuple[str, str],
  provenance: tuple[Provenance, Provenance],
  references: tuple[Arm, Arm],
  draws: Draws,
  figure: str,
) -> str:
  """Returns the comparison of two runs, the first called A, the second B.

  Args:
    found: Of `compare_runs`.
    names: Of the two runs.
    provenance: What the reader must know of each.
    references: The reference arm of each.
    draws: Of the bootstrap.
    figure: Name of the picture beside the page.

  Returns:
    Markdown.
  """
  parts = ["# Two checkpoints side by side\n"]
  for letter, name, known, reference in zip(
    "AB", names, provenance, references, strict=True
  ):
    parts += [f"{letter}: {name}\n", bullets(known)]
    parts.append(f"Its reference arm: {describe_settings(reference)}.\n")
  parts.append(method_notes(draws, "the same arm of A"))
  settings = [reference._replace(model="") for reference in references]
  if settings[0] != settings[1]:
    parts.append("The reference arms are compared, too, though they differ.\n")
  parts.append(f"![Difference]({figure})\n")
  for axis, rows in found.items():
    if rows:
      title = describe_axis(axis)
      parts.append(f"## {title[0].upper()}{title[1:]}\n")
      parts += _tables(axis, rows, references[0])
  return "\n".join(parts)


def _tables(axis: str, rows: Sequence[Comparison], reference: Arm) -> list[str]:
  """Returns the table of an axis, absent targets in one of their own."""
  parts = []
  for measure in dict.fromkeys(row.measure for row in rows):
    name = "SI-SDR improvement"
    if measure == LEVEL:
      name = "level of an absent target's output over the mixture"
    titles = [
      "items",
      "arm",
      f"A: {name}, dB [95 %]",
      "n (songs)",
      "B, dB [95 %]",
      "n (songs)",
      "B minus A, dB [95 %]",
      "its median",
      "n (songs)",
      "Holm p",
      "A silent",
      "B silent",
    ]
    lines = [
      _line(row, _described(axis, row.arm, reference))
      for row in rows
      if row.measure == measure
    ]
    parts.append(markdown_table(titles, lines))
  return parts


def _line(row: Comparison, name: str) -> list[str]:
  return [
    row.items,
    name,
    format_interval(row.against_figure.mean),
    format_n(row.against_figure.mean),
    format_interval(row.figure.mean),
    format_n(row.figure.mean),
    format_interval(row.difference),
    format_db(row.median_difference),
    format_n(row.difference),
    "" if is_baseline(row.arm) else format_p(row.holm_p_value),
    format_share(row.against_figure.collapsed),
    format_share(row.figure.collapsed),
  ]


def _described(axis: str, arm: Arm, reference: Arm) -> str:
  if is_baseline(arm):
    return f"*{arm.model}*, target {arm.target}"
  known = axis in TITLES or " x " in axis
  return describe_arm(arm, axis if known else OTHER, reference)
