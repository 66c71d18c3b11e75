"""Whole ablations of made-up models, which get what they must."""

import numpy as np
import pytest

from fewshot_mss.evaluation.ablation import axes
from fewshot_mss.evaluation.ablation.analysis import analyse
from fewshot_mss.evaluation.ablation.statistics import LEVEL, Draws
from made_up_arms import REFERENCE, arm, score, scores, with_baselines

DRAWS = Draws(samples=200, seed=0)
WRONG = arm(query="wrong")
ABSENT = arm(target="absent")
CEILING, FLOOR, MIXTURE = 104.0, -46.0, 0.0


def analysed(rows, crossed=()):
  return analyse(rows, reference=REFERENCE, crossed=crossed, draws=DRAWS)


def row_of(found, axis, arm, items="seen"):
  (row,) = [r for r in found.axes[axis] if (r.arm, r.items) == (arm, items)]
  return row


def model(right_db, wrong_db, absent_db):
  """Rows of a model on twelve seen and twelve unseen items of six songs."""
  rows = []
  for group, first in (("seen", 0), ("unseen", 12)):
    for asked, value in (
      (REFERENCE, right_db),
      (WRONG, wrong_db),
      (ABSENT, absent_db),
    ):
      rows += scores(asked, [value] * 12, first, group=group)
  return with_baselines(rows)


def test_a_perfect_model():
  found = analysed(model(CEILING, FLOOR, -120.0))
  for items in ("seen", "unseen"):
    reference = row_of(found, "query", REFERENCE, items)
    assert reference.figure.mean[:3] == (CEILING, CEILING, CEILING)
    wrong = row_of(found, "query", WRONG, items)
    assert wrong.difference[:3] == (-150.0, -150.0, -150.0)
    # Six songs on one side; alone on its axis.
    assert wrong.holm_p_value == wrong.p_value == 2**-5
    absent = row_of(found, "target", ABSENT, items)
    assert (absent.measure, absent.figure.mean.mean) == (LEVEL, -120.0)


def test_a_silent_model():
  rows = model(FLOOR, FLOOR, -120.0)
  rows = [
    row if row.arm.reading == "" else row._replace(collapsed=True)
    for row in rows
  ]
  found = analysed(rows)
  reference = row_of(found, "query", REFERENCE)
  assert reference.figure.mean.mean == FLOOR
  assert reference.figure.collapsed == 1.0
  # It is as silence is.
  silence = [b for b in found.baselines if b.arm.model == "silence"]
  assert {b.difference.mean for b in silence} == {0.0}
  assert row_of(found, "query", WRONG).p_value == 1.0


def test_a_model_that_copies_the_mixture():
  found = analysed(model(MIXTURE, MIXTURE, 0.0))
  of = {(b.arm.model, b.arm.target): b for b in found.baselines}
  assert of["mixture", "one"].difference[:3] == (0.0, 0.0, 0.0)
  assert of["ideal ratio mask", "one"].difference.mean == 16.0
  assert of["mixture", "absent"].difference.mean == 0.0
  assert of["silence", "absent"].difference.mean == -120.0


def test_a_model_that_ignores_the_query():
  rng = np.random.default_rng(0)
  gains = rng.normal(3.0, 4.0, 40)
  rows = scores(REFERENCE, gains) + scores(WRONG, gains)
  wrong = row_of(analysed(rows), "query", WRONG)
  assert wrong.difference[:3] == (0.0, 0.0, 0.0)
  assert wrong.p_value == wrong.holm_p_value == 1.0


def test_holm_is_over_the_arms_of_an_axis_on_a_set():
  rng = np.random.default_rng(0)
  base = rng.normal(size=80)
  rows = []
  for k, gap in ((1, -1.0), (2, -0.5), (5, 0.0), (10, 0.02)):
    values = base + gap + rng.normal(0, 0.1, 80) * (k != 5)
    rows += scores(arm(shots=k), values[:40])
    rows += scores(arm(shots=k), values[40:], 40, group="unseen")
  rows += scores(WRONG, base[:40] - 9.0)
  found = analysed(rows)
  smallest = 2 / 201
  for items in ("seen", "unseen"):
    for k in (1, 2):
      row = row_of(found, "shots", arm(shots=k), items)
      assert row.p_value == pytest.approx(smallest)
      assert row.holm_p_value == pytest.approx(3 * smallest)
  wrong = row_of(found, "query", WRONG)
  assert wrong.holm_p_value == pytest.approx(smallest)
  # Of the families likewise, each by itself.
  held = [r for r in found.families["shots"] if r.arm == arm(shots=1)]
  assert [r.items for r in held] == [
    "seen: pipe",
    "seen: strings",
    "unseen: pipe",
    "unseen: strings",
  ]
  assert {round(r.holm_p_value / smallest, 6) for r in held} == {3.0}


