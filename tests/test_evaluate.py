"""The whole of an evaluation, with stand-ins whose figures are known."""

import shutil

import jax
import numpy as np
import pytest

from fewshot_mss.data.catalogue import load_catalogue
from fewshot_mss.data.evaluation_list import (
  read_evaluation_list,
  whole_segment_settings,
)
from fewshot_mss.data.records import RecordReader, read_episode
from fewshot_mss.data.sources import load_sources
from fewshot_mss.default_config import get_config
from fewshot_mss.episode import Support
from fewshot_mss.errors import InputError
from fewshot_mss.evaluation import evaluate as evaluation
from fewshot_mss.evaluation import metrics, scores
from fewshot_mss.evaluation.items import choose_items, deal_out, first_shots
from fewshot_mss.evaluation.journal import Journal
from fewshot_mss.evaluation.summary import find_row, summarise, verdict
from fewshot_mss.models.separator import FewShotSeparator
from tiny_model import make_batch, make_model, to_jax

SHOTS = (1, 3)
COUNT = 7  # Not a multiple of the batch.
BATCH = 3


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
  """The episode of each item, by its mixture and its first example."""
  settings = whole_segment_settings(catalogue)
  episodes = [read_episode(item.spec, reader, settings) for item in items]
  found = {
    (e.mixture.tobytes(), e.support.positives[0, 0].tobytes()): e
    for e in episodes
  }
  assert len(found) == len(items)
  return found


@pytest.fixture(scope="module")
def run(items, reader, catalogue):
  """Scores a function of (mixture, support, shots, query)."""

  def run(answer, **changes):
    settings = {
      "shots": SHOTS,
      "max_negatives": 2,
      "batch": BATCH,
      "collapse_db": -30.0,
      "n_fft": 64,
      "hop_samples": 16,
      "progress": False,
    } | changes

    def separate(mixture, support):
      return np.stack(
        [
          answer(mixture, support, k, query)
          for k in settings["shots"]
          for query in (0, 1)
        ],
        axis=1,
      )

    return evaluation.evaluate_items(
      items, reader, catalogue, separate, **settings
    )

  return run


@pytest.fixture(scope="module")
def answers(truth):
  """What perfect systems say: the target or the rest of each mixture."""

  def target(mixture, support):
    keys = [
      (m.tobytes(), s.tobytes())
      for m, s in zip(mixture, support.positives[:, 0, 0], strict=True)
    ]
    silence = np.zeros_like(mixture[0])
    return np.stack(
      [truth[key].targets[0] if key in truth else silence for key in keys]
    )

  return {
    "perfect": lambda mixture, support, k, query: (
      mixture - target(mixture, support) if query else target(mixture, support)
    ),
    "silent": lambda mixture, *_: np.zeros_like(mixture),
    "copying": lambda mixture, *_: mixture,
    # Half the rest stays, whatever it is asked.
    "deaf": lambda mixture, support, *_: (
      (mixture + target(mixture, support)) / 2
    ),
  }


def rows(found, system, shots=None):
  return [r for r in found if (r.system, r.shots) == (system, shots)]


def headline(found, group="seen"):
  summary = summarise(found, bootstrap_samples=200)
  systems = summary["groups"][group]["systems"]
  return (
    verdict(summary),
    find_row(systems, shots=SHOTS[-1], system=scores.MODEL),
    find_row(summary["groups"][group]["wrong_query_cost"], shots=SHOTS[-1]),
  )


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


@pytest.mark.parametrize(
  ("hosts", "shares"),
  [
    (1, [["abc", "def", "g"]]),
    (2, [["abc", "g"], ["def"]]),
    (3, [["abc"], ["def"], ["g"]]),
    (5, [["abc"], ["def"], ["g"], [], []]),
  ],
)
def test_batches_are_dealt_out_in_turn(items, hosts, shares):
  letter = dict(
    zip((item.spec.index for item in items), "abcdefg", strict=True)
  )
  dealt = [
    [
      "".join(letter[item.spec.index] for item in batch)
      for batch in deal_out(items, 3, host, hosts)
    ]
    for host in range(hosts)
  ]
  assert dealt == shares


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


