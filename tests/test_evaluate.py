"""The whole of an evaluation, with stand-ins whose figures are known."""

import numpy as np
import pytest

from evaluation_stand_ins import (
  BATCH,
  SHOTS,
  episodes_by_sound,
  headline,
  rows,
  scorer,
  stand_ins,
)
from fewshot_mss.data.catalogue import load_catalogue
from fewshot_mss.data.evaluation_list import (
  read_evaluation_list,
)
from fewshot_mss.data.records import RecordReader
from fewshot_mss.errors import InputError
from fewshot_mss.evaluation import metrics, scores
from fewshot_mss.evaluation.journal import Journal

COUNT = 7  # Not a multiple of the batch.


@pytest.fixture(scope="module")
def catalogue(toy_dataset):
  return load_catalogue(toy_dataset)


@pytest.fixture(scope="module")
def reader(toy_dataset, catalogue):
  return RecordReader(toy_dataset, catalogue)


@pytest.fixture(scope="module")
def items(toy_dataset):
  found = read_evaluation_list(toy_dataset, "test")
  # Of two groups, so that the numbers of items are not their positions.
  seen = [item for item in found if item.group == "seen"]
  unseen = [item for item in found if item.group == "unseen"]
  assert len(seen) >= 5 and len(unseen) >= 2
  return seen[:5] + unseen[:2]


@pytest.fixture(scope="module")
def truth(items, reader, catalogue):
  return episodes_by_sound(items, reader, catalogue)


@pytest.fixture(scope="module")
def run(items, reader, catalogue):
  return scorer(items, reader, catalogue)


@pytest.fixture(scope="module")
def answers(truth):
  return stand_ins(truth)


def test_each_item_is_scored_once_by_each_system(run, answers, items):
  found = run(answers["perfect"])
  labels = [(name, None) for name in scores.BASELINES]
  labels += [
    (name, k) for k in SHOTS for name in (scores.MODEL, scores.WRONG_QUERY)
  ]
  assert len(found) == len(items) * len(labels)
  for item, begin in zip(items, range(0, len(found), len(labels)), strict=True):
    of_item = found[begin : begin + len(labels)]
    assert [(r.system, r.shots) for r in of_item] == labels
    for row in of_item:
      assert row.item == item.spec.index
      assert row[1:5] == (
        item.group,
        item.song,
        item.instrument,
        item.wrong_instrument,
      )


def test_rows_name_the_family_of_their_target(run, answers, catalogue):
  families = {
    (catalogue.instruments[i], catalogue.families[f])
    for i, f in zip(catalogue.instrument, catalogue.family, strict=True)
  }
  found = {(row.instrument, row.family) for row in run(answers["silent"])}
  assert found <= families and len({family for _, family in found}) > 1


def test_a_perfect_system(run, answers):
  found = run(answers["perfect"])
  for k in SHOTS:
    for row in rows(found, scores.MODEL, k):
      assert row.si_sdr_db == metrics.SI_SDR_CEILING_DB
      assert row.usdr_db > 50
      assert row.snr_db == metrics.SNR_CEILING_DB
      assert row.level_db == pytest.approx(0, abs=1e-5)
      assert not row.collapsed
  said, _, cost = headline(found)
  assert said["improves_on_mixture"]["shown"]
  assert said["obeys_query"]["shown"]
  assert cost["right_beats_wrong_share"] == 1.0


def test_a_silent_system_looks_bad(run, answers):
  said, row, cost = headline(run(answers["silent"]))
  assert row["collapse_share"] == 1.0
  assert row["si_sdr_improvement_db"]["high"] < -20
  assert row["usdr_db"]["mean"] == 0.0
  assert cost["cost_db"]["mean"] == 0.0
  assert cost["right_beats_wrong_share"] == 0.0
  assert not said["improves_on_mixture"]["shown"]
  assert not said["obeys_query"]["shown"]


def test_a_system_that_copies_the_mixture_improves_nothing(run, answers):
  found = run(answers["copying"])
  said, row, _ = headline(found)
  assert row["si_sdr_improvement_db"]["mean"] == 0.0
  assert not said["improves_on_mixture"]["shown"]
  copies, mixtures = rows(found, scores.MODEL, 1), rows(found, scores.MIXTURE)
  assert [r[8:] for r in copies] == [r[8:] for r in mixtures]


def test_a_system_that_ignores_its_query_is_found_out(run, answers):
  said, row, cost = headline(run(answers["deaf"]))
  assert row["si_sdr_improvement_db"]["low"] > 3
  assert cost["cost_db"]["mean"] == cost["cost_db"]["high"] == 0.0
  assert said["improves_on_mixture"]["shown"]
  assert not said["obeys_query"]["shown"]


