"""Devices by name, and batches that fit into memory."""

import jax
import numpy as np
import pytest

from fewshot_mss.errors import InputError
from fewshot_mss.inference.devices import find_device, fitting_batch
from fewshot_mss.inference.separator import Separator
from tiny_archive import write_archive

RATE_HZ = 8000


@pytest.fixture(scope="module")
def model(tmp_path_factory):
  return write_archive(tmp_path_factory.mktemp("model") / "model")


def test_devices_are_found_by_kind_and_number():
  assert find_device(None) == find_device("cpu") == find_device("cpu:0")
  assert find_device("cpu:3") == jax.devices()[3]


@pytest.mark.parametrize(
  "word", ["gpu", "gpu:0", "cpu:8", "cpu:", "cpu:-1", "cpu:x", "", "abacus"]
)
def test_a_device_that_is_not_there_is_told_beside_those_that_are(word):
  with pytest.raises(InputError) as caught:
    find_device(word)
  assert repr(word) in str(caught.value)
  assert str(caught.value).endswith("have cpu:0 to cpu:7")


def test_the_network_runs_on_the_device_that_was_named(model):
  song = np.sin(np.arange(3000, dtype=np.float32))
  condition = np.ones(6, np.float32)
  ordinary = Separator.from_pretrained(model)
  separator = Separator.from_pretrained(model, device="cpu:5")
  weights = jax.tree.leaves(separator._params)
  assert {leaf.device for leaf in weights} == {jax.devices()[5]}
  np.testing.assert_array_equal(
    separator.separate_with(song, condition, rate_hz=RATE_HZ).target,
    ordinary.separate_with(song, condition, rate_hz=RATE_HZ).target,
  )
  clip = song[:2100]
  np.testing.assert_array_equal(
    separator.condition(positives=[clip], rate_hz=RATE_HZ),
    ordinary.condition(positives=[clip], rate_hz=RATE_HZ),
  )
  with pytest.raises(InputError, match="device 'tpu' is not there"):
    Separator.from_pretrained(model, device="tpu")


def _lower(patches):
  # 3 * 4 kB a patch: the argument, the result, and what lies between.
  def function(x):
    return jax.lax.sort(jax.lax.sort(x, dimension=0), dimension=1)

  return jax.jit(function).lower(np.zeros((patches, 1000), np.float32))


def test_the_largest_batch_that_fits_is_taken():
  def needed(patches):
    sizes = _lower(patches).compile().memory_analysis()
    return (
      sizes.argument_size_in_bytes
      + sizes.output_size_in_bytes
      + sizes.temp_size_in_bytes
    )

  assert needed(6) > needed(4) > needed(2) > needed(1) >= 8000
  assert fitting_batch(_lower, 6, needed(6)) == 6
  assert fitting_batch(_lower, 6, needed(6) - 1) == 4
  assert fitting_batch(_lower, 6, needed(4) - 1) == 2
  assert fitting_batch(_lower, 6, needed(1)) == 1
  with pytest.raises(InputError, match="one patch of this model needs"):
    fitting_batch(_lower, 6, needed(1) - 1)


def test_less_memory_is_fewer_patches_and_the_same_sound(model):
  song = np.sin(np.arange(9000, dtype=np.float32))
  condition = np.ones((2, 6), np.float32)

  def run(max_memory):
    calls = []
    blocks = Separator.from_pretrained(model, max_memory=max_memory).stream(
      song,
      condition,
      rate_hz=RATE_HZ,
      progress=lambda done, total: calls.append(done),
    )
    return np.concatenate([b.targets for b in blocks], axis=1), calls

  ordinary, calls = run(None)
  assert calls == [8, 16, 17]
  whole, calls = run(1 << 30)
  assert calls == [8, 16, 17]
  np.testing.assert_array_equal(whole, ordinary)
  little, calls = run(200_000)
  assert calls[0] in (1, 2, 4)
  np.testing.assert_allclose(little, ordinary, atol=1e-6)
  with pytest.raises(InputError, match=r"a limit of 0\.0 MiB is too little"):
    run(1000)
