"""The report of an ablation as Markdown: a table an axis, baselines beside."""

import math
from collections.abc import Iterable, Mapping, Sequence

from fewshot_mss.evaluation import metrics
from fewshot_mss.evaluation.ablation.analysis import Analysis, is_baseline
from fewshot_mss.evaluation.ablation.axes import (
  EQUAL_SOUND,
  EQUAL_TOTALS,
  OTHER,
  describe_arm,
  describe_axis,
)
from fewshot_mss.evaluation.ablation.statistics import (
  LEVEL,
  Comparison,
  Draws,
  measure_of,
)
from fewshot_mss.evaluation.ablation.table import Arm
from fewshot_mss.evaluation.bootstrap import FEWEST_SONGS, Interval
from fewshot_mss.evaluation.cells import (
  format_db,
  format_interval,
  format_n,
  format_p,
  format_share,
  markdown_table,
)

Provenance = Mapping[str, str | int | float]

# What differences are to, where it is not the reference arm.
_AGAINST = {
  EQUAL_TOTALS: "positives alone",
  EQUAL_SOUND: "several examples",
}
_METHOD = """\
- Every arm is scored on the same fixed items. SI-SDR improvement is over the
  mixture itself, item by item. An output without anything of the target, as
  silence, is given an SI-SDR of {floor:g} dB. Absent targets have no SI-SDR:
  of them the level of the output over the mixture is told, the lower the
  better.
- Differences are paired: arm minus {against}, on the items that both have;
  with equal targets the difference in improvement is that in SI-SDR. Another
  kind of target is another task: its difference says how hard it is.
- Intervals are 95 % percentile intervals of {samples} bootstrap draws of whole
  songs (seed {seed}). Of fewer than {fewest} songs they are much too narrow: of
  two, every second one misses the truth at best. With one song there is none.
- p is two-sided, from the same draws (the percentile interval inverted, plus
  one, and never below 2^(1 - songs)), and Holm-corrected for all comparisons
  of one table on one set of items: seen, unseen and each family by themselves.
  With these draws none of m comparisons can be below m x {smallest:.2g}. It
  says nothing about other training runs, other seeds or other data.
- At equal totals, and beside one long example, an arm counts on the items that
  have as many positives as it asks for.
- "silent" is the share of outputs that count as collapsed to silence;
  "examples" the positives that there were, on average: an instrument may have
  fewer than were asked for.
"""
_OURS = """\
- Ours, and no figures of the paper (Wang et al., ICASSP 2022): data, lists of
  seen and unseen classes, network sizes, training, aggregation and all figures.
- Baselines are set beside the reference arm asked for the same kind of target.
- Ours: how a network that is conditioned by class is asked for a class that it
  has never seen: by the seen class of the same family whose mean spectrum is
  nearest to that of five examples, and by the best of all seen classes picked
  with the answer in hand (an oracle, an upper bound). The ideal ratio mask
  knows the answer too.
"""


def ablation_markdown(
  analysis: Analysis,
  *,
  provenance: Provenance,
  draws: Draws,
  figures: Mapping[str, str],
) -> str:
  """Returns the report of an ablation.

  Args:
    analysis: What was found.
    provenance: What the reader must know: data, weights, machine, command.
    draws: Of the bootstrap.
    figures: Names of the pictures beside the report, by what they show.

  Returns:
    Markdown.
  """
  parts = [
    "# Ablation\n",
    bullets(provenance),
    f"The reference arm: {describe_settings(analysis.reference)}.\n",
    method_notes(draws, "the reference arm") + _OURS,
  ]
  parts += [f"![{shown}]({name})\n" for shown, name in figures.items()]
  for axis, rows in analysis.axes.items():
    parts.append(f"## {describe_axis(axis).capitalize()}\n")
    parts += axis_tables(axis, rows, analysis.baselines, analysis.reference)
    # Of a crossed pair that would be a page of columns: see the CSV.
    if " x " not in axis:
      families = analysis.families[axis]
      parts += _family_table(axis, families, analysis.reference)
  parts += _instrument_table(analysis)
  return "\n".join(parts)


def method_notes(draws: Draws, against: str) -> str:
  """Returns how the figures came about, as bullets."""
  return _METHOD.format(
    floor=metrics.SI_SDR_FLOOR_DB,
    against=against,
    fewest=FEWEST_SONGS,
    smallest=2 / (draws.samples + 1),
    **draws._asdict(),
  )


def bullets(provenance: Provenance) -> str:
  """Returns what the reader must know, a bullet each."""
  return "".join(f"- {name}: {value}\n" for name, value in provenance.items())


def describe_settings(arm: Arm) -> str:
  """Returns all settings of an arm in words."""
  return (
    f"model {arm.model}, {arm.reading}, {arm.shots} shots of "
    f"{arm.example_s:g} s, {arm.negatives} negatives, from {arm.origin}, "
    f"target {arm.target}, query {arm.query}, {arm.quality}"
  )


