"""What the figures of an ablation share.

Colours are those of Okabe and Ito, which the colour-blind tell apart.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float64

from fewshot_mss.evaluation.ablation.statistics import Comparison
from fewshot_mss.evaluation.bootstrap import Interval

SEEN_COLOUR, UNSEEN_COLOUR = "#0072b2", "#d55e00"
MARKERS = "os^D"
IMPROVEMENT_LABEL = "SI-SDR improvement (dB)"

# Takes width and height in inches: what `import_figure` returns.
MakeFigure = Callable[[tuple[float, float]], Any]


def error_bars(
  intervals: Sequence[Interval],
) -> Float64[np.ndarray, "2 n"]:
  """Returns lengths below and above the means; none without an interval."""
  ends = np.array([i[:3] for i in intervals], np.float64).reshape(-1, 3)
  mean, low, high = ends.T
  return np.maximum(np.nan_to_num(np.stack([mean - low, high - mean])), 0)


def colour_of(items: str) -> str:
  """Returns the colour of a set of items: that of seen or of unseen ones."""
  return UNSEEN_COLOUR if items.startswith("unseen") else SEEN_COLOUR


def describe_count(interval: Interval) -> str:
  """Returns the items and songs of a mean in words."""
  many = "" if interval.num_songs == 1 else "s"
  return f"n = {interval.num_items} items, {interval.num_songs} song{many}"


def clean(ax: Any, axis: str = "both") -> None:
  """Leaves a grid behind what is drawn and takes needless lines away."""
  ax.grid(axis=axis, alpha=0.3)
  ax.set_axisbelow(True)
  for side in ("top", "right"):
    ax.spines[side].set_visible(False)


def examples_text(rows: Sequence[Comparison]) -> str:
  """Returns in brackets how many examples there were, if fewer than asked for.

  Args:
    rows: Of one number of shots.

  Returns:
    `(6.8)`, the mean over their items; nothing if there were as many.
  """
  counts = [row.figure.mean.num_items for row in rows]
  there = np.average([row.figure.examples for row in rows], weights=counts)
  return f"({there:.1f})" if there < rows[0].arm.shots - 0.05 else ""


def main_sets(rows: Sequence[Comparison]) -> list[str]:
  """Returns the sets of items, without those of single datasets."""
  names = dict.fromkeys(row.items for row in rows)
  return [name for name in names if ", of " not in name]


def most_items(rows: Sequence[Comparison], items: str) -> Interval:
  """Returns the mean over the most items of a set."""
  held = [row.figure.mean for row in rows if row.items == items]
  return max(held, key=lambda mean: mean.num_items)
