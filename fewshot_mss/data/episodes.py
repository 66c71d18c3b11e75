"""What an episode holds, as a few integers: a pure function of its number.

The same (seed, index) gives the same episode on any host, after any restart,
for any model, so that an episode can be rebuilt to be looked at.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, Int32
from ml_collections import ConfigDict

from fewshot_mss.data.catalogue import SPLITS, TRAIN, Catalogue, View
from fewshot_mss.data.draws import (
  active_offsets,
  clip_intervals,
  draw_positions,
  is_active,
)
from fewshot_mss.errors import InputError

NO_RECORD = -1


class EpisodeSettings(NamedTuple):
  """What an episode draws; the fields of `config.data` in samples.

  `default_config.py` says what each one means.
  """

  sample_rate_hz: int
  mixture_samples: int
  example_samples: int
  num_queries: int
  max_positives: int
  max_negatives: int
  min_sources: int
  max_sources: int
  random_mix_share: float
  several_sources_share: float
  absent_share: float
  same_track_share: float
  random_shots: bool
  drop_negatives_share: float
  gain_db: float

  @classmethod
  def from_config(cls, config: ConfigDict) -> "EpisodeSettings":
    """Reads the settings from a configuration.

    Args:
      config: As of `default_config.get_config`.

    Returns:
      The settings.

    Raises:
      InputError: If the values of some keys do not go together.
    """
    rate_hz = config.model.sample_rate_hz
    settings = cls(
      sample_rate_hz=rate_hz,
      mixture_samples=round(config.data.mixture_s * rate_hz),
      example_samples=round(config.data.example_s * rate_hz),
      num_queries=config.data.num_queries,
      max_positives=config.data.max_positives,
      max_negatives=config.data.max_negatives,
      min_sources=config.data.min_sources,
      max_sources=config.data.max_sources,
      random_mix_share=config.data.random_mix_share,
      several_sources_share=config.data.several_sources_share,
      absent_share=config.data.absent_share,
      same_track_share=config.data.same_track_share,
      random_shots=config.data.random_shots,
      drop_negatives_share=config.data.drop_negatives_share,
      gain_db=config.data.gain_db,
    )
    _check_alone(settings)
    return settings


def _check_alone(settings: EpisodeSettings) -> None:
  for key in ("mixture_samples", "example_samples"):
    if getattr(settings, key) < 1:
      raise InputError(
        f"data.{key.replace('_samples', '_s')} must be above 0 seconds"
      )
  for key in ("num_queries", "min_sources"):
    if getattr(settings, key) < 1:
      raise InputError(f"data.{key} must be at least 1")
  for key in ("max_positives", "max_negatives"):
    if getattr(settings, key) < 0:
      raise InputError(f"data.{key} must not be negative")
  if settings.max_sources < settings.min_sources:
    raise InputError("data.max_sources must not be below data.min_sources")
  for key in settings._fields:
    if key.endswith("_share") and not 0 <= getattr(settings, key) <= 1:
      raise InputError(f"data.{key} is a probability: give 0 to 1")
  if settings.several_sources_share + settings.absent_share > 1:
    raise InputError(
      "data.several_sources_share and data.absent_share must not add up to "
      "more than 1"
    )
  if settings.several_sources_share and settings.max_sources < 3:
    raise InputError(
      "data.several_sources_share needs data.max_sources of 3 or more: two "
      "sources of two would be the mixture itself"
    )


def check_settings(
  settings: EpisodeSettings, catalogue: Catalogue, split: int = TRAIN
) -> None:
  """Checks that a dataset can serve the settings.

  Args:
    settings: What episodes draw.
    catalogue: What there is to draw from.
    split: Which songs.

  Raises:
    InputError: If it cannot, naming the configuration's key.
  """
  if settings.sample_rate_hz != catalogue.sample_rate_hz:
    raise InputError(
      f"model.sample_rate_hz is {settings.sample_rate_hz} but the dataset "
      f"holds {catalogue.sample_rate_hz}: set one or build the other"
    )
  for key in ("mixture_samples", "example_samples"):
    if getattr(settings, key) > catalogue.segment_samples:
      raise InputError(
        f"data.{key.replace('_samples', '_s')} is longer than the dataset's "
        f"segments of {catalogue.segment_samples / catalogue.sample_rate_hz} "
        "seconds: shorten it, or build with a longer --segment_s"
      )
  if len(catalogue.view.split_instruments[split]) < 2:
    raise InputError(
      f"data.path holds fewer than two seen instruments in {SPLITS[split]} "
      "songs: there is nothing to separate them from"
    )


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

  def full(value: int, *shape: int) -> np.ndarray:
    return np.full(shape, value, np.int32)

  return EpisodeSpec(
    index=index,
    source_records=full(NO_RECORD, sources),
    source_offsets_samples=full(0, sources),
    source_gains=np.zeros(sources, np.float32),
    target_sources=np.zeros((queries, sources), np.bool_),
    positive_records=full(NO_RECORD, queries, positives),
    positive_offsets_samples=full(0, queries, positives),
    negative_records=full(NO_RECORD, queries, negatives),
    negative_offsets_samples=full(0, queries, negatives),
    class_id=full(-1, queries),
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
    spec.query_mask[q] = True
    spec.target_sources[q, :count] = np.isin(held, instruments)
    if len(instruments) == 1:
      spec.class_id[q] = catalogue.class_ids[instruments[0]]
    _draw_examples(rng, catalogue, settings, split, spec, q, instruments)
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
    rows = _companions(rng, catalogue, row, int(offset[0]), length, wanted)
    offsets = np.repeat(offset, len(rows))
    gains_db = np.zeros(len(rows), np.float32)
  gains_db = gains_db + settings.gain_db * rng.uniform(-1, 1, len(rows))
  return _Mixture(
    rows=rows,
    offsets=offsets,
    gains=(10 ** (gains_db / 20)).astype(np.float32),
    audible=is_active(catalogue, rows, offsets, length),
  )


def _companions(
  rng: np.random.Generator,
  catalogue: Catalogue,
  row: int,
  offset_samples: int,
  length_samples: int,
  wanted: int,
) -> np.ndarray:
  """Draws other stems of the same song and time; the given row comes first."""
  view = catalogue.view
  moment = view.moment[row]
  begin, end = view.moment_begin[moment], view.moment_begin[moment + 1]
  others = view.moment_rows[begin:end]
  others = rng.permutation(others[others != row])
  offsets = np.full(len(others), offset_samples)
  audible = is_active(catalogue, others, offsets, length_samples)
  others = others[np.argsort(~audible, kind="stable")]
  # A second violin alone is no mixture to take the violin from.
  different = catalogue.instrument[others] != catalogue.instrument[row]
  first = int(np.argmax(different))
  others = np.concatenate([others[first : first + 1], np.delete(others, first)])
  return np.concatenate([[row], others[: wanted - 1]])


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


def _draw_examples(
  rng: np.random.Generator,
  catalogue: Catalogue,
  settings: EpisodeSettings,
  split: int,
  spec: EpisodeSpec,
  q: int,
  instruments: list[int],
) -> None:
  """Fills in the examples of one query, in place."""
  sources = spec.source_records[spec.source_records != NO_RECORD]
  held = catalogue.instrument[sources]
  shots = settings.max_positives
  if settings.random_shots and shots > 1:
    shots = int(rng.integers(1, shots + 1))
  same_track = bool(rng.random() < settings.same_track_share)
  dropped = rng.random() < settings.drop_negatives_share
  rows = _example_rows(
    rng, catalogue, split, sources, instruments, shots, same_track
  )
  spec.positive_records[q, : len(rows)] = rows
  spec.positive_offsets_samples[q, : len(rows)] = active_offsets(
    rng, catalogue, rows, settings.example_samples
  )
  if dropped or not settings.max_negatives:
    return
  others = np.unique(held[~np.isin(held, instruments)])
  rows = _example_rows(
    rng,
    catalogue,
    split,
    sources,
    rng.permutation(others).tolist(),
    settings.max_negatives,
    same_track=False,
  )
  spec.negative_records[q, : len(rows)] = rows
  spec.negative_offsets_samples[q, : len(rows)] = active_offsets(
    rng, catalogue, rows, settings.example_samples
  )


def _example_rows(
  rng: np.random.Generator,
  catalogue: Catalogue,
  split: int,
  sources: np.ndarray,
  instruments: list[int],
  count: int,
  same_track: bool,
) -> np.ndarray:
  """Draws different clips that alternate between the instruments."""
  view = catalogue.view
  held = catalogue.instrument[sources]
  drawn = []
  for i, instrument in enumerate(instruments):
    share = len(range(i, count, len(instruments)))
    own = sources[held == instrument]
    group = split * len(catalogue.instruments) + instrument
    intervals = clip_intervals(
      view,
      group,
      tracks=np.unique(catalogue.track[own if len(own) else sources]),
      moments=np.unique(view.moment[sources]),
      same_track=same_track,
    )
    drawn.append(view.group_rows[draw_positions(rng, intervals, share)])
  # Position in its own instrument's list, then the order of instruments.
  turn = [np.arange(len(rows)) for rows in drawn]
  if not drawn:
    return np.zeros(0, np.int64)
  order = np.argsort(np.concatenate(turn), kind="stable")
  return np.concatenate(drawn)[order]
