"""What an episode holds, as a few integers: a pure function of its number.

The same (seed, index) gives the same episode on any host, after any restart,
for any model, so that an episode can be rebuilt to be looked at.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, Int32

from fewshot_mss.data.catalogue import TRAIN, Catalogue
from fewshot_mss.data.draws import (
  active_offsets,
  draw_companions,
  draw_examples,
  is_active,
)
from fewshot_mss.data.episode_settings import EpisodeSettings
from fewshot_mss.data.views import View

NO_RECORD = -1


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

  Args:
    seed: Of the run.
    index: Number of the episode.
    catalogue: What there is to draw from.
    settings: How to draw; checked by `check_settings`.
    split: Which songs.

  Returns:
    The episode.
  """
  rng = np.random.default_rng((seed, index))
  # Of their own, so that models with and without negatives, or with examples
  # left out, are asked the same.
  negatives_rng = np.random.default_rng((seed, index, 1))
  dropping_rng = np.random.default_rng((seed, index, 2))
  view = catalogue.view
  spec = empty_spec(
    index,
    sources=settings.max_sources,
    queries=settings.num_queries,
    positives=settings.max_positives,
    negatives=settings.max_negatives,
  )
  kinds = rng.random(settings.num_queries)
  several = kinds < settings.several_sources_share
  absent = ~several & (
    kinds < settings.several_sources_share + settings.absent_share
  )
  # Two sources of two would be the mixture itself.
  min_sources = max(settings.min_sources, 3 if several.any() else 1)
  mixture = _draw_mixture(rng, catalogue, settings, split, min_sources)
  count = len(mixture.rows)
  spec.source_records[:count] = mixture.rows
  spec.source_offsets_samples[:count] = mixture.offsets
  spec.source_gains[:count] = mixture.gains

  held = catalogue.instrument[mixture.rows]
  asked = _draw_asked(rng, view, split, held, mixture.audible, several, absent)
  for q, instruments in enumerate(asked):
    if not instruments:
      continue
    rows = _draw_positives(rng, catalogue, settings, mixture.rows, instruments)
    # What no example shows cannot be asked for.
    shown = np.isin(instruments, catalogue.instrument[rows]).all()
    if settings.max_positives and not shown:
      continue
    spec.query_mask[q] = True
    spec.target_sources[q, :count] = np.isin(held, instruments)
    if len(instruments) == 1:
      spec.class_id[q] = catalogue.class_ids[instruments[0]]
    offsets = active_offsets(rng, catalogue, rows, settings.example_samples)
    if dropping_rng.random() >= settings.drop_positives_share:
      spec.positive_records[q, : len(rows)] = rows
      spec.positive_offsets_samples[q, : len(rows)] = offsets
    if settings.max_negatives:
      rows = _draw_negatives(
        negatives_rng, catalogue, settings, mixture.rows, instruments
      )
      spec.negative_records[q, : len(rows)] = rows
      spec.negative_offsets_samples[q, : len(rows)] = active_offsets(
        negatives_rng, catalogue, rows, settings.example_samples
      )
  return spec


class _Mixture(NamedTuple):
  rows: np.ndarray
  offsets: np.ndarray
  gains: np.ndarray
  # Which sources show their instrument inside the drawn excerpt.
  audible: np.ndarray


