"""The graphs give the numbers of JAX, whatever the network."""

import jax
import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="the extra [onnx] is not installed")

from tiny_onnx import make_archive, make_graphs, run  # noqa: E402

# Each field away from its plain value in one of them.
NETWORKS = {
  "plain": {},
  "negatives": {"conditioning": "examples_and_negatives"},
  "class": {"conditioning": "class"},
  "film in the decoder": {"film_site": "decoder"},
  "even kernel": {"unet_kernel": 4},
  "short hop": {"hop_samples": 16, "stft_form": "dft_bf16x3"},
  "folded": {"unet_fold": (2, 4), "encoder_fold": (3, 2)},
  "deeper": {"unet_channels": (4, 8, 12, 20), "encoder_channels": (4, 24, 16)},
}


@pytest.fixture(scope="module", params=NETWORKS, ids=lambda name: name)
def graphs(request):
  return make_graphs(make_archive(**NETWORKS[request.param]))


def noise(*shape, seed=0):
  rng = np.random.default_rng(seed)
  return rng.normal(0, 0.1, shape).astype(np.float32)


def support(function, mixtures, shots, seed=0):
  """Inputs of `condition`; of the last mixture no example is there."""
  rng = np.random.default_rng(seed)
  inputs = {}
  for tensor in function.inputs:
    if tensor.name == "class_id":
      inputs["class_id"] = np.arange(mixtures, dtype=np.int32) - 1
    elif tensor.name.endswith("_weights"):
      weights = rng.uniform(0.1, 1, (mixtures, shots)).astype(np.float32)
      weights[:, 1::3] = 0
      weights[-1] = 0
      inputs[tensor.name] = weights
    else:
      samples = tensor.shape[-1]
      inputs[tensor.name] = noise(mixtures, shots, samples, seed=seed)
  return inputs


def close(found, wanted, tolerance=1e-5):
  assert found.dtype == np.float32
  np.testing.assert_allclose(found, np.asarray(wanted), atol=tolerance, rtol=0)


def by_jax(function, inputs):
  return jax.jit(function.call)(*inputs.values())


def test_condition_is_that_of_jax(graphs):
  function, model = graphs[0]
  inputs = support(function, mixtures=4, shots=5)
  found = run(model, **inputs)
  close(found, by_jax(function, inputs))
  # The mixtures ask for different things, so this compares something.
  assert np.ptp(found[:, 0]) > 1e-3


def test_separate_patch_is_that_of_jax(graphs):
  function, model = graphs[1]
  _, samples = function.inputs[0].shape
  mixture = noise(2, samples)
  mixture[1, 100:] = 0
  condition = 3 * noise(2, 3, function.inputs[1].shape[-1], seed=1) / 0.1
  inputs = {"mixture": mixture, "condition": condition}
  found = run(model, **inputs)
  assert found.shape == (2, 3, samples)
  close(found, by_jax(function, inputs))
  assert np.abs(found[0, 0] - found[0, 1]).max() > 1e-4


@pytest.fixture(scope="module")
def plain():
  return make_graphs(make_archive(**NETWORKS["negatives"]))


@pytest.mark.parametrize("shots", [1, 5, 10])
def test_any_number_of_mixtures_and_examples(plain, shots):
  function, model = plain[0]
  inputs = support(function, 2, shots)
  inputs["negatives"] = inputs["negatives"][:, :1]
  inputs["negative_weights"] = np.ones((2, 1), np.float32)
  close(run(model, **inputs), by_jax(function, inputs))


@pytest.mark.parametrize(("mixtures", "queries"), [(1, 1), (1, 4), (5, 1)])
def test_any_number_of_mixtures_and_queries(plain, mixtures, queries):
  function, model = plain[1]
  found = run(
    model,
    mixture=noise(5, 1024)[:mixtures],
    condition=noise(5, 4, 6)[:mixtures, :queries],
  )
  all_of_them = run(model, mixture=noise(5, 1024), condition=noise(5, 4, 6))
  close(found, all_of_them[:mixtures, :queries], 1e-6)
  assert function.output.shape == ("b", "q", 1024)


def test_nothing_in_padding_counts(plain):
  function, model = plain[0]
  inputs = support(function, 2, 3)
  before = run(model, **inputs)
  inputs["positives"][:, 1] = np.nan
  np.testing.assert_array_equal(run(model, **inputs), before)


def test_a_silent_patch_stays_silent(plain):
  silence = np.zeros((1, 1024), np.float32)
  found = run(plain[1][1], mixture=silence, condition=noise(1, 1, 6))
  np.testing.assert_array_equal(found, np.zeros((1, 1, 1024)))


def test_a_network_of_bfloat16_is_computed_in_float32():
  params = make_archive().params
  half, full = (
    make_graphs(make_archive(params, compute_dtype=dtype))
    for dtype in ("bfloat16", "float32")
  )
  inputs = {"mixture": noise(1, 1024), "condition": noise(1, 1, 6)}
  np.testing.assert_array_equal(
    run(half[1][1], **inputs), run(full[1][1], **inputs)
  )


def test_weights_in_half_precision_are_stored_so():
  archive = make_archive()
  rounded = jax.tree.map(
    lambda leaf: leaf.astype(np.float16).astype(np.float32), archive.params
  )
  full, half = make_graphs(archive), make_graphs(make_archive(rounded))
  for (_, large), (function, small) in zip(full, half, strict=True):
    stored = [t for t in small.graph.initializer if "/" in t.name]
    assert {t.data_type for t in stored} == {onnx.TensorProto.FLOAT16}
    stored = [t for t in large.graph.initializer if "/" in t.name]
    assert {t.data_type for t in stored} == {onnx.TensorProto.FLOAT}
    if function.name == "condition":
      inputs = support(function, 2, 3)
    else:
      inputs = {"mixture": noise(1, 1024), "condition": noise(1, 1, 6)}
    close(run(small, **inputs), by_jax(function, inputs))
