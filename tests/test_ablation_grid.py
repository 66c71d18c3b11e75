"""Which arms a grid has."""

import pytest

from fewshot_mss.default_config import get_config
from fewshot_mss.errors import InputError
from fewshot_mss.evaluation.ablation.axes import CONDITIONING, describe_arm
from fewshot_mss.evaluation.ablation.grid import (
  BY_CLASS,
  BY_EXAMPLES,
  BY_NEAREST,
  BY_ORACLE,
  Contender,
  arms_of,
  check_ablation_config,
  crossed_pairs,
  reference_arm,
)

EXAMPLES = Contender("own", "examples")
NEGATIVES = Contender("neg", "examples_and_negatives")
CLASS = Contender("cls", "class")


@pytest.fixture
def ablation():
  """The default grid without pairs."""
  ablation = get_config().ablation
  ablation.crossed = ()
  return ablation


def differing(arm, reference):
  return {
    name
    for name in arm._fields
    if getattr(arm, name) != getattr(reference, name)
  }


def test_each_arm_differs_from_the_reference_in_one_axis(ablation):
  ablation.long_examples_s = ()
  arms = arms_of(ablation, [NEGATIVES])
  reference = arms[0]
  assert reference == reference_arm(ablation, NEGATIVES)
  assert reference[:6] == ("neg", BY_EXAMPLES, 5, 5, 2.0, "another song")
  assert reference[6:] == ("one", "right", "clean")
  assert len(set(arms)) == len(arms)
  assert all(len(differing(arm, reference)) == 1 for arm in arms[1:])
  found = {
    name: [getattr(a, name) for a in arms[1:] if name in differing(a, arms[0])]
    for name in reference._fields
  }
  assert found["shots"] == [0, 1, 2, 3, 10]
  assert found["negatives"] == [0, 1]
  assert found["example_s"] == [0.5, 1.0, 4.0, 8.0]
  assert found["target"] == ["several", "absent"]
  assert found["query"] == ["wrong", "random"]
  assert len(found["origin"]) == 3 and len(found["quality"]) == 5
  assert not found["model"] and not found["reading"]


def test_a_model_that_hears_no_negatives_is_not_asked_about_them(ablation):
  ablation.crossed = ("shots,negatives",)
  arms = arms_of(ablation, [EXAMPLES])
  assert {arm.negatives for arm in arms} == {0}
  assert sorted({arm.shots for arm in arms}) == [0, 1, 2, 3, 5, 10]


def test_a_long_example_is_a_single_one(ablation):
  arms = arms_of(ablation, [EXAMPLES])
  long = [(arm.shots, arm.example_s) for arm in arms if arm.example_s == 10]
  assert long == [(1, 10.0)]


def test_crossed_pairs_have_every_combination_once(ablation):
  ablation.crossed = ("shots,example_s", "shots,negatives")
  assert crossed_pairs(ablation) == [
    ("shots", "example_s"),
    ("shots", "negatives"),
  ]
  arms = arms_of(ablation, [NEGATIVES])
  assert len(set(arms)) == len(arms)
  grid = {(a.shots, a.example_s) for a in arms if a.negatives == 5}
  # With negatives, also zero shots have a length of examples.
  for shots in (0, 1, 2, 3, 5, 10):
    for seconds in (0.5, 1.0, 2.0, 4.0, 8.0):
      assert (shots, seconds) in grid
  grid = {(a.shots, a.negatives) for a in arms if a.example_s == 2.0}
  assert len(grid) == 18


def test_without_any_example_no_setting_of_examples_matters(ablation):
  ablation.crossed = ("shots,example_s", "shots,origin", "shots,quality")
  arms = arms_of(ablation, [EXAMPLES])
  assert len([arm for arm in arms if arm.shots == 0]) == 1
  ablation.crossed = ("negatives,shots", "shots,quality")
  none = [a for a in arms_of(ablation, [NEGATIVES]) if a.shots == 0]
  assert [(a.negatives, a.quality) for a in none] == [
    (5, "clean"),
    (0, "clean"),
    (1, "clean"),
  ]


def test_only_a_query_for_one_instrument_can_be_wrong(ablation):
  ablation.crossed = ("target,query",)
  arms = arms_of(ablation, [EXAMPLES])
  pairs = [(arm.target, arm.query) for arm in arms]
  assert ("one", "wrong") in pairs and ("absent", "right") in pairs
  assert ("absent", "wrong") not in pairs
  assert ("several", "random") not in pairs


