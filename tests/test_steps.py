"""Parts of a song in integers: their sum is the song, to the last bit."""

import hypothesis
import numpy as np
from hypothesis import strategies

from fewshot_mss.inference.steps import in_steps


@hypothesis.settings(max_examples=60, deadline=None, derandomize=True)
@hypothesis.given(
  bits=strategies.sampled_from([8, 16, 24]),
  num_targets=strategies.integers(1, 5),
  loudness=strategies.sampled_from([0.0, 0.3, 1.0, 3.0, 50.0]),
  seed=strategies.integers(0, 2**32 - 1),
)
def test_parts_fit_and_sum_to_the_song(bits, num_targets, loudness, seed):
  scale = 2 ** (bits - 1)
  rng = np.random.default_rng(seed)
  song = rng.integers(-scale, scale, (200, 2))
  song[:4] = [[-scale, scale - 1]] * 4
  mixture = (song / scale).astype(np.float32)
  wanted = rng.uniform(-loudness, loudness, (num_targets, 200, 2))
  wanted[:, 0] = -loudness
  steps = in_steps(wanted.astype(np.float32), mixture, bits)
  assert steps.clipped == 0
  assert steps.excess_db == 0
  assert steps.parts.shape == (num_targets + 1, 200, 2)
  assert steps.parts.min() >= -scale
  assert steps.parts.max() < scale
  np.testing.assert_array_equal(steps.parts.sum(axis=0), song)
  # Where all fit, no target is moved by more than its rounding.
  wanted = wanted.astype(np.float32)
  rest = mixture - wanted.sum(axis=0, dtype=np.float64)
  limit = 1 - (num_targets + 1) / scale
  fits = (np.abs(wanted).max(axis=0) < limit) & (np.abs(rest) < limit)
  moved = np.abs(steps.parts[:-1] / scale - wanted).max(axis=0)
  assert moved[fits].max(initial=0) <= 0.5001 / scale


def one(targets, mixture, bits=16):
  steps = in_steps(
    np.array(targets, np.float32)[:, None, None],
    np.full((1, 1), mixture, np.float32),
    bits,
  )
  return steps.parts[:, 0, 0].tolist(), steps.clipped, steps.excess_db


def test_what_one_part_cannot_hold_moves_to_the_next_that_has_room():
  # In 8 bits, -128 to 127. The residual would be 1.25 = 160 steps.
  assert one([-0.25, 0.0], 1.0, 8) == ([-32 + 33, 0, 127], 0, 0)
  # 256 of -3 times full scale fit into neither target nor residual.
  assert one([-1.0, -1.0], 0.5, 8) == ([-128 + 193, -128, 127], 0, 0)
  assert one([0.9, -3.0], -1.0, 8) == ([115, -128, -115], 0, 0)
  assert one([1.0, 1.0], 1.0, 8) == ([127, 127, -126], 0, 0)


def test_levels_that_only_floats_have_are_clipped():
  parts, clipped, excess_db = one([3e38], -3e38)
  assert (parts, clipped) == ([-32768, -32768], 1)
  assert 763 < excess_db < 764


def test_sound_above_full_scale_is_spread_over_the_parts():
  # As a lossy file decodes: 1.5 is split into two parts that fit.
  assert one([0.0], 1.5) == ([49152 - 32767, 32767], 0, 0)
  assert one([0.75], 1.5) == ([24576, 24576], 0, 0)
  assert one([1.5], 1.5) == ([32767, 16385], 0, 0)


def test_what_no_parts_can_hold_is_clipped_and_counted():
  parts, clipped, excess_db = one([0.5], 4.0)
  assert parts == [32767, 32767]
  assert clipped == 1
  np.testing.assert_allclose(excess_db, 6.0206, atol=1e-3)
  parts, clipped, excess_db = one([0.5, 0.1], -6.0)
  assert parts == [-32768] * 3
  assert clipped == 1
  np.testing.assert_allclose(excess_db, 6.0206, atol=1e-3)


def test_32_bits_hold_all_bits_of_a_float():
  mixture = np.float32([[0.1234567], [-1.0], [2.0**-31]])
  targets = np.float32([[[0.1], [0.3], [2.0**-31]]])
  steps = in_steps(targets, mixture, 32)
  np.testing.assert_array_equal(
    steps.parts.sum(axis=0), mixture.astype(np.float64) * 2**31
  )
  assert steps.parts[0, 2, 0] == 1
