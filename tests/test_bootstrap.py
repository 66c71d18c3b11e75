"""Intervals against what is known about them."""

import numpy as np
import pytest

from fewshot_mss.evaluation.bootstrap import (
  bootstrap_mean_interval,
  bootstrap_p_value,
  holm_adjusted,
)


def interval(values, songs, samples=500, seed=0, **more):
  return bootstrap_mean_interval(
    np.asarray(values, np.float64), songs, samples=samples, seed=seed, **more
  )


def names(count, items_a_song=1):
  return [f"song {i // items_a_song}" for i in range(count)]


def test_width_of_independent_items_is_that_of_the_normal_law():
  values = np.random.default_rng(0).normal(3.0, 2.0, 400)
  result = interval(values, names(400), samples=4000)
  assert result.mean == pytest.approx(values.mean())
  half = 1.96 * values.std() / np.sqrt(400)
  assert result.low == pytest.approx(values.mean() - half, abs=0.02)
  assert result.high == pytest.approx(values.mean() + half, abs=0.02)
  assert result[3:] == (400, 400)


def test_covers_the_true_mean_about_as_often_as_it_says():
  inside = 0
  for seed in range(200):
    rng = np.random.default_rng(seed)
    # Items of a song share most of what they are.
    values = np.repeat(rng.normal(0, 2, 25), 4) + rng.normal(0, 0.5, 100)
    result = interval(values, names(100, 4), samples=300, seed=seed)
    inside += result.low <= 0 <= result.high
  assert 175 <= inside <= 197


def test_songs_are_drawn_and_not_items():
  values = np.repeat([0.0, 1.0, 2.0, 3.0], 100)
  by_song = interval(values, names(400, 100))
  by_item = interval(values, names(400))
  assert by_song.mean == by_item.mean == 1.5
  assert by_song.high - by_song.low > 4 * (by_item.high - by_item.low)


def test_songs_weigh_by_their_items():
  result = interval([1.0, 1.0, 1.0, 5.0], ["a", "a", "a", "b"])
  assert result.mean == 2.0
  # Twice a, or twice b, are the ends of what can be drawn.
  assert (result.low, result.high) == (1.0, 5.0)


def test_level_is_the_share_between_the_ends():
  values = np.random.default_rng(1).normal(size=100)
  wide, narrow = (
    interval(values, names(100), level=level) for level in (0.95, 0.5)
  )
  assert wide.low < narrow.low < narrow.high < wide.high
  ratio = (wide.high - wide.low) / (narrow.high - narrow.low)
  assert ratio == pytest.approx(1.96 / 0.674, rel=0.15)


def test_the_seed_decides():
  values = np.random.default_rng(1).normal(size=30)
  first, again, other = (
    interval(values, names(30), seed=seed) for seed in (0, 0, 1)
  )
  assert first == again
  assert first.low != other.low


def test_the_order_of_items_does_not_matter():
  values, songs = np.random.default_rng(1).normal(size=30), names(30, 3)
  order = np.random.default_rng(2).permutation(30)
  shuffled = interval(values[order], [songs[i] for i in order])
  assert shuffled == pytest.approx(interval(values, songs))


def test_nan_is_left_out_and_counted_out():
  values, songs = [1.0, np.nan, 3.0, np.nan], ["a", "a", "b", "c"]
  assert interval(values, songs) == interval([1.0, 3.0], ["a", "b"])
  assert interval(values, songs)[3:] == (2, 2)


def test_one_song_has_a_mean_and_no_interval():
  result = interval([1.0, 2.0], ["a", "a"])
  assert result.mean == 1.5
  assert np.isnan(result.low) and np.isnan(result.high)
  assert result[3:] == (2, 1)


@pytest.mark.parametrize("values", [[], [np.nan]])
def test_nothing_has_no_mean(values):
  result = interval(values, names(len(values)))
  assert np.isnan(result[:3]).all()
  assert result[3:] == (0, 0)