def _draw_mixture(
  rng: np.random.Generator,
  catalogue: Catalogue,
  settings: EpisodeSettings,
  split: int,
  min_sources: int,
) -> _Mixture:
  """Draws the sources; the first is drawn evenly over the instruments."""
  view = catalogue.view
  instruments = view.split_instruments[split]
  anchor = int(rng.choice(instruments))
  group = split * len(catalogue.instruments) + anchor
  begin, end = view.group_begin[group], view.group_begin[group + 1]
  # Rows whose song has enough other instruments at that time come first.
  crowded = int(
    np.searchsorted(view.crowd[begin:end], -max(min_sources, 2), "right")
  )
  is_random = rng.random() < settings.random_mix_share or crowded == 0
  wanted = int(rng.integers(min_sources, settings.max_sources + 1))
  length = settings.mixture_samples
  if is_random:
    row = view.group_rows[rng.integers(begin, end)]
    others = rng.permutation(instruments[instruments != anchor])[: wanted - 1]
    rows = [row]
    for other in others:
      group = split * len(catalogue.instruments) + int(other)
      low, high = view.group_begin[group], view.group_begin[group + 1]
      rows.append(view.group_rows[rng.integers(low, high)])
    rows = np.array(rows)
    offsets = active_offsets(rng, catalogue, rows, length)
    # Levels of different songs do not compare: start from the same one.
    gains_db = catalogue.rms_db[row] - catalogue.rms_db[rows]
  else:
    row = view.crowded_rows[begin + rng.integers(crowded)]
    offset = active_offsets(rng, catalogue, np.array([row]), length)
    rows = draw_companions(
      rng, catalogue, view, row, wanted, int(offset[0]), length
    )
    offsets = np.repeat(offset, len(rows))
    gains_db = np.zeros(len(rows), np.float32)
  gains_db = gains_db + settings.gain_db * rng.uniform(-1, 1, len(rows))
  return _Mixture(
    rows=rows,
    offsets=offsets,
    gains=(10 ** (gains_db / 20)).astype(np.float32),
    audible=is_active(catalogue, rows, offsets, length),
  )


def _draw_asked(
  rng: np.random.Generator,
  view: View,
  split: int,
  held: np.ndarray,
  audible: np.ndarray,
  several: np.ndarray,
  absent: np.ndarray,
) -> list[list[int]]:
  """Draws the instruments that each query asks for; none fills up.

  Queries of a mixture differ: each begins with an instrument that no other
  one began with, the first of them with the first source's.
  """
  first = int(held[0])
  heard = np.unique(held[audible])
  present = [first, *rng.permutation(heard[heard != first]).tolist()]
  instruments = view.split_instruments[split]
  missing = rng.permutation(instruments[~np.isin(instruments, held)]).tolist()
  unasked = list(present)
  asked = []
  for wants_several, wants_absent in zip(several, absent, strict=True):
    if wants_absent and missing:
      asked.append([missing.pop()])
    elif not unasked:
      asked.append([])
    else:
      instrument = unasked.pop(0)
      others = [other for other in present if other != instrument]
      # All instruments together would be the mixture itself.
      if wants_several and len(np.unique(held)) > 2 and others:
        asked.append([instrument, int(rng.choice(others))])
      else:
        asked.append([instrument])
  return asked


def _draw_positives(
  rng: np.random.Generator,
  catalogue: Catalogue,
  settings: EpisodeSettings,
  sources: np.ndarray,
  instruments: list[int],
) -> np.ndarray:
  """Draws the rows of one query's positives, at least one an instrument."""
  shots = settings.max_positives
  if settings.random_shots and shots > len(instruments):
    shots = int(rng.integers(len(instruments), shots + 1))
  return draw_examples(
    rng,
    catalogue,
    catalogue.view,
    sources,
    instruments,
    shots,
    same_track=bool(rng.random() < settings.same_track_share),
  )


def _draw_negatives(
  rng: np.random.Generator,
  catalogue: Catalogue,
  settings: EpisodeSettings,
  sources: np.ndarray,
  instruments: list[int],
) -> np.ndarray:
  """Draws the rows of one query's negatives; none where they are dropped."""
  held = catalogue.instrument[sources]
  others = np.unique(held[~np.isin(held, instruments)])
  dropped = rng.random() < settings.drop_negatives_share
  return draw_examples(
    rng,
    catalogue,
    catalogue.view,
    sources,
    rng.permutation(others).tolist(),
    0 if dropped else settings.max_negatives,
  )
