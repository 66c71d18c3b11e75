"""Intervals against what is known about them."""

import numpy as np
import pytest

from fewshot_mss.evaluation.bootstrap import bootstrap_mean_interval


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
