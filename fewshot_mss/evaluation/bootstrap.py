"""Intervals of means by resampling songs."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float


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
  if len(songs) != len(values):
    raise ValueError(f"{len(values)} values of {len(songs)} songs")
  if np.isinf(values).any():
    raise ValueError("values must not be infinite")
  there = ~np.isnan(values)
  kept = values[there].astype(np.float64)
  if not len(kept):
    return Interval(np.nan, np.nan, np.nan, 0, 0)
  names, song = np.unique(np.asarray(songs)[there], return_inverse=True)
  totals, counts = np.bincount(song, kept), np.bincount(song)
  low, high = np.nan, np.nan
  if len(names) > 1:
    rng = np.random.default_rng(seed)
    drawn = rng.integers(len(names), size=(samples, len(names)))
    means = totals[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    tail = (1 - level) / 2
    low, high = np.quantile(means, [tail, 1 - tail]).tolist()
  return Interval(float(kept.mean()), low, high, len(kept), len(names))
