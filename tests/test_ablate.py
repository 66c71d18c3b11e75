"""The whole of an ablation, with stand-ins whose figures are known."""

import json
import math

import pytest

from fewshot_mss.evaluation import metrics
from fewshot_mss.evaluation.ablation.ablate import ablate, reference_conditions
from fewshot_mss.evaluation.ablation.analysis import analyse
from fewshot_mss.evaluation.ablation.statistics import Draws
from fewshot_mss.evaluation.ablation.table import (
  COLUMNS,
  Arm,
  ArmScore,
  to_cells,
)
from fewshot_mss.evaluation.journal import Journal
from made_up_ablation import StandIns


@pytest.fixture(scope="module")
def stand_ins(toy_sources):
  return StandIns(toy_sources)


@pytest.fixture(scope="module")
def run(stand_ins):
  """Asks a stand-in the whole grid."""

  def run(answer, conditionings=("examples",), host=0, hosts=1, **settings):
    return ablate(
      stand_ins.ablation(answer, conditionings, **settings),
      stand_ins.items,
      host=host,
      hosts=hosts,
      progress=False,
    )

  return run


@pytest.fixture(scope="module")
def perfect(run, stand_ins):
  return run(stand_ins.perfect, ("examples", "class"))


def by_model(rows, name="examples", **settings):
  return [
    row
    for row in rows
    if row.arm.model == name
    and all(getattr(row.arm, key) == v for key, v in settings.items())
  ]


def cells(rows):
  return [to_cells(row) for row in rows]


def analysed(rows, ablation):
  return analyse(
    rows,
    reference=ablation.arms[0],
    crossed=[("shots", "example_s")],
    draws=Draws(100, 0),
  )


def test_a_perfect_model_is_at_the_ceiling_where_it_is_asked_rightly(perfect):
  asked = [
    row
    for row in by_model(perfect, query="right", target="one")
    if row.arm.shots > 0
  ]
  assert {row.arm.origin for row in asked} >= {"same song", "another song"}
  assert len({row.arm for row in asked}) > 10
  for row in asked:
    assert row.si_sdr_db == metrics.SI_SDR_CEILING_DB, row
    assert row.level_db == pytest.approx(0, abs=1e-4) and not row.collapsed


def test_a_perfect_model_gives_two_instruments_of_three(perfect):
  rows = by_model(perfect, target="several")
  assert rows and all(" + " in row.instrument for row in rows)
  for row in rows:
    assert row.si_sdr_db > 90 and row.arm.shots >= 2


def test_a_perfect_model_is_silent_where_the_target_is_absent(perfect):
  rows = by_model(perfect, target="absent")
  assert rows
  for row in rows:
    assert row.level_over_mixture_db == metrics.LEVEL_FLOOR_DB
    assert row.collapsed and math.isnan(row.si_sdr_db)


def test_a_perfect_model_obeys_a_wrong_query(perfect, stand_ins):
  rows = by_model(perfect, query="wrong")
  items = {item.spec.index: item for item in stand_ins.items[0]}
  assert len(rows) == len(items)
  for row in rows:
    item = items[row.item]
    records = item.spec.source_records
    sounds = {item.instrument: 0, item.wrong_instrument: 0}
    catalogue = stand_ins.sources.catalogues[0]
    for record in records[records >= 0].tolist():
      name = catalogue.instruments[catalogue.instrument[record]]
      if name in sounds:
        sounds[name] = sounds[name] + stand_ins.readers[0].read(record)
    expected = metrics.si_sdr_db(
      sounds[item.instrument], sounds[item.wrong_instrument]
    )
    assert row.si_sdr_db == pytest.approx(float(expected), abs=1e-3)
  for row in by_model(perfect, query="random"):
    assert row.collapsed and row.si_sdr_db == metrics.SI_SDR_FLOOR_DB


def test_without_examples_it_has_but_the_mixture(perfect):
  rows = by_model(perfect, shots=0, query="right", target="one")
  assert rows
  for row in rows:
    assert row.si_sdr_improvement_db == 0 and row.examples == 0


def test_classes_serve_seen_targets_and_an_oracle_the_others(perfect):
  readings = {}
  for row in by_model(perfect, "class", query="right", target="one"):
    readings.setdefault(row.group, {}).setdefault(row.arm.reading, []).append(
      row.si_sdr_db
    )
  assert set(readings["seen"]) == {"class"}
  assert set(readings["seen"]["class"]) == {metrics.SI_SDR_CEILING_DB}
  assert set(readings["unseen"]) <= {
    "class, oracle",
    "class, nearest of the family",
  }
  oracle = readings["unseen"]["class, oracle"]
  # The best class is another instrument of the mixture, or silence.
  assert max(oracle) < 20
  for near in readings["unseen"].get("class, nearest of the family", ()):
    assert near <= max(oracle)


def test_every_arm_meets_the_same_items_and_each_once(perfect, stand_ins):
  table = {}
  for row in perfect:
    table.setdefault(row.arm, []).append(row.place)
  everything = {("dataset", i.spec.index) for i in stand_ins.items[0]}
  reference = stand_ins.ablation(stand_ins.perfect).arms[0]
  assert set(table[reference]) == everything
  for arm, places in table.items():
    assert len(set(places)) == len(places), arm
    assert set(places) <= everything
  for name in ("mixture", "silence", "ideal ratio mask"):
    targets = {row.arm.target for row in by_model(perfect, name)}
    assert targets == {"one", "several", "absent"}


