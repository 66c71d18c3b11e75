"""Intervals and p-values of means by resampling songs."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float64

# An interval of fewer songs is not to be trusted: even the whole range of their
# means holds the true one in only 1 - 2^(1 - songs) of all cases if they
# scatter evenly, which is 50 % for two songs and 94 % for five.
FEWEST_SONGS = 6


class Interval(NamedTuple):
  """A mean and how sure it is.

  Attributes:
    mean: Over all items; NaN if there is none.
    low: Lower end of the interval; NaN with fewer than two songs, which say
      nothing about other songs.
    high: Upper end, likewise.
    num_items: Values that count.
    num_songs: Songs they come from.
  """

  mean: float
  low: float
  high: float
  num_items: int
  num_songs: int


def bootstrap_mean_interval(
  values: Float[np.ndarray, " n"],
  songs: Sequence[str],
  *,
  samples: int,
  seed: int,
  level: float = 0.95,
) -> Interval:
  """Returns the mean of items with a percentile interval over songs.

  Items of one song are alike, so whole songs are drawn, with replacement (the
  cluster bootstrap); items alone would make the interval too narrow. For a
  comparison of two systems give the differences, item by item. With few songs
  the interval is somewhat too narrow.

  Args:
    values: One an item; NaN is a missing value and is left out.
    songs: The song of each item.
    samples: Draws.
    seed: Of the draws.
    level: Share of the draws between the two ends.

  Returns:
    The mean and its interval.

  Raises:
    ValueError: If a value is infinite, or there is not one song a value.
  """
  kept, song = _numbered(values, songs)
  if not len(kept):
    return Interval(np.nan, np.nan, np.nan, 0, 0)
  num_songs = int(song.max()) + 1
  low, high = np.nan, np.nan
  if num_songs > 1:
    means = _drawn_means(kept, song, samples, seed)
    tail = (1 - level) / 2
    low, high = np.quantile(means, [tail, 1 - tail]).tolist()
  return Interval(float(kept.mean()), low, high, len(kept), num_songs)


def bootstrap_gap_interval(
  values: Float[np.ndarray, " n"],
  songs: Sequence[str],
  others: Float[np.ndarray, " m"],
  other_songs: Sequence[str],
  *,
  samples: int,
  seed: int,
  level: float = 0.95,
) -> Interval:
  """Returns the mean of some items minus that of others, over songs.

  Songs of which both hold items are drawn for both at once.

  Args:
    values: One an item; NaN is left out.
    songs: The song of each item.
    others: Those that are compared with; one an item.
    other_songs: The song of each of these.
    samples: Draws; those that hold items of one side alone do not count.
    seed: Of the draws.
    level: Share of the draws between the two ends.

  Returns:
    The difference and its interval; items and songs are those of both.

  Raises:
    ValueError: If a value is infinite, or there is not one song a value.
  """
  both = np.concatenate([values, others]).astype(np.float64)
  kept, song = _numbered(both, [*songs, *other_songs])
  is_first = (np.arange(len(both)) < len(values))[~np.isnan(both)]
  if not is_first.any() or is_first.all():
    return Interval(np.nan, np.nan, np.nan, len(kept), len(np.unique(song)))
  num_songs = int(song.max()) + 1
  low, high = np.nan, np.nan
  if num_songs > 1:
    means = [
      _drawn_means(kept[side], song[side], samples, seed, num_songs)
      for side in (is_first, ~is_first)
    ]
    tail = (1 - level) / 2
    gaps = means[0] - means[1]
    low, high = np.nanquantile(gaps, [tail, 1 - tail]).tolist()
  gap = kept[is_first].mean() - kept[~is_first].mean()
  return Interval(float(gap), low, high, len(kept), num_songs)


def bootstrap_p_value(
  values: Float[np.ndarray, " n"],
  songs: Sequence[str],
  *,
  samples: int,
  seed: int,
) -> float:
  """Returns the two-sided p-value of the mean being 0, from the same draws.

  The percentile interval inverted: twice the smaller of the two shares of
  drawn means, at most 0 and at least 0. That is the level at which the interval
  just reaches 0, so that interval and p-value agree (Efron & Tibshirani 1993,
  section 15.4). One is added to draws and counts, as a p-value of 0 is never
  true (Davison & Hinkley 1997, eq. 4.11; Phipson & Smyth 2010). Our own rule:
  never below 2^(1 - songs), the smallest that flipping the signs of whole songs
  could give, since means of a handful of songs can all lie on one side.

  Args:
    values: One an item, of pairs their difference; NaN is left out.
    songs: The song of each item.
    samples: Draws.
    seed: Of the draws.

  Returns:
    The p-value, above 0 and at most 1; NaN with fewer than two songs.

  Raises:
    ValueError: If a value is infinite, or there is not one song a value.
  """
  kept, song = _numbered(values, songs)
  if not len(kept) or song.max() == 0:
    return float("nan")
  means = _drawn_means(kept, song, samples, seed)
  fewer = min(np.count_nonzero(means <= 0), np.count_nonzero(means >= 0))
  p_value = 2 * (fewer + 1) / (samples + 1)
  return float(min(1.0, max(p_value, 2.0 ** -song.max())))


def holm_adjusted(
  p_values: Float[np.ndarray, " n"],
) -> Float64[np.ndarray, " n"]:
  """Returns p-values corrected for their number (Holm 1979, step down).

  Args:
    p_values: Of all comparisons of a family; NaN is one that was not made and
      does not count.

  Returns:
    Adjusted p-values, in the order given; at most 1, NaN where there is none.
  """
  adjusted = np.full(len(p_values), np.nan)
  order = np.argsort(p_values)[: np.count_nonzero(~np.isnan(p_values))]
  # The smallest is one of m, the next one of m - 1; none may be below the last.
  steps = np.arange(len(order), 0, -1) * p_values[order]
  adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
  return adjusted


def _numbered(
  values: np.ndarray, songs: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
  """Returns the values that are there, and the number of each one's song."""
  if len(songs) != len(values):
    raise ValueError(f"{len(values)} values of {len(songs)} songs")
  if np.isinf(values).any():
    raise ValueError("values must not be infinite")
  there = ~np.isnan(values)
  _, song = np.unique(np.asarray(songs)[there], return_inverse=True)
  return values[there].astype(np.float64), song


def _drawn_means(
  values: np.ndarray,
  song: np.ndarray,
  samples: int,
  seed: int,
  num_songs: int = 0,
) -> np.ndarray:
  """Returns the mean of each draw of whole songs; NaN of one without items."""
  totals = np.bincount(song, values, num_songs)
  counts = np.bincount(song, minlength=num_songs)
  rng = np.random.default_rng(seed)
  drawn = rng.integers(len(totals), size=(samples, len(totals)))
  items = counts[drawn].sum(axis=1)
  return np.where(
    items > 0, totals[drawn].sum(axis=1) / np.maximum(items, 1), np.nan
  )
