"""Figures of an ablation that a paper could print.

matplotlib is an extra: figures are made by what `import_figure` returns.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fewshot_mss.data.figure import WIDTH_INCHES, save_figure
from fewshot_mss.evaluation.ablation.analysis import Analysis
from fewshot_mss.evaluation.ablation.axes import (
  CONDITIONING,
  as_many,
  describe_arm,
  differing_settings,
)
from fewshot_mss.evaluation.ablation.conditions import Conditions
from fewshot_mss.evaluation.ablation.conditions_figure import draw_conditions
from fewshot_mss.evaluation.ablation.forest import draw_instruments
from fewshot_mss.evaluation.ablation.heat_map import draw_heat_map
from fewshot_mss.evaluation.ablation.statistics import IMPROVEMENT, Comparison
from fewshot_mss.evaluation.ablation.style import (
  IMPROVEMENT_LABEL,
  MARKERS,
  MakeFigure,
  clean,
  colour_of,
  describe_count,
  error_bars,
  examples_text,
  main_sets,
  most_items,
)
from fewshot_mss.evaluation.ablation.table import Arm
from fewshot_mss.evaluation.bootstrap import Interval

_SHOTS_AND_SECONDS = frozenset(("shots", "example_s"))


def write_figures(
  figure_of: MakeFigure,
  folder: Path,
  analysis: Analysis,
  conditions: Conditions | None,
) -> dict[str, str]:
  """Draws what there is to draw.

  Args:
    figure_of: Of `import_figure`.
    folder: Where to.
    analysis: What was found.
    conditions: Vectors to draw in two dimensions, if any.

  Returns:
    Names of the files, by what they show.

  Raises:
    InputError: If one cannot be written.
  """
  drawn = {}
  crossed = []
  for axis, rows in analysis.axes.items():
    if set(axis.split(" x ")) == _SHOTS_AND_SECONDS:
      crossed = _present(rows)
  shots = _present(analysis.axes.get("shots", []))
  if shots:
    long = _long_examples(analysis)
    drawn["Gain over shots"] = draw_shots(figure_of, shots, long)
  if crossed:
    drawn["Shots and seconds"] = draw_heat_map(figure_of, crossed)
  readings = _present(analysis.axes.get(CONDITIONING, []))
  if readings:
    drawn["Conditionings"] = draw_conditionings(
      figure_of, readings, analysis.reference
    )
  if analysis.instruments:
    drawn["Instruments"] = draw_instruments(figure_of, analysis)
  if conditions is not None:
    drawn["Conditions"] = draw_conditions(figure_of, conditions)
  written = {}
  for shown, figure in drawn.items():
    written[shown] = f"{shown.lower().replace(' ', '_')}.png"
    save_figure(figure, folder / written[shown])
  return written


def draw_shots(
  figure_of: MakeFigure,
  rows: Sequence[Comparison],
  long: Sequence[Comparison] = (),
) -> Any:
  """Draws the improvement over shots, and the paired difference beside it.

  Args:
    figure_of: Of `import_figure`.
    rows: Comparisons of the axis `shots`, of present targets.
    long: Those of single long examples, likewise.

  Returns:
    The figure.
  """
  figure = figure_of((WIDTH_INCHES, 4.2))
  panels = figure.subplots(1, 2)
  reference = rows[0].against
  sets = main_sets(rows)
  for i, items in enumerate(sets):
    held = [row for row in rows if row.items == items]
    shift = 0.16 * (i - (len(sets) - 1) / 2)
    style = {"color": colour_of(items), "marker": MARKERS[i % len(MARKERS)]}
    line = style | {"linestyle": ("-", "--")[i // 2 % 2]}
    name = f"{items} (n = {most_items(rows, items).num_items})"
    _draw_both(panels, held, shift, label=name, **line)
    longer = [row for row in long if row.items == items]
    if longer:
      name = f"one example of as many seconds, {items}"
      hollow = style | {"linestyle": "none", "markerfacecolor": "white"}
      _draw_both(panels, longer, shift + 0.08, label=name, **hollow)
  left, right = panels
  left.set_ylabel(IMPROVEMENT_LABEL)
  left.set_title("Mean and 95 % interval", fontsize=10)
  right.set_ylabel(f"difference to {reference.shots} shots (dB)")
  right.set_title("Paired difference and 95 % interval", fontsize=10)
  ticks = {
    shots: examples_text(
      [row for row in rows if row.arm.shots == shots and row.items in sets]
    )
    for shots in sorted({row.arm.shots for row in rows})
  }
  name = "examples asked for (shots)"
  if any(ticks.values()):
    name += "\nin brackets: those there were, on average"
  for ax in panels:
    ax.set_xlabel(name)
    ax.set_xticks(list(ticks), [f"{k}\n{ticks[k]}".rstrip() for k in ticks])
    ax.axhline(0, color="black", linewidth=0.8)
    clean(ax)
  total = sum(most_items(rows, items).num_items for items in sets)
  figure.suptitle(f"Gain over shots, n = {total} items", fontsize=11)
  handles = left.get_legend_handles_labels()
  figure.legend(
    *handles, frameon=False, fontsize=9, ncols=2, loc="outside lower center"
  )
  return figure


def draw_conditionings(
  figure_of: MakeFigure, rows: Sequence[Comparison], reference: Arm
) -> Any:
  """Draws bars of readings and checkpoints, seen beside unseen.

  Args:
    figure_of: Of `import_figure`.
    rows: Comparisons of the axis `conditioning`, of present targets.
    reference: The reference arm.

  Returns:
    The figure.
  """
  sets = main_sets(rows)
  # Sets have other readings; those of a checkpoint stay together.
  models = list(dict.fromkeys(row.arm.model for row in rows))
  arms = sorted(
    dict.fromkeys(row.arm for row in rows), key=lambda a: models.index(a.model)
  )
  of = {(row.items, row.arm): row.figure.mean for row in rows}
  figure = figure_of((WIDTH_INCHES, 1.6 + 0.3 * len(arms) * len(sets)))
  ax = figure.subplots()
  height = 0.8 / len(sets)
  for i, items in enumerate(sets):
    there = [k for k, arm in enumerate(arms) if (items, arm) in of]
    means = [of[items, arms[k]] for k in there]
    place = np.array(there) + height * (i - (len(sets) - 1) / 2)
    ax.barh(
      place,
      [interval.mean for interval in means],
      height=0.9 * height,
      xerr=error_bars(means),
      error_kw={"capsize": 2, "elinewidth": 1},
      color=colour_of(items),
      hatch=("", "//")[i // 2 % 2],
      edgecolor="white",
      label=f"{items} ({describe_count(most_items(rows, items))})",
    )
  names = [describe_arm(a, CONDITIONING, reference) for a in arms]
  lines = [name.replace(": ", ":\n") for name in names]
  ax.set_yticks(range(len(arms)), lines, fontsize=9)
  ax.invert_yaxis()
  ax.axvline(0, color="black", linewidth=0.8)
  ax.set_xlabel(f"{IMPROVEMENT_LABEL}, mean and 95 % interval")
  total = sum(most_items(rows, items).num_items for items in sets)
  ax.set_title(f"Conditioning, n = {total} items", fontsize=11)
  clean(ax, "x")
  figure.legend(frameon=False, fontsize=9, ncols=2, loc="outside lower center")
  return figure


def _present(rows: Sequence[Comparison]) -> list[Comparison]:
  """Returns the rows of which there is an improvement to draw."""
  return [
    row
    for row in rows
    if row.measure == IMPROVEMENT and row.figure.mean.num_items
  ]


def _long_examples(analysis: Analysis) -> list[Comparison]:
  """Returns single examples longer than the usual, against the reference."""
  reference = analysis.reference
  found = {
    (row.items, row.arm): row
    for rows in analysis.axes.values()
    for row in _present(rows)
    if row.against == reference and as_many(row.arm, reference) > 1
    if differing_settings(row.arm, reference) <= _SHOTS_AND_SECONDS
  }
  return list(found.values())


def _draw_both(
  panels: Iterable[Any], rows: Sequence[Comparison], shift: float, **style: Any
) -> None:
  """Draws means on the left, and differences to the reference on the right."""
  itself = Interval(0.0, 0.0, 0.0, 0, 0)
  differences = [
    itself if row.arm == row.against else row.difference for row in rows
  ]
  for ax, means in zip(
    panels, ([row.figure.mean for row in rows], differences), strict=True
  ):
    ax.errorbar(
      [_as_shots(row) + shift for row in rows],
      [mean.mean for mean in means],
      yerr=error_bars(means),
      capsize=3,
      markersize=5,
      linewidth=1.5,
      **style,
    )


def _as_shots(row: Comparison) -> int | float:
  """Returns the shots; of a single long example, those it is as long as."""
  return max(row.arm.shots, as_many(row.arm, row.against))