def test_a_silent_model_is_at_the_floor(run, stand_ins):
  found = run(stand_ins.silent)
  baseline = {
    (row.item, row.arm.target): row[8:] for row in by_model(found, "silence")
  }
  for row in by_model(found):
    assert row.collapsed
    assert row.level_over_mixture_db == metrics.LEVEL_FLOOR_DB
    if row.arm.target != "absent":
      assert row.si_sdr_db == metrics.SI_SDR_FLOOR_DB and row.usdr_db == 0
      assert row[8:] == baseline[row.item, row.arm.target]


def test_a_model_that_copies_the_mixture_gains_nothing(run, stand_ins):
  found = run(stand_ins.copying)
  for row in by_model(found):
    assert not row.collapsed and row.level_over_mixture_db == 0
    if row.arm.target != "absent":
      assert row.si_sdr_improvement_db == 0


def test_a_model_that_ignores_its_query_differs_in_nothing(run, stand_ins):
  found = run(stand_ins.ignoring)
  analysis = analysed(found, stand_ins.ablation(stand_ins.ignoring))
  compared = 0
  for axis in ("shots", "query", "origin", "quality", "example_s"):
    for row in analysis.axes[axis]:
      if row.arm != row.against:
        assert row.difference[:3] == (0, 0, 0) or row.difference.num_songs < 2
        assert row.difference.mean == 0
        assert math.isnan(row.p_value) or row.holm_p_value == 1
        compared += 1
  assert compared > 10


def test_a_perfect_model_needs_its_query_and_one_example(perfect, stand_ins):
  analysis = analysed(perfect, stand_ins.ablation(stand_ins.perfect))
  # No song of the toy dataset is both; two songs cannot give a small p-value.
  (none,) = [
    row
    for row in analysis.axes["shots"]
    if row.items == "seen" and row.arm.shots == 0
  ]
  assert none.difference.mean < -50
  others = [
    row
    for row in analysis.axes["shots"]
    if row.arm.shots > 0 and row.arm != row.against
  ]
  assert others and all(row.difference.mean == 0 for row in others)
  for row in analysis.axes["query"]:
    assert row.arm == row.against or row.difference.mean < -50


def test_each_clip_is_embedded_once(stand_ins):
  stand_ins.embedded.clear()
  ablation = stand_ins.ablation(stand_ins.copying)
  answerer = ablation.subjects[0].answerer
  ablate(ablation, stand_ins.items, progress=False)
  first = len(stand_ins.embedded)
  assert len(answerer._embedded) == first
  ablate(ablation, stand_ins.items, progress=False)
  assert len(stand_ins.embedded) == first


def test_batches_and_hosts_change_nothing(run, perfect, stand_ins):
  def ask(**settings):
    return run(stand_ins.perfect, ("examples", "class"), **settings)

  whole = cells(perfect)
  assert cells(ask(batch=2)) == whole
  shares = [ask(host=host, hosts=2, batch=2) for host in range(2)]
  assert all(shares)
  joined = [row for share in shares for row in share]
  order = [item.spec.index for item in stand_ins.items[0]]
  assert cells(sorted(joined, key=lambda r: order.index(r.item))) == whole


def test_what_was_interrupted_goes_on(tmp_path, stand_ins, perfect):
  lives = []

  def life(answer):
    with Journal(
      tmp_path / "j",
      {"x": 1},
      columns=COLUMNS,
      read_row=lambda cells: ArmScore(Arm(*cells[0]), *cells[1:]),
    ) as journal:
      lives.append(journal.num_found)
      ablation = stand_ins.ablation(answer, ("examples", "class"))
      before = stand_ins.separated
      found = ablate(ablation, stand_ins.items, journal=journal, progress=False)
      return found, stand_ins.separated - before

  known = {
    stand_ins._key(stand_ins.readers[0].read(0)): None
  }  # Something that no mixture is.

  def interrupted(mixture, wanted):
    known[stand_ins._key(mixture)] = None
    if len(known) > 4:
      raise KeyboardInterrupt
    return stand_ins.perfect(mixture, wanted)

  with pytest.raises(KeyboardInterrupt):
    life(interrupted)
  found, calls = life(stand_ins.perfect)
  # Of two batches of three items the first was done.
  assert lives == [0, 3] and calls == 2
  assert json.dumps(cells(found)) == json.dumps(cells(perfect))
  again, calls = life(stand_ins.silent)
  assert calls == 0 and cells(again) == cells(perfect)


def test_conditions_of_the_reference_are_one_an_item(stand_ins):
  ablation = stand_ins.ablation(stand_ins.perfect)
  found = reference_conditions(ablation, stand_ins.items)
  items = stand_ins.items[0]
  assert found.vectors.shape == (len(items), len(stand_ins.names))
  assert found.instruments == tuple(item.instrument for item in items)
  assert found.groups == tuple(item.group for item in items)
  for vector, name in zip(found.vectors, found.instruments, strict=True):
    assert vector.argmax() == stand_ins.names.index(name)
