"""Items of evaluation lists whose sources are of different songs.

Two instruments of one family are where negatives should matter most, and songs
seldom hold them. Solos are no mixtures at all until they are mixed.
"""

import itertools
import random
from collections.abc import Iterator

import numpy as np

from fewshot_mss.data.catalogue import TRAIN, Catalogue
from fewshot_mss.data.draws import draw_below, draw_examples, shuffled
from fewshot_mss.data.evaluation_items import (
  MAX_ITEMS_A_GROUP,
  MAX_NEGATIVES,
  MAX_POSITIVES,
  MAX_SOURCES,
  MIN_SOURCES,
  EvaluationItem,
  filled_spec,
  group_name,
)
from fewshot_mss.data.labels import UNKNOWN_FAMILY
from fewshot_mss.data.views import View

SAME_FAMILY = ", same family"
RANDOM_MIX = ", random mix"
# Sources are about equally loud: the target at this level, the others within
# so many dB of it.
_LEVEL_DBFS = -23.0
_SPREAD_DB = 6.0
# A target sounds for this share of its segment.
_ACTIVE_SHARE = 0.5
# Of few solos each is a target several times, in other company.
_MOST_ITEMS_A_ROW = 25


def mix_of(group: str) -> str:
  """Returns the words that a group's name has for mixtures of several songs."""
  return next(
    (mix for mix in (SAME_FAMILY, RANDOM_MIX) if group.endswith(mix)), ""
  )


def mixed_items(
  catalogue: Catalogue, split: int, first_index: int, *, seed: int = 0
) -> list[EvaluationItem]:
  """Draws items of one split, evenly over the instruments of each group.

  All sources are in timbres that are not kept out. Examples are of other songs
  of the split than the mixture's; where it has none, of training songs.

  Args:
    catalogue: Of the dataset.
    split: Which songs.
    first_index: Number of the first item.
    seed: Of the draws.

  Returns:
    At most `MAX_ITEMS_A_GROUP` items of each group: seen and unseen targets
    beside another of their family and, where no song of the split holds two
    instruments, seen and unseen targets beside one to three of any.
  """
  heard = ~catalogue.unheard[catalogue.patch]
  view = catalogue.view_of(heard)
  mixes = [SAME_FAMILY]
  # Negated and sorted: the largest number of instruments at one moment is -1 of
  # the least.
  in_split = catalogue.split[view.crowded_rows] == split
  if view.crowd[in_split].min(initial=0) >= -1:
    mixes.append(RANDOM_MIX)
  items: list[EvaluationItem] = []
  for mix, is_seen in itertools.product(mixes, (True, False)):
    group = group_name(is_seen=is_seen, is_unheard=False) + mix
    rng = random.Random(f"{seed} {split} {group}")
    drawer = _Drawer(rng, catalogue, view, split, group)
    targets = [
      drawer.items(int(instrument), mix)
      for instrument in view.split_instruments[split]
      if catalogue.seen[instrument] == is_seen
    ]
    items += _in_turns(targets, first_index + len(items))
  return items


def _in_turns(
  queues: list[Iterator[EvaluationItem]], first_index: int
) -> list[EvaluationItem]:
  """Takes an item of each instrument in turn until there is enough."""
  items: list[EvaluationItem] = []
  while queues and len(items) < MAX_ITEMS_A_GROUP:
    left = []
    for queue in queues[: MAX_ITEMS_A_GROUP - len(items)]:
      item = next(queue, None)
      if item is not None:
        left.append(queue)
        index = first_index + len(items)
        items.append(item._replace(spec=item.spec._replace(index=index)))
    queues = left
  return items


