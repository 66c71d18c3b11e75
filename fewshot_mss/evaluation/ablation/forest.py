"""Forest plots: means with their intervals, a line each."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fewshot_mss.data.figure import WIDTH_INCHES
from fewshot_mss.evaluation.ablation.analysis import Analysis
from fewshot_mss.evaluation.ablation.style import (
  IMPROVEMENT_LABEL,
  MARKERS,
  MakeFigure,
  clean,
  colour_of,
  error_bars,
)
from fewshot_mss.evaluation.bootstrap import FEWEST_SONGS, Interval

# Of a line, and of all that is no line.
_LINE_INCHES, _MARGIN_INCHES = 0.19, 1.3
# Intervals that are much too narrow are not to look as sure as others.
_FAINT = 0.4
_FEW = f", fewer than {FEWEST_SONGS} songs: too narrow"


def draw_instruments(figure_of: MakeFigure, analysis: Analysis) -> Any:
  """Draws a forest plot of the reference arm: a line an instrument.

  Args:
    figure_of: Of `import_figure`.
    analysis: What was found.

  Returns:
    The figure; groups apart, the best first in each.
  """
  held = [
    one for one in analysis.instruments if not np.isnan(one.figure.mean.mean)
  ]
  total = sum(one.figure.mean.num_items for one in held)
  lines = []
  for one in held:
    mean = one.figure.mean
    name = f"{one.instrument} ({mean.num_items}, {mean.num_songs})"
    lines.append((name, one.group, mean))
  return draw_forest(
    figure_of,
    lines,
    title=f"By instrument, n = {total} items (of each: items, songs)",
    label=f"{IMPROVEMENT_LABEL}, mean and 95 % interval over songs",
  )


def draw_forest(
  figure_of: MakeFigure,
  lines: Sequence[tuple[str, str, Interval]],
  *,
  title: str,
  label: str,
) -> Any:
  """Draws means with their intervals, a line each.

  Args:
    figure_of: Of `import_figure`.
    lines: Name, set of items and mean, from the top; those of a set together.
    title: Of the figure.
    label: Of the axis, with its unit.

  Returns:
    The figure.
  """
  height = _MARGIN_INCHES + _LINE_INCHES * max(6, len(lines))
  figure = figure_of((WIDTH_INCHES, height))
  ax = figure.subplots()
  places = np.arange(len(lines))
  sets = [items for _, items, _ in lines]
  for i, items in enumerate(dict.fromkeys(sets)):
    mine = [k for k in places if sets[k] == items]
    for is_few in (False, True):
      part = [
        k for k in mine if (lines[k][2].num_songs < FEWEST_SONGS) == is_few
      ]
      if not part:
        continue
      means = [lines[k][2] for k in part]
      ax.errorbar(
        [interval.mean for interval in means],
        part,
        xerr=error_bars(means),
        color=colour_of(items),
        alpha=_FAINT if is_few else 1.0,
        marker=MARKERS[i % len(MARKERS)],
        markersize=4,
        linestyle="none",
        elinewidth=1.2,
        capsize=2,
        label=f"{items}{_FEW if is_few else ''}",
      )
    if mine[0]:
      ax.axhline(mine[0] - 0.5, color="0.6", linewidth=0.8)
  ax.set_yticks(places, [name for name, _, _ in lines], fontsize=8)
  ax.set_ylim(len(lines) - 0.5, -0.5)
  ax.axvline(0, color="black", linewidth=0.8)
  ax.set_title(title, fontsize=11)
  ax.set_xlabel(label)
  clean(ax, "x")
  figure.legend(frameon=False, fontsize=9, ncols=2, loc="outside lower center")
  return figure
