"""A picture of condition vectors in two dimensions."""

from typing import Any

import numpy as np

from fewshot_mss.data.figure import WIDTH_INCHES
from fewshot_mss.evaluation.ablation.conditions import (
  Conditions,
  principal_components,
)
from fewshot_mss.evaluation.ablation.style import MakeFigure, clean

# Okabe and Ito's, less yellow, which is faint on white.
_COLOURS = (
  "#0072b2",
  "#d55e00",
  "#009e73",
  "#cc79a7",
  "#56b4e9",
  "#e69f00",
  "#000000",
)
# Another for every round of the colours.
_MARKERS = "os^Dv"
# More names than these hide one another.
_MOST_NAMES = 30
_MOST_COLOURED = 7


def draw_conditions(figure_of: MakeFigure, conditions: Conditions) -> Any:
  """Draws vectors where they differ most, coloured by what they are of.

  Args:
    figure_of: Of `import_figure`.
    conditions: The vectors; up to seven instruments have colours of their own,
      more are coloured by family. Those of unseen classes are hollow.

  Returns:
    The figure.
  """
  places, shares = principal_components(conditions.vectors)
  instruments = np.array(conditions.instruments)
  unseen = np.array([g.startswith("unseen") for g in conditions.groups])
  labels, kind = instruments, "instrument"
  if len(set(conditions.instruments)) > _MOST_COLOURED:
    labels, kind = np.array(conditions.families), "family"
  figure = figure_of((WIDTH_INCHES, 5.4))
  ax = figure.subplots()
  for i, label in enumerate(np.unique(labels)):
    colour = _COLOURS[i % len(_COLOURS)]
    marker = _MARKERS[i // len(_COLOURS) % len(_MARKERS)]
    for hollow in (False, True):
      mine = (labels == label) & (unseen == hollow)
      if mine.any():
        ax.scatter(
          *places[mine].T,
          s=18,
          marker=marker,
          facecolors="none" if hollow else colour,
          edgecolors=colour,
          linewidths=0.9,
          label=f"{label}, unseen" if hollow else label,
        )
  if kind == "family" and len(set(instruments)) <= _MOST_NAMES:
    for name in np.unique(instruments):
      mine = places[instruments == name]
      ax.annotate(
        name,
        (mine[:, 0].mean(), mine[:, 1].max()),
        xytext=(0, 5),
        textcoords="offset points",
        fontsize=7,
        horizontalalignment="center",
        bbox={"facecolor": "white", "alpha": 0.6, "pad": 0.5, "linewidth": 0},
      )
  first, second = (f"{100 * share:.0f} % of the variance" for share in shares)
  ax.set_xlabel(f"first principal component ({first})")
  ax.set_ylabel(f"second principal component ({second})")
  ax.set_title(
    f"Condition vectors by {kind}, n = {len(places)} queries of "
    f"{len(set(instruments))} instruments",
    fontsize=11,
  )
  clean(ax)
  figure.legend(frameon=False, fontsize=8, ncols=4, loc="outside lower center")
  return figure
