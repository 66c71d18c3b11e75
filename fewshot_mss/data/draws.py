"""Single draws from the catalogue: clips outside of a mixture, and offsets.

An episode draws a few dozen numbers and rows. Lists of integers are quicker
than arrays at that size, and `random.Random` is quicker to seed than numpy's
generators. Only its `random` is used, which Python promises to keep.
"""

import bisect
import itertools
import random
from collections.abc import Iterator, Sequence

from fewshot_mss.data.catalogue import Catalogue
from fewshot_mss.data.views import View


def draw_below(rng: random.Random, total: int) -> int:
  """Draws a number from 0 to `total - 1` evenly."""
  return int(rng.random() * total)


def drawn_order(rng: random.Random, total: int) -> Iterator[int]:
  """Yields the numbers below a total in an order drawn evenly from all.

  Args:
    rng: Source of randomness; drawn from as numbers are taken.
    total: How many numbers there are.

  Yields:
    The next number.
  """
  # The steps of a shuffle; only the entries that were moved are held.
  moved: dict[int, int] = {}
  for i in range(total):
    j = i + int(rng.random() * (total - i))
    yield moved.get(j, j)
    moved[j] = moved.get(i, i)


def shuffled(rng: random.Random, items: Sequence[int]) -> list[int]:
  """Returns the items in an order drawn evenly from all orders."""
  return [items[i] for i in drawn_order(rng, len(items))]


def draw_clips(
  rng: random.Random,
  catalogue: Catalogue,
  view: View,
  group: int,
  count: int,
  *,
  tracks: set[int],
  moments: set[int],
  same_track: bool,
) -> list[int]:
  """Draws different clips of an instrument that may show it to one mixture.

  Segments of a track lie on one grid, so two clips overlap in time only if
  they come from the same moment; no clip comes from `moments`.

  Args:
    rng: Source of randomness.
    catalogue: The table.
    view: The rows that may be drawn.
    group: The instrument in its split.
    count: How many clips, at least one.
    tracks: The mixture's own tracks.
    moments: The mixture's own moments.
    same_track: Whether to take clips of those tracks or of all others. Where
      there are none of the one kind, the other kind serves.

  Returns:
    Their rows, drawn evenly: `count`, or all if there are fewer.
  """
  kinds = [_of_other_tracks, _of_tracks]
  for clips_of in reversed(kinds) if same_track else kinds:
    clips = clips_of(rng, catalogue, view, group, tracks, moments)
    rows = list(itertools.islice(clips, count))
    if rows:
      return rows
  return []


def _of_other_tracks(
  rng: random.Random,
  catalogue: Catalogue,
  view: View,
  group: int,
  tracks: set[int],
  moments: set[int],
) -> Iterator[int]:
  """Yields rows of a group outside of some tracks and moments, as drawn."""
  begin, end = view.group_begin.item(group), view.group_begin.item(group + 1)
  # A mixture's tracks are few of many: most rows drawn are good.
  for place in drawn_order(rng, end - begin):
    row = view.group_rows.item(begin + place)
    if (
      catalogue.track.item(row) not in tracks
      and catalogue.moment.item(row) not in moments
    ):
      yield row


def _of_tracks(
  rng: random.Random,
  catalogue: Catalogue,
  view: View,
  group: int,
  tracks: set[int],
  moments: set[int],
) -> Iterator[int]:
  """Yields rows of a group in some tracks outside of moments, as drawn."""
  begin, end = view.group_begin.item(group), view.group_begin.item(group + 1)
  # Several times quicker to search than the array that it shows.
  held = memoryview(view.group_moment)
  places = []
  for track in sorted(tracks):
    first, last = view.track_begin.item(track), view.track_begin.item(track + 1)
    low = bisect.bisect_left(held, first, begin, end)
    places += range(low, bisect.bisect_left(held, last, low, end))
  for place in drawn_order(rng, len(places)):
    row = view.group_rows.item(places[place])
    if catalogue.moment.item(row) not in moments:
      yield row