def test_baselines_are_what_they_say(run, answers, items, truth):
  found = run(answers["silent"])
  for item, episode, by, plain, silent, ideal in zip(
    items,
    truth.values(),
    rows(found, scores.MIXTURE_BY_SOURCES),
    rows(found, scores.MIXTURE),
    rows(found, scores.SILENCE),
    rows(found, scores.IDEAL_RATIO_MASK),
    strict=True,
  ):
    mixture, target = episode.mixture, episode.targets[0]
    count = int((item.spec.source_records >= 0).sum())
    assert count >= 2
    assert by.level_db == pytest.approx(plain.level_db - 20 * np.log10(count))
    assert by.level_over_mixture_db == pytest.approx(-20 * np.log10(count))
    assert by.snr_db == pytest.approx(
      metrics.snr_db(target, mixture / count), abs=1e-4
    )
    assert plain.level_over_mixture_db == 0
    assert silent.snr_db == 0 and silent.level_over_mixture_db == -120
    assert by.usdr_db == pytest.approx(
      metrics.usdr_db(target, mixture / count), abs=1e-4
    )
    assert plain.si_sdr_db == pytest.approx(metrics.si_sdr_db(target, mixture))
    assert plain.si_sdr_improvement_db == 0
    assert silent.collapsed and silent.usdr_db == 0
    assert ideal.si_sdr_improvement_db > 3
    assert ideal.si_sdr_db == pytest.approx(
      metrics.si_sdr_db(
        target,
        metrics.ideal_ratio_mask_estimate(target, mixture - target, 64, 16),
      ),
      abs=1e-3,
    )


def test_outputs_below_the_threshold_are_collapsed(run, answers):
  def quiet(mixture, support, k, query):
    loud = answers["perfect"](mixture, support, k, 0)
    return loud * np.float32(10 ** (-(29 if query else 31) / 20))

  found = run(quiet)
  assert all(r.collapsed for r in rows(found, scores.MODEL, 1))
  assert not any(r.collapsed for r in rows(found, scores.WRONG_QUERY, 1))


def test_the_batch_size_changes_nothing(run, answers):
  assert run(answers["deaf"]) == run(answers["deaf"], batch=COUNT)


@pytest.mark.parametrize("batch", [2, 3])
@pytest.mark.parametrize("hosts", [2, 3, 5])
def test_the_shares_of_hosts_are_the_whole_to_the_last_bit(
  run, answers, items, hosts, batch
):
  shares = [
    run(answers["deaf"], batch=batch, host=host, hosts=hosts)
    for host in range(hosts)
  ]
  first = {row.item for row in shares[0]}
  assert first < {item.spec.index for item in items}
  # 3 or 4 batches: some of five hosts have none.
  assert (shares[-1] == []) == (hosts == 5)
  whole = run(answers["deaf"], batch=batch)
  assert scores.in_list_order(shares, [""]) == whole


def test_joined_scores_are_in_the_order_of_datasets_and_lists(run, answers):
  one = [row._replace(dataset="z") for row in run(answers["silent"])]
  other = [row._replace(dataset="a") for row in run(answers["copying"])]
  each = len(one) // COUNT
  # The second host has the middle of one and the end of the other.
  middle = slice(2 * each, 4 * each)
  shares = [
    one[: 2 * each] + one[4 * each :] + other[: 2 * each],
    one[middle] + other[2 * each :],
  ]
  assert scores.in_list_order(shares, ["z", "a"]) == one + other


def test_what_a_journal_holds_is_not_asked_again(run, answers, tmp_path):
  asked = []

  def deaf(mixture, *rest):
    asked.append(len(mixture))
    return answers["deaf"](mixture, *rest)

  def breaking(mixture, *rest):
    # In the second batch.
    broken = len(asked) >= 2 * len(SHOTS)
    return deaf(mixture, *rest) + np.float32(np.nan if broken else 0)

  def score(answer=deaf, **changes):
    asked.clear()
    with Journal(tmp_path, {}) as journal:
      return run(answer, dataset="toy", journal=journal, **changes)

  with pytest.raises(InputError, match="not finite"):
    score(breaking)
  whole = run(answers["deaf"], dataset="toy")
  assert {row.dataset for row in whole} == {"toy"}
  assert score() == whole and len(asked) == 2 * 2 * len(SHOTS)
  assert score() == whole and asked == []
  # Batches of another size, of which some are done in part.
  (path,) = tmp_path.iterdir()
  lines = path.read_bytes().splitlines(keepends=True)
  path.write_bytes(b"".join(lines[:2]))
  assert score(batch=2) == whole and len(asked) == 3 * 2 * len(SHOTS)


def test_a_system_gets_the_support_cut_and_whole_batches(run, answers, items):
  met = []

  def note(mixture, support, k, query):
    met.append((mixture, support))
    return np.zeros_like(mixture)

  found = run(note, shots=(1, 2), max_negatives=1)
  for mixture, support in met:
    assert mixture.shape[0] == BATCH
    assert support.positives.shape[:3] == (BATCH, 2, 2)
    assert support.negatives.shape[:3] == (BATCH, 2, 1)
  mixture, support = met[-1]
  filled = COUNT % BATCH
  assert mixture[:filled].any(axis=1).all()
  assert not mixture[filled:].any()
  assert not support.positive_mask[filled:].any()
  there = [
    (item.spec.positive_records[:, :2] >= 0).sum(axis=1) for item in items
  ]
  for row, counts in zip(rows(found, scores.MODEL, 2), there, strict=True):
    assert row.examples == counts[0]
  for row, counts in zip(
    rows(found, scores.WRONG_QUERY, 2), there, strict=True
  ):
    assert row.examples == counts[1]
  assert all(r.examples == 1 for r in rows(found, scores.MODEL, 1))


def test_an_output_that_is_not_finite_is_refused(run, items):
  def broken(mixture, *_):
    output = np.array(mixture)
    output[1, 5] = np.nan
    return output

  with pytest.raises(InputError, match=f"item {items[1].spec.index} .*finite"):
    run(broken)


def test_outputs_of_another_shape_are_refused(run):
  with pytest.raises(ValueError, match="expected"):
    run(lambda mixture, *_: mixture[:, 1:])
