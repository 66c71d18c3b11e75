"""Patches of a signal: the same, however it comes."""

import numpy as np
import pytest

from fewshot_mss.inference.patches import Cutter, Grid, patch_starts

PATCH = 64


def noise(channels, samples, seed=0):
  rng = np.random.default_rng(seed)
  return rng.uniform(-1, 1, (channels, samples)).astype(np.float32)


def test_starts_cover_the_signal_and_the_last_patch_ends_with_it():
  assert patch_starts(0, Grid(64, 32)) == []
  assert patch_starts(1, Grid(64, 32)) == [0]
  assert patch_starts(64, Grid(64, 32)) == [0]
  assert patch_starts(65, Grid(64, 32)) == [0, 1]
  assert patch_starts(96, Grid(64, 32)) == [0, 32]
  assert patch_starts(200, Grid(64, 16)) == [0, 48, 96, 136]


@pytest.mark.parametrize("pieces", [1, 5, 64, 1000])
def test_a_cutter_makes_the_same_patches_of_any_pieces(pieces):
  for grid in (Grid(PATCH, 32), Grid(PATCH, 3), Grid(PATCH, 16, 4)):
    for samples in (1, 63, 64, 65, 300, 333):
      signal = noise(2, samples)
      cutter = Cutter(2, grid)
      patches = []
      for begin in range(0, samples, pieces):
        patches += cutter.push(signal[:, begin : begin + pieces])
      assert not any(patch.is_last for patch in patches)
      patches += cutter.finish()
      assert [p.start for p in patches[::2]] == patch_starts(samples, grid)
      assert [p.channel for p in patches] == [0, 1] * (len(patches) // 2)
      for patch in patches:
        part = signal[patch.channel, patch.start : patch.start + PATCH]
        np.testing.assert_array_equal(patch.samples, part)


def test_passes_have_their_seams_at_equal_distances():
  grid = Grid(64, 32, 4)
  assert patch_starts(200, grid) == [
    *(0, 8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96, 104, 112, 120, 128),
    136,
  ]
  cutter = Cutter(1, grid)
  patches = cutter.push(noise(1, 200)) + cutter.finish()
  starts = [[p.start for p in patches if i in p.passes] for i in range(4)]
  assert starts == [
    [0, 32, 64, 96, 128, 136],
    [0, 24, 56, 88, 120, 136],
    [0, 16, 48, 80, 112, 136],
    [0, 8, 40, 72, 104, 136],
  ]
