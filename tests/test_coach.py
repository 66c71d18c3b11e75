"""The coach: hand-computed likeness and counts, who is named and who is not."""

import json

import numpy as np
import pytest
import rich

from fewshot_mss.audio.clip_facts import ClipFacts
from fewshot_mss.inference.coach import (
  OUTLIER_LIKENESS,
  coach,
  effective_count,
  find_outliers,
  leave_one_out_likeness,
)
from fewshot_mss.inference.coach_page import coach_json, coach_page, coach_pages
from fewshot_mss.inference.listener import HeardClip

GOOD = ClipFacts(2.0, -20.0, 0.0, 0.0, "0" * 64)


def heard(*embeddings, **facts):
  return [
    HeardClip(f"clips/{i}.wav", GOOD._replace(**facts), np.float32(e))
    for i, e in enumerate(embeddings)
  ]


def plane(*degrees):
  angle = np.radians(degrees)
  return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def test_likeness_is_the_cosine_to_the_mean_of_the_others():
  likeness = leave_one_out_likeness(plane(0, 60, 90))
  # The mean of two of one length points between them.
  expected = np.cos(np.radians([75, 15, 60]))
  np.testing.assert_allclose(likeness, expected, atol=1e-12)
  # As the network's mean: a longer embedding pulls more, direction alone not.
  assert leave_one_out_likeness(np.diag([1.0, 3.0]) + 1)[0] == pytest.approx(
    (2 * 1 + 1 * 4) / np.sqrt(5 * 17)
  )


def test_copies_count_once():
  one = plane(10)
  assert effective_count(one) == pytest.approx(1)
  assert effective_count(np.tile(one, (7, 1))) == pytest.approx(1)
  two = plane(0, 180)
  assert effective_count(two) == pytest.approx(2)
  # Copies of one of two: by hand, of shares 3/4 and 1/4.
  uneven = plane(0, 0, 0, 180)
  by_hand = np.exp(-(0.75 * np.log(0.75) + 0.25 * np.log(0.25)))
  assert effective_count(uneven) == pytest.approx(by_hand)
  # How loud an embedding is does not matter.
  scaled = np.diag([1.0, 5.0]) @ two
  assert effective_count(scaled) == pytest.approx(2)
  # Two that differ by 0.1 (1 - cosine): eigenvalues 1 +- exp(-1).
  apart = plane(0, np.degrees(np.arccos(0.9)))
  shares = (1 + np.array([1, -1]) * np.exp(-1)) / 2
  expected = np.exp(-np.sum(shares * np.log(shares)))
  assert effective_count(apart) == pytest.approx(expected)


def test_the_one_that_does_not_belong_is_named():
  assert find_outliers(plane(0, 10, 20, 120)) == [3]
  assert find_outliers(plane(120, 0, 10, 20, 5, 15, 200)) == [6, 0]
  assert find_outliers(plane(0, 10, 20, 30)) == []
  limit = np.degrees(np.arccos(OUTLIER_LIKENESS))
  assert find_outliers(plane(0, 0, limit - 0.1)) == []
  assert find_outliers(plane(0, 0, limit + 0.1)) == [2]


def test_of_two_or_of_two_camps_none_is_named():
  assert find_outliers(plane(0, 180)) == []
  assert find_outliers(plane(0)) == []
  # Most stay: of four, no more than one is named.
  assert len(find_outliers(plane(0, 1, 180, 181))) == 1


def test_an_outlier_does_not_lower_the_likeness_of_the_others():
  coaching = coach(heard(*plane(0, 10, 130, 20)))
  rows = coaching.examples
  assert [row.is_outlier for row in rows] == [False, False, True, False]
  expected = np.cos(np.radians([15, 0, 120, 15]))
  np.testing.assert_allclose([r.likeness for r in rows], expected, atol=1e-6)
  assert coaching.advice[0].startswith("2.wav is unlike the others")


@pytest.mark.parametrize(
  ("facts", "advice"),
  [
    ({"silent_share": 0.6}, "silent for 60 %"),
    ({"clipped_share": 0.004}, "clipped (0.4 %"),
    ({"level_dbfs": -55.0}, "very quiet (-55 dBFS"),
  ],
)
def test_what_is_wrong_with_a_clip_is_said(facts, advice):
  good = heard(*plane(0, 5, 10))
  assert coach(good).advice == ()
  bad = [*good[:2], heard(plane(10)[0], **facts)[0]]
  (said,) = coach(bad).advice
  assert said.startswith("0.wav is")
  assert advice in said


def test_copies_are_named_and_few_examples_too():
  coaching = coach(heard(*plane(0, 30, 0)))
  assert len(coaching.advice) == 1
  assert coaching.advice[0].startswith("2.wav says the same as 0.wav")
  assert "weigh double" in coaching.advice[0]
  alone = coach(heard(*plane(0)))
  assert alone.examples[0].likeness is None
  assert alone.effective_count == pytest.approx(1)
  assert alone.advice == ()
  assert coach([]).effective_count == 0


def test_many_copies_are_one_line():
  coaching = coach(heard(*plane(*[0] * 300, 30, *[60] * 2), clipped_share=0.01))
  assert coaching.advice == (
    "1.wav, 2.wav, 3.wav and 296 others say the same as 0.wav: together they "
    "weigh like 300; keep one of them, or name other parts",
    "302.wav says the same as 301.wav: together they weigh double; keep one of "
    "them, or name other parts",
    "0.wav, 1.wav, 2.wav and 300 others are clipped: a cleaner part shows the "
    "instrument better",
  )
  (said,) = coach(heard(*plane(0, 0, 0, 0, 0))).advice
  assert said.startswith("1.wav, 2.wav, 3.wav and 4.wav say the same as 0.wav")


def test_what_others_advise_comes_first():
  advice = coach(heard(*plane(0, 30, 0)), ["mind the gap"]).advice
  assert advice[0] == "mind the gap"
  assert len(advice) == 2


def test_that_three_are_better_is_said_once(capsys):
  one, three = coach(heard(*plane(0))), coach(heard(*plane(0, 20, 40)))
  for titled, times in (
    ({"a": one, "b": one}, 1),
    ({"a": three, "b": one}, 1),
    ({"a": three}, 0),
    ({}, 0),
  ):
    rich.print(coach_pages(titled))
    page = capsys.readouterr().out
    assert page.count("with three examples or more") == times
    assert page.count("\n1 example\n") == list(titled.values()).count(one)


def test_the_page_and_json_say_the_same(capsys):
  clips = heard(*plane(0, 10, 130, 20), clipped_share=0.0004)
  clips[0] = clips[0]._replace(name="[red]horn.wav")
  coaching = coach(clips)
  rich.print(coach_page(coaching, "sax [1]"))
  page = capsys.readouterr().out
  for text in ("sax [1]", "[red]horn.wav", "0.04 %", "97 %", "unlike", "2.00"):
    assert text in page
  count = coaching.effective_count
  assert f"4 examples, as much to go by as {count:.1f} different ones" in page
  found = json.loads(json.dumps(coach_json(coaching), allow_nan=False))
  assert found["examples"][2]["is_outlier"]
  assert found["examples"][0]["likeness"] == coaching.examples[0].likeness
  assert found["examples"][0]["length_s"] == 2.0
  assert found["advice"] == list(coaching.advice)
