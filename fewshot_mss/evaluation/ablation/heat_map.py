"""A heat map: shots and seconds of an example, crossed."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float64

from fewshot_mss.data.figure import WIDTH_INCHES
from fewshot_mss.evaluation.ablation.statistics import Comparison
from fewshot_mss.evaluation.ablation.style import (
  IMPROVEMENT_LABEL,
  MakeFigure,
  describe_count,
  examples_text,
  main_sets,
  most_items,
)
from fewshot_mss.evaluation.cells import format_db


def draw_heat_map(figure_of: MakeFigure, rows: Sequence[Comparison]) -> Any:
  """Draws the mean improvement over shots and seconds of an example.

  Args:
    figure_of: Of `import_figure`.
    rows: Comparisons of the two settings crossed.

  Returns:
    The figure: a panel for seen and unseen.
  """
  sets = main_sets(rows)
  # No example at all has no length.
  rows = [row for row in rows if row.arm.shots > 0]
  shots = sorted({row.arm.shots for row in rows})
  seconds = sorted({row.arm.example_s for row in rows})
  grids = [_grid(rows, items, shots, seconds) for items in sets]
  low, high = np.nanmin(grids), np.nanmax(grids)
  any_fewer = any(any(_examples(rows, items).values()) for items in sets)
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
    there = _examples(rows, items)
    for (i, j), value in np.ndenumerate(grid):
      text = format_db(value).replace("-", "\N{MINUS SIGN}")
      text += there.get((shots[i], seconds[j]), "")
      colour = "white" if value < (low + high) / 2 else "black"
      ax.text(j, i, text, ha="center", va="center", color=colour, fontsize=8)
    ax.set_xticks(range(len(seconds)), [f"{value:g}" for value in seconds])
    ax.set_yticks(range(len(shots)), [str(value) for value in shots])
    below = "\nin brackets: examples there were, on average"
    ax.set_xlabel(f"seconds of each example{below if any_fewer else ''}")
    ax.set_ylabel("examples asked for (shots)")
    count = describe_count(most_items(rows, items))
    ax.set_title(f"{items} ({count})", fontsize=10)
  figure.colorbar(image, ax=list(axes), label=IMPROVEMENT_LABEL, pad=0.02)
  return figure


def _examples(
  rows: Sequence[Comparison], items: str
) -> dict[tuple[int, float], str]:
  """Returns what stands below a figure, by shots and seconds."""
  found = {
    (row.arm.shots, row.arm.example_s): examples_text([row])
    for row in rows
    if row.items == items
  }
  return {place: f"\n{text}" for place, text in found.items() if text}


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
