"""What the arms of some claims scored by themselves, baselines beside them."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from fewshot_mss.evaluation.ablation.analysis import Sets
from fewshot_mss.evaluation.ablation.grid import BY_EXAMPLES
from fewshot_mss.evaluation.ablation.item_scores import (
  ABLATION_BASELINES,
  baseline_arm,
)
from fewshot_mss.evaluation.ablation.statistics import (
  ArmRows,
  Draws,
  Figure,
  figure_of,
  measure_of,
)
from fewshot_mss.evaluation.ablation.table import Arm
from fewshot_mss.evaluation.scores import IDEAL_RATIO_MASK
from fewshot_mss.evaluation.way import median_share


class Standing(NamedTuple):
  """What was scored on a set of items.

  Attributes:
    items: Name of the set.
    name: Who answered, and how it was asked.
    figure: SI-SDR improvement over the mixture.
    si_sdr_db: Mean of the SI-SDR itself.
    share_of_way: Median, see `way.share_of_way`; NaN of baselines.
  """

  items: str
  name: str
  figure: Figure
  si_sdr_db: float
  share_of_way: float


def standings_of(
  arms: Sequence[Arm], sets: Sets, draws: Draws
) -> list[Standing]:
  """Returns what some arms scored, set by set, baselines before them.

  Args:
    arms: In the order in which they shall stand; all have one kind of target.
    sets: The table of each set of items.
    draws: Of the bootstrap.

  Returns:
    The figures; an arm that was not asked there is left out.
  """
  target = arms[0].target
  tells_origin = len({arm.origin for arm in arms}) > 1
  baselines = [baseline_arm(name, target) for name in ABLATION_BASELINES]
  found = []
  for items, table in sets.items():
    masked = table.get(baseline_arm(IDEAL_RATIO_MASK, target), {})
    for arm in [*baselines, *arms]:
      rows = table.get(arm)
      if rows:
        si_sdr_db = np.array([row.si_sdr_db for row in rows.values()])
        found.append(
          Standing(
            items,
            _name(arm, tells_origin=tells_origin),
            figure_of(rows, measure_of(arm), draws),
            float(si_sdr_db.mean()),
            math.nan if arm in baselines else _share(rows, masked),
          )
        )
  return found


def _share(rows: ArmRows, masked: ArmRows) -> float:
  """Returns the median share of the way to the mask, on common items."""
  places = [place for place in rows if place in masked]
  improvements_db = [
    np.array([of[place].si_sdr_improvement_db for place in places], np.float64)
    for of in (rows, masked)
  ]
  return median_share(*improvements_db)


def _name(arm: Arm, *, tells_origin: bool) -> str:
  if arm.reading == BY_EXAMPLES:
    name = f"{arm.model}: {arm.shots} shots, {arm.negatives} negatives"
    return f"{name}, of {arm.origin}" if tells_origin else name
  return f"{arm.model}: {arm.reading}" if arm.reading else arm.model
