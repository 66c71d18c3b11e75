"""The claims on made-up rows: verdicts, gaps and what stands beside them."""

import csv
import io

import numpy as np
import pytest

from fewshot_mss.data.figure import import_figure
from fewshot_mss.evaluation.ablation.claims import (
  FAILS,
  HOLDS,
  OPEN,
  Goals,
  check_claims,
  claims_of,
  verdict_of,
)
from fewshot_mss.evaluation.ablation.claims_page import (
  claims_csv,
  claims_markdown,
  draw_claims,
  write_claims,
)
from fewshot_mss.evaluation.ablation.statistics import Draws
from fewshot_mss.evaluation.bootstrap import (
  Interval,
  bootstrap_gap_interval,
  bootstrap_mean_interval,
)
from made_up_arms import arm, scores, with_baselines

GOALS = Goals(1.0, 3.0, 0.5)
DRAWS = Draws(200, 0)
NAN = float("nan")
REFERENCE = arm(model="examples")
TOLD = arm(model="class", reading="class")
NEAREST = arm(model="class", reading="class, nearest of the family")
ORACLE = arm(model="class", reading="class, oracle")
NEGATIVES = arm(model="both", negatives=5)
WITHOUT = arm(model="both")
CONDITIONINGS = {
  "examples": "examples",
  "class": "class",
  "both": "examples_and_negatives",
}
SEEN, UNSEEN = {"group": "seen"}, {"group": "unseen"}


def made_up():
  """Sixteen items of eight songs of each group; improvements vary by item."""
  base = np.linspace(2.0, 5.0, 16)
  rows = scores(REFERENCE, base, **SEEN)
  rows += scores(TOLD, base - 1.5, **SEEN)
  rows += scores(NEGATIVES, base + 0.2, **SEEN)
  rows += scores(WITHOUT, base - 0.1, **SEEN)
  low = base - 1
  other = UNSEEN | {"first_item": 100}
  rows += scores(REFERENCE, low, **other)
  rows += scores(NEAREST, low - 4.0, **other)
  rows += scores(ORACLE, low + 2.0, **other)
  rows += scores(NEGATIVES, low + 0.7, **other)
  rows += scores(WITHOUT, low, **other)
  return with_baselines(rows)


@pytest.fixture(scope="module")
def found():
  return check_claims(
    made_up(),
    reference=REFERENCE,
    conditionings=CONDITIONINGS,
    goals=GOALS,
    draws=DRAWS,
  )


@pytest.mark.parametrize(
  ("mean", "low", "high", "songs", "verdict"),
  [
    (1.2, 0.1, 2.0, 6, HOLDS),
    (1.0, 0.01, 1.5, 6, HOLDS),
    # Reaches the goal, but perhaps there is nothing.
    (1.2, -0.1, 2.5, 6, OPEN),
    # Sure to be above 0, not sure to reach the goal.
    (0.8, 0.2, 1.4, 6, OPEN),
    (0.5, 0.2, 0.9, 6, FAILS),
    (-3.0, -4.0, -2.0, 6, FAILS),
    # Too few songs for an interval.
    (1.2, 1.0, 2.0, 5, OPEN),
    (1.2, NAN, NAN, 1, OPEN),
  ],
)
def test_verdicts_by_hand(mean, low, high, songs, verdict):
  assert verdict_of(Interval(mean, low, high, 60, songs), 1.0) == verdict


def test_without_a_goal_there_is_no_verdict():
  assert verdict_of(Interval(9.0, 8.0, 10.0, 60, 30), NAN) == ""


def test_what_is_compared_with_what():
  arms = [REFERENCE, TOLD, NEAREST, ORACLE, NEGATIVES, WITHOUT]
  # Others of the grid are no part of a claim.
  arms += [arm(model="both", negatives=1), arm(model="both", shots=1)]
  arms += [NEGATIVES._replace(query="wrong"), REFERENCE._replace(shots=1)]
  claims = claims_of(arms, REFERENCE, CONDITIONINGS, GOALS)
  assert [(c.arm, c.against) for c in claims] == [
    (REFERENCE, TOLD),
    (REFERENCE, NEAREST),
    (REFERENCE, ORACLE),
    (NEGATIVES, REFERENCE),
    (NEGATIVES, WITHOUT),
  ]
  assert [c.goal_db for c in claims[:4]] == [1.0, 3.0, 3.0, 0.5]
  # Examples from elsewhere are set beside the class, too.
  near = REFERENCE._replace(origin="same song")
  more = claims_of([*arms, near], REFERENCE, CONDITIONINGS, GOALS)
  assert [(c.name, c.arm, c.against) for c in more[3:6]] == [
    ("5 shots of same song - class", near, TOLD),
    ("5 shots of same song - nearest class of the family", near, NEAREST),
    ("5 shots of same song - best class, picked by an oracle", near, ORACLE),
  ]
  assert [*more[:3], *more[6:]] == claims
  # What was not asked is not claimed.
  assert claims_of([REFERENCE], REFERENCE, CONDITIONINGS, GOALS) == []


def test_every_claim_on_every_set_that_can_answer_it(found):
  table = {
    (f.claim.name, f.comparison.items): (
      round(f.comparison.difference.mean, 6),
      f.verdict,
    )
    for f in found.findings
  }
  both = "5 shots and 5 negatives - "
  assert table == {
    ("5 shots - class", "seen"): (1.5, HOLDS),
    ("5 shots - nearest class of the family", "unseen"): (4.0, HOLDS),
    ("5 shots - best class, picked by an oracle", "unseen"): (-2.0, FAILS),
    (f"{both}5 shots", "seen"): (0.2, FAILS),
    (f"{both}5 shots", "unseen"): (0.7, HOLDS),
    (f"{both}the same model, none", "seen"): (0.3, ""),
    (f"{both}the same model, none", "unseen"): (0.7, ""),
  }
  assert {f.comparison.difference.num_songs for f in found.findings} == {8}
  assert {f.comparison.difference.num_items for f in found.findings} == {16}