def test_equal_totals_and_equal_sound_have_their_own_others():
  alone, mixed = arm(shots=2), arm(shots=1, negatives=1)
  long = arm(shots=1, example_s=4.0)
  rows = scores(REFERENCE, [5.0] * 4) + scores(alone, [3.0] * 4)
  rows += scores(mixed, [2.0] * 4) + scores(long, [2.5] * 4)
  found = analysed(rows)
  assert [(r.arm, r.against) for r in found.axes[axes.EQUAL_TOTALS]] == [
    (alone, alone),
    (mixed, alone),
  ]
  assert row_of(found, axes.EQUAL_TOTALS, mixed).difference.mean == -1.0
  assert row_of(found, axes.EQUAL_SOUND, long).difference.mean == -0.5
  # Neither is crossed, so both are told with the reference too.
  assert row_of(found, axes.OTHER, mixed).difference.mean == -3.0
  assert list(found.axes) == [
    "shots",
    axes.EQUAL_TOTALS,
    axes.EQUAL_SOUND,
    axes.OTHER,
  ]


def test_equal_totals_are_of_items_that_have_as_many():
  alone, mixed = arm(shots=10), arm(negatives=5)
  rows = scores(REFERENCE, [5.0] * 6) + scores(mixed, [4.0, 4.0] + [6.0] * 4)
  rows += scores(alone, [3.0] * 4) + scores(alone, [9.0] * 2, 4, examples=6)
  found = analysed(rows)
  row = row_of(found, axes.EQUAL_TOTALS, mixed)
  assert row.against_figure.mean.num_items == 4
  assert row.against_figure.examples == 10.0
  assert (row.difference.mean, row.difference.num_items) == (2.0, 4)
  # By itself it is told with all that there is.
  assert row_of(found, "shots", alone).figure.mean.num_items == 6
  few = [r._replace(examples=6) if r.arm == alone else r for r in rows]
  assert row_of(analysed(few), axes.EQUAL_TOTALS, mixed).difference[3] == 0


def test_baselines_stand_beside_the_arm_of_their_kind_of_target():
  several = arm(target="several")
  rows = with_baselines(
    scores(REFERENCE, [5.0] * 4) + scores(several, [2.0] * 4)
  )
  found = analysed(rows)
  of = {(b.arm.model, b.arm.target): b for b in found.baselines}
  assert of["mixture", "one"].difference.mean == -5.0
  assert of["mixture", "several"].difference.mean == -2.0
  assert of["ideal ratio mask", "several"].figure.mean.mean == 16.0
  # Baselines are on no axis.
  assert list(found.axes) == ["target"]


def test_instruments_are_those_of_the_reference_best_first():
  nan = float("nan")
  rows = scores(REFERENCE, [1.0, 4.0, 2.0, 5.0, 0.0, 3.0])
  rows += [score(REFERENCE, 6, nan, instrument="a gong")]
  rows += scores(REFERENCE, [9.0], 8, group="unseen", instrument="oboe")
  rows += scores(arm(shots=1), [9.0] * 6)
  found = analysed(rows).instruments
  assert [
    (o.group, o.instrument, o.family, o.figure.mean.num_items) for o in found
  ] == [
    ("seen", "flute", "pipe", 3),
    ("seen", "bass", "strings", 3),
    ("seen", "a gong", "strings", 0),
    ("unseen", "oboe", "strings", 1),
  ]
  assert found[0].figure.mean[:3] == (4.0, 3.0, 5.0)


def test_the_order_of_rows_does_not_matter():
  rng = np.random.default_rng(0)
  rows = scores(REFERENCE, rng.normal(size=20))
  rows += scores(WRONG, rng.normal(size=20))
  shuffled = [rows[i] for i in rng.permutation(len(rows))]
  first, again = (row_of(analysed(r), "query", WRONG) for r in (rows, shuffled))
  assert again.difference == pytest.approx(first.difference)
  assert again.p_value == first.p_value


def test_a_reference_without_rows_is_refused():
  with pytest.raises(ValueError, match="reference arm was not scored"):
    analysed(scores(WRONG, [1.0]))