def test_first_shots_masks_the_others_and_keeps_the_shapes():
  support = make_batch(shots=4).support
  support.positive_mask[0, 0, 1] = False
  two = first_shots(support, 2)
  assert two.positives.shape == support.positives.shape
  assert two.positive_mask[0].tolist() == [
    [True, False, False, False],
    [True, True, False, False],
  ]
  assert not first_shots(support, 0).positive_mask.any()


def test_choose_items_takes_the_first_of_each_group(toy_dataset):
  found = read_evaluation_list(toy_dataset, "test")
  chosen = choose_items(found, 2)
  for group in {item.group for item in found}:
    first = [item for item in found if item.group == group][:2]
    assert [i for i in chosen if i.group == group] == first


# A network. Its sizes are small, its rate is that of the toy songs.
TRACES = []


class CountingSeparator(FewShotSeparator):
  """Counts how often it is traced: once a compiled program."""

  def separate(self, mixture, condition):
    TRACES.append(condition.shape)
    return super().separate(mixture, condition)


def counting(conditioning):
  # One block each: compiling is what costs.
  model = make_model(
    conditioning=conditioning, unet_channels=(4,), encoder_channels=(4,)
  )
  fields = {
    name: getattr(model, name)
    for name in FewShotSeparator.__dataclass_fields__
    if name not in ("parent", "name")
  }
  return CountingSeparator(**fields)


def small_config(**changes):
  config = get_config().eval
  config.update(
    {"max_items": 3, "batch": 2, "shots": SHOTS, "collapse_db": -30.0} | changes
  )
  return config


def evaluate(model, params, directory, **changes):
  return evaluation.evaluate(
    model,
    params,
    load_sources(str(directory)),
    split="test",
    eval_config=small_config(**changes),
    max_negatives=1,
    # Half an item, so that patches meet inside it.
    patch_s=0.5,
    progress=False,
  )


@pytest.fixture(
  scope="module", params=["examples", "examples_and_negatives", "class"]
)
def evaluated(request, toy_dataset):
  num_classes = int(load_catalogue(toy_dataset).seen.sum())
  model = counting(request.param).clone(num_classes=num_classes)
  shapes = jax.eval_shape(model.init, jax.random.key(0), to_jax(make_batch()))
  rng = np.random.default_rng(0)
  params = jax.tree.map(
    lambda leaf: rng.normal(0, 0.4, leaf.shape).astype(np.float32),
    shapes["params"],
  )
  TRACES.clear()
  found = evaluate(model, params, toy_dataset)
  again = evaluate(model, params, toy_dataset)
  return model, params, found, again, list(TRACES)


def test_one_program_serves_all_batches_shots_and_queries(evaluated):
  model, _, found, again, traces = evaluated
  shots = 1 if model.conditioning == "class" else len(SHOTS)
  assert traces == [(2, 2 * shots, model.condition_dim)]
  assert found == again


def test_lists_are_dealt_out_as_one_and_devices_change_no_bit(
  evaluated, toy_mix, monkeypatch
):
  model, params, *_ = evaluated
  classes = len(toy_mix.class_names)
  if model.conditioning != "examples":
    return
  model = model.clone(num_classes=classes)

  def ask(host=0, hosts=1):
    return evaluation.evaluate(
      model,
      params,
      toy_mix,
      split="test",
      eval_config=small_config(),
      max_negatives=1,
      patch_s=0.5,
      host=host,
      hosts=hosts,
      progress=False,
    )

  whole = ask()
  shares = [ask(host, 3) for host in range(3)]
  # A list is one batch of eight devices, and the third host has nothing to do.
  assert [{row.dataset for row in share} for share in shares] == [
    {"dataset"},
    {"other"},
    set(),
  ]
  assert scores.in_list_order(shares, toy_mix.names) == whole
  devices = jax.local_devices()[:1]
  monkeypatch.setattr(jax, "local_devices", lambda: devices)
  monkeypatch.setattr(jax, "local_device_count", lambda: 1)
  assert ask() == whole
  shares = [ask(host, 2) for host in range(2)]
  counts = [len({row.place for row in share}) for share in shares]
  assert sum(counts) == len({row.place for row in whole}) and min(counts) >= 5
  assert scores.in_list_order(shares, toy_mix.names) == whole


