"""Comparisons against tables by hand and laws that are known."""

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
  measure_of,
)
from made_up_arms import NAN, REFERENCE, arm, score, scores

DRAWS = Draws(samples=400, seed=0)
ONE_SHOT = arm(shots=1)


def compared(rows, pairs=((ONE_SHOT, REFERENCE),), draws=DRAWS):
  table = make_table(rows)
  return compare("all", list(pairs), table, table, draws)


def test_a_comparison_by_hand():
  rows = scores(REFERENCE, [4.0, 6.0, 8.0, 2.0])
  rows += scores(ONE_SHOT, [3.0, 5.0, 4.0, 2.0], examples=1)
  rows[-1] = rows[-1]._replace(collapsed=True)
  (found,) = compared(rows)
  assert (found.items, found.measure) == ("all", IMPROVEMENT)
  assert found.figure.mean.mean == 3.5
  assert found.figure.median == 3.5
  assert found.figure.examples == 1.0
  assert found.figure.collapsed == 0.25
  assert found.against_figure.mean.mean == 5.0
  assert found.against_figure.median == 5.0
  # -1, -1 of one song, -4, 0 of the other.
  assert found.difference.mean == -1.5
  assert (found.difference.low, found.difference.high) == (-2.0, -1.0)
  assert found.difference[3:] == (4, 2)
  assert found.median_difference == -1.0
  # Two songs can say no more than a coin thrown twice.
  assert found.p_value == found.holm_p_value == 0.5


def test_pairs_are_the_items_that_both_have():
  rows = scores(REFERENCE, [4.0, NAN, 8.0, 9.0])
  rows += [score(ONE_SHOT, i, 3.0) for i in (5, 3, 2, 1)]
  (found,) = compared(rows)
  # Items 2 and 3, whatever their order; item 1 has no figure.
  assert found.difference.mean == pytest.approx(-5.5)
  assert found.difference.num_items == 2
  assert found.figure.mean[3:] == (4, 3)
  assert found.against_figure.mean.num_items == 3


def test_items_of_other_datasets_are_others():
  rows = scores(REFERENCE, [4.0, 4.0, 4.0, 4.0])
  rows += scores(ONE_SHOT, [3.0] * 4, dataset="another")
  (found,) = compared(rows)
  assert found.difference.num_items == 0
  assert np.isnan(found.p_value)


def test_the_reference_is_compared_with_nothing():
  (found,) = compared(scores(REFERENCE, [1.0] * 8), [(REFERENCE, REFERENCE)])
  assert found.figure.mean.mean == 1.0
  assert found.difference.num_items == 0
  assert np.isnan(found.p_value) and np.isnan(found.holm_p_value)


def test_an_equal_arm_of_another_table_is_compared():
  one = make_table(scores(REFERENCE, [1.0] * 4))
  other = make_table(scores(REFERENCE, [1.5] * 4))
  pairs = [(REFERENCE, REFERENCE)]
  (found,) = compare("all", pairs, other, one, DRAWS)
  assert found.difference.mean == 0.5
  assert (found.figure.mean.mean, found.against_figure.mean.mean) == (1.5, 1.0)


def test_absent_targets_are_judged_by_their_level():
  absent = arm(target="absent")
  assert (measure_of(absent), measure_of(REFERENCE)) == (LEVEL, IMPROVEMENT)
  rows = scores(REFERENCE, [4.0] * 4) + scores(absent, [-30.0, -40.0] * 2)
  (found,) = compared(rows, [(absent, REFERENCE)])
  assert found.measure == LEVEL
  assert found.figure.mean.mean == -35.0
  # The reference stays 6 dB below the mixture.
  assert found.against_figure.mean.mean == -6.0
  assert found.difference.mean == -29.0


def test_holm_counts_what_was_compared():
  rng = np.random.default_rng(0)
  base = rng.normal(size=40)
  rows = scores(REFERENCE, base)
  rows += scores(ONE_SHOT, base - 1 + rng.normal(0, 0.1, 40))
  rows += scores(arm(shots=2), base + rng.normal(0, 1.0, 40))
  pairs = [(a, REFERENCE) for a in (ONE_SHOT, REFERENCE, arm(shots=2))]
  # An arm without rows is no comparison.
  pairs.append((arm(shots=3), REFERENCE))
  low, itself, high = compared(rows, pairs)
  assert low.p_value == pytest.approx(2 / 401)
  assert low.holm_p_value == pytest.approx(2 * 2 / 401)
  assert np.isnan(itself.holm_p_value)
  assert high.holm_p_value == high.p_value > 0.02


def test_intervals_of_differences_cover_as_often_as_they_say():
  inside, refused = 0, 0
  for seed in range(80):
    rng = np.random.default_rng(seed)
    songs = np.repeat(rng.normal(0, 1, 25), 2)
    items = rng.normal(0, 5, 50)
    rows = scores(REFERENCE, items)
    rows += scores(ONE_SHOT, items + 0.5 + songs + rng.normal(0, 0.3, 50))
    (found,) = compared(rows, draws=Draws(200, seed))
    inside += found.difference.low <= 0.5 <= found.difference.high
    refused += found.p_value <= 0.05
    # Pairs take away what the items share.
    width = found.figure.mean.high - found.figure.mean.low
    assert found.difference.high - found.difference.low < width
  assert 68 <= inside <= 79
  # An effect of 2.4 standard errors is found about two times of three.
  assert 40 <= refused <= 68


def test_an_item_twice_is_refused():
  rows = scores(REFERENCE, [1.0])
  with pytest.raises(ValueError, match=r"item .*'made up', 0.* twice"):
    make_table([*rows, *rows])


def test_sets_are_seen_and_unseen_and_each_dataset():
  rows = [
    score(REFERENCE, 0, 1.0, group="unseen"),
    score(REFERENCE, 1, 1.0, group="seen, unheard timbre"),
    score(REFERENCE, 2, 1.0),
  ]
  found = item_sets(rows)
  assert list(found) == ["seen", "seen, unheard timbre", "unseen"]
  assert found["unseen"] == rows[:1]
  more = score(REFERENCE, 0, 1.0, dataset="b")
  found = item_sets([*rows, more])
  assert list(found)[3:] == ["seen, of made up", "seen, of b"]
  assert found["seen"] == [rows[2], more]
  assert found["seen, of b"] == [more]


def test_sets_of_families():
  rows = scores(REFERENCE, [1.0, 2.0]) + scores(
    REFERENCE, [3.0], first_item=2, group="unseen"
  )
  found = family_sets(rows)
  assert list(found) == ["seen: pipe", "seen: strings", "unseen: strings"]
  assert found["seen: pipe"] == [rows[1]]


def test_families_are_those_of_the_items():
  rows = scores(REFERENCE, [1.0, 2.0])
  absent = scores(arm(target="absent"), [-9.0, -9.0])
  # What is asked for and not there is a flute.
  absent = [row._replace(family="pipe") for row in absent]
  found = family_sets([*absent, *rows])
  assert found["seen: strings"] == [absent[0], rows[0]]
  assert found["seen: pipe"] == [absent[1], rows[1]]


def test_nothing_has_no_figure():
  found = figure_of({}, IMPROVEMENT, DRAWS)
  assert found.mean.num_items == 0
  assert np.isnan([found.mean.mean, *found[1:]]).all()
