"""The whole of an ablation, with stand-ins whose figures are known."""

import math

import numpy as np
import pytest

import ablation_stand_ins as stand_ins
from fewshot_mss.data.source_items import source_items
from fewshot_mss.default_config import get_config
from fewshot_mss.errors import InputError
from fewshot_mss.evaluation import metrics
from fewshot_mss.evaluation.ablation.ablate import (
  ablate,
  reference_vectors,
)
from fewshot_mss.evaluation.ablation.grid import Contender, arms_of
from fewshot_mss.evaluation.ablation.item_scores import ABLATION_BASELINES
from fewshot_mss.evaluation.ablation.table import COLUMNS, Arm, ArmScore
from fewshot_mss.evaluation.items import choose_items
from fewshot_mss.evaluation.journal import Journal

FIGURES = ArmScore._fields[8:]


@pytest.fixture(scope="module")
def arms():
  """A grid for segments of a second."""
  ablation = get_config().ablation
  ablation.reference.example_s = 1.0
  ablation.axes.example_s = (0.25, 1.0, 2.0)
  ablation.axes.shots = (0, 1, 2, 5)
  ablation.long_examples_s = (2.0,)
  ablation.crossed = ("shots,example_s",)
  return arms_of(ablation, [Contender("own", "examples")])


@pytest.fixture(scope="module")
def items(toy_sources):
  return choose_items(source_items(toy_sources, 0, "test"), 4)


@pytest.fixture(scope="module")
def truth(toy_sources, items):
  return stand_ins.Truth(toy_sources, items)


@pytest.fixture(scope="module")
def run(toy_sources, truth, arms, items):
  def run(answer, **changes):
    ablation = stand_ins.make_ablation(
      toy_sources, truth, arms, truth.subject(answer)
    )
    return ablate(ablation, [items], progress=False, **changes)

  return run


@pytest.fixture(scope="module")
def perfect(run):
  return run(stand_ins.perfect)


def of(rows, **settings):
  found = [
    row
    for row in rows
    if row.arm.reading
    and all(getattr(row.arm, key) == v for key, v in settings.items())
  ]
  assert found
  return found


def heard(rows):
  """Right queries with examples: what a perfect model answers."""
  return [r for r in of(rows, query="right") if r.arm.shots > 0]


def is_same(one, other):
  return one == other or (math.isnan(one) and math.isnan(other))


def test_every_arm_meets_the_same_items_in_order(perfect, arms, items):
  places = [(row.dataset, row.item) for row in perfect]
  assert list(dict.fromkeys(places)) == [
    ("dataset", item.spec.index) for item in items
  ]
  rank = {arm: i for i, arm in enumerate(arms)}
  for item in items:
    rows = [row for row in perfect if row.item == item.spec.index]
    ranks = [rank[row.arm] for row in rows if row.arm.reading]
    assert ranks == sorted(set(ranks))
    for row in rows:
      assert (row.song, row.group) == (item.song, item.group)
  # Enough of all kinds are served for the tests below to mean something.
  served = {row.arm for row in perfect if row.arm.reading}
  missing = [arm for arm in arms if arm not in served]
  assert {arm.origin for arm in missing} <= {"another dataset"}


def test_a_perfect_model(perfect):
  for row in heard(perfect):
    if row.arm.target == "absent":
      assert row.level_over_mixture_db == metrics.LEVEL_FLOOR_DB
      assert row.collapsed
      assert math.isnan(row.si_sdr_db) and math.isnan(row.snr_db)
    else:
      assert row.si_sdr_db == metrics.SI_SDR_CEILING_DB
      assert row.snr_db > 90 and row.usdr_db > 50
      assert row.level_db == pytest.approx(0, abs=1e-5)
      assert not row.collapsed
  # It gives what it is asked for.
  for query, is_silent in (("wrong", False), ("random", True)):
    for row in of(perfect, query=query):
      assert row.si_sdr_improvement_db < -5
      assert row.collapsed == is_silent
  for row in of(perfect, shots=0):
    assert row.collapsed and row.examples == 0


def test_the_kinds_of_target_are_what_they_say(perfect, items):
  names = {item.spec.index: item for item in items}
  for row in perfect:
    item = names[row.item]
    if row.arm.target == "one":
      assert row.instrument == item.instrument
    elif row.arm.target == "several":
      assert row.instrument == f"{item.instrument} + {item.wrong_instrument}"
      assert len(row.family.split(" + ")) in (1, 2)
    else:
      assert row.instrument not in (item.instrument, item.wrong_instrument)


def test_examples_are_counted(perfect):
  for row in of(perfect):
    assert row.examples <= row.arm.shots
    if row.arm.quality == "one of five mislabelled":
      assert row.examples == 5
  assert {r.examples for r in of(perfect, shots=1)} == {1}


def test_a_silent_model_looks_bad(run):
  for row in of(run(stand_ins.silent)):
    assert row.collapsed
    assert row.level_over_mixture_db == metrics.LEVEL_FLOOR_DB
    if row.arm.target != "absent":
      assert row.si_sdr_db == metrics.SI_SDR_FLOOR_DB
      assert row.usdr_db == row.snr_db == 0
      assert row.si_sdr_improvement_db < -20


