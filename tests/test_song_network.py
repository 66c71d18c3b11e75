"""A network on whole songs: the same that `separate` makes of them."""

import jax
import numpy as np
import pytest

from fewshot_mss.episode import Support
from fewshot_mss.evaluation.network import host_batch
from fewshot_mss.evaluation.song_network import network_songs
from fewshot_mss.export.archive import load_archive
from fewshot_mss.export.checks import build_model
from fewshot_mss.inference.separator import Separator
from tiny_archive import (
  MODEL,
  TRAINING,
  mask_of_ones,
  random_params,
  write_archive,
)

SHOTS = (1, 3)
RATE_HZ = 8000


def noise(seed, *shape):
  return np.random.default_rng(seed).normal(0, 0.2, shape).astype(np.float32)


def tone(pitch_hz, samples, level):
  wave = np.sin(2 * np.pi * pitch_hz * np.arange(samples) / RATE_HZ)
  return (level * wave).astype(np.float32)


# Clips shorter than a piece, of several pieces, with a pause, of one piece:
# as different as can be, for a network that has learned nothing.
CLIPS = [
  tone(200, 2046, 0.9),
  noise(2, 4000),
  tone(3000, 6144, 0.1),
  tone(1500, 2048, 0.02),
]
CLIPS[2][2048:4096] = 0


def loud_params(model):
  """Parameters with which a query changes much."""
  return jax.tree.map(lambda leaf: 2 * leaf, random_params(model))


def put(archive, shots=SHOTS):
  return network_songs(
    build_model(archive.model),
    archive.params,
    shots=shots,
    patch_s=TRAINING["mixture_s"],
    piece_s=TRAINING["example_s"],
    batch=host_batch(2),
  )


def support(positives, negatives=((), ()), class_id=(-1, -1)):
  """Of two queries, from embeddings."""

  def padded(queries, count):
    vectors = np.zeros((1, 2, count, 6), np.float32)
    mask = np.zeros((1, 2, count), np.bool_)
    for q, held in enumerate(queries):
      for i, vector in enumerate(held):
        vectors[0, q, i], mask[0, q, i] = vector, True
    return vectors, mask

  positives, positive_mask = padded(positives, 3)
  negatives, negative_mask = padded(negatives, 2)
  return Support(
    positives,
    positive_mask,
    negatives,
    negative_mask,
    np.array([class_id], np.int32),
  )


@pytest.fixture(scope="module", params=["examples", "examples_and_negatives"])
def archived(request, tmp_path_factory):
  folder = tmp_path_factory.mktemp("archive") / "model"
  model = MODEL | {"conditioning": request.param}
  return write_archive(folder, loud_params(model), conditioning=request.param)


@pytest.mark.parametrize("channels", [1, 2])
def test_a_song_is_what_separate_makes_of_it(archived, channels):
  separator = Separator.from_pretrained(archived)
  takes_negatives = "negatives" in separator.archive.model["conditioning"]
  song = noise(9, channels, 5000)
  system = put(load_archive(archived))
  embedded = [system.embed(clip) for clip in CLIPS]
  right, wrong = embedded[:3], embedded[3:]
  negatives = ([embedded[3]], embedded[:2]) if takes_negatives else ((), ())
  outputs = system.separate(song, support((right, wrong), negatives))
  assert outputs.shape == (4, channels, 5000)

  def separated(positives, negatives):
    return separator.separate(
      song.T,
      positives=positives,
      negatives=negatives if takes_negatives else (),
      rate_hz=RATE_HZ,
    ).target.T

  expected = [
    separated(CLIPS[:1], CLIPS[3:]),
    separated(CLIPS[3:], CLIPS[:2]),
    separated(CLIPS[:3], CLIPS[3:]),
    separated(CLIPS[3:], CLIPS[:2]),
  ]
  np.testing.assert_allclose(outputs, expected, atol=1e-6)
  # What the query changes is far more than what the two ways differ by.
  assert np.abs(outputs[0] - outputs[1]).max() > 1e-3
  assert np.abs(outputs[0] - outputs[2]).max() > 1e-3


def test_the_number_of_devices_changes_no_bit(archived, monkeypatch):
  archive = load_archive(archived)
  song, system = noise(9, 2, 3000), put(archive)
  asked = support(([system.embed(CLIPS[0])], [system.embed(CLIPS[1])]))
  whole = system.separate(song, asked)
  devices = jax.local_devices()[:2]
  monkeypatch.setattr(jax, "local_devices", lambda: devices)
  monkeypatch.setattr(jax, "local_device_count", lambda: 2)
  np.testing.assert_array_equal(put(archive).separate(song, asked), whole)


def test_a_network_that_masks_nothing_copies_the_song(tmp_path):
  params = mask_of_ones(random_params())
  system = put(load_archive(write_archive(tmp_path / "model", params)))
  song = noise(9, 2, 3000)
  vector = system.embed(CLIPS[0])
  outputs = system.separate(song, support(([vector], [vector])))
  np.testing.assert_allclose(outputs, [song] * 4, atol=1e-5)


def test_a_network_asked_by_class_embeds_nothing(tmp_path):
  archived = write_archive(tmp_path / "model", conditioning="class")
  system = put(load_archive(archived), shots=(0,))
  assert system.embed is None
  song = noise(9, 1, 3000)
  outputs = system.separate(song, support(((), ()), class_id=(1, 0)))
  separator = Separator.from_pretrained(archived)
  expected = [
    separator.separate(song.T, instrument=name, rate_hz=RATE_HZ).target.T
    for name in ("horn", "bass")
  ]
  np.testing.assert_allclose(outputs, expected, atol=2e-5)
  assert np.abs(outputs[0] - outputs[1]).max() > 1e-3
