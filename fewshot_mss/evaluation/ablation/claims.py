"""What the paper claims, asked of a finished ablation of its three models.

Each claim is that one arm is above another one: how far, and how sure, on every
set of items by itself. Sets on which an arm was not asked have no row: a model
that is told the class is asked as one thing about what it has learned, as two
others about what it has not.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from fewshot_mss.evaluation.ablation.analysis import (
  Sets,
  compare_sets,
  tables,
)
from fewshot_mss.evaluation.ablation.grid import (
  BY_CLASS,
  BY_NEAREST,
  BY_ORACLE,
)
from fewshot_mss.evaluation.ablation.standings import Standing, standings_of
from fewshot_mss.evaluation.ablation.statistics import (
  Comparison,
  Draws,
  differences,
  item_sets,
  measure_of,
)
from fewshot_mss.evaluation.ablation.table import Arm, ArmScore
from fewshot_mss.evaluation.bootstrap import (
  FEWEST_SONGS,
  Interval,
  bootstrap_gap_interval,
)

HOLDS, FAILS, OPEN = "holds", "does not hold", "open"


class Goals(NamedTuple):
  """By how many dB of SI-SDR the means are to differ, their intervals above 0.

  Attributes:
    seen_db: Examples over the class, on instruments that it was trained on.
    unseen_db: The same on others.
    negatives_db: With negatives over without.
  """

  seen_db: float
  unseen_db: float
  negatives_db: float


class Claim(NamedTuple):
  """That one arm is above another one.

  Attributes:
    name: What is compared, in words.
    arm: What is said to be better.
    against: What it is compared with.
    goal_db: By how much; NaN where there is no goal.
  """

  name: str
  arm: Arm
  against: Arm
  goal_db: float


class Finding(NamedTuple):
  """A claim on a set of items.

  Attributes:
    claim: The claim.
    comparison: The two arms, and their paired difference.
    verdict: `HOLDS`, `FAILS` or `OPEN`, see `verdict_of`; '' without a goal.
  """

  claim: Claim
  comparison: Comparison
  verdict: str


class Gap(NamedTuple):
  """Whether a difference is larger on unseen instruments than on seen ones.

  Attributes:
    name: Of the claim on the unseen ones.
    unseen: Set of items.
    seen: The set that it is compared with.
    larger_by: Mean difference on the first minus that on the second.
  """

  name: str
  unseen: str
  seen: str
  larger_by: Interval


class Claims(NamedTuple):
  """All that the page of the claims shows.

  Attributes:
    findings: Claim by claim, there set by set.
    gaps: Likewise.
    standings: Set by set: baselines, then models.
  """

  findings: list[Finding]
  gaps: list[Gap]
  standings: list[Standing]


def check_claims(
  scores: Sequence[ArmScore],
  *,
  reference: Arm,
  conditionings: Mapping[str, str],
  goals: Goals,
  draws: Draws,
) -> Claims:
  """Checks the claims on every set of items.

  Args:
    scores: All rows of an ablation.
    reference: Its reference arm: of the model that hears examples alone.
    conditionings: Of each model by name.
    goals: What is to be reached.
    draws: Of the bootstrap.

  Returns:
    What was found.
  """
  arms = list(dict.fromkeys(score.arm for score in scores))
  claims = claims_of(arms, reference, conditionings, goals)
  sets = tables(item_sets(scores))
  findings = [
    Finding(claim, row, verdict_of(row.difference, claim.goal_db))
    for claim in claims
    for row in compare_sets([(claim.arm, claim.against)], sets, sets, draws)
    if row.difference.num_items
  ]
  shown = list(dict.fromkeys([c.against for c in claims] + [reference]))
  shown += [claim.arm for claim in claims if claim.arm not in shown]
  return Claims(
    findings,
    _gaps(claims, sets, draws),
    standings_of(list(dict.fromkeys(shown)), sets, draws),
  )


def claims_of(
  arms: Sequence[Arm],
  reference: Arm,
  conditionings: Mapping[str, str],
  goals: Goals,
) -> list[Claim]:
  """Returns the claims that the arms of an ablation can answer.

  Args:
    arms: Those that were asked.
    reference: That of the model that hears examples alone.
    conditionings: Of each model by name.
    goals: What is to be reached.

  Returns:
    The claims, in the paper's order.
  """
  shots = f"{reference.shots} shots"
  claims = []
  for name in (n for n, c in conditionings.items() if c == "class"):
    for asked in [reference, *_of_other_origins(arms, reference)]:
      words = shots if asked == reference else f"{shots} of {asked.origin}"
      for reading, word, goal_db in (
        (BY_CLASS, "class", goals.seen_db),
        (BY_NEAREST, "nearest class of the family", goals.unseen_db),
        (BY_ORACLE, "best class, picked by an oracle", goals.unseen_db),
      ):
        # Told a class, a model hears no examples: where they are from is one.
        told = reference._replace(model=name, reading=reading)
        claims.append(Claim(f"{words} - {word}", asked, told, goal_db))
  for name, conditioning in conditionings.items():
    if conditioning != "examples_and_negatives":
      continue
    for arm in _with_negatives(arms, reference, name):
      both = f"{shots} and {arm.negatives} negatives"
      without = arm._replace(negatives=0)
      claims += [
        Claim(f"{both} - {shots}", arm, reference, goals.negatives_db),
        Claim(f"{both} - the same model, none", arm, without, math.nan),
      ]
  return [each for each in claims if {each.arm, each.against} <= set(arms)]


def _of_other_origins(arms: Sequence[Arm], reference: Arm) -> list[Arm]:
  """Returns the arms whose examples alone are from elsewhere."""
  return [
    arm
    for arm in arms
    if arm != reference and arm == reference._replace(origin=arm.origin)
  ]


def _with_negatives(
  arms: Sequence[Arm], reference: Arm, model: str
) -> list[Arm]:
  """Returns the arm with the most negatives, else as the reference."""
  found = [
    arm
    for arm in arms
    if arm.negatives > 0
    and arm == reference._replace(model=model, negatives=arm.negatives)
  ]
  return sorted(found, key=lambda arm: arm.negatives)[-1:]


def verdict_of(difference: Interval, goal_db: float) -> str:
  """Returns whether a difference is as large as it is to be.

  Args:
    difference: Mean and interval.
    goal_db: What the mean is to reach; NaN where there is no goal.

  Returns:
    `HOLDS` if the mean reaches the goal and the interval lies above 0, `FAILS`
    if the whole interval is below the goal, `OPEN` if neither, or if there are
    too few songs for an interval that is worth its name.
  """
  if math.isnan(goal_db):
    return ""
  if math.isnan(difference.low) or difference.num_songs < FEWEST_SONGS:
    return OPEN
  if difference.mean >= goal_db and difference.low > 0:
    return HOLDS
  return FAILS if difference.high < goal_db else OPEN


def _gaps(claims: Sequence[Claim], sets: Sets, draws: Draws) -> list[Gap]:
  """Compares examples over class on unseen instruments with that on seen."""
  over_class = {c.arm: c for c in claims if c.against.reading == BY_CLASS}
  over_others = [
    c for c in claims if c.against.reading in (BY_NEAREST, BY_ORACLE)
  ]
  gaps = []
  for claim in over_others:
    for unseen in sets:
      seen = unseen.removeprefix("un")
      if seen == unseen or seen not in sets or claim.arm not in over_class:
        continue
      values, songs = _paired(claim, sets[unseen])
      others, other_songs = _paired(over_class[claim.arm], sets[seen])
      if len(values) and len(others):
        larger_by = bootstrap_gap_interval(
          values, songs, others, other_songs, **draws._asdict()
        )
        gaps.append(Gap(claim.name, unseen, seen, larger_by))
  return gaps


def _paired(claim: Claim, table: Mapping) -> tuple:
  return differences(
    table.get(claim.arm, {}),
    table.get(claim.against, {}),
    measure_of(claim.arm),
  )
