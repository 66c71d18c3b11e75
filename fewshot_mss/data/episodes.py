"""What an episode holds, as a few integers: a pure function of its number.

The same (seed, index) gives the same episode on any host, after any restart,
for any model, so that an episode can be rebuilt to be looked at.
"""

import bisect
import random
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, Int32

from fewshot_mss.data.catalogue import TRAIN, Catalogue
from fewshot_mss.data.colours import NO_COLOUR, draw_colour_seed
from fewshot_mss.data.draws import (
  active_offsets,
  draw_below,
  draw_examples,
  shuffled,
)
from fewshot_mss.data.episode_settings import EpisodeSettings
from fewshot_mss.data.mixtures import Mixture, draw_mixture

NO_RECORD = -1

# What a query asks for.
_ONE, _SEVERAL, _ABSENT = range(3)
# Two instruments of two would be the mixture itself.
_INSTRUMENTS_FOR_SEVERAL = 3


class EpisodeSpec(NamedTuple):
  """One episode as rows of the catalogue and offsets into them.

  M sources at most, Q queries, K positive and N negative examples. A row of
  -1 is none.

  Attributes:
    index: Number of the episode.
    source_records: Rows of the sources of the mixture.
    source_offsets_samples: Where in those segments the mixture begins.
    source_gains: Factor of each source.
    target_sources: Which sources each query asks for; their sum is the target.
    positive_records: Rows of the positive examples, those there first.
    positive_offsets_samples: Where in those segments the examples begin.
    negative_records: Likewise for the negative examples.
    negative_offsets_samples: Likewise.
    class_id: The asked class; -1 for several, or an unseen one.
    query_mask: False for queries that only fill up.
    colour_seed: Of the sounds' colours, see `colours.py`; or `NO_COLOUR`.
  """

  index: int
  source_records: Int32[np.ndarray, " M"]
  source_offsets_samples: Int32[np.ndarray, " M"]
  source_gains: Float32[np.ndarray, " M"]
  target_sources: Bool[np.ndarray, "Q M"]
  positive_records: Int32[np.ndarray, "Q K"]
  positive_offsets_samples: Int32[np.ndarray, "Q K"]
  negative_records: Int32[np.ndarray, "Q N"]
  negative_offsets_samples: Int32[np.ndarray, "Q N"]
  class_id: Int32[np.ndarray, " Q"]
  query_mask: Bool[np.ndarray, " Q"]
  colour_seed: int = NO_COLOUR


def empty_spec(
  index: int, *, sources: int, queries: int, positives: int, negatives: int
) -> EpisodeSpec:
  """Returns a spec of the given sizes that holds nothing yet."""
  positive, negative = (queries, positives), (queries, negatives)
  return EpisodeSpec(
    index=index,
    source_records=np.full(sources, NO_RECORD, np.int32),
    source_offsets_samples=np.zeros(sources, np.int32),
    source_gains=np.zeros(sources, np.float32),
    target_sources=np.zeros((queries, sources), np.bool_),
    positive_records=np.full(positive, NO_RECORD, np.int32),
    positive_offsets_samples=np.zeros(positive, np.int32),
    negative_records=np.full(negative, NO_RECORD, np.int32),
    negative_offsets_samples=np.zeros(negative, np.int32),
    class_id=np.full(queries, -1, np.int32),
    query_mask=np.zeros(queries, np.bool_),
  )


def episode_spec(
  seed: int,
  index: int,
  catalogue: Catalogue,
  settings: EpisodeSettings,
  split: int = TRAIN,
) -> EpisodeSpec:
  """Draws one episode of seen instruments in timbres that training may hear.

  The shares of the settings are of all queries. What cannot be had gives way:

  - A mixture is random if the first source's instrument sounds with too few
    others in any song. A song may hold fewer sources than were drawn.
  - Beside a query for several instruments three sound; beside one for an
    absent instrument it is left out, unless the fewest sources need it: then
    a present one is asked for.
  - Examples are from other songs than their instrument's in the mixture, or
    from its own where `same_track_share` says so, positives and negatives each
    by themselves. Where there are none of the one kind, the other serves
    without a word: an instrument of one song alone is always shown by it.
  - A query is masked if an instrument of it sounds at no other moment, or if
    every instrument that sounds in the mixture begins a query already.

  Args:
    seed: Of the run.
    index: Number of the episode.
    catalogue: What there is to draw from.
    settings: How to draw; checked by `check_settings`.
    split: Which songs.

  Returns:
    The episode.
  """
  streams = _Streams(*(random.Random(f"{seed} {index} {i}") for i in range(3)))
  spec = empty_spec(
    index,
    sources=settings.max_sources,
    queries=settings.num_queries,
    positives=settings.max_positives,
    negatives=settings.max_negatives,
  )
  kinds = _draw_kinds(streams.asked, settings)
  mixture = draw_mixture(
    streams.asked,
    catalogue,
    settings,
    split,
    sounding=_INSTRUMENTS_FOR_SEVERAL if _SEVERAL in kinds else 1,
    left_out=kinds.count(_ABSENT),
  )
  count = len(mixture.rows)
  spec.source_records[:count] = mixture.rows
  spec.source_offsets_samples[:count] = mixture.offsets_samples
  spec.source_gains[:count] = mixture.gains
  asked = _draw_asked(streams.asked, catalogue, split, mixture, kinds)
  for q, instruments in enumerate(asked):
    _draw_query(streams, catalogue, settings, mixture, instruments, spec, q)
  return spec._replace(colour_seed=draw_colour_seed(seed, index, settings))


