"""The two functions of arrays do what the separator does around the network."""

import dataclasses

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest

from exported_forms import PIECE, RATE_HZ, as_pieces, noise
from fewshot_mss.export.archive import load_archive
from fewshot_mss.export.functions import (
  OVERLAP_SHARE,
  PAUSE_DB,
  describe,
  make_functions,
  weighted_mean,
)
from fewshot_mss.inference import inputs, overlap_add
from fewshot_mss.inference.separator import Separator
from tiny_archive import TRAINING, write_archive


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
  return load_archive(write_archive(tmp_path_factory.mktemp("m") / "model"))


def test_a_mean_by_weights_is_what_a_hand_computes():
  embeddings = jnp.array(
    [
      [[1.0, 0.0], [3.0, 4.0], [jnp.nan, jnp.inf]],
      [[1.0, 0.0], [3.0, 4.0], [8.0, 4.0]],
      [[jnp.nan, jnp.nan]] * 3,
    ]
  )
  weights = jnp.array([[0.5, 1.5, 0.0], [0.5, 0.5, 1.0], [0.0, 0.0, -0.0]])
  np.testing.assert_allclose(
    weighted_mean(embeddings, weights),
    [[2.5, 3.0], [5.0, 3.0], [0.0, 0.0]],
  )


def test_two_examples_weigh_the_same_however_long_they_are(archive):
  function, _ = make_functions(archive)
  long, short = noise(1, 5 * PIECE), noise(2, PIECE)
  pieces, weights = as_pieces([long, short])
  assert pieces.shape == (1, 7, PIECE)
  found = jax.jit(function.call)(pieces, weights)[0]
  separator = Separator(archive)
  expected = separator.condition(positives=[long, short], rate_hz=RATE_HZ)
  np.testing.assert_allclose(found, expected, atol=1e-5)
  # All pieces alike would be another condition.
  alike = jax.jit(function.call)(pieces, (weights > 0).astype(np.float32))[0]
  assert np.abs(alike - expected).max() > 1e-3


@pytest.mark.parametrize(
  ("conditioning", "names"),
  [
    ("class", ["class_id"]),
    ("examples", ["positives", "positive_weights"]),
    (
      "examples_and_negatives",
      [
        "positives",
        "positive_weights",
        "negatives",
        "negative_weights",
      ],
    ),
  ],
)
def test_only_what_is_read_is_asked_for(tmp_path, conditioning, names):
  archive = load_archive(
    write_archive(tmp_path / "model", conditioning=conditioning)
  )
  functions = make_functions(archive)
  assert [tensor.name for tensor in functions[0].inputs] == names
  sizes = {"b": 2, "k": 3, "n": 4, "q": 5}
  for function in functions:
    shapes = [
      jax.ShapeDtypeStruct([sizes.get(n, n) for n in t.shape], t.dtype)
      for t in function.inputs
    ]
    output = jax.eval_shape(function.call, *shapes)
    expected = tuple(sizes.get(n, n) for n in function.output.shape)
    assert output.shape == expected
    assert output.dtype == function.output.dtype


def test_another_form_of_the_transform_says_the_same(archive):
  mixture, condition = noise(3, 1, 1024), noise(4, 1, 1, 6)
  by_fft, by_matmul = (
    jax.jit(make_functions(archive, stft_form=form)[1].call)
    for form in (None, "dft")
  )
  assert "fft" in by_fft.lower(mixture, condition).as_text()
  assert "fft" not in by_matmul.lower(mixture, condition).as_text()
  np.testing.assert_allclose(
    by_matmul(mixture, condition), by_fft(mixture, condition), atol=1e-5
  )


def test_weights_of_half_precision_are_computed_with_in_float32(archive):
  halves = jax.tree.map(
    lambda leaf: leaf.astype(ml_dtypes.bfloat16), archive.params
  )
  rounded = jax.tree.map(lambda leaf: leaf.astype(np.float32), halves)
  found, expected = (
    jax.jit(make_functions(held)[1].call)(noise(3, 1, 1024), noise(4, 1, 1, 6))
    for held in (
      dataclasses.replace(archive, params=halves),
      dataclasses.replace(archive, params=rounded),
    )
  )
  assert found.dtype == np.float32
  np.testing.assert_array_equal(found, expected)


def test_the_description_says_how_songs_and_examples_are_cut(archive):
  assert OVERLAP_SHARE == overlap_add.OVERLAP_SHARE
  assert PAUSE_DB == inputs._PAUSE_DB
  config = describe(archive, make_functions(archive), ".form")
  assert (
    config["functions"].items()
    >= {
      "sample_rate_hz": 8000,
      "mixture_samples": 1024,
      "overlap_samples": 512,
      "example_samples": 2048,
      "pause_db": -40.0,
    }.items()
  )
  assert config["functions"]["condition"] == {
    "file": "condition.form",
    "inputs": [
      {
        "name": "positives",
        "dtype": "float32",
        "shape": ("b", "k", 2048),
      },
      {
        "name": "positive_weights",
        "dtype": "float32",
        "shape": ("b", "k"),
      },
    ],
    "outputs": [{"name": "condition", "dtype": "float32", "shape": ("b", 6)}],
  }
  assert config["functions"]["separate_patch"]["file"] == "separate_patch.form"
  assert config["training"] == TRAINING
  assert config["weights_sha256"] == archive.content_hash