def test_models_are_an_axis(ablation):
  ablation.crossed = ("model,shots", "model,negatives")
  arms = arms_of(ablation, [EXAMPLES, CLASS, NEGATIVES])
  of_class = [arm for arm in arms if arm.model == "cls"]
  assert [arm.reading for arm in of_class] == [BY_CLASS, BY_NEAREST, BY_ORACLE]
  # What a class does not hear has the reference's name.
  assert {arm[2:] for arm in of_class} == {arms[0][2:]}
  of_negatives = [a for a in arms if a.model == "neg"]
  assert {a.reading for a in of_negatives} == {BY_EXAMPLES}
  assert sorted({(a.shots, a.negatives) for a in of_negatives}) == [
    (0, 0),
    (1, 0),
    (2, 0),
    (3, 0),
    (5, 0),
    (5, 1),
    (5, 5),
    (10, 0),
  ]


def test_a_model_of_classes_alone_is_asked_what_it_understands(ablation):
  ablation.crossed = ("shots,example_s",)
  arms = arms_of(ablation, [CLASS])
  assert (arms[0].shots, arms[0].negatives, arms[0].reading) == (0, 0, BY_CLASS)
  asked = [(arm.reading, arm.target, arm.query) for arm in arms]
  assert sorted(asked) == sorted(
    [
      (BY_CLASS, "one", "right"),
      (BY_CLASS, "several", "right"),
      (BY_CLASS, "absent", "right"),
      (BY_CLASS, "one", "wrong"),
      (BY_CLASS, "one", "random"),
      (BY_NEAREST, "one", "right"),
      (BY_ORACLE, "one", "right"),
    ]
  )


@pytest.mark.parametrize("crossed", [(), ("model,shots",), ("shots,model",)])
def test_beside_a_model_of_classes_others_keep_their_examples(
  ablation, crossed
):
  ablation.crossed = crossed
  arms = arms_of(ablation, [CLASS, EXAMPLES, NEGATIVES])
  assert (arms[0].shots, arms[0].negatives) == (0, 0)
  assert {a.shots for a in arms if a.model == "cls"} == {0}
  shots = {0, 1, 2, 3, 5, 10} if crossed else {5}
  for name, negatives in (("own", 0), ("neg", 5)):
    mine = [a for a in arms if a.model == name]
    assert {a.shots for a in mine} == shots and len(mine) == len(shots)
    assert {a.negatives for a in mine} == {negatives}
  # People can tell them apart.
  words = [describe_arm(a, CONDITIONING, arms[0]) for a in arms if a.shots]
  assert "own: examples, 5 shots" in words
  assert "neg: examples, 5 shots, 5 negatives" in words
  assert len(set(words)) == len(words)


@pytest.mark.parametrize(
  ("key", "value", "reason"),
  [
    ("max_items", 0, "max_items is 0: give 1"),
    ("batch", 0, "batch is 0"),
    ("outputs", -1, "outputs is -1"),
    ("bootstrap_samples", 0, "bootstrap_samples is 0"),
    ("reference.shots", 11, "reference.shots holds 11: .* 0 to 10"),
    ("axes.negatives", (6,), "axes.negatives holds 6: .* 0 to 5"),
    ("axes.shots", (-1,), "axes.shots holds -1"),
    ("axes.origin", ("Mars",), "axes.origin holds 'Mars': there are same song"),
    ("axes.quality", ("bad",), "holds 'bad': there are clean, bleed -20 dB"),
    ("reference.target", "two", "reference.target holds 'two'"),
    ("reference.query", "odd", "reference.query holds 'odd'"),
    ("axes.example_s", (0.0,), "axes.example_s holds 0.0: give seconds"),
    ("axes.example_s", (0.00001,), "holds 1e-05: give seconds from 0.01 to"),
    ("long_examples_s", (61.0,), "long_examples_s holds 61.0: .* to 60"),
    ("long_examples_s", (float("nan"),), "long_examples_s holds nan"),
    ("crossed", ("shots",), "crossed holds 'shots': give two of model, shots"),
    ("crossed", ("shots,shots",), "crossed holds 'shots,shots'"),
    ("crossed", ("shots,colour",), "crossed holds 'shots,colour'"),
    ("crossed", ("shots,query,shots",), "crossed holds"),
  ],
)
def test_a_grid_that_cannot_be_asked_is_refused(key, value, reason):
  config = get_config()
  check_ablation_config(config.ablation)
  config.update_from_flattened_dict({f"ablation.{key}": value})
  with pytest.raises(
    InputError, match=rf"^ablation\.(\w+\.)?{reason}|{reason}"
  ):
    check_ablation_config(config.ablation)
