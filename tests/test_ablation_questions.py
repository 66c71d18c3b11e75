"""What arms ask of an item."""

import pytest

from ablation_songs import make_item, make_sources, rows_of
from fewshot_mss.evaluation.ablation.examples import ExampleFinder
from fewshot_mss.evaluation.ablation.grid import (
  BY_CLASS,
  BY_EXAMPLES,
  BY_NEAREST,
  BY_ORACLE,
)
from fewshot_mss.evaluation.ablation.questions import Questioner
from fewshot_mss.evaluation.ablation.table import Arm

HORNS = ("N horn 1", "O horn 5", "N horn 0", "O horn 0", "N horn 2")
BASSES = ("N bass 1", "N bass 0")
ARM = Arm(
  model="deaf",
  reading=BY_EXAMPLES,
  shots=3,
  negatives=0,
  example_s=1.0,
  origin="another song",
  target="one",
  query="right",
  quality="clean",
)


@pytest.fixture
def sources(catalogue_of):
  return make_sources(catalogue_of)


@pytest.fixture
def item(sources):
  return make_item(sources.catalogues[0], HORNS, BASSES)


@pytest.fixture
def questioner(sources):
  heard = []

  def nearest(instrument, clips):
    heard.append((instrument, len(clips)))
    return 1 if instrument == "bell" else None

  found = Questioner(
    finder=ExampleFinder(sources, 0, seed=0),
    hears_negatives={"deaf": False, "all": True, "cls": False},
    classes={"cls": ("bass", "flute", "horn")},
    nearest={"cls": nearest},
    sample_rate_hz=16,
  )
  return found, heard


@pytest.fixture
def ask(questioner, item, sources):
  """Names of the positives and negatives of an arm; None if there is none."""
  names = {v: k for k, v in rows_of(sources.catalogues[0]).items()}

  def ask(item=item, **changes):
    question = questioner[0].ask(ARM._replace(**changes), item)
    if question is None:
      return None
    (condition,) = question.conditions
    positives = [names[clip.rows[0]] for clip in condition.positives]
    negatives = [names[clip.rows[0]] for clip in condition.negatives]
    return question.instruments, positives, negatives

  return ask


def test_shots_are_the_first_of_the_list(ask):
  for shots in (1, 3, 5):
    assert ask(shots=shots) == (("horn",), list(HORNS[:shots]), [])
  assert ask(shots=10) == (("horn",), list(HORNS), [])
  assert ask(shots=0) == (("horn",), [], [])


def test_negatives_are_for_those_that_hear_them(ask):
  assert ask(negatives=5)[2] == []
  assert ask(model="all", negatives=0)[2] == []
  assert ask(model="all", negatives=2)[2] == ["N bass 1", "N drum 1"]
  assert len(ask(model="all", negatives=5)[2]) == 3


def test_negatives_never_show_what_is_asked_for(ask):
  _, _, negatives = ask(model="all", negatives=5, target="several")
  assert negatives == ["N drum 1"]
  _, positives, negatives = ask(model="all", negatives=5, query="wrong")
  assert positives == list(BASSES)
  assert negatives == ["N horn 1", "N drum 2"]


def test_several_are_shown_in_turns(ask, sources):
  both = ("horn", "bass")
  assert ask(target="several", shots=3) == (
    both,
    [HORNS[0], BASSES[0], HORNS[1]],
    [],
  )
  assert ask(target="several", shots=2)[1] == [HORNS[0], BASSES[0]]
  # One shows one of them alone.
  assert ask(target="several", shots=1) is None
  assert ask(target="several", shots=0)[1] == []
  # Two of two would be the mixture.
  two = make_item(
    sources.catalogues[0], HORNS, BASSES, sources=["M horn 0", "M bass 0"]
  )
  assert ask(two, target="several", shots=3) is None
  assert ask(two, target="one") is not None


def test_the_wrong_query_shows_the_other_and_has_the_same_target(ask):
  assert ask(query="wrong") == (("horn",), list(BASSES), [])


def test_a_random_query_asks_for_what_is_absent(ask):
  instruments, positives, _ = ask(target="absent")
  assert instruments == ("flute",)
  assert sorted(positives) == ["N flute 0", "O flute 0"]
  assert ask(query="random") == (("horn",), positives, [])


def test_an_origin_that_has_nothing_is_no_question(ask, sources):
  assert ask(origin="another timbre")[1] != []
  assert ask(query="wrong", origin="another timbre") is None
  alone = make_item(sources.catalogues[0], ("M horn 2",), BASSES)
  assert ask(alone) is None
  assert ask(alone, shots=0) is not None
  assert ask(alone, origin="same song") is not None


def test_lengths_are_seconds(questioner, item):
  for seconds in (0.25, 1.0, 2.0):
    question = questioner[0].ask(ARM._replace(example_s=seconds), item)
    lengths = {c.num_samples for c in question.conditions[0].positives}
    assert lengths == {round(16 * seconds)}
  assert questioner[0].ask(ARM._replace(example_s=8.0), item) is None


def test_one_of_five_is_mislabelled(ask):
  _, clean, _ = ask(shots=5)
  _, positives, _ = ask(shots=5, quality="one of five mislabelled")
  assert positives == [*clean[:4], "N bass 1"]
  assert ask(shots=3, quality="one of five mislabelled") is None
  _, positives, _ = ask(
    shots=5, query="wrong", quality="clean", origin="another song"
  )
  assert positives == list(BASSES)
  many = "one of five mislabelled"
  assert ask(shots=10, quality=many)[1] == [*HORNS[:4], "N bass 1"]
  # Neither of the two is an intruder.
  assert ask(shots=5, target="several", quality=many) is None


def test_bled_and_reverberant_clips_are_the_clean_ones_else(questioner, item):
  def positives(**changes):
    question = questioner[0].ask(ARM._replace(**changes), item)
    return None if question is None else question.conditions[0].positives

  clean = positives(shots=1)
  bled = positives(shots=1, quality="bleed -10 dB")
  wet = positives(shots=1, quality="reverberant")
  assert bled[0]._replace(quality="clean", bled=()) == clean[0]
  assert bled[0].quality == "bleed -10 dB" and len(bled[0].bled[0]) == 2
  assert wet[0]._replace(quality="clean") == clean[0]
  # Beside O horn 5 nothing sounds.
  assert positives(shots=2, quality="bleed -10 dB") is None


def test_a_class_is_asked_for_by_its_number(questioner, item):
  def ask(item, **changes):
    arm = ARM._replace(model="cls", reading=BY_CLASS, **changes)
    question = questioner[0].ask(arm, item)
    return question and [c.class_id for c in question.conditions]

  assert ask(item) == [2]
  assert ask(item, query="wrong") == [0]
  assert ask(item, query="random") == [1]
  assert ask(item, target="absent") == [1]
  assert ask(item, target="several") is None
  assert ask(item._replace(instrument="bell")) is None


def test_unseen_instruments_have_two_readings(questioner, item):
  asker, heard = questioner
  unseen = item._replace(instrument="bell", group="unseen")

  def ask(item, reading):
    question = asker.ask(ARM._replace(model="cls", reading=reading), item)
    return question and [c.class_id for c in question.conditions]

  assert ask(unseen, BY_NEAREST) == [1]
  assert heard == [("bell", 5)]
  assert ask(unseen, BY_ORACLE) == [0, 1, 2]
  assert ask(item, BY_NEAREST) is None and ask(item, BY_ORACLE) is None
  none = unseen._replace(instrument="drum")
  assert ask(none, BY_NEAREST) is None
