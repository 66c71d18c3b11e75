"""Single draws from the catalogue: clips outside of a mixture, and offsets."""

import numpy as np
from jaxtyping import Bool, Int

from fewshot_mss.data.catalogue import Catalogue
from fewshot_mss.data.views import View

# Half-open ranges of positions in `View.group_rows`.
Intervals = list[tuple[int, int]]


def clip_intervals(
  view: View,
  group: int,
  *,
  tracks: Int[np.ndarray, " tracks"],
  moments: Int[np.ndarray, " moments"],
  same_track: bool,
) -> Intervals:
  """Finds the clips of an instrument that may show it to one mixture.

  Segments of a track lie on one grid, so two clips overlap in time only if
  they come from the same moment; no clip comes from `moments`.

  Args:
    view: The sorted rows.
    group: The instrument in its split.
    tracks: The mixture's own tracks.
    moments: The mixture's own moments.
    same_track: Whether to take clips of those tracks or of all others. Where
      there are none of the one kind, the other kind serves.

  Returns:
    Ranges of positions in `view.group_rows`, in order; empty if there is none.
  """
  begin, end = int(view.group_begin[group]), int(view.group_begin[group + 1])
  own = _ranges(
    view, begin, end, view.track_begin[tracks], view.track_begin[tracks + 1]
  )
  mixed = _ranges(view, begin, end, moments, moments + 1)
  others = _without([(begin, end)], sorted(own + mixed))
  if others and not same_track:
    return others
  return _without(own, mixed) or others


def _ranges(
  view: View, begin: int, end: int, first: np.ndarray, last: np.ndarray
) -> Intervals:
  """Finds the positions of some ranges of moments inside one group."""
  held = view.group_moment[begin:end]
  low = begin + np.searchsorted(held, first)
  high = begin + np.searchsorted(held, last)
  return list(zip(low.tolist(), high.tolist(), strict=True))


def _without(intervals: Intervals, holes: Intervals) -> Intervals:
  """Cuts holes out of intervals; both are in order, holes may overlap."""
  kept = []
  for low, high in intervals:
    for hole_low, hole_high in holes:
      if hole_high <= low:
        continue
      if hole_low >= high:
        break
      if hole_low > low:
        kept.append((low, hole_low))
      low = hole_high
    if low < high:
      kept.append((low, high))
  return kept


def draw_positions(
  rng: np.random.Generator, intervals: Intervals, count: int
) -> Int[np.ndarray, " drawn"]:
  """Draws different positions evenly: `count`, or all if there are fewer."""
  sizes = np.array([high - low for low, high in intervals], np.int64)
  total = int(sizes.sum())
  drawn = rng.choice(total, min(count, total), replace=False) if total else []
  drawn = np.asarray(drawn, np.int64)
  ends = np.cumsum(sizes)
  which = np.searchsorted(ends, drawn, "right")
  lows = np.array([low for low, _ in intervals], np.int64)
  return lows[which] + drawn - (ends - sizes)[which]


def active_offsets(
  rng: np.random.Generator,
  catalogue: Catalogue,
  rows: Int[np.ndarray, " rows"],
  length_samples: int,
) -> Int[np.ndarray, " rows"]:
  """Draws where in each segment a shorter clip begins.

  The clip holds a moment at which the instrument is active.

  Args:
    rng: Source of randomness.
    catalogue: Knows what is active.
    rows: The segments.
    length_samples: Length of the clips.

  Returns:
    An offset for each row.
  """
  spare = catalogue.segment_samples - length_samples
  if spare == 0 or len(rows) == 0:
    return np.zeros(len(rows), np.int64)
  active = catalogue.active[rows]
  # An active block, evenly; a row without one is treated as active throughout.
  chance = rng.random(active.shape) + active
  block = np.argmax(chance, axis=1)
  within, before = rng.random((2, len(rows)))
  instant = np.floor((block + within) * catalogue.block_samples)
  offsets = instant - np.floor(before * length_samples)
  return np.clip(offsets, 0, spare).astype(np.int64)


def is_active(
  catalogue: Catalogue,
  rows: Int[np.ndarray, " rows"],
  offsets_samples: Int[np.ndarray, " rows"],
  length_samples: int,
) -> Bool[np.ndarray, " rows"]:
  """Tells which rows show their instrument inside an excerpt of them."""
  begin = np.arange(catalogue.active.shape[1]) * catalogue.block_samples
  inside = (begin < offsets_samples[:, None] + length_samples) & (
    begin + catalogue.block_samples > offsets_samples[:, None]
  )
  return (catalogue.active[rows] & inside).any(axis=1)


def draw_companions(
  rng: np.random.Generator,
  catalogue: Catalogue,
  view: View,
  row: int | np.integer,
  wanted: int,
  offset_samples: int,
  length_samples: int,
) -> Int[np.ndarray, " sources"]:
  """Draws the sources of a mixture from one song at one time.

  Args:
    rng: Source of randomness.
    catalogue: The table.
    view: The rows that may be drawn.
    row: The first source; its moment is the mixture's.
    wanted: How many sources there shall be.
    offset_samples: Where the mixture begins in the segments.
    length_samples: Length of the mixture.

  Returns:
    The given row, then a row of another instrument if there is one, then any
    others; what is active in the excerpt is preferred.
  """
  moment = catalogue.moment[row]
  begin, end = view.moment_begin[moment], view.moment_begin[moment + 1]
  others = view.moment_rows[begin:end]
  others = rng.permutation(others[others != row])
  offsets = np.full(len(others), offset_samples)
  audible = is_active(catalogue, others, offsets, length_samples)
  others = others[np.argsort(~audible, kind="stable")]
  # A second violin alone is no mixture to take the violin from.
  different = catalogue.instrument[others] != catalogue.instrument[row]
  first = different & (np.cumsum(different) == 1)
  others = others[np.argsort(~first, kind="stable")]
  return np.concatenate([[row], others[: wanted - 1]])


def draw_examples(
  rng: np.random.Generator,
  catalogue: Catalogue,
  view: View,
  sources: Int[np.ndarray, " sources"],
  instruments: list[int],
  count: int,
  *,
  same_track: bool = False,
) -> Int[np.ndarray, " drawn"]:
  """Draws different clips that alternate between some instruments.

  Args:
    rng: Source of randomness.
    catalogue: The table.
    view: The rows that may be drawn.
    sources: Rows of the mixture, none of whose moments is drawn from.
    instruments: What the clips shall show.
    count: How many clips, shared out over the instruments.
    same_track: Whether to prefer the mixture's own tracks to all others.

  Returns:
    The rows of the clips; fewer than `count` where there are not enough.
  """
  held = catalogue.instrument[sources]
  split = catalogue.split[sources[0]]
  drawn, turns = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
  for i, instrument in enumerate(instruments):
    own = sources[held == instrument]
    intervals = clip_intervals(
      view,
      int(split) * len(catalogue.instruments) + instrument,
      tracks=np.unique(catalogue.track[own if len(own) else sources]),
      moments=np.unique(catalogue.moment[sources]),
      same_track=same_track,
    )
    share = len(range(i, count, len(instruments)))
    drawn.append(view.group_rows[draw_positions(rng, intervals, share)])
    turns.append(np.arange(len(drawn[-1])))
  order = np.argsort(np.concatenate(turns), kind="stable")
  return np.concatenate(drawn)[order]
