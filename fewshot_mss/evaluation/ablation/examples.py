"""Which clips may show an instrument to an item, in a fixed order.

An order is a function of the seed, the item, the instrument and where the
examples are from, of nothing else: three shots are the first three of five.
"""

import functools
import itertools
import random
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from fewshot_mss.data.draws import draw_clips, shuffled
from fewshot_mss.data.evaluation_items import (
  MAX_POSITIVES,
  EvaluationItem,
  group_name,
)
from fewshot_mss.data.sources import Sources
from fewshot_mss.data.views import View
from fewshot_mss.evaluation.ablation.clips import Clip, ClipCutter
from fewshot_mss.evaluation.ablation.grid import (
  ANOTHER_DATASET,
  ANOTHER_SONG,
  ANOTHER_TIMBRE,
  SAME_SONG,
)

# Changes with what is drawn: rows of other examples do not go together.
EXAMPLES_VERSION = 2

# A clip's dataset and row.
Place = tuple[int, int]


class ExampleFinder:
  """Finds examples for the items of one dataset of a run."""

  def __init__(self, sources: Sources, source: int, seed: int):
    """Sorts the catalogues.

    Args:
      sources: All datasets of the run.
      source: Which one the items are of.
      seed: Of all draws.
    """
    self.catalogue = sources.catalogues[source]
    self._catalogues = sources.catalogues
    self._source = source
    self._seed = seed
    self._cutters = [
      ClipCutter(catalogue, i, seed)
      for i, catalogue in enumerate(sources.catalogues)
    ]
    self._find: dict[str, Callable[[EvaluationItem, int], list[Place]]] = {
      SAME_SONG: functools.partial(self._drawn, same_track=True),
      ANOTHER_SONG: self._in_other_songs,
      ANOTHER_TIMBRE: self._in_other_timbres,
      ANOTHER_DATASET: self._in_other_datasets,
    }
    self._found: dict[tuple[int, str, str], list[Place]] = {}

  def held(self, item: EvaluationItem) -> tuple[str, ...]:
    """Returns the different instruments of an item's mixture, by name."""
    names = self.catalogue.instruments
    instrument = self.catalogue.instrument[_sources_of(item)]
    return tuple(sorted({names[i] for i in instrument.tolist()}))

  def clips(
    self,
    item: EvaluationItem,
    instrument: str,
    origin: str,
    num_samples: int,
    count: int,
  ) -> list[Clip]:
    """Returns clips that show an instrument to an item.

    Args:
      item: Whom to; none of the clips overlaps its mixture.
      instrument: Name of the instrument.
      origin: Where they are from, one of `ORIGINS`.
      num_samples: Length of each.
      count: How many, at most.

    Returns:
      The first of them that share no segment; fewer if there are no more.
    """
    key = (item.spec.index, instrument, origin)
    if key not in self._found:
      number = self.catalogue.instruments.index(instrument)
      self._found[key] = self._find[origin](item, number)
    clips = (self._cut(item, place, num_samples) for place in self._found[key])
    return list(itertools.islice(_apart(clips), count))

  def negatives(
    self, item: EvaluationItem, query: int, num_samples: int
  ) -> Iterator[tuple[str, Clip]]:
    """Yields the negatives of a query of an item, each with its instrument."""
    names = self.catalogue.instruments
    rows = item.spec.negative_records[query]
    clips = (
      self._cut(item, (self._source, row), num_samples)
      for row in rows[rows >= 0].tolist()
    )
    for clip in _apart(clips):
      yield names[self.catalogue.instrument[clip.rows[0]]], clip

  def with_bleed(self, clip: Clip, quality: str) -> Clip | None:
    """Returns a clip with what sounded beside it; None if nothing did."""
    return self._cutters[clip.source].with_bleed(clip, quality)

  def absent_instrument(self, item: EvaluationItem) -> str | None:
    """Draws an instrument that an item's mixture does not hold.

    It is seen if the target is, and other songs show it; None if there is none.
    """
    catalogue, pool = self.catalogue, self._pool(item)
    rng = random.Random(f"{self._seed} {item.spec.index} absent")
    split = catalogue.split[item.spec.source_records[0]]
    is_seen = item.group.startswith(group_name(is_seen=True, is_unheard=False))
    held = self.held(item)
    for number in shuffled(rng, pool.split_instruments[split].tolist()):
      name = catalogue.instruments[number]
      if name in held or catalogue.seen[number] != is_seen:
        continue
      if self.clips(item, name, ANOTHER_SONG, 1, 1):
        return name
    return None

  def family(self, instrument: str) -> str:
    """Returns the family of an instrument of the dataset."""
    catalogue = self.catalogue
    number = catalogue.instruments.index(instrument)
    row = int(np.argmax(catalogue.instrument == number))
    return catalogue.families[catalogue.family[row]]

  def _cut(
    self, item: EvaluationItem, place: Place, num_samples: int
  ) -> Clip | None:
    source, row = place
    avoid = (-1, -1)
    if source == self._source:
      first = item.spec.source_records[0]
      avoid = (
        self.catalogue.track.item(first),
        self.catalogue.start_samples.item(first),
      )
    return self._cutters[source].cut(row, num_samples, avoid)

  def _pool(self, item: EvaluationItem) -> View:
    """Returns the rows that examples are drawn from: of the target's kind."""
    return self._pools["unheard" in item.group]

  @functools.cached_property
  def _pools(self) -> tuple[View, View]:
    catalogue = self.catalogue
    unheard = catalogue.unheard[catalogue.patch]
    kept = ~np.isin(catalogue.track, catalogue.left_out)
    return catalogue.view_of(kept & ~unheard), catalogue.view_of(kept & unheard)

  def _in_other_songs(
    self, item: EvaluationItem, instrument: int
  ) -> list[Place]:
    """Returns the list's own examples where it has them."""
    asked = (item.instrument, item.wrong_instrument)
    name = self.catalogue.instruments[instrument]
    if name not in asked:
      return self._drawn(item, instrument, same_track=False)
    rows = item.spec.positive_records[asked.index(name)]
    # Where other songs had none, the list took the mixture's own song.
    track = self.catalogue.track[item.spec.source_records[0]]
    good = (rows >= 0) & (self.catalogue.track[rows] != track)
    return [(self._source, row) for row in rows[good].tolist()]

  def _drawn(
    self, item: EvaluationItem, instrument: int, *, same_track: bool
  ) -> list[Place]:
    catalogue = self.catalogue
    first = item.spec.source_records[0]
    track = catalogue.track.item(first)
    group = catalogue.split.item(first) * len(catalogue.instruments)
    rows = draw_clips(
      self._rng(item, instrument, SAME_SONG if same_track else ANOTHER_SONG),
      catalogue,
      self._pool(item),
      group + instrument,
      MAX_POSITIVES,
      tracks={track},
      moments={catalogue.moment.item(first)},
      same_track=same_track,
    )
    # Where there are none of the one kind, the other was drawn.
    return [
      (self._source, row)
      for row in rows
      if (catalogue.track[row] == track) == same_track
    ]

  def _in_other_timbres(
    self, item: EvaluationItem, instrument: int
  ) -> list[Place]:
    """Returns clips of other songs in none of the mixture's own patches."""
    catalogue = self.catalogue
    sources = _sources_of(item)
    own = sources[catalogue.instrument[sources] == instrument]
    if not len(own):
      return []
    good = ~np.isin(catalogue.patch, catalogue.patch[own])
    good &= catalogue.track != catalogue.track[own[0]]
    return self._shuffled(
      item, instrument, ANOTHER_TIMBRE, [self._source], good
    )

  def _in_other_datasets(
    self, item: EvaluationItem, instrument: int
  ) -> list[Place]:
    others = [i for i in range(len(self._catalogues)) if i != self._source]
    return self._shuffled(item, instrument, ANOTHER_DATASET, others, True)

  def _shuffled(
    self,
    item: EvaluationItem,
    instrument: int,
    origin: str,
    sources: Sequence[int],
    good: np.ndarray | bool,
  ) -> list[Place]:
    """Returns active rows of an instrument in the item's split, shuffled."""
    name = self.catalogue.instruments[instrument]
    split = self.catalogue.split[item.spec.source_records[0]]
    places = []
    for source in sources:
      catalogue = self._catalogues[source]
      if name not in catalogue.instruments:
        continue
      number = catalogue.instruments.index(name)
      fits = good & (catalogue.instrument == number)
      fits &= (catalogue.split == split) & catalogue.active.any(axis=1)
      fits &= ~np.isin(catalogue.track, catalogue.left_out)
      places += [(source, row) for row in np.flatnonzero(fits).tolist()]
    order = shuffled(self._rng(item, instrument, origin), range(len(places)))
    return [places[i] for i in order[:MAX_POSITIVES]]

  def _rng(
    self, item: EvaluationItem, instrument: int, origin: str
  ) -> random.Random:
    name = self.catalogue.instruments[instrument]
    return random.Random(f"{self._seed} {item.spec.index} {origin} {name}")


def _apart(clips: Iterable[Clip | None]) -> Iterator[Clip]:
  """Yields the clips that are there and share no segment with one before.

  Those longer than a segment take its neighbours, which may be drawn as well:
  sound that is heard twice is not one example more.
  """
  held: set[Place] = set()
  for clip in clips:
    places = {(clip.source, row) for row in clip.rows} if clip else set()
    if clip is not None and not places & held:
      held |= places
      yield clip


def _sources_of(item: EvaluationItem) -> np.ndarray:
  rows = item.spec.source_records
  return rows[rows >= 0]
