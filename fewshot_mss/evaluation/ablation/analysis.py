"""All comparisons of one ablation, which the report and the figures show."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from fewshot_mss.evaluation.ablation.axes import (
  EQUAL_SOUND,
  EQUAL_TOTALS,
  arms_by_axis,
  equal_sound,
  equal_totals,
  in_order,
)
from fewshot_mss.evaluation.ablation.statistics import (
  Comparison,
  Draws,
  Figure,
  Table,
  compare,
  family_sets,
  figure_of,
  item_sets,
  make_table,
  measure_of,
)
from fewshot_mss.evaluation.ablation.table import Arm, ArmScore
from fewshot_mss.evaluation.scores import IDEAL_RATIO_MASK, MIXTURE, SILENCE

BASELINES = (MIXTURE, SILENCE, IDEAL_RATIO_MASK)

# The table of each set of items.
Sets = Mapping[str, Table]


class Instrument(NamedTuple):
  """What the reference arm scored on one instrument.

  Attributes:
    group: `seen`, `unseen`, ...
    instrument: Its name.
    family: Of it.
    figure: On its items.
  """

  group: str
  instrument: str
  family: str
  figure: Figure


class Analysis(NamedTuple):
  """What an ablation found.

  Attributes:
    reference: The arm that the others are compared with.
    axes: The comparisons of each axis, set of items by set of items and there
      arm by arm, the reference arm among them (compared with nothing).
    families: The same for each family of instruments.
    baselines: What needs no network, against the reference arm asked for the
      same kind of target; without p-values corrected for their number.
    instruments: Of the reference arm, the best first in each group.
  """

  reference: Arm
  axes: dict[str, list[Comparison]]
  families: dict[str, list[Comparison]]
  baselines: list[Comparison]
  instruments: list[Instrument]


def analyse(
  scores: Sequence[ArmScore],
  *,
  reference: Arm,
  crossed: Sequence[tuple[str, str]],
  draws: Draws,
) -> Analysis:
  """Makes all comparisons of an ablation.

  Args:
    scores: Its rows, in any order.
    reference: The arm that the others are compared with.
    crossed: Pairs of settings of which every combination was asked.
    draws: Of the bootstrap.

  Returns:
    The comparisons.

  Raises:
    ValueError: If the reference arm was not scored, or an arm has an item
      twice.
  """
  arms = [a for a in dict.fromkeys(s.arm for s in scores) if not is_baseline(a)]
  if reference not in arms:
    raise ValueError(f"the reference arm was not scored: {reference}")
  pairs = pairs_of_axes(arms, reference, crossed)
  sets, families = tables(item_sets(scores)), tables(family_sets(scores))
  axes = _compare_axes(pairs, sets, draws)

  return Analysis(
    reference=reference,
    axes={axis: rows for axis, rows in axes.items() if rows},
    families=_compare_axes(pairs, families, draws),
    baselines=compare_sets(
      _baseline_pairs(scores, reference), sets, sets, draws
    ),
    instruments=_instruments(scores, reference, draws),
  )


def is_baseline(arm: Arm) -> bool:
  """Tells whether an arm is one of what needs no network."""
  return arm.model in BASELINES


def pairs_of_axes(
  arms: Sequence[Arm], reference: Arm, crossed: Sequence[tuple[str, str]]
) -> dict[str, list[tuple[Arm, Arm]]]:
  """Returns which arms are compared with which, axis by axis.

  Args:
    arms: All but baselines.
    reference: The reference arm.
    crossed: Pairs of settings of which every combination was asked.

  Returns:
    Pairs of an arm and what it is compared with, by axis: the reference arm,
    but at equal totals the arm without negatives, and at equal sound that with
    several examples.
  """
  pairs = {
    axis: [(arm, reference) for arm in held]
    for axis, held in arms_by_axis(arms, reference, crossed).items()
  }
  for axis, found in (
    (EQUAL_TOTALS, equal_totals(arms, reference)),
    (EQUAL_SOUND, equal_sound(arms, reference)),
  ):
    # What others are compared with comes before them.
    for other in dict.fromkeys(other for _, other in found):
      those = [pair for pair in found if pair[1] == other]
      pairs.setdefault(axis, []).extend([(other, other), *those])
  return {axis: pairs[axis] for axis in in_order(pairs)}


def compare_sets(
  pairs: Sequence[tuple[Arm, Arm]], sets: Sets, against: Sets, draws: Draws
) -> list[Comparison]:
  """Compares pairs of arms on each set of items by itself.

  Args:
    pairs: See `statistics.compare`.
    sets: The table of each set.
    against: Those of the second of each pair; `sets` itself within a run.
    draws: Of the bootstrap.

  Returns:
    Comparisons, set by set.
  """
  return [
    row
    for items, table in sets.items()
    for row in compare(items, pairs, table, against.get(items, {}), draws)
  ]


def tables(sets: Mapping[str, Sequence[ArmScore]]) -> dict[str, Table]:
  """Returns the table of each set of items."""
  return {name: make_table(rows) for name, rows in sets.items()}


def _compare_axes(
  pairs: Mapping[str, list[tuple[Arm, Arm]]], sets: Sets, draws: Draws
) -> dict[str, list[Comparison]]:
  found = {}
  for axis, held in pairs.items():
    of = _complete(sets) if axis in (EQUAL_TOTALS, EQUAL_SOUND) else sets
    found[axis] = compare_sets(held, of, of, draws)
  return found


def _complete(sets: Sets) -> Sets:
  """Returns rows of as many examples as were asked for.

  Six examples where there are no ten are no equal of five and five.
  """
  return {
    items: {
      arm: {
        place: row for place, row in rows.items() if row.examples == arm.shots
      }
      for arm, rows in table.items()
    }
    for items, table in sets.items()
  }


def _baseline_pairs(
  scores: Iterable[ArmScore], reference: Arm
) -> list[tuple[Arm, Arm]]:
  """Pairs baselines with the reference arm asked for their kind of target."""
  arms = dict.fromkeys(score.arm for score in scores)
  pairs = []
  for name in BASELINES:
    for arm in arms:
      if arm.model == name:
        asked = reference._replace(target=arm.target)
        pairs.append((arm, asked if asked in arms else reference))
  return pairs


def _instruments(
  scores: Iterable[ArmScore], reference: Arm, draws: Draws
) -> list[Instrument]:
  rows: dict[tuple[str, str, str], dict[tuple[str, int], ArmScore]] = {}
  for score in scores:
    if score.arm == reference:
      key = (score.group, score.instrument, score.family)
      rows.setdefault(key, {})[score.dataset, score.item] = score
  found = [
    Instrument(*key, figure_of(held, measure_of(reference), draws))
    for key, held in rows.items()
  ]
  return sorted(
    found,
    key=lambda one: (
      one.group.startswith("unseen"),
      one.group,
      math.isnan(one.figure.mean.mean),
      -one.figure.mean.mean,
      one.instrument,
    ),
  )
