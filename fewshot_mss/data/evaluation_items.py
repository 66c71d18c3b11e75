"""Draws the mixtures and queries of the fixed evaluation lists."""

import random
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from fewshot_mss.data.catalogue import Catalogue
from fewshot_mss.data.draws import (
  draw_below,
  draw_companions,
  draw_examples,
  shuffled,
)
from fewshot_mss.data.episodes import EpisodeSpec, empty_spec
from fewshot_mss.data.views import View

MAX_ITEMS_A_GROUP = 200
MIN_SOURCES, MAX_SOURCES = 2, 4
MAX_POSITIVES, MAX_NEGATIVES = 10, 5
# A target below these levels, in itself or beside the rest, says nothing.
MIN_TARGET_DBFS = -50.0
MIN_TARGET_BESIDE_REST_DB = -30.0


class EvaluationItem(NamedTuple):
  """One mixture, asked twice.

  Attributes:
    spec: The episode. Query 0 asks for the target with its own examples;
      query 1 has the target of query 0 and the examples and class of another
      instrument of the mixture.
    group: `seen`, `unseen`, `seen, unheard timbre` or `unseen, unheard
      timbre`, by the target; where the sources are not of one song, with the
      words of `mixed_items.py` behind.
    song: Name of the track.
    instrument: Name of the target.
    wrong_instrument: Name of the other one.
  """

  spec: EpisodeSpec
  group: str
  song: str
  instrument: str
  wrong_instrument: str


def group_name(*, is_seen: bool, is_unheard: bool) -> str:
  """Returns what the items of such a target are called."""
  return ("seen" if is_seen else "unseen") + (
    ", unheard timbre" if is_unheard else ""
  )


def evaluation_items(
  catalogue: Catalogue, split: int, *, seed: int = 0
) -> list[EvaluationItem]:
  """Draws the items of one split, evenly over the instruments of each group.

  Args:
    catalogue: Of the dataset.
    split: Which songs.
    seed: Of the draws.

  Returns:
    At most `MAX_ITEMS_A_GROUP` items of each group.
  """
  everything = catalogue.view_of(np.ones(len(catalogue), np.bool_))
  # Examples are of the target's own kind: heard or unheard timbres.
  unheard = catalogue.unheard[catalogue.patch]
  pools = [catalogue.view_of(~unheard), catalogue.view_of(unheard)]
  items = []
  for number, (is_unheard, is_seen) in enumerate(
    [(False, True), (False, False), (True, True), (True, False)]
  ):
    rng = random.Random(f"{seed} {split} {number}")
    pool = pools[is_unheard]
    group = group_name(is_seen=is_seen, is_unheard=is_unheard)
    queues = [
      _queue(rng, catalogue, pool, split, int(instrument))
      for instrument in pool.split_instruments[split]
      if catalogue.seen[instrument] == is_seen
    ]
    drawn = _in_turns(
      rng, catalogue, everything, pool, queues, group, len(items)
    )
    items += drawn
  return items


def _queue(
  rng: random.Random,
  catalogue: Catalogue,
  pool: View,
  split: int,
  instrument: int,
) -> Iterator[int]:
  """Iterates over the rows that may be an instrument's target, shuffled."""
  group = split * len(catalogue.instruments) + instrument
  rows = pool.group_rows[pool.group_begin[group] : pool.group_begin[group + 1]]
  return iter(shuffled(rng, rows.tolist()))


def _in_turns(
  rng: random.Random,
  catalogue: Catalogue,
  everything: View,
  pool: View,
  queues: list[Iterator[int]],
  group: str,
  first_index: int,
) -> list[EvaluationItem]:
  """Takes an item of each instrument in turn until there is enough."""
  items: list[EvaluationItem] = []
  while queues and len(items) < MAX_ITEMS_A_GROUP:
    exhausted = []
    for queue in queues[: MAX_ITEMS_A_GROUP - len(items)]:
      for row in queue:
        index = first_index + len(items)
        item = _draw_item(rng, catalogue, everything, pool, row, group, index)
        if item is not None:
          items.append(item)
          break
      else:
        exhausted.append(queue)
    queues = [queue for queue in queues if queue not in exhausted]
  return items


