"""The parts of a network, and how often they are compiled."""

import contextlib
import functools
import logging

import jax
import numpy as np
import pytest

from fewshot_mss.episode import Support
from fewshot_mss.evaluation.ablation.answers import Answerer
from fewshot_mss.evaluation.ablation.clips import Clip
from fewshot_mss.evaluation.ablation.network import make_network
from fewshot_mss.evaluation.ablation.questions import Condition
from tiny_model import draw_params, make_batch, make_model, to_jax

PATCH = 256
BATCH = 8


@pytest.fixture(scope="module")
def model():
  return make_model(
    unet_channels=(4,),
    encoder_channels=(4,),
    conditioning="examples_and_negatives",
  )


@pytest.fixture(scope="module")
def params(model):
  return draw_params(model, to_jax(make_batch(clip=64, samples=PATCH)))


@pytest.fixture(scope="module")
def network(model, params):
  return make_network(model, params, patch_s=PATCH / 8000, outputs=2)


def sound(clip):
  """Noise that differs from clip to clip."""
  rng = np.random.default_rng((*clip.rows, clip.num_samples))
  return rng.normal(size=clip.num_samples).astype(np.float32)


def clips(*rows, samples=64):
  return tuple(Clip(0, (row,), 0, samples) for row in rows)


def conditions(*counts):
  """Conditions of the first so many positives and negatives."""
  return [
    Condition(clips(*range(k)), clips(*range(10, 10 + n))) for k, n in counts
  ]


@contextlib.contextmanager
def compilations(caplog):
  """Collects the names of what is compiled."""
  found = []
  caplog.clear()
  with jax.log_compiles(), caplog.at_level(logging.WARNING):
    yield found
  found += [
    record.getMessage()
    for record in caplog.records
    if record.getMessage().startswith("Compiling")
  ]
  caplog.clear()


@pytest.fixture(scope="module")
def expected(model, params):
  """The outputs of one mixture as the plain network gives them."""

  def expected(mixture, each):
    arrays = [
      np.stack([sound(clip) for clip in held])[None, None]
      if held
      else np.zeros((1, 1, 1, 64), np.float32)
      for held in (each.positives, each.negatives)
    ]
    support = Support(
      positives=arrays[0],
      positive_mask=np.full(arrays[0].shape[:3], bool(each.positives)),
      negatives=arrays[1],
      negative_mask=np.full(arrays[1].shape[:3], bool(each.negatives)),
      class_id=np.full((1, 1), -1, np.int32),
    )
    apply = functools.partial(model.apply, {"params": params})
    condition = apply(support, method="condition")
    output = apply(mixture[None], condition, method="separate")
    return np.asarray(condition[0, 0]), np.asarray(output[0, 0])

  return expected


def test_outputs_are_those_of_the_plain_network(network, expected):
  rng = np.random.default_rng(0)
  mixture = rng.normal(size=(BATCH, PATCH)).astype(np.float32)
  asked = [conditions((1, 0), (3, 2), (0, 0)), conditions((2, 1))]
  answerer = Answerer(network, sound)
  answers = answerer.answer(mixture, asked)
  assert answers.shape == (BATCH, 3, PATCH)
  for b, of_item in enumerate(asked):
    for a, each in enumerate(of_item):
      condition, output = expected(mixture[b], each)
      np.testing.assert_allclose(answers[b, a], output, atol=1e-5)
      vector = answerer.vectors([each], BATCH)
      np.testing.assert_allclose(vector[0], condition, atol=1e-5)


def test_vectors_come_in_order(network):
  answerer = Answerer(network, sound)
  asked = [Condition(clips(row), ()) for row in range(11)]
  together = answerer.vectors(asked, BATCH)
  assert together.shape == (11, network.dim)
  for i in (0, 4, 10):
    alone = answerer.vectors(asked[i : i + 1], BATCH)
    np.testing.assert_allclose(together[i], alone[0], atol=1e-6)
  assert answerer.vectors([], BATCH).shape == (0, network.dim)


def test_each_clip_is_read_and_embedded_once(network):
  read, embedded = [], []

  def embed(sounds):
    embedded.append(len(sounds))
    return network.embed(sounds)

  def listen(clip):
    read.append(clip)
    return sound(clip)

  answerer = Answerer(network._replace(embed=embed), listen)
  mixture = np.ones((BATCH, PATCH), np.float32)
  answerer.answer(mixture, [conditions((3, 1), (2, 2)), conditions((3, 0))])
  assert sorted(read) == sorted([*clips(0, 1, 2), *clips(10, 11)])
  assert embedded == [5]
  answerer.answer(mixture, [conditions((4, 2))])
  assert read[5:] == list(clips(3)) and embedded == [5, 1]


def test_one_program_serves_all_shots_and_all_arms(network, caplog):
  mixture = np.ones((BATCH, PATCH), np.float32)
  with compilations(caplog) as first:
    # Another length of examples than that of the other tests.
    answerer = Answerer(network, sound)
    answerer.answer(mixture, [[Condition(clips(1, samples=96))]])
  assert any("_embed" in message for message in first)
  with compilations(caplog) as again:
    for counts in ([(1, 0)], [(k, n) for k in range(11) for n in range(6)]):
      answerer.answer(mixture, [conditions(*counts)] * BATCH)
    # More clips than a call takes, other patches, one output, another model.
    many = [Condition(clips(row, samples=96)) for row in range(300)]
    answerer.vectors(many, BATCH)
    longer = np.ones((BATCH, 3 * PATCH + 5), np.float32)
    answerer.answer(longer, [conditions((10, 5))])
  assert again == []


def test_a_class_is_its_row_of_the_table():
  model = make_model(unet_channels=(4,), conditioning="class")
  batch = to_jax(make_batch(samples=PATCH))
  params = draw_params(model, batch)
  network = make_network(model, params, patch_s=PATCH / 8000, outputs=4)
  vectors = Answerer(network, sound).vectors(
    [Condition(class_id=i) for i in (2, 0, -1)], BATCH
  )
  table = np.asarray(params["conditioner"]["table"]["embedding"])
  np.testing.assert_array_equal(vectors, table[[2, 0, 3]])