def test_what_cannot_be_averaged_is_refused():
  with pytest.raises(ValueError, match="infinite"):
    interval([np.inf, 1.0], ["a", "b"])
  with pytest.raises(ValueError, match="2 values of 1 songs"):
    interval([2.0, 1.0], ["a"])


def p_value(values, songs, samples=500, seed=0):
  return bootstrap_p_value(
    np.asarray(values, np.float64), songs, samples=samples, seed=seed
  )


def test_p_values_of_normal_differences_are_those_of_the_z_test():
  rng = np.random.default_rng(3)
  noise = rng.normal(size=100)
  noise = (noise - noise.mean()) / noise.std()
  for z, expected in ((0.0, 1.0), (1.0, 0.317), (1.96, 0.05), (2.576, 0.01)):
    values = noise + z / np.sqrt(100)
    for sign in (1, -1):
      found = p_value(sign * values, names(100), samples=4000)
      assert found == pytest.approx(expected, abs=0.08 * expected + 0.005)


def test_p_values_below_a_twentieth_go_with_intervals_clear_of_zero():
  for seed in range(60):
    values = np.random.default_rng(seed).normal(0.5, 1.5, 36)
    found = interval(values, names(36, 3), seed=seed)
    p = p_value(values, names(36, 3), seed=seed)
    # One is added to the count: at the border they may part.
    if abs(p - 0.05) > 0.006:
      assert (p < 0.05) == (found.low > 0 or found.high < 0)


def test_true_nulls_are_refused_about_as_often_as_said():
  refused = 0
  for seed in range(300):
    rng = np.random.default_rng(seed)
    values = np.repeat(rng.normal(0, 2, 25), 4) + rng.normal(0, 0.5, 100)
    refused += p_value(values, names(100, 4), samples=400, seed=seed) <= 0.05
  # Items alone, 4 a song, would be refused three times as often and more.
  assert 8 <= refused <= 30


def test_a_p_value_is_never_zero_nor_above_one():
  # All of 20 songs on one side: no draw reaches 0.
  assert p_value(np.ones(20), names(20), samples=99) == 2 / 100
  assert p_value(np.zeros(20), names(20)) == 1.0


def test_few_songs_cannot_give_a_small_p_value():
  assert p_value([5.0, 5.0, 6.0], ["a", "a", "b"]) == 0.5
  assert p_value([5.0, 5.0, 6.0, 7.0], list("abcd")) == 0.125
  assert np.isnan(p_value([5.0, 6.0], ["a", "a"]))
  assert np.isnan(p_value([], []))


def test_p_values_leave_out_nan():
  values = [1.0, np.nan, -3.0, 2.0, np.nan, 4.0]
  kept = [1.0, -3.0, 2.0, 4.0]
  assert p_value(values, list("aabcdd")) == p_value(kept, list("abcd"))


def test_holm_by_hand():
  # The smallest of 4 times 4, the next times 3, ... and never falling.
  found = holm_adjusted(np.array([0.01, 0.04, 0.03, 0.005]))
  np.testing.assert_allclose(found, [0.03, 0.06, 0.06, 0.02])
  found = holm_adjusted(np.array([0.6, 0.05, 0.9]))
  np.testing.assert_allclose(found, [1.0, 0.15, 1.0])
  assert holm_adjusted(np.array([0.2])).tolist() == [0.2]
  assert len(holm_adjusted(np.array([]))) == 0


def test_holm_refuses_what_the_worked_example_refuses():
  # The manual of the R package HDLSSkST, `Holm`: of seven at 5 % the third and
  # the seventh are refused; 5 x 0.01 is the border itself.
  values = np.array([0.50, 0.01, 0.001, 0.69, 0.02, 0.05, 0.0025])
  found = holm_adjusted(values) < 0.05
  assert np.flatnonzero(found).tolist() == [2, 6]


def test_holm_does_not_count_what_was_not_compared():
  found = holm_adjusted(np.array([np.nan, 0.02, np.nan, 0.01]))
  np.testing.assert_allclose(found, [np.nan, 0.02, np.nan, 0.02])
