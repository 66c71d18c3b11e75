"""Figures of an ablation that a paper could print.

matplotlib is an extra: figures are made by what `import_figure` returns.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64

from fewshot_mss.data.figure import WIDTH_INCHES, save_figure
from fewshot_mss.evaluation.ablation.analysis import Analysis
from fewshot_mss.evaluation.ablation.axes import (
  CONDITIONING,
  describe_arm,
)
from fewshot_mss.evaluation.ablation.cells import format_db
from fewshot_mss.evaluation.ablation.conditions import Conditions
from fewshot_mss.evaluation.ablation.conditions_figure import draw_conditions
from fewshot_mss.evaluation.ablation.forest import draw_instruments
from fewshot_mss.evaluation.ablation.statistics import IMPROVEMENT, Comparison
from fewshot_mss.evaluation.ablation.style import (
  IMPROVEMENT_LABEL,
  MARKERS,
  MakeFigure,
  clean,
  colour_of,
  describe_count,
  error_bars,
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
    drawn["Gain over shots"] = draw_shots(figure_of, shots, crossed)
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
  crossed: Sequence[Comparison] = (),
) -> Any:
  """Draws the improvement over shots, and the paired difference beside it.

  Args:
    figure_of: Of `import_figure`.
    rows: Comparisons of the axis `shots`, of present targets.
    crossed: Those of shots and seconds crossed, for single long examples.

  Returns:
    The figure.
  """
  figure = figure_of((WIDTH_INCHES, 4.2))
  panels = figure.subplots(1, 2)
  reference = rows[0].against
  sets = _main_sets(rows)
  for i, items in enumerate(sets):
    held = [row for row in rows if row.items == items]
    shift = 0.16 * (i - (len(sets) - 1) / 2)
    style = {"color": colour_of(items), "marker": MARKERS[i % len(MARKERS)]}
    line = style | {"linestyle": ("-", "--")[i // 2 % 2]}
    name = f"{items} (n = {held[0].figure.mean.num_items})"
    _draw_both(panels, held, shift, label=name, **line)
    longer = [
      row._replace(arm=row.arm._replace(shots=_as_many(row.arm, reference)))
      for row in crossed
      if row.items == items and _as_many(row.arm, reference) > 1
    ]
    if longer:
      name = f"one example as long as so many, {items}"
      hollow = style | {"linestyle": "none", "markerfacecolor": "white"}
      _draw_both(panels, longer, shift + 0.08, label=name, **hollow)
  left, right = panels
  left.set_ylabel(IMPROVEMENT_LABEL)
  left.set_title("Mean and 95 % interval", fontsize=10)
  right.set_ylabel(f"difference to {reference.shots} shots (dB)")
  right.set_title("Paired difference and 95 % interval", fontsize=10)
  for ax in panels:
    ax.set_xlabel("examples given (shots)")
    ax.set_xticks(sorted({row.arm.shots for row in rows}))
    ax.axhline(0, color="black", linewidth=0.8)
    clean(ax)
  total = sum(_most(rows, items).num_items for items in sets)
  figure.suptitle(f"Gain over shots, n = {total} items", fontsize=11)
  handles = left.get_legend_handles_labels()
  figure.legend(
    *handles, frameon=False, fontsize=9, ncols=2, loc="outside lower center"
  )
  return figure


def draw_heat_map(figure_of: MakeFigure, rows: Sequence[Comparison]) -> Any:
  """Draws the mean improvement over shots and seconds of an example.

  Args:
    figure_of: Of `import_figure`.
    rows: Comparisons of the two settings crossed.

  Returns:
    The figure: a panel for seen and unseen.
  """
  sets = _main_sets(rows)
  # No example at all has no length.
  rows = [row for row in rows if row.arm.shots > 0]
  shots = sorted({row.arm.shots for row in rows})
  seconds = sorted({row.arm.example_s for row in rows})
  grids = [_grid(rows, items, shots, seconds) for items in sets]
  low, high = np.nanmin(grids), np.nanmax(grids)
  figure = figure_of((WIDTH_INCHES, 0.4 + 3.2 * -(-len(sets) // 2)))
  axes = figure.subplots(
    -(-len(sets) // 2), min(2, len(sets)), squeeze=False
  ).ravel()
  for ax in axes[len(sets) :]:
    ax.set_axis_off()
  for ax, items, grid in zip(axes, sets, grids, strict=False):
    image = ax.imshow(
      grid, origin="lower", cmap="cividis", vmin=low, vmax=high, aspect="auto"
    )
    ax.set_facecolor("0.9")
    for (i, j), value in np.ndenumerate(grid):
      text = format_db(value).replace("-", "\N{MINUS SIGN}")
      colour = "white" if value < (low + high) / 2 else "black"
      ax.text(j, i, text, ha="center", va="center", color=colour, fontsize=8)
    ax.set_xticks(range(len(seconds)), [f"{value:g}" for value in seconds])
    ax.set_yticks(range(len(shots)), [str(value) for value in shots])
    ax.set_xlabel("seconds of each example")
    ax.set_ylabel("examples given (shots)")
    count = describe_count(_most(rows, items))
    ax.set_title(f"{items} ({count})", fontsize=10)
  figure.colorbar(image, ax=list(axes), label=IMPROVEMENT_LABEL, pad=0.02)
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
  sets = _main_sets(rows)
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
      label=f"{items} ({describe_count(_most(rows, items))})",
    )
  names = [describe_arm(a, CONDITIONING, reference) for a in arms]
  lines = [name.replace(": ", ":\n") for name in names]
  ax.set_yticks(range(len(arms)), lines, fontsize=9)
  ax.invert_yaxis()
  ax.axvline(0, color="black", linewidth=0.8)
  ax.set_xlabel(f"{IMPROVEMENT_LABEL}, mean and 95 % interval")
  total = sum(_most(rows, items).num_items for items in sets)
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


def _main_sets(rows: Sequence[Comparison]) -> list[str]:
  """Returns the sets of items, without those of single datasets."""
  names = dict.fromkeys(row.items for row in rows)
  return [name for name in names if ", of " not in name]


def _grid(
  rows: Sequence[Comparison],
  items: str,
  shots: Sequence[int],
  seconds: Sequence[float],
) -> Float64[np.ndarray, "shots seconds"]:
  grid = np.full((len(shots), len(seconds)), np.nan)
  for row in rows:
    if row.items == items:
      place = shots.index(row.arm.shots), seconds.index(row.arm.example_s)
      grid[place] = row.figure.mean.mean
  return grid


def _as_many(arm: Arm, reference: Arm) -> float:
  """Returns how many examples of the usual length a single one is as long as.

  0 of arms with several examples, or none.
  """
  return arm.example_s / reference.example_s if arm.shots == 1 else 0.0


def _most(rows: Sequence[Comparison], items: str) -> Interval:
  """Returns the mean over the most items of a set."""
  held = [row.figure.mean for row in rows if row.items == items]
  return max(held, key=lambda mean: mean.num_items)


def _draw_both(
  panels: Sequence[Any], rows: Sequence[Comparison], shift: float, **style: Any
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
      [row.arm.shots + shift for row in rows],
      [mean.mean for mean in means],
      yerr=error_bars(means),
      capsize=3,
      markersize=5,
      linewidth=1.5,
      **style,
    )