def test_a_model_that_copies_the_mixture_is_the_mixture(run):
  rows = run(stand_ins.copying)
  mixtures = {
    (row.item, row.arm.target): row
    for row in rows
    if row.arm.model == "mixture"
  }
  for row in of(rows):
    mixture = mixtures[row.item, row.arm.target]
    assert all(
      is_same(getattr(row, name), getattr(mixture, name)) for name in FIGURES
    )
    assert row.level_over_mixture_db == 0 and not row.collapsed
    if row.arm.target != "absent":
      assert row.si_sdr_improvement_db == 0


def test_a_model_that_ignores_its_query_is_found_out(run):
  rows = run(stand_ins.ignorant)
  right = {r.item: r for r in of(rows, target="one", query="right")}
  for row in of(rows, target="one"):
    # No setting of examples changes anything, nor does the query.
    assert row[8:] == right[row.item][8:]
    assert row.si_sdr_improvement_db > 3
  for row in of(rows, target="absent"):
    assert row.level_over_mixture_db == pytest.approx(
      right[row.item].level_over_mixture_db
    )
    assert row.level_over_mixture_db > -20 and not row.collapsed


def test_baselines_are_there_for_each_kind_of_target(perfect, items):
  for item in items:
    rows = [r for r in perfect if r.item == item.spec.index]
    kinds = {r.arm.target for r in rows if r.arm.reading}
    assert {"one", "absent"} <= kinds
    labels = [(r.arm.model, r.arm.target) for r in rows if not r.arm.reading]
    assert sorted(labels) == sorted(
      (name, kind) for name in ABLATION_BASELINES for kind in kinds
    )
    for row in rows:
      if row.arm.reading or row.arm.target == "absent":
        continue
      if row.arm.model == "mixture":
        assert row.si_sdr_improvement_db == 0
      if row.arm.model == "silence":
        assert row.snr_db == 0 and row.collapsed
      if row.arm.model == "ideal ratio mask":
        assert row.si_sdr_improvement_db > 3
      assert row.arm == Arm(
        row.arm.model, "", 0, 0, 0.0, "", row.arm.target, "", ""
      )


def test_items_without_an_arm_have_no_row(perfect, arms, items):
  held = {(row.item, row.arm): row for row in perfect if row.arm.reading}
  missing = [
    (item.spec.index, arm)
    for item in items
    for arm in arms
    if (item.spec.index, arm) not in held
  ]
  # One dataset has no other, and what else is missing is a few.
  of_datasets = [pair for pair in missing if "dataset" in pair[1].origin]
  assert len(of_datasets) == len(items)
  assert len(missing) < len(items) * len(arms) / 4


def test_hosts_share_the_batches(run, perfect):
  shares = [run(stand_ins.perfect, host=i, hosts=2) for i in range(2)]
  assert all(shares)
  assert {r.item for r in shares[0]}.isdisjoint(r.item for r in shares[1])
  together = sorted(shares[0] + shares[1], key=lambda row: row.item)
  assert repr(together) == repr(sorted(perfect, key=lambda row: row.item))


def read_row(cells):
  return ArmScore(Arm(*cells[0]), *cells[1:])


def test_what_is_finished_is_not_done_again(run, perfect, tmp_path):
  def journal():
    return Journal(
      tmp_path / "j.jsonl", {"a": 1}, columns=COLUMNS, read_row=read_row
    )

  calls = []

  def interrupted(mixture, *rest):
    calls.append(mixture.tobytes())
    # The first batch has 4 mixtures; the second is not finished.
    if len(set(calls)) > 4:
      raise KeyboardInterrupt
    return stand_ins.perfect(mixture, *rest)

  with journal() as first, pytest.raises(KeyboardInterrupt):
    run(interrupted, journal=first)
  done = set(calls[:-1])

  def going_on(mixture, *rest):
    assert mixture.tobytes() not in done
    return stand_ins.perfect(mixture, *rest)

  with journal() as second:
    assert second.num_found == 4
    rows = run(going_on, journal=second)
  assert repr(rows) == repr(perfect)
  with journal() as third:
    assert repr(run(None, journal=third)) == repr(perfect)


def test_damaged_parameters_are_told(run):
  def broken(mixture, *rest):
    return np.full_like(mixture, np.nan)

  with pytest.raises(InputError, match=r"output of own for item \d+ .* finite"):
    run(broken)


def test_the_vectors_of_the_reference_are_those_of_its_examples(
  toy_sources, truth, arms, items
):
  subject = truth.subject(stand_ins.silent)
  ablation = stand_ins.make_ablation(toy_sources, truth, arms, subject)
  found = reference_vectors(ablation, [items])
  names = toy_sources.catalogues[0].instruments
  assert list(found.instruments) == [item.instrument for item in items]
  assert list(found.groups) == [item.group for item in items]
  expected = np.eye(len(names))[[names.index(i.instrument) for i in items]]
  np.testing.assert_allclose(found.vectors, expected)
  assert len(found.families) == len(items)
  assert reference_vectors(ablation, [[]]).instruments == ()