def active_offset(
  rng: random.Random, catalogue: Catalogue, row: int, length_samples: int
) -> int:
  """Draws where in a segment a shorter clip begins.

  The clip holds a moment at which the instrument is active.

  Args:
    rng: Source of randomness.
    catalogue: Knows what is active.
    row: The segment.
    length_samples: Length of the clip.

  Returns:
    The offset.
  """
  spare = catalogue.segment_samples - length_samples
  if spare == 0:
    return 0
  # An active block, evenly; a row without one is treated as active throughout.
  active = catalogue.active[row]
  blocks = active.nonzero()[0]
  if len(blocks):
    block = blocks.item(draw_below(rng, len(blocks)))
  else:
    block = draw_below(rng, len(active))
  instant = int((block + rng.random()) * catalogue.block_samples)
  offset = instant - draw_below(rng, length_samples)
  return min(max(offset, 0), spare)


def active_offsets(
  rng: random.Random,
  catalogue: Catalogue,
  rows: list[int],
  length_samples: int,
) -> list[int]:
  """Draws where clips of one length begin in some segments, one in each."""
  return [active_offset(rng, catalogue, row, length_samples) for row in rows]


def is_active(
  catalogue: Catalogue, row: int, offset_samples: int, length_samples: int
) -> bool:
  """Tells whether a row shows its instrument inside an excerpt of it."""
  first = offset_samples // catalogue.block_samples
  last = (offset_samples + length_samples - 1) // catalogue.block_samples
  # Quicker than `any` of so few.
  return True in catalogue.active[row, first : last + 1].tolist()


def draw_companions(
  rng: random.Random,
  catalogue: Catalogue,
  view: View,
  row: int,
  wanted: int,
  offset_samples: int,
  length_samples: int,
  *,
  different: int = 2,
) -> list[int]:
  """Draws the sources of a mixture from one song at one time.

  Args:
    rng: Source of randomness.
    catalogue: The table.
    view: The rows that may be drawn.
    row: The first source; its moment is the mixture's.
    wanted: How many sources there shall be.
    offset_samples: Where the mixture begins in the segments.
    length_samples: Length of the mixture.
    different: How many sources at the front shall be of different instruments,
      if there are as many: a second violin alone is no mixture to take the
      violin from.

  Returns:
    The given row, then the others; what is active in the excerpt is preferred.
  """
  moment = catalogue.moment.item(row)
  begin, end = (
    view.moment_begin.item(moment),
    view.moment_begin.item(moment + 1),
  )
  rows = view.moment_rows[begin:end].tolist()
  others = shuffled(rng, [other for other in rows if other != row])
  others.sort(
    key=lambda other: (
      not is_active(catalogue, other, offset_samples, length_samples)
    )
  )
  front, rest = [row], []
  held = {catalogue.instrument.item(row)}
  for other in others:
    instrument = catalogue.instrument.item(other)
    if len(held) < different and instrument not in held:
      held.add(instrument)
      front.append(other)
    else:
      rest.append(other)
  return (front + rest)[:wanted]


def draw_examples(
  rng: random.Random,
  catalogue: Catalogue,
  view: View,
  sources: list[int],
  instruments: list[int],
  count: int,
  *,
  same_track: bool = False,
  split: int | None = None,
) -> list[int]:
  """Draws different clips that alternate between some instruments.

  Args:
    rng: Source of randomness.
    catalogue: The table.
    view: The rows that may be drawn.
    sources: Rows of the mixture, none of whose moments is drawn from.
    instruments: What the clips shall show.
    count: How many clips, shared out over the instruments.
    same_track: Whether to prefer the mixture's own tracks to all others.
    split: Whose songs to draw from; None is that of the mixture.

  Returns:
    The rows of the clips; fewer than `count` where there are not enough.
  """
  if split is None:
    split = catalogue.split.item(sources[0])
  moments = {catalogue.moment.item(row) for row in sources}
  turns = []
  for i, instrument in enumerate(instruments[:count]):
    own = [r for r in sources if catalogue.instrument.item(r) == instrument]
    rows = draw_clips(
      rng,
      catalogue,
      view,
      split * len(catalogue.instruments) + instrument,
      len(range(i, count, len(instruments))),
      tracks={catalogue.track.item(row) for row in own or sources},
      moments=moments,
      same_track=same_track,
    )
    turns.append(rows)
  in_turns = itertools.chain.from_iterable(itertools.zip_longest(*turns))
  return [row for row in in_turns if row is not None]
