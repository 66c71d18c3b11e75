"""Any length through patches of one length, with nothing lost or added."""

import numpy as np
import pytest

from fewshot_mss.inference.overlap_add import overlap_add
from fewshot_mss.inference.patches import Grid, patch_starts

PATCH = 64


def noise(channels, samples, seed=0):
  rng = np.random.default_rng(seed)
  return rng.uniform(-1, 1, (channels, samples)).astype(np.float32)


def identity(patches):
  return patches[:, None]


def run(signal, function, **sizes):
  return overlap_add(
    signal,
    function,
    **{
      "num_targets": 1,
      "patch_samples": PATCH,
      "overlap_samples": 32,
      "batch_patches": 4,
      **sizes,
    },
  )


@pytest.mark.parametrize("overlap_samples", [0, 1, 16, 32])
@pytest.mark.parametrize("batch_patches", [1, 3, 8])
def test_identity_returns_its_input_to_the_last_bit(
  overlap_samples, batch_patches
):
  for samples in range(1, 3 * PATCH + 2):
    signal = noise(2, samples, seed=samples)
    result = run(
      signal,
      identity,
      overlap_samples=overlap_samples,
      batch_patches=batch_patches,
    )
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result, signal[None])


def test_an_empty_signal_gives_an_empty_result():
  assert run(noise(2, 0), identity, num_targets=3).shape == (3, 2, 0)


def test_patches_always_have_the_same_shape():
  shapes = set()

  def record(patches):
    shapes.add((patches.shape, patches.dtype))
    return patches[:, None]

  for samples in (1, 63, 64, 65, 500):
    run(noise(2, samples), record)
  assert shapes == {((4, PATCH), np.dtype(np.float32))}


def test_batch_size_and_other_channels_change_nothing():
  # Depends on where a sample lies in its patch, unlike the identity.
  ramp = np.linspace(0, 1, PATCH, dtype=np.float32)

  def shaped(patches):
    return (patches * ramp)[:, None]

  signal = noise(2, 333)
  one = run(signal, shaped, batch_patches=1)
  many = run(signal, shaped, batch_patches=7)
  np.testing.assert_array_equal(one, many)
  for c in range(2):
    alone = run(signal[c : c + 1], shaped)
    np.testing.assert_array_equal(alone[0, 0], one[0, c])


def test_targets_stay_apart():
  def halves(patches):
    return np.stack([0.25 * patches, 0.75 * patches], axis=1)

  signal = noise(2, 150)
  quarter, rest = run(signal, halves, num_targets=2)
  np.testing.assert_array_equal(quarter, 0.25 * signal)
  np.testing.assert_array_equal(rest, 0.75 * signal)


def test_neighbours_fade_into_one_another_over_the_overlap_alone():
  # Each patch answers with its number: the first 0, the second 1.
  def numbers(patches):
    first = patches[:, 0]
    return np.broadcast_to(first[:, None, None], (4, 1, PATCH)).copy()

  signal = np.zeros((1, 120), np.float32)
  starts = patch_starts(120, Grid(PATCH, 8))
  assert starts == [0, 56]
  signal[0, 56] = 1.0
  result = run(signal, numbers, overlap_samples=8)[0, 0]
  np.testing.assert_array_equal(result[:56], 0)
  np.testing.assert_allclose(result[56:64], (np.arange(8) + 0.5) / 8)
  np.testing.assert_array_equal(result[64:], 1)


def test_a_last_patch_that_overlaps_more_still_fades_at_the_end_alone():
  def numbers(patches):
    first = patches[:, 0]
    return np.broadcast_to(first[:, None, None], (4, 1, PATCH)).copy()

  signal = np.zeros((1, 70), np.float32)
  assert patch_starts(70, Grid(PATCH, 8)) == [0, 6]
  signal[0, 6] = 1.0
  result = run(signal, numbers, overlap_samples=8)[0, 0]
  np.testing.assert_array_equal(result[:56], 0)
  np.testing.assert_allclose(result[56:64], (np.arange(8) + 0.5) / 8)
  np.testing.assert_array_equal(result[64:], 1)


def test_what_a_short_batch_holds_besides_is_silence():
  seen = []

  def record(patches):
    seen.append(patches.copy())
    return patches[:, None]

  signal = noise(1, 10)
  run(signal, record)
  np.testing.assert_array_equal(seen[0][0, :10], signal[0])
  assert not seen[0][0, 10:].any()
  assert not seen[0][1:].any()


def test_more_than_half_an_overlap_is_refused():
  with pytest.raises(ValueError, match="overlap 33 must be 0 to half"):
    run(noise(1, 10), identity, overlap_samples=33)
  with pytest.raises(ValueError, match="33 passes must be 1 to the 32"):
    Grid(64, 32, 33)
