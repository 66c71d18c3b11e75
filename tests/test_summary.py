"""Summaries of hand-made scores."""

import json

import numpy as np
import pytest

from fewshot_mss.evaluation import scores as names
from fewshot_mss.evaluation.scores import Score
from fewshot_mss.evaluation.summary import (
  describe_interval,
  find_row,
  summarise,
  verdict,
)

MIXTURE_DB = -4.0


def score(item, system, shots, si_sdr_db, **changes):
  values = {
    "item": item,
    "group": "seen",
    "song": f"song {item // 2}",
    "instrument": ("bass", "flute")[item % 2],
    "wrong_instrument": "drums",
    "system": system,
    "shots": shots,
    "examples": shots,
    "usdr_db": 1.0,
    "si_sdr_db": si_sdr_db,
    "si_sdr_improvement_db": si_sdr_db - MIXTURE_DB,
    "level_db": 0.0,
    "collapsed": False,
  }
  return Score(**values | changes)


def table(right, wrong, **changes):
  """Scores of items whose right and wrong outputs are given by shots."""
  rows = []
  for item in range(len(next(iter(right.values())))):
    rows.append(score(item, names.MIXTURE, None, MIXTURE_DB, **changes))
    for k, values in right.items():
      rows.append(score(item, names.MODEL, k, values[item], **changes))
      rows.append(score(item, names.WRONG_QUERY, k, wrong[item], **changes))
  return rows


@pytest.fixture(scope="module")
def summary():
  right = {5: [1.0, 2.0, 3.0, 6.0], 1: [0.0, 0.0, 1.0, 1.0]}
  rows = table(right, [-2.0, -2.0, 4.0, -8.0])
  rows += table({5: [0.0], 1: [0.0]}, [0.0], group="unseen")
  return summarise(rows, bootstrap_samples=300)


def group(summary, name="seen"):
  return summary["groups"][name]


def improvement(part):
  return part["systems"][0]["si_sdr_improvement_db"]


def test_the_last_number_of_shots_is_the_headline(summary):
  assert summary["shots"] == [5, 1]
  assert summary["headline_shots"] == 1


def test_groups_stay_apart(summary):
  assert list(summary["groups"]) == ["seen", "unseen"]
  assert (group(summary)["num_items"], group(summary)["num_songs"]) == (4, 2)
  assert group(summary, "unseen")["num_items"] == 1


def test_a_system_by_hand(summary):
  row = find_row(group(summary)["systems"], shots=5, system=names.MODEL)
  improvement = row["si_sdr_improvement_db"]
  assert improvement["mean"] == 7.0
  assert improvement["median"] == 6.5
  # Songs have means 5.5 and 8.5, and either may be drawn twice.
  assert (improvement["low"], improvement["high"]) == (5.5, 8.5)
  assert (improvement["num_items"], improvement["num_songs"]) == (4, 2)
  assert row["si_sdr_mean_db"] == 3.0
  assert row["usdr_db"]["mean"] == 1.0
  assert row["mean_examples"] == 5.0


def test_systems_come_in_their_order_beside_the_mixture(summary):
  labels = [(r["system"], r["shots"]) for r in group(summary)["systems"]]
  assert labels == [
    (names.MODEL, 5),
    (names.MODEL, 1),
    (names.WRONG_QUERY, 5),
    (names.WRONG_QUERY, 1),
    (names.MIXTURE, None),
  ]
  mixture = find_row(
    group(summary)["systems"], shots=None, system=names.MIXTURE
  )
  assert mixture["si_sdr_mean_db"] == MIXTURE_DB
  assert mixture["mean_examples"] is None


def test_the_cost_of_a_wrong_query_is_paired(summary):
  row = find_row(group(summary)["wrong_query_cost"], shots=5)
  # 3, 4, -1, 14: songs have means 3.5 and 6.5.
  assert row["cost_db"]["mean"] == 5.0
  assert (row["cost_db"]["low"], row["cost_db"]["high"]) == (3.5, 6.5)
  assert row["right_beats_wrong_share"] == 0.75


def test_a_tie_is_no_win():
  found = summarise(table({1: [0.0, 1.0]}, [0.0, 0.0]), bootstrap_samples=9)
  row = group(found)["wrong_query_cost"][0]
  assert row["right_beats_wrong_share"] == 0.5


def test_the_gain_is_over_the_smallest_number_of_shots(summary):
  (row,) = group(summary)["gain_over_shots"]
  assert (row["shots"], row["over_shots"]) == (5, 1)
  # 1, 2, 2, 5.
  assert row["gain_db"]["mean"] == 2.5
  assert (row["gain_db"]["low"], row["gain_db"]["high"]) == (1.5, 3.5)


def test_instruments_at_the_headline_best_first():
  rows = table({5: [9.0, 9.0, 9.0, 9.0], 1: [0.0, 2.0, 1.0, 5.0]}, [0.0] * 4)
  found = group(summarise(rows, bootstrap_samples=9))["instruments"]
  assert [
    (r["instrument"], improvement(r)["mean"], r["num_items"]) for r in found
  ] == [("flute", 3.5 + 4, 2), ("bass", 0.5 + 4, 2)]
  assert [r["num_songs"] for r in found] == [2, 2]