def axis_tables(
  axis: str,
  rows: Sequence[Comparison],
  baselines: Sequence[Comparison],
  reference: Arm,
) -> list[str]:
  """Returns the table of an axis, absent targets in one of their own.

  Args:
    axis: Its name.
    rows: Its comparisons, set of items by set of items.
    baselines: Of all sets and kinds of target; those that fit are shown.
    reference: The reference arm.

  Returns:
    Markdown tables.
  """
  if axis in _AGAINST:
    # They are compared with the reference arm, which is not the other here.
    baselines = [_without_difference(row) for row in baselines]
  parts = []
  for measure in dict.fromkeys(row.measure for row in rows):
    held = [row for row in rows if row.measure == measure]
    if all(row.arm != row.against for row in held):
      held = [*_others_alone(held), *held]
    targets = {row.arm.target for row in held if measure_of(row.arm) == measure}
    shown = [*held, *(b for b in baselines if b.arm.target in targets)]
    lines = [
      _line(row, _described(row.arm, axis, reference, targets))
      for items in dict.fromkeys(row.items for row in held)
      for row in shown
      if row.items == items
    ]
    parts.append(markdown_table(_titles(measure, axis), lines))
  return parts


def _others_alone(rows: Sequence[Comparison]) -> list[Comparison]:
  """Returns rows of what the others are compared with, in their measure."""
  alone = [
    _without_difference(
      row._replace(arm=row.against, figure=row.against_figure)
    )
    for row in rows
  ]
  return list({(row.items, row.arm): row for row in alone}.values())


def _without_difference(row: Comparison) -> Comparison:
  return row._replace(
    difference=Interval(math.nan, math.nan, math.nan, 0, 0),
    median_difference=math.nan,
    p_value=math.nan,
    holm_p_value=math.nan,
  )


def _titles(measure: str, axis: str) -> list[str]:
  name = "SI-SDR improvement"
  if measure == LEVEL:
    name = "level of an absent target's output over the mixture"
  against = _AGAINST.get(axis, "the reference")
  return [
    "items",
    "arm",
    f"{name}, dB [95 %]",
    "median",
    "n (songs)",
    f"minus {against}, dB [95 %]",
    "its median",
    "n (songs)",
    "Holm p",
    "silent",
    "examples",
  ]


def _line(row: Comparison, name: str) -> list[str]:
  baseline = is_baseline(row.arm)
  return [
    row.items,
    name,
    format_interval(row.figure.mean),
    format_db(row.figure.median),
    format_n(row.figure.mean),
    format_interval(row.difference),
    format_db(row.median_difference),
    format_n(row.difference),
    "" if baseline else format_p(row.holm_p_value),
    format_share(row.figure.collapsed),
    "" if baseline else f"{row.figure.examples:.1f}",
  ]


def _described(
  arm: Arm, axis: str, reference: Arm, targets: Iterable[str]
) -> str:
  if is_baseline(arm):
    several = len(set(targets)) > 1
    return f"*{arm.model}*" + (f", target {arm.target}" if several else "")
  name = describe_arm(arm, axis, reference)
  return f"{name} (reference)" if arm == reference and axis != OTHER else name


def _family_table(
  axis: str, rows: Sequence[Comparison], reference: Arm
) -> list[str]:
  """Returns differences by family; a column an arm."""
  compared = [row for row in rows if row.difference.num_items]
  arms = list(dict.fromkeys(row.arm for row in compared))
  if not arms:
    return []
  of = {(row.items, row.arm): row for row in compared}
  lines = []
  for items in dict.fromkeys(row.items for row in compared):
    cells, counts = [], []
    for arm in arms:
      row = of.get((items, arm))
      cells.append(_difference_cell(row))
      counts += [row.difference] if row else []
    most = max(counts, key=lambda interval: interval.num_items)
    lines.append([items, format_n(most), *cells])
  kinds = {arm: ", level" for arm in arms if measure_of(arm) == LEVEL}
  titles = [
    describe_arm(arm, axis, reference) + kinds.get(arm, "") for arm in arms
  ]
  return [
    "By family: the same paired differences in dB [95 %], and Holm p.\n",
    markdown_table(["items", "n (songs)", *titles], lines, words=1),
  ]


def _difference_cell(row: Comparison | None) -> str:
  if row is None:
    return ""
  p_value = format_p(row.holm_p_value)
  return format_interval(row.difference) + (f", p {p_value}" if p_value else "")


def _instrument_table(analysis: Analysis) -> list[str]:
  lines = [
    [
      one.group,
      one.instrument,
      one.family,
      format_interval(one.figure.mean),
      format_db(one.figure.median),
      format_n(one.figure.mean),
      format_share(one.figure.collapsed),
    ]
    for one in analysis.instruments
  ]
  titles = [
    "items",
    "instrument",
    "family",
    "SI-SDR improvement, dB [95 %]",
    "median",
    "n (songs)",
    "silent",
  ]
  return [
    "## The reference arm by instrument\n",
    markdown_table(titles, lines, words=3),
  ]
