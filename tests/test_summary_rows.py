"""The figures of instruments, families and datasets, from hand-made scores."""

import pytest

from fewshot_mss.evaluation import scores as names
from fewshot_mss.evaluation.summary import find_row, summarise, verdict
from test_summary import MIXTURE_DB, group, improvement, score, table


def test_a_part_has_the_figures_of_all_systems_on_its_own_items():
  rows = table({5: [0.0] * 4, 1: [0.0, 2.0, 1.0, 5.0]}, [-1.0] * 4)
  for i in range(4):
    rows.append(score(i, names.SILENCE, None, -50.0 - i, collapsed=True))
    rows.append(score(i, names.IDEAL_RATIO_MASK, None, 10.0 + i))
    rows.append(score(i, names.MIXTURE_BY_SOURCES, None, 0.0))
  flute, _ = group(summarise(rows, bootstrap_samples=99))["instruments"]
  assert [(r["system"], r["shots"]) for r in flute["systems"]] == [
    (names.MODEL, 1),
    (names.WRONG_QUERY, 1),
    (names.MIXTURE, None),
    (names.SILENCE, None),
    (names.IDEAL_RATIO_MASK, None),
    (names.MODEL, 5),
  ]
  # Flutes are items 1 and 3, of a song each.
  assert [r["si_sdr_mean_db"] for r in flute["systems"]] == [
    3.5,
    -1.0,
    MIXTURE_DB,
    -52.0,
    12.0,
    0.0,
  ]
  gain = improvement(flute)
  assert (gain["low"], gain["high"], gain["median"]) == (6.0, 9.0, 7.5)
  assert flute["systems"][3]["collapse_share"] == 1.0
  # The mask's SI-SDR is 11 and 13: improvements of 6 / 15 and 9 / 17.
  assert flute["systems"][0]["way_to_mask_median"] == pytest.approx(
    (6 / 15 + 9 / 17) / 2
  )
  assert flute["systems"][1]["way_to_mask_median"] is None


def test_the_way_to_the_mask_is_of_the_network_alone_and_of_common_items():
  rows = table({1: [0.0, 2.0, 1.0, 5.0]}, [-1.0] * 4)
  rows += [score(i, names.IDEAL_RATIO_MASK, None, 12.0) for i in range(3)]
  systems = group(summarise(rows, bootstrap_samples=9))["systems"]
  way = {row["system"]: row["way_to_mask_median"] for row in systems}
  # Improvements of 4, 6 and 5 of the mask's 16.
  assert way.pop(names.MODEL) == pytest.approx(5 / 16)
  assert set(way.values()) == {None}


def test_families_gather_instruments_and_no_family_is_none():
  family = {"bass": "strings", "flute": "winds", "": ""}
  rows = table({1: [0.0, 2.0, 1.0, 5.0]}, [0.0] * 4)
  assert group(summarise(rows, bootstrap_samples=9))["families"] == []
  rows = [r._replace(family=family[r.instrument]) for r in rows]
  rows += [
    r._replace(item=r.item + 4, instrument="oboe", family="winds")
    for r in table({1: [-1.0]}, [0.0])
  ]
  found = group(summarise(rows, bootstrap_samples=9))["families"]
  assert [
    (r["family"], improvement(r)["mean"], r["num_items"], r["num_songs"])
    for r in found
  ] == [("winds", 2.0 + 4, 3, 2), ("strings", 0.5 + 4, 2, 2)]


def test_parts_need_a_network():
  rows = [score(i, names.MIXTURE, None, MIXTURE_DB) for i in range(2)]
  assert group(summarise(rows, bootstrap_samples=9))["instruments"] == []


def test_several_datasets_are_told_together_and_apart():
  # Both lists number their items from 0; songs of one name are one song.
  one = table({5: [1.0, 3.0]}, [0.0, 0.0], dataset="one")
  two = table({5: [10.0, 20.0]}, [0.0, 7.0], dataset="two")
  two += table({5: [30.0]}, [0.0], dataset="two", group="unseen")
  summary = summarise([*one, *two], bootstrap_samples=50)
  assert list(summary["groups"]) == [
    "seen",
    "unseen",
    "seen, of one",
    "seen, of two",
    "unseen, of two",
  ]
  means = {
    name: find_row(held["systems"], shots=5, system=names.MODEL)
    for name, held in summary["groups"].items()
  }
  assert means["seen"]["num_items"] == 4
  assert {name: row["si_sdr_mean_db"] for name, row in means.items()} == {
    "seen": 8.5,
    "unseen": 30.0,
    "seen, of one": 2.0,
    "seen, of two": 15.0,
    "unseen, of two": 30.0,
  }
  assert group(summary)["num_items"] == 4
  assert [held["dataset"] for held in summary["groups"].values()] == [
    None,
    None,
    "one",
    "two",
    "two",
  ]
  cost = find_row(group(summary)["wrong_query_cost"], shots=5)
  assert cost["cost_db"]["mean"] == pytest.approx((1 + 3 + 10 + 13) / 4)
  # The verdict is on all of them.
  said = verdict(summary)["improves_on_mixture"]["statement"]
  assert "n = 4 items" in said


def test_one_dataset_is_not_told_twice():
  summary = summarise(
    table({5: [1.0, 3.0]}, [0.0, 0.0], dataset="one"), bootstrap_samples=50
  )
  assert list(summary["groups"]) == ["seen"]