def test_levels_and_collapsed_outputs():
  rows = [
    score(
      i,
      names.MODEL,
      1,
      0.0,
      level_db=level,
      collapsed=level < -30,
      snr_db=level / 10,
      level_over_mixture_db=level - 1,
    )
    for i, level in enumerate([-100.0, -40.0, -3.0, -2.0, -1.0])
  ]
  found = group(summarise(rows, bootstrap_samples=5000))
  (row,) = found["systems"]
  assert row["level_median_db"] == -3.0
  assert row["level_mean_db"] == pytest.approx(-146 / 5)
  assert row["snr_db"]["mean"] == pytest.approx(-14.6 / 5)
  assert row["snr_db"]["median"] == -0.3
  # Songs 0, 1 and 2 have two, two and one of them.
  ends = (row["snr_db"]["low"], row["snr_db"]["high"])
  assert ends == pytest.approx((-7.0, -0.1))
  assert row["level_over_mixture_mean_db"] == pytest.approx(-151 / 5)
  assert row["collapse_share"] == 0.4
  assert found["wrong_query_cost"] == []
  shares = {
    r["instrument"]: r["systems"][0]["collapse_share"]
    for r in found["instruments"]
  }
  assert shares == {"bass": pytest.approx(1 / 3), "flute": 0.5}


def test_pairs_go_by_item_and_not_by_order():
  rows = table({1: [1.0, 2.0, 3.0]}, [0.0, 1.0, 2.0])
  shuffled = [rows[i] for i in np.random.default_rng(0).permutation(len(rows))]
  found = group(summarise(shuffled, bootstrap_samples=9))
  cost = found["wrong_query_cost"][0]["cost_db"]
  assert cost["mean"] == cost["low"] == cost["high"] == 1.0


def test_different_items_cannot_be_paired():
  rows = table({1: [1.0, 2.0]}, [0.0, 0.0])
  with pytest.raises(ValueError, match="different items"):
    summarise(rows[:-1], bootstrap_samples=9)


def test_missing_figures_are_null_and_left_out():
  nan = float("nan")
  rows = table({1: [nan, 3.0]}, [0.0, 0.0])
  rows += table({1: [nan]}, [nan], group="unseen")
  found = summarise(rows, bootstrap_samples=9)
  text = json.dumps(found, allow_nan=False)
  assert json.loads(text) == found
  row = find_row(group(found)["systems"], shots=1, system=names.MODEL)
  assert row["si_sdr_improvement_db"]["mean"] == 7.0
  assert row["si_sdr_improvement_db"]["num_items"] == 1
  assert row["num_items"] == 2
  cost = group(found)["wrong_query_cost"][0]
  assert cost["right_beats_wrong_share"] == 1.0
  none = group(found, "unseen")["wrong_query_cost"][0]
  assert none["cost_db"]["mean"] is None
  assert none["right_beats_wrong_share"] is None
  bass = group(found)["instruments"]
  assert [r["instrument"] for r in bass] == ["flute", "bass"]
  assert improvement(bass[1])["mean"] is None


def test_the_seed_decides_the_interval():
  rng = np.random.default_rng(0)
  rows = table({1: rng.normal(size=40).tolist()}, [0.0] * 40)
  first, again, other = (
    summarise(rows, bootstrap_samples=50, seed=seed) for seed in (0, 0, 1)
  )
  assert first == again
  assert first != other


def shown(right, wrong):
  found = verdict(summarise(table({1: right}, wrong), bootstrap_samples=200))
  return tuple(statement["shown"] for statement in found.values())


def test_the_verdict():
  better, same = [0.0, 1.0, 2.0, 3.0], [MIXTURE_DB] * 4
  assert shown(better, [-9.0] * 4) == (True, True)
  assert shown(better, better) == (True, False)
  assert shown(same, [-9.0] * 4) == (False, True)
  # The mean is above 0, the interval is not.
  assert shown([-5.0, -5.0, 9.0, 9.0], better)[0] is False
  # 9 dB on average, of one song of the two.
  assert shown(better, [-20.0, -20.0, 5.0, 5.0]) == (True, False)
  # Exactly 3 dB are enough; a little less is not.
  assert shown(better, [v - 3.0 for v in better])[1] is True
  assert shown(better, [v - 2.99 for v in better])[1] is False


def test_the_verdict_says_its_figures(summary):
  found = verdict(summary)
  said = found["improves_on_mixture"]["statement"]
  # At one shot: 4.5 over songs of 4.0 and 5.0.
  assert "yes; SI-SDR improvement +4.5 dB" in said
  assert "95 % interval +4.0 to +5.0; n = 4 items of 2 songs" in said
  assert found["improves_on_mixture"]["si_sdr_improvement_db"]["mean"] == 4.5
  said = found["obeys_query"]["statement"]
  assert "at least 3 dB on average, interval above 0 dB): no; they" in said
  assert "cost +2.5 dB" in said
  assert "1 shots" in said
  assert found["obeys_query"]["wrong_query_cost_db"]["mean"] == 2.5


def test_one_song_shows_nothing():
  found = verdict(summarise(table({1: [9.0]}, [0.0]), bootstrap_samples=9))
  assert not found["improves_on_mixture"]["shown"]
  assert not found["obeys_query"]["shown"]
  for statement in found.values():
    assert "one song" in statement["statement"]


def test_no_seen_items_show_nothing():
  rows = table({1: [9.0, 9.0, 9.0]}, [0.0] * 3, group="unseen")
  for summary in (
    summarise(rows, bootstrap_samples=9),
    summarise([], bootstrap_samples=9),
  ):
    for statement in verdict(summary).values():
      assert not statement["shown"]
      assert "not measured" in statement["statement"]


def test_describe_interval_of_nothing():
  assert describe_interval(None) == "not measured (no items)"