class _Drawer:
  """Draws the items of one group."""

  def __init__(
    self,
    rng: random.Random,
    catalogue: Catalogue,
    view: View,
    split: int,
    group: str,
  ):
    self._rng = rng
    self._catalogue = catalogue
    self._view = view
    self._split = split
    self._group = group

  def items(self, instrument: int, mix: str) -> Iterator[EvaluationItem]:
    """Yields items whose target is an instrument, until there are no more."""
    rows = [row for row in self._rows(instrument) if self._sounds(row)]
    others = [
      other
      for other in self._view.split_instruments[self._split].tolist()
      if other != instrument
      and (mix == RANDOM_MIX or self._is_sibling(instrument, other))
    ]
    most = 2 if mix == SAME_FAMILY else MAX_SOURCES
    times = _MOST_ITEMS_A_ROW if mix == RANDOM_MIX else 1
    drawn: set[frozenset[int]] = set()
    for _ in range(times):
      for row in shuffled(self._rng, rows):
        sources = self._sources(row, others, most)
        asked = frozenset(sources)
        item = None if asked in drawn else self._item(instrument, sources)
        drawn.add(asked)
        if item is not None:
          yield item

  def _rows(self, instrument: int) -> list[int]:
    group = self._split * len(self._catalogue.instruments) + instrument
    begin, end = self._view.group_begin[group : group + 2]
    return self._view.group_rows[begin:end].tolist()

  def _sounds(self, row: int) -> bool:
    return bool(self._catalogue.active[row].mean() >= _ACTIVE_SHARE)

  def _is_sibling(self, instrument: int, other: int) -> bool:
    family = self._catalogue.family_of
    return bool(
      family[instrument] == family[other]
      and self._catalogue.families[family[other]] != UNKNOWN_FAMILY
    )

  def _sources(self, row: int, others: list[int], most: int) -> list[int]:
    """Draws the rows of a mixture around a target, each of another song."""
    wanted = MIN_SOURCES + draw_below(self._rng, most - MIN_SOURCES + 1)
    rows = [row]
    for other in shuffled(self._rng, others):
      if len(rows) == wanted:
        break
      tracks = {self._catalogue.track.item(held) for held in rows}
      there = [
        candidate
        for candidate in self._rows(other)
        if self._catalogue.track.item(candidate) not in tracks
        and self._sounds(candidate)
      ]
      if there:
        rows.append(there[draw_below(self._rng, len(there))])
    return rows

  def _item(self, instrument: int, rows: list[int]) -> EvaluationItem | None:
    """Draws the rest of an item; None if there is nothing to ask."""
    if len(rows) < MIN_SOURCES:
      return None
    catalogue = self._catalogue
    held = catalogue.instrument[rows].tolist()
    wrong = held[1 + draw_below(self._rng, len(held) - 1)]
    positives, negatives = [], []
    for asked in (instrument, wrong):
      others = [other for other in held if other != asked]
      positives.append(self._examples(rows, [asked], MAX_POSITIVES))
      negatives.append(self._examples(rows, others, MAX_NEGATIVES))
    if not all(positives):
      return None
    return EvaluationItem(
      spec=filled_spec(
        0,
        sources=rows,
        is_target=[i == 0 for i in range(len(rows))],
        positives=positives,
        negatives=negatives,
        class_id=catalogue.class_ids[[instrument, wrong]].tolist(),
        gains=self._gains(rows),
      ),
      group=self._group,
      song=catalogue.tracks[catalogue.track[rows[0]]],
      instrument=catalogue.instruments[instrument],
      wrong_instrument=catalogue.instruments[wrong],
    )

  def _gains(self, rows: list[int]) -> list[float]:
    gains = []
    for place, row in enumerate(rows):
      spread_db = _SPREAD_DB * (2 * self._rng.random() - 1) if place else 0.0
      own_db = self._catalogue.rms_db.item(row)
      gains.append(10 ** ((_LEVEL_DBFS + spread_db - own_db) / 20))
    return gains

  def _examples(
    self, rows: list[int], instruments: list[int], count: int
  ) -> list[int]:
    """Draws clips of other songs of the split, or else of training songs."""
    own = set(self._catalogue.track[rows].tolist())
    split = self._split
    for instrument in instruments:
      tracks = self._catalogue.track[self._rows(instrument)]
      if own.issuperset(tracks.tolist()):
        split = TRAIN
    drawn = draw_examples(
      self._rng,
      self._catalogue,
      self._view,
      rows,
      instruments,
      count,
      split=split,
    )
    there = self._catalogue.track[drawn] if drawn else np.zeros(0)
    return [
      row for row, track in zip(drawn, there, strict=True) if track not in own
    ]