def test_scores_are_those_of_the_model_asked_plainly(
  evaluated, toy_dataset, catalogue, reader
):
  model, params, found, _, _ = evaluated
  items = read_evaluation_list(toy_dataset, "test")
  settings = whole_segment_settings(catalogue)
  by_number = {item.spec.index: item for item in items}
  row = rows(
    found,
    scores.WRONG_QUERY,
    evaluation.evaluated_shots(model, small_config())[-1],
  )[2]
  episode = read_episode(by_number[row.item].spec, reader, settings)
  support = Support(*(leaf[None, 1:] for leaf in episode.support))
  # Three examples and one negative, given as they are: nothing is masked.
  support = support._replace(
    positives=support.positives[:, :, :3],
    positive_mask=support.positive_mask[:, :, :3],
    negatives=support.negatives[:, :, :1],
    negative_mask=support.negative_mask[:, :, :1],
  )
  mixture = episode.mixture[None]

  @jax.jit
  def ask(params, mixture, support):
    given = {"params": params}
    condition = model.apply(given, support, method="condition")
    return model.apply(given, mixture, condition, method="separate")

  # Items of 1 s in patches of 0.5 s that share half, as songs are separated.
  patches = [
    np.asarray(ask(params, mixture[:, begin : begin + 4000], support))[0, 0]
    for begin in (0, 2000, 4000)
  ]
  rise = (np.arange(2000) + 0.5) / 2000
  estimate = np.concatenate(
    [
      patches[0][:2000],
      (1 - rise) * patches[0][2000:] + rise * patches[1][:2000],
      (1 - rise) * patches[1][2000:] + rise * patches[2][:2000],
      patches[2][2000:],
    ]
  )
  expected = metrics.si_sdr_db(episode.targets[0], estimate)
  assert row.si_sdr_db == pytest.approx(expected, abs=0.02)


def test_shots_and_queries_reach_the_network(evaluated):
  model, _, found, _, _ = evaluated
  shots = evaluation.evaluated_shots(model, small_config())
  outputs = [
    [r.si_sdr_db for r in rows(found, name, k)]
    for k in shots
    for name in (scores.MODEL, scores.WRONG_QUERY)
  ]
  assert len({tuple(output) for output in outputs}) == len(outputs)
  if model.conditioning == "class":
    assert shots == (0,)
    # Unseen instruments share one row of the table, which serves them all.
    assert {r.group for r in found} >= {"seen", "unseen"}


@pytest.mark.parametrize(
  "changes, message",
  [
    ({"max_items": 0}, "eval.max_items is 0"),
    ({"batch": 0}, "eval.batch is 0"),
    ({"bootstrap_samples": 0}, "eval.bootstrap_samples is 0"),
    ({"collapse_db": float("nan")}, "eval.collapse_db is nan"),
    ({"shots": ()}, r"eval.shots is \(\)"),
    ({"shots": (1, 1)}, "each once"),
    ({"shots": (1, 11)}, "0 to 10"),
    ({"shots": (-1,)}, "0 to 10"),
  ],
)
def test_a_config_that_cannot_be_is_named(toy_dataset, changes, message):
  with pytest.raises(InputError, match=message):
    evaluate(make_model(), {}, toy_dataset, **changes)


def test_a_model_that_does_not_fit_the_dataset_is_refused(toy_dataset):
  with pytest.raises(InputError, match="8000 Hz and the model at 16000 Hz"):
    evaluate(make_model(sample_rate_hz=16000), {}, toy_dataset)
  with pytest.raises(InputError, match=r"num_classes is 1 and there"):
    evaluate(make_model(conditioning="class", num_classes=1), {}, toy_dataset)


def test_a_split_without_a_list_is_named(toy_dataset, tmp_path):
  data = tmp_path / "data"
  shutil.copytree(toy_dataset, data)
  (data / "evaluation_test.json").unlink()
  with pytest.raises(InputError, match=r"evaluation_test\.json: missing"):
    evaluate(make_model(), {}, data)