class _Streams(NamedTuple):
  """Randomness of an episode.

  Negatives and dropped examples have their own, so that models with and
  without them are asked the same.
  """

  asked: random.Random
  negatives: random.Random
  dropping: random.Random


def _draw_kinds(rng: random.Random, settings: EpisodeSettings) -> list[int]:
  """Draws whether queries ask for one, several or an absent instrument."""
  shares = (settings.several_sources_share, settings.absent_share)
  bounds = (shares[0], sum(shares))
  kinds = (_SEVERAL, _ABSENT, _ONE)
  return [
    kinds[bisect.bisect_right(bounds, rng.random())]
    for _ in range(settings.num_queries)
  ]


def _draw_asked(
  rng: random.Random,
  catalogue: Catalogue,
  split: int,
  mixture: Mixture,
  kinds: list[int],
) -> list[list[int]]:
  """Draws the instruments that each query asks for; none fills up.

  Queries of a mixture differ: each begins with an instrument that no other
  one began with, the first of them with the first source's.
  """
  first, *others = mixture.heard
  present = [first, *shuffled(rng, others)]
  missing: list[int] = []
  if _ABSENT in kinds:
    instruments = catalogue.view.split_instruments[split].tolist()
    missing = shuffled(
      rng, [i for i in instruments if i not in mixture.instruments]
    )
  unasked = list(present)
  asked = []
  for kind in kinds:
    if kind == _ABSENT and missing:
      asked.append([missing.pop()])
    elif not unasked:
      asked.append([])
    else:
      instrument = unasked.pop(0)
      asked.append([instrument])
      if kind == _SEVERAL:
        others = [other for other in present if other != instrument]
        asked[-1].append(others[draw_below(rng, len(others))])
  return asked


def _draw_query(
  streams: _Streams,
  catalogue: Catalogue,
  settings: EpisodeSettings,
  mixture: Mixture,
  instruments: list[int],
  spec: EpisodeSpec,
  q: int,
) -> None:
  """Fills one query into the spec; leaves it masked if it cannot be asked."""
  rows = _draw_positives(
    streams.asked, catalogue, settings, mixture.rows, instruments
  )
  if rows is None:
    return
  spec.query_mask[q] = True
  spec.target_sources[q, : len(mixture.rows)] = [
    instrument in instruments for instrument in mixture.instruments
  ]
  if len(instruments) == 1:
    spec.class_id[q] = catalogue.class_ids.item(instruments[0])
  offsets = active_offsets(
    streams.asked, catalogue, rows, settings.example_samples
  )
  if streams.dropping.random() >= settings.drop_positives_share:
    spec.positive_records[q, : len(rows)] = rows
    spec.positive_offsets_samples[q, : len(rows)] = offsets
  rows = _draw_negatives(
    streams.negatives, catalogue, settings, mixture, instruments
  )
  offsets = active_offsets(
    streams.negatives, catalogue, rows, settings.example_samples
  )
  spec.negative_records[q, : len(rows)] = rows
  spec.negative_offsets_samples[q, : len(rows)] = offsets


def _draw_positives(
  rng: random.Random,
  catalogue: Catalogue,
  settings: EpisodeSettings,
  sources: list[int],
  instruments: list[int],
) -> list[int] | None:
  """Draws the rows of one query's positives, at least one an instrument.

  None if there is nothing to ask: no instrument, or one that nothing shows.
  """
  if not instruments:
    return None
  shots, fewest = settings.max_positives, len(instruments)
  if settings.random_shots and shots > fewest:
    shots = fewest + draw_below(rng, shots - fewest + 1)
  rows = draw_examples(
    rng,
    catalogue,
    catalogue.view,
    sources,
    instruments,
    shots,
    same_track=rng.random() < settings.same_track_share,
  )
  shown = {catalogue.instrument.item(row) for row in rows}
  if settings.max_positives and not shown.issuperset(instruments):
    return None
  return rows


def _draw_negatives(
  rng: random.Random,
  catalogue: Catalogue,
  settings: EpisodeSettings,
  mixture: Mixture,
  instruments: list[int],
) -> list[int]:
  """Draws the rows of one query's negatives; none where they are dropped."""
  others = sorted(set(mixture.instruments).difference(instruments))
  dropped = rng.random() < settings.drop_negatives_share
  order = shuffled(rng, others)
  share = settings.same_track_share
  return draw_examples(
    rng,
    catalogue,
    catalogue.view,
    mixture.rows,
    order,
    0 if dropped else settings.max_negatives,
    # No draw without the share: the rest is as it was before it counted here.
    same_track=share > 0 and rng.random() < share,
  )
