"""The parts of a network against the whole, and how often it is compiled."""

import jax
import numpy as np
import pytest

from fewshot_mss.data.records import RecordReader
from fewshot_mss.episode import Support
from fewshot_mss.evaluation.ablation.ablate import Ablation, Subject, ablate
from fewshot_mss.evaluation.ablation.answers import Answerer
from fewshot_mss.evaluation.ablation.clips import read_clip
from fewshot_mss.evaluation.ablation.grid import Contender, arms_of
from fewshot_mss.evaluation.ablation.network import make_network
from fewshot_mss.evaluation.ablation.table import to_cells
from fewshot_mss.models.separator import FewShotSeparator
from made_up_ablation import small_grid, some_items
from tiny_model import make_batch, make_model, to_jax

TRACES = []
OUTPUTS = 4


class CountingSeparator(FewShotSeparator):
  """Counts how often each part is traced: once a compiled program."""

  def embed(self, examples):
    TRACES.append(("embed", examples.shape[-1]))
    return super().embed(examples)

  def combine(self, embedded):
    TRACES.append(("combine", embedded.class_id.shape))
    return super().combine(embedded)

  def encode(self, mixture):
    TRACES.append(("encode", mixture.shape))
    return super().encode(mixture)

  def decode(self, encoded, condition, samples):
    TRACES.append(("decode", condition.shape[:2]))
    return super().decode(encoded, condition, samples)


@pytest.fixture(scope="module")
def subject():
  model = make_model(
    conditioning="examples_and_negatives",
    unet_channels=(4,),
    encoder_channels=(4,),
  )
  fields = {
    name: getattr(model, name)
    for name in FewShotSeparator.__dataclass_fields__
    if name not in ("parent", "name")
  }
  model = CountingSeparator(**fields)
  shapes = jax.eval_shape(model.init, jax.random.key(0), to_jax(make_batch()))
  rng = np.random.default_rng(0)
  params = jax.tree.map(
    lambda leaf: rng.normal(0, 0.4, leaf.shape).astype(np.float32),
    shapes["params"],
  )
  network = make_network(model, params, patch_s=0.5, outputs=OUTPUTS)
  return model, params, network


@pytest.fixture(scope="module")
def asked(subject, toy_sources):
  """The grid, asked twice; what each start compiled."""
  network = subject[2]
  readers = [RecordReader(toy_sources.folders[0], toy_sources.catalogues[0])]
  contender = Contender("net", "examples_and_negatives")
  arms = arms_of(small_grid(), [contender])

  def ask():
    TRACES.clear()
    answerer = Answerer(network, lambda clip: read_clip(clip, readers, 8000))
    ablation = Ablation(
      arms=arms,
      subjects=[Subject(contender, toy_sources.class_names, answerer)],
      sources=toy_sources,
      readers=readers,
      seed=0,
      batch=jax.local_device_count(),
      collapse_db=-30.0,
      mask_sizes=(64, 16),
    )
    lists = some_items(toy_sources, per_group=2)
    rows = ablate(ablation, lists, progress=False)
    return rows, list(TRACES)

  return ask(), ask()


def test_one_program_serves_all_arms(asked):
  (rows, traces), (again, more) = asked
  answered = {row.arm for row in rows if row.arm.model == "net"}
  # Of every axis of the grid, and of crossed pairs.
  assert len({arm.shots for arm in answered}) == 4
  assert len(answered) > 20
  # One for each length of examples; of a batch each device has an item.
  assert sorted(traces) == [
    ("combine", (1, OUTPUTS)),
    ("decode", (1, OUTPUTS)),
    ("embed", 4000),
    ("embed", 8000),
    ("embed", 16000),
    ("encode", (1, 4000)),
  ]
  assert more == []
  assert [to_cells(row) for row in rows] == [to_cells(row) for row in again]


def test_arms_reach_the_network(asked):
  (rows, _), _ = asked
  places = {row.place for row in rows}
  for place in places:
    levels = [
      row.level_over_mixture_db
      for row in rows
      if row.place == place
      and row.arm.model == "net"
      # The absent target and the query at random are one output.
      and row.arm.target != "absent"
    ]
    assert len(set(levels)) > 0.7 * len(levels)


def test_the_parts_are_the_whole(subject, asked):
  model, params, network = subject
  batch = make_batch(mixtures=8, queries=3, samples=4000, clip=4000)
  support = batch.support
  shape = (*support.positives.shape[:3], network.dim)
  embedded = support._replace(
    positives=network.embed(support.positives.reshape(-1, 4000)).reshape(shape),
    negatives=network.embed(support.negatives.reshape(-1, 4000)).reshape(
      (*support.negatives.shape[:3], network.dim)
    ),
  )
  conditions = network.combine(padded(embedded))
  outputs = network.separate(batch.mixture, conditions)
  assert conditions.shape == (8, 3, network.dim)
  assert outputs.shape == (8, 3, 4000)
  given = {"params": to_jax(params)}
  plainly = model.apply(given, to_jax(support), method="condition")
  np.testing.assert_allclose(conditions, plainly, atol=1e-5)
  expected = model.apply(
    given, to_jax(batch.mixture), plainly, method="separate"
  )
  np.testing.assert_allclose(outputs, expected, atol=1e-4)
  assert np.abs(outputs).max() > 0.01


def padded(support: Support) -> Support:
  """Fills up with nothing to the most examples that there can be."""

  def fill(leaf, size):
    widths = [(0, 0)] * leaf.ndim
    widths[2] = (0, size - leaf.shape[2])
    return np.pad(leaf, widths)

  return support._replace(
    positives=fill(support.positives, 10),
    positive_mask=fill(support.positive_mask, 10),
    negatives=fill(support.negatives, 5),
    negative_mask=fill(support.negative_mask, 5),
  )