def test_whether_it_is_more_on_unseen(found):
  gaps = {gap.name: gap for gap in found.gaps}
  nearest = gaps["5 shots - nearest class of the family"]
  assert (nearest.unseen, nearest.seen) == ("unseen", "seen")
  assert nearest.larger_by.mean == pytest.approx(4.0 - 1.5)
  oracle = gaps["5 shots - best class, picked by an oracle"]
  assert oracle.larger_by.mean == pytest.approx(-2.0 - 1.5)
  assert len(found.gaps) == 2


def test_examples_of_the_same_song_stand_for_themselves():
  near = REFERENCE._replace(origin="same song")
  rows = made_up()
  base = np.linspace(2.0, 5.0, 16)
  rows += scores(near, base + 1.0, **SEEN)
  rows += scores(near, base - 0.5, **UNSEEN, first_item=100)
  found = check_claims(
    rows,
    reference=REFERENCE,
    conditionings=CONDITIONINGS,
    goals=GOALS,
    draws=DRAWS,
  )
  means = {
    (f.claim.name, f.comparison.items): f.comparison.difference.mean
    for f in found.findings
  }
  assert means["5 shots of same song - class", "seen"] == pytest.approx(2.5)
  name = "5 shots of same song - nearest class of the family"
  assert means[name, "unseen"] == pytest.approx(4.5)
  # Each by its own examples: 4.5 - 2.5 and 4.0 - 1.5.
  gaps = {gap.name: gap.larger_by.mean for gap in found.gaps}
  assert gaps[name] == pytest.approx(2.0)
  assert gaps["5 shots - nearest class of the family"] == pytest.approx(2.5)
  names = [each.name for each in found.standings if each.items == "seen"]
  assert "examples: 5 shots, 0 negatives, of another song" in names
  assert "examples: 5 shots, 0 negatives, of same song" in names


def test_baselines_stand_beside_each_set(found):
  seen = [each for each in found.standings if each.items == "seen"]
  assert [each.name for each in seen] == [
    "mixture",
    "silence",
    "ideal ratio mask",
    "class: class",
    "examples: 5 shots, 0 negatives",
    "both: 5 shots, 0 negatives",
    "both: 5 shots, 5 negatives",
  ]
  by_name = {each.name: each for each in seen}
  # Of mixtures of -4 dB; the mask gains 16, the examples 2 to 5.
  assert by_name["mixture"].si_sdr_db == pytest.approx(-4.0)
  assert by_name["ideal ratio mask"].figure.mean.mean == pytest.approx(16.0)
  examples = by_name["examples: 5 shots, 0 negatives"]
  assert examples.share_of_way == pytest.approx(3.5 / 16)
  assert np.isnan(by_name["ideal ratio mask"].share_of_way)


def test_a_gap_of_songs_that_both_have_is_surer_than_of_others():
  rng = np.random.default_rng(0)
  of_song = np.repeat(rng.normal(0, 5, 10), 2)
  songs = [f"song {i // 2}" for i in range(20)]
  draws = {"samples": 500, "seed": 0}
  shared = bootstrap_gap_interval(of_song + 1, songs, of_song, songs, **draws)
  assert shared.mean == pytest.approx(1.0)
  # All of the scatter is the songs', which are drawn for both at once.
  assert (shared.low, shared.high) == pytest.approx((1.0, 1.0))
  others = [f"other {song}" for song in songs]
  apart = bootstrap_gap_interval(of_song + 1, songs, of_song, others, **draws)
  assert apart.mean == pytest.approx(1.0)
  one = bootstrap_mean_interval(of_song, songs, **draws)
  width = (one.high - one.low) * 2**0.5
  assert apart.high - apart.low == pytest.approx(width, rel=0.25)
  assert (apart.num_items, apart.num_songs) == (40, 20)


def test_a_gap_without_one_side_is_none():
  draws = {"samples": 10, "seed": 0}
  empty = bootstrap_gap_interval(
    np.array([1.0]), ["a"], np.array([NAN]), ["a"], **draws
  )
  assert np.isnan(empty[:3]).all() and empty.num_items == 1


def test_the_page_says_what_holds(found):
  page = claims_markdown(found, provenance={"Data": "made up"}, draws=DRAWS)
  (line,) = [
    x for x in page.splitlines() if x.startswith("| 5 shots - class |")
  ]
  assert "| +1.5 [+1.5, +1.5] |" in line
  assert "| 16 (8) | +1.0 | **holds** |" in line
  assert "| unseen - seen | +2.5 [" in page
  assert "| seen | ideal ratio mask | +16.0 [" in page
  # 3.5 / 16 of the way.
  assert "| 22 % |" in page
  assert "- Data: made up" in page


def test_the_table_is_tidy_and_the_figure_has_a_line_each(found, tmp_path):
  rows = list(csv.DictReader(io.StringIO(claims_csv(found.findings))))
  assert len(rows) == len(found.findings) == 7
  assert {row["verdict"] for row in rows} == {HOLDS, FAILS, ""}
  assert float(rows[0]["difference_db"]) == pytest.approx(1.5)
  figure = draw_claims(import_figure(), found.findings)
  (axes,) = figure.axes
  assert len(axes.get_yticks()) == 7
  path = write_claims(tmp_path, found, provenance={}, draws=DRAWS)
  names = {"claims.md", "claims.csv", "claims.png"}
  assert {each.name for each in tmp_path.iterdir()} == names
  assert path == tmp_path / "claims.md"
