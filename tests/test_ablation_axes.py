"""Which arms answer which question."""

import pytest

from fewshot_mss.evaluation.ablation import axes
from fewshot_mss.evaluation.ablation.axes import (
  arms_by_axis,
  as_many,
  describe_arm,
  describe_axis,
  differing_settings,
  equal_sound,
  equal_totals,
  in_order,
)
from made_up_arms import REFERENCE, arm

CLASS = arm(model="classes", reading="class", shots=0, example_s=9.0)


def test_the_settings_that_differ():
  assert differing_settings(REFERENCE, REFERENCE) == set()
  found = differing_settings(arm(shots=1, query="wrong"), REFERENCE)
  assert found == {"shots", "query"}


def test_settings_of_examples_do_not_matter_where_none_is_heard():
  assert differing_settings(CLASS, REFERENCE) == {"model", "reading"}
  assert differing_settings(REFERENCE, CLASS) == {"model", "reading"}
  # Nor where both are classes; the query does.
  assert differing_settings(CLASS._replace(shots=5), CLASS) == set()
  wrong = CLASS._replace(query="wrong")
  assert differing_settings(wrong, CLASS) == {"query"}


def test_an_arm_is_on_the_axis_in_which_alone_it_differs():
  found = arms_by_axis(
    [
      REFERENCE,
      arm(shots=10),
      arm(query="wrong"),
      arm(shots=1),
      arm(target="several"),
      arm(target="absent"),
    ],
    REFERENCE,
  )
  assert found == {
    # Numbers by size, words as they came.
    "shots": [arm(shots=1), REFERENCE, arm(shots=10)],
    "query": [REFERENCE, arm(query="wrong")],
    "target": [REFERENCE, arm(target="several"), arm(target="absent")],
  }


def test_readings_and_checkpoints_are_one_axis_with_their_negatives():
  negatives = arm(model="both", negatives=5)
  elsewhere = arm(model="both", query="wrong")
  found = arms_by_axis([REFERENCE, CLASS, negatives, elsewhere], REFERENCE)
  assert found == {
    axes.CONDITIONING: [REFERENCE, CLASS, negatives],
    axes.OTHER: [REFERENCE, elsewhere],
  }


def test_crossed_pairs_hold_their_single_settings_too():
  arms = [
    REFERENCE,
    arm(shots=1),
    arm(example_s=8.0),
    arm(shots=1, example_s=8.0),
    arm(shots=1, negatives=5),
  ]
  found = arms_by_axis(arms, REFERENCE, [("shots", "example_s")])
  assert set(found) == {"shots", "example_s", "shots x example_s", axes.OTHER}
  assert found["shots x example_s"] == [arms[1], arms[3], REFERENCE, arms[2]]
  assert found[axes.OTHER] == [arms[4], REFERENCE]


def test_a_pair_that_was_not_crossed_is_no_axis():
  pair = [("shots", "example_s")]
  found = arms_by_axis([arm(shots=1), arm(example_s=8.0)], REFERENCE, pair)
  assert set(found) == {"shots", "example_s"}


def test_a_checkpoint_crossed_brings_its_reading():
  wrong = CLASS._replace(query="wrong")
  arms = [CLASS, wrong, arm(query="wrong")]
  found = arms_by_axis(arms, REFERENCE, [("model", "query")])
  assert set(found["model x query"]) == {REFERENCE, *arms}
  assert axes.OTHER not in found


def test_no_arm_is_lost():
  odd = arm(shots=1, query="wrong", quality="reverberant")
  assert arms_by_axis([REFERENCE, odd], REFERENCE) == {
    axes.OTHER: [odd, REFERENCE]
  }


def test_the_order_of_the_report():
  names = [
    axes.OTHER,
    "shots x example_s",
    "quality",
    axes.EQUAL_SOUND,
    "shots",
  ]
  assert in_order(names) == [
    "shots",
    "quality",
    axes.EQUAL_SOUND,
    "shots x example_s",
    axes.OTHER,
  ]


def test_equal_totals_pair_negatives_with_positives_alone():
  arms = [
    arm(shots=10),
    arm(negatives=5),
    arm(shots=2),
    arm(shots=1, negatives=1),
    # 6 positives alone, and other seconds, were not asked.
    arm(negatives=1),
    arm(shots=1, negatives=1, example_s=8.0),
    REFERENCE,
  ]
  assert equal_totals(arms, REFERENCE) == [
    (arms[3], arms[2]),
    (arms[1], arms[0]),
  ]
  assert equal_totals([CLASS, arm(shots=2)], CLASS) == []


def test_equal_sound_pairs_one_long_example_with_several():
  arms = [
    arm(shots=1, example_s=10.0),
    arm(shots=1, example_s=4.0),
    arm(shots=2),
    arm(shots=1, example_s=3.0),
    arm(shots=2, example_s=4.0),
    arm(shots=1),
    REFERENCE,
  ]
  assert equal_sound(arms, REFERENCE) == [
    (arms[1], arms[2]),
    (arms[0], REFERENCE),
  ]
  assert as_many(arms[0], REFERENCE) == 5
  assert as_many(arms[4], REFERENCE) == 0


@pytest.mark.parametrize(
  "changes, axis, expected",
  [
    ({"shots": 3}, "shots", "3"),
    ({"example_s": 0.5}, "example_s", "0.5 s"),
    ({"origin": "same song"}, "origin", "same song"),
    ({"shots": 3}, "shots x example_s", "shots 3, seconds 2 s"),
    ({"shots": 2, "negatives": 1}, axes.EQUAL_TOTALS, "2 positive, 1 negative"),
    ({"shots": 1, "example_s": 10.0}, axes.EQUAL_SOUND, "1 x 10 s"),
    ({"shots": 1, "query": "wrong"}, axes.OTHER, "shots 1, query wrong"),
    ({}, axes.OTHER, "the reference"),
    ({}, axes.CONDITIONING, "demo: examples"),
    ({"negatives": 5}, axes.CONDITIONING, "demo: examples, 5 negatives"),
    ({"model": "b"}, "model x shots", "model b, shots 5"),
    # Whoever hears no examples has no number of them.
    (
      {"model": "b", "reading": "class, oracle"},
      "model x shots",
      "model b: class, oracle",
    ),
  ],
)
def test_arms_in_words(changes, axis, expected):
  assert describe_arm(arm(**changes), axis, REFERENCE) == expected


def test_axes_in_words():
  assert describe_arm(CLASS, axes.CONDITIONING, REFERENCE) == "classes: class"
  assert describe_axis("query") == "query"
  found = describe_axis("shots x model")
  assert found == "positive examples (shots) x model"
