"""Paired differences of arms: by hand."""

import math

import numpy as np
import pytest

from fewshot_mss.evaluation.ablation.statistics import (
  IMPROVEMENT,
  LEVEL,
  Draws,
  compare,
  family_sets,
  figure_of,
  item_sets,
  make_table,
)
from fewshot_mss.evaluation.ablation.table import Arm, ArmScore

REFERENCE = Arm(
  *("net", "examples", 5, 0, 2.0, "another song", "one", "right", "clean")
)
ONE_SHOT = REFERENCE._replace(shots=1)
NONE = REFERENCE._replace(shots=0)
ABSENT = REFERENCE._replace(target="absent")
DRAWS = Draws(999, 0)


def row(arm, item, value, song=None, **changes):
  """A score of which the improvement, and 10 less as level, is given."""
  score = ArmScore(
    arm=arm,
    dataset="toy",
    item=item,
    song=f"song {item}" if song is None else song,
    instrument="bass",
    family="strings",
    group="seen",
    examples=min(arm.shots, 3),
    usdr_db=0.0,
    si_sdr_db=value + 2.0,
    si_sdr_improvement_db=value,
    snr_db=0.0,
    level_db=0.0,
    level_over_mixture_db=value - 10,
    collapsed=False,
  )
  return score._replace(**changes)


def compared(rows, pairs):
  table = make_table(rows)
  return compare("seen", pairs, table, table, DRAWS)


def test_differences_are_paired_on_the_items_that_both_have():
  rows = [row(REFERENCE, i, v) for i, v in enumerate([1.0, 5.0, 9.0, 100.0])]
  rows += [row(ONE_SHOT, i, v) for i, v in enumerate([0.0, 3.0, 6.0])]
  rows += [row(ONE_SHOT, 9, -70.0)]
  same, other = compared(rows, [(REFERENCE, REFERENCE), (ONE_SHOT, REFERENCE)])
  # -1, -2, -3; items 3 and 9 are of one arm alone.
  assert other.difference.mean == -2 and other.median_difference == -2
  assert other.difference[3:] == (3, 3)
  # Each mean over all items of its own.
  assert other.figure.mean.mean == pytest.approx((0 + 3 + 6 - 70) / 4)
  assert other.against_figure.mean.mean == pytest.approx(115 / 4)
  assert same.difference.num_items == 0
  assert math.isnan(same.p_value) and math.isnan(same.holm_p_value)


def test_the_interval_of_two_songs_has_its_ends_at_the_songs():
  # Draws of two songs: both, twice the one or twice the other (a quarter each).
  rows = [row(REFERENCE, i, 0.0, song=s) for i, s in enumerate("aab")]
  rows += [
    row(ONE_SHOT, i, v, song=s)
    for i, (s, v) in enumerate(zip("aab", [1.0, 2.0, 6.0], strict=True))
  ]
  (found,) = compared(rows, [(ONE_SHOT, REFERENCE)])
  assert found.difference == (3.0, 1.5, 6.0, 3, 2)
  # All on one side, and yet two songs cannot say more than 1 in 2.
  assert found.p_value == found.holm_p_value == 0.5


def test_pairing_takes_out_what_items_have_in_common():
  rng = np.random.default_rng(0)
  hard = rng.normal(0, 20, 30)
  rows = [row(REFERENCE, i, v) for i, v in enumerate(hard)]
  rows += [
    row(ONE_SHOT, i, v - 1 + e)
    for i, (v, e) in enumerate(zip(hard, rng.normal(0, 0.1, 30), strict=True))
  ]
  (found,) = compared(rows, [(ONE_SHOT, REFERENCE)])
  low, high = found.difference[1:3]
  assert low < -1 < high and high - low < 0.15
  assert found.figure.mean.high - found.figure.mean.low > 5
  assert found.p_value == 2 / 1000


def test_p_values_are_corrected_for_the_comparisons_of_one_table():
  # Four songs, all on one side: 2 ** -3 at best; times 2 as there are two.
  rows = [row(REFERENCE, i, 0.0) for i in range(4)]
  rows += [row(ONE_SHOT, i, -1.0 - i) for i in range(4)]
  rows += [row(NONE, i, -9.0 - i) for i in range(4)]
  pairs = [(REFERENCE, REFERENCE), (ONE_SHOT, REFERENCE), (NONE, REFERENCE)]
  found = compared(rows, pairs)
  assert [each.p_value for each in found[1:]] == [0.125, 0.125]
  assert [each.holm_p_value for each in found[1:]] == [0.25, 0.25]
  alone = compared(rows, pairs[:2])
  assert alone[1].holm_p_value == 0.125


def test_absent_targets_are_told_by_their_level_on_both_sides():
  rows = [row(REFERENCE, i, 7.0) for i in range(3)]
  rows += [row(ABSENT, i, -20.0, si_sdr_db=math.nan) for i in range(3)]
  (found,) = compared(rows, [(ABSENT, REFERENCE)])
  assert found.measure == LEVEL
  assert found.figure.mean.mean == -30 and found.against_figure.mean.mean == -3
  assert found.difference.mean == -27


def test_arms_without_rows_are_left_out_and_doubles_refused():
  rows = [row(REFERENCE, 0, 1.0)]
  assert compared(rows, [(ONE_SHOT, REFERENCE)]) == []
  with pytest.raises(ValueError, match="twice"):
    make_table([*rows, *rows])


def test_figures_of_an_arm():
  rows = [
    row(REFERENCE, 0, 1.0, collapsed=True, examples=2),
    row(REFERENCE, 1, 2.0, examples=5),
    row(REFERENCE, 2, 9.0, examples=5),
    row(REFERENCE, 3, math.nan, examples=4),
  ]
  found = figure_of(make_table(rows)[REFERENCE], IMPROVEMENT, DRAWS)
  assert found.mean.mean == 4 and found.median == 2
  assert found.mean[3:] == (3, 3)
  assert (found.collapsed, found.examples) == (0.25, 4)


def test_sets_part_groups_datasets_and_families():
  rows = [
    row(REFERENCE, 0, 1.0, group="unseen", family="brass"),
    row(REFERENCE, 1, 1.0),
    row(REFERENCE, 1, 1.0, dataset="other"),
  ]
  sets = {name: len(held) for name, held in item_sets(rows).items()}
  # Unseen ones are all of one dataset: that is no other set.
  assert sets == {
    "seen": 2,
    "unseen": 1,
    "seen, of toy": 1,
    "seen, of other": 1,
  }
  assert list(item_sets(rows))[:2] == ["seen", "unseen"]
  assert list(item_sets(rows[:2])) == ["seen", "unseen"]
  assert list(family_sets(rows)) == ["seen: strings", "unseen: brass"]
