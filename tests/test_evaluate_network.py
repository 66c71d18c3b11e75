"""Networks on the fixed lists: programs, devices, hosts, what is refused."""

import shutil

import jax
import numpy as np
import pytest

from fewshot_mss.data.catalogue import load_catalogue
from fewshot_mss.data.episode_audio import read_episode
from fewshot_mss.data.evaluation_list import (
  read_evaluation_list,
  whole_segment_settings,
)
from fewshot_mss.data.records import RecordReader
from fewshot_mss.data.sources import load_sources
from fewshot_mss.default_config import get_config
from fewshot_mss.episode import Support
from fewshot_mss.errors import InputError
from fewshot_mss.evaluation import evaluate as evaluation
from fewshot_mss.evaluation import metrics, scores
from fewshot_mss.evaluation.items import choose_items, first_shots
from fewshot_mss.models.separator import FewShotSeparator
from tiny_model import make_batch, make_model, to_jax

SHOTS = (1, 3)


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


def rows(found, system, shots=None):
  return [r for r in found if (r.system, r.shots) == (system, shots)]


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