def _draw_item(
  rng: random.Random,
  catalogue: Catalogue,
  everything: View,
  pool: View,
  row: int,
  group: str,
  index: int,
) -> EvaluationItem | None:
  """Draws the rest of an item around a target; None if it is no good."""
  wanted = MIN_SOURCES + draw_below(rng, MAX_SOURCES - MIN_SOURCES + 1)
  sources = np.array(
    draw_companions(
      rng, catalogue, everything, row, wanted, 0, catalogue.segment_samples
    )
  )
  held = catalogue.instrument[sources]
  target = held == held[0]
  patches = catalogue.unheard[catalogue.patch[sources[target]]]
  if target.all() or (patches != patches[0]).any():
    return None
  if not _is_audible(catalogue, sources, target):
    return None
  audible = catalogue.active[sources].any(axis=1)
  for wrong in shuffled(rng, np.unique(held[~target & audible]).tolist()):
    asked = (int(held[0]), wrong)
    spec = _make_spec(rng, catalogue, pool, sources, asked, index)
    if (spec.positive_records[:, 0] >= 0).all():
      return EvaluationItem(
        spec=spec,
        group=group,
        song=catalogue.tracks[catalogue.track[row]],
        instrument=catalogue.instruments[asked[0]],
        wrong_instrument=catalogue.instruments[wrong],
      )
  return None


def _is_audible(
  catalogue: Catalogue, sources: np.ndarray, target: np.ndarray
) -> bool:
  power = 10 ** (catalogue.rms_db[sources].astype(np.float64) / 10)
  target_db = 10 * np.log10(power[target].sum())
  rest_db = 10 * np.log10(power[~target].sum())
  return bool(
    target_db > MIN_TARGET_DBFS
    and target_db - rest_db >= MIN_TARGET_BESIDE_REST_DB
  )


def _make_spec(
  rng: random.Random,
  catalogue: Catalogue,
  pool: View,
  sources: np.ndarray,
  asked: tuple[int, int],
  index: int,
) -> EpisodeSpec:
  """Draws the examples of the right and of the wrong query."""
  held = catalogue.instrument[sources]
  rows = sources.tolist()
  positives, negatives = [], []
  for instrument in asked:
    others = shuffled(rng, np.unique(held[held != instrument]).tolist())
    positives.append(
      draw_examples(rng, catalogue, pool, rows, [instrument], MAX_POSITIVES)
    )
    negatives.append(
      draw_examples(rng, catalogue, pool, rows, others, MAX_NEGATIVES)
    )
  return filled_spec(
    index,
    sources=rows,
    is_target=(held == asked[0]).tolist(),
    positives=positives,
    negatives=negatives,
    class_id=catalogue.class_ids[list(asked)].tolist(),
  )


def filled_spec(
  index: int,
  *,
  sources: list[int],
  is_target: list[bool],
  positives: list[list[int]],
  negatives: list[list[int]],
  class_id: list[int],
  gains: Sequence[float] = (),
) -> EpisodeSpec:
  """Returns the spec of whole segments; without gains they are 1."""
  spec = empty_spec(
    index,
    sources=MAX_SOURCES,
    queries=2,
    positives=MAX_POSITIVES,
    negatives=MAX_NEGATIVES,
  )
  spec.source_records[: len(sources)] = sources
  spec.source_gains[: len(sources)] = gains or 1
  spec.target_sources[:, : len(sources)] = is_target
  for q in range(2):
    spec.positive_records[q, : len(positives[q])] = positives[q]
    spec.negative_records[q, : len(negatives[q])] = negatives[q]
  spec.class_id[:] = class_id
  spec.query_mask[:] = True
  return spec
