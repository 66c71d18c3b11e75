"""Arms against the reference arm: paired, over songs, corrected for number."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from fewshot_mss.evaluation.ablation.axes import ABSENT, ONE
from fewshot_mss.evaluation.ablation.table import Arm, ArmScore
from fewshot_mss.evaluation.bootstrap import (
  Interval,
  bootstrap_mean_interval,
  bootstrap_p_value,
  holm_adjusted,
)

# Of targets that are there; where two arms have the same target, its difference
# is that of the SI-SDR itself.
IMPROVEMENT = "si_sdr_improvement_db"
# Of absent targets, which have no SI-SDR; the lower, the better.
LEVEL = "level_over_mixture_db"

# The rows of an arm by (dataset, item).
ArmRows = Mapping[tuple[str, int], ArmScore]
Table = Mapping[Arm, ArmRows]


class Draws(NamedTuple):
  """Of the bootstrap.

  Attributes:
    samples: Draws of each interval and p-value.
    seed: Of the draws.
  """

  samples: int
  seed: int


class Figure(NamedTuple):
  """What an arm scored on a set of items.

  Attributes:
    mean: Of the measure in dB, with its interval over songs.
    median: Over items; NaN if there is none.
    examples: Positives that there were, on average.
    collapsed: Share of the outputs that count as silence; NaN if none.
  """

  mean: Interval
  median: float
  examples: float
  collapsed: float


class Comparison(NamedTuple):
  """An arm, what it is compared with, and how sure the difference is.

  Attributes:
    items: Name of the set of items.
    arm: What was asked.
    against: What it is compared with; the arm itself if with nothing.
    measure: `si_sdr_improvement_db`, or `level_over_mixture_db` if absent.
    figure: Of the arm, on all its items.
    against_figure: Of the other, in the same measure, on all its items.
    difference: Arm minus other in dB, on the items that both have.
    median_difference: Over those items.
    p_value: Two-sided, that the mean difference is 0; NaN if with nothing.
    holm_p_value: Corrected for all comparisons of one axis on one set of items.
  """

  items: str
  arm: Arm
  against: Arm
  measure: str
  figure: Figure
  against_figure: Figure
  difference: Interval
  median_difference: float
  p_value: float
  holm_p_value: float


def make_table(scores: Iterable[ArmScore]) -> dict[Arm, ArmRows]:
  """Sorts rows by arm and item.

  Args:
    scores: In any order.

  Returns:
    The rows of each arm by (dataset, item).

  Raises:
    ValueError: If an arm has an item twice.
  """
  table: dict[Arm, dict[tuple[str, int], ArmScore]] = {}
  for score in scores:
    rows = table.setdefault(score.arm, {})
    place = (score.dataset, score.item)
    if place in rows:
      raise ValueError(f"{score.arm} has item {place} twice")
    rows[place] = score
  return table


def item_sets(scores: Sequence[ArmScore]) -> dict[str, list[ArmScore]]:
  """Parts rows into the sets of items that are told apart.

  Args:
    scores: Of one ablation.

  Returns:
    The rows of each group (`seen`, `unseen`, ...), seen first, and of a group
    that several datasets have those of each, as `seen, of NAME`.
  """
  names = sorted({score.group for score in scores}, key=_seen_first)
  sets = {name: [s for s in scores if s.group == name] for name in names}
  datasets = dict.fromkeys(score.dataset for score in scores)
  for name in names:
    for dataset in datasets:
      held = [s for s in sets[name] if s.dataset == dataset]
      # All of them would be the same rows once more.
      if 0 < len(held) < len(sets[name]):
        sets[f"{name}, of {dataset}"] = held
  return sets


def family_sets(scores: Sequence[ArmScore]) -> dict[str, list[ArmScore]]:
  """Parts rows by group and family, as `seen: strings`; seen first.

  The family is that of the item's one target, as the group is. By what an arm
  asks for, an absent target would be paired with the present one where both
  happen to be of one family, and nowhere else.
  """
  of_item = {s.place: s.family for s in scores if s.arm.target == ONE}
  sets: dict[tuple[tuple[bool, str], str], list[ArmScore]] = {}
  for score in scores:
    family = of_item.get(score.place, score.family)
    sets.setdefault((_seen_first(score.group), family), []).append(score)
  return {
    f"{group}: {family}": sets[(rank, group), family]
    for (rank, group), family in sorted(sets)
  }


def measure_of(arm: Arm) -> str:
  """Returns the name of the figure by which an arm is judged."""
  return LEVEL if arm.target == ABSENT else IMPROVEMENT


def compare(
  items: str,
  pairs: Sequence[tuple[Arm, Arm]],
  table: Table,
  against: Table,
  draws: Draws,
) -> list[Comparison]:
  """Compares pairs of arms on one set of items.

  Args:
    items: Name of the set, for the result.
    pairs: The arm, and what it is compared with; an arm with itself of the
      same table is a row without a comparison.
    table: Where the first of each pair is.
    against: Where the second is: the same table, or that of another run.
    draws: Of the bootstrap.

  Returns:
    A comparison for each pair of which the first has rows here, its p-value
    corrected for the number of those (Holm).
  """
  found = []
  others: dict[tuple[Arm, str], Figure] = {}
  for arm, other in pairs:
    if not table.get(arm):
      continue
    measure = measure_of(arm)
    rows, other_rows = table[arm], against.get(other, {})
    # Most arms are compared with the same one.
    if (other, measure) not in others:
      others[other, measure] = figure_of(other_rows, measure, draws)
    difference, songs = differences(rows, other_rows, measure)
    if arm == other and table is against:
      difference, songs = np.zeros(0), []
    found.append(
      Comparison(
        items=items,
        arm=arm,
        against=other,
        measure=measure,
        figure=figure_of(rows, measure, draws),
        against_figure=others[other, measure],
        difference=_interval(difference, songs, draws),
        median_difference=_median(difference),
        p_value=bootstrap_p_value(difference, songs, **draws._asdict()),
        holm_p_value=np.nan,
      )
    )
  adjusted = holm_adjusted(np.array([row.p_value for row in found], np.float64))
  return [
    row._replace(holm_p_value=float(value))
    for row, value in zip(found, adjusted, strict=True)
  ]


def figure_of(rows: ArmRows, measure: str, draws: Draws) -> Figure:
  """Returns what an arm scored on all items that it has here."""
  held = list(rows.values())
  values = np.array([getattr(row, measure) for row in held], np.float64)
  return Figure(
    mean=_interval(values, [row.song for row in held], draws),
    median=_median(values),
    examples=_mean([row.examples for row in held]),
    collapsed=_mean([row.collapsed for row in held]),
  )


def differences(
  rows: ArmRows, other: ArmRows, measure: str
) -> tuple[np.ndarray, list[str]]:
  """Returns one arm minus another one on common items, and each one's song.

  Args:
    rows: Of the first arm.
    other: Of the second.
    measure: Name of the figure.

  Returns:
    The differences and the songs.
  """
  places = [place for place in rows if place in other]
  values = [
    getattr(rows[place], measure) - getattr(other[place], measure)
    for place in places
  ]
  songs = [rows[place].song for place in places]
  return np.array(values, np.float64), songs


def _interval(
  values: np.ndarray, songs: Sequence[str], draws: Draws
) -> Interval:
  return bootstrap_mean_interval(values, songs, **draws._asdict())


def _median(values: np.ndarray) -> float:
  known = values[~np.isnan(values)]
  return float(np.median(known)) if len(known) else float("nan")


def _mean(values: Sequence[int | float]) -> float:
  return float(np.mean(values)) if len(values) else float("nan")


def _seen_first(group: str) -> tuple[bool, str]:
  return group.startswith("unseen"), group
