"""Rows of the catalogue, sorted once so that drawing is quick."""

import dataclasses

import numpy as np
from jaxtyping import Bool, Int


@dataclasses.dataclass(frozen=True, eq=False)
class View:
  """Rows sorted so that every draw is a slice and a binary search.

  A *group* is one instrument in one split (`split * I + instrument`).

  Attributes:
    moment_rows: The view's rows, by moment.
    moment_begin: Where each moment begins in `moment_rows`.
    track_begin: The first moment of each track.
    group_rows: The rows in which something is active, by group, then moment.
    group_moment: The moment of each of `group_rows`.
    group_begin: Where each group begins in `group_rows`.
    crowded_rows: The same rows, by group, then falling number of different
      instruments in their moment.
    crowd: That number, negated, so that it rises within a group.
    split_instruments: For each split, the instruments that have a group.
  """

  moment_rows: Int[np.ndarray, " V"]
  moment_begin: Int[np.ndarray, " moments_and_one"]
  track_begin: Int[np.ndarray, " tracks_and_one"]
  group_rows: Int[np.ndarray, " A"]
  group_moment: Int[np.ndarray, " A"]
  group_begin: Int[np.ndarray, " groups_and_one"]
  crowded_rows: Int[np.ndarray, " A"]
  crowd: Int[np.ndarray, " A"]
  split_instruments: tuple[Int[np.ndarray, " _"], ...]


def make_view(
  rows: Int[np.ndarray, " V"],
  *,
  track: Int[np.ndarray, " N"],
  moment: Int[np.ndarray, " N"],
  split: Int[np.ndarray, " N"],
  instrument: Int[np.ndarray, " N"],
  active: Bool[np.ndarray, " N"],
  num_tracks: int,
  num_splits: int,
  num_instruments: int,
) -> View:
  """Sorts some rows of a catalogue for drawing.

  Args:
    rows: Which ones.
    track: Column of the catalogue; likewise `split` and `instrument`.
    moment: Number of each row's track and start.
    split: See `track`.
    instrument: See `track`.
    active: Which rows show their instrument somewhere.
    num_tracks: Number of tracks.
    num_splits: Number of splits.
    num_instruments: Number of instruments.

  Returns:
    The view.
  """
  num_moments = int(moment.max(initial=-1)) + 1
  crowd = _crowd(moment[rows], instrument[rows], num_moments, num_instruments)

  shown = rows[active[rows]]
  group = split[shown].astype(np.int64) * num_instruments + instrument[shown]
  by_moment = np.lexsort((moment[shown], group))
  by_crowd = np.lexsort((-crowd[moment[shown]], group))
  group_begin = np.searchsorted(
    group[by_moment], np.arange(num_splits * num_instruments + 1)
  )
  sizes = np.diff(group_begin).reshape(num_splits, num_instruments)
  moment_rows = rows[np.argsort(moment[rows], kind="stable")]
  track_of_moment = np.zeros(num_moments, np.int32)
  track_of_moment[moment] = track
  return View(
    moment_rows=moment_rows,
    moment_begin=np.searchsorted(
      moment[moment_rows], np.arange(num_moments + 1)
    ),
    track_begin=np.searchsorted(track_of_moment, np.arange(num_tracks + 1)),
    group_rows=shown[by_moment],
    group_moment=moment[shown[by_moment]],
    group_begin=group_begin,
    crowded_rows=shown[by_crowd],
    crowd=-crowd[moment[shown[by_crowd]]],
    split_instruments=tuple(np.flatnonzero(held) for held in sizes > 0),
  )


def _crowd(
  moment: Int[np.ndarray, " V"],
  instrument: Int[np.ndarray, " V"],
  num_moments: int,
  num_instruments: int,
) -> Int[np.ndarray, " moments"]:
  """Counts the different instruments that sound in each moment."""
  # In 64 bits: moments times instruments are beyond 32. Sorting is several
  # times quicker here than `np.unique`.
  pairs = np.sort(moment.astype(np.int64) * num_instruments + instrument)
  different = pairs[np.diff(pairs, prepend=-1) > 0]
  counts = np.bincount(different // num_instruments, minlength=num_moments)
  return counts.astype(np.int32)
