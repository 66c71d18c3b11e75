"""An episode's integers made audio."""

import math
from collections.abc import Iterator

import numpy as np
from jaxtyping import Float32, Int, Int16

from fewshot_mss.data.colours import NO_COLOUR, colour_sounds, draw_colour
from fewshot_mss.data.episode_settings import EpisodeSettings
from fewshot_mss.data.episodes import NO_RECORD, EpisodeSpec
from fewshot_mss.data.records import PCM_STEP, RecordReader
from fewshot_mss.data.tape import draw_speed, play
from fewshot_mss.episode import EpisodeBatch, Support

# What TensorFlow and JAX wish for; numpy alone gives 16.
_ALIGNMENT_BYTES = 64


def blank_episodes(count: int, settings: EpisodeSettings) -> EpisodeBatch:
  """Returns episodes that hold nothing yet, for `read_into` to fill.

  Args:
    count: How many, B.
    settings: Sizes of the episodes.

  Returns:
    A batch of silence in which nothing is there.
  """
  num_queries, length = settings.num_queries, settings.example_samples
  positives = (count, num_queries, settings.max_positives)
  negatives = (count, num_queries, settings.max_negatives)
  return EpisodeBatch(
    mixture=_aligned_zeros((count, settings.mixture_samples)),
    targets=_aligned_zeros((count, num_queries, settings.mixture_samples)),
    support=Support(
      positives=_aligned_zeros((*positives, length)),
      positive_mask=np.zeros(positives, np.bool_),
      negatives=_aligned_zeros((*negatives, length)),
      negative_mask=np.zeros(negatives, np.bool_),
      class_id=np.full((count, num_queries), -1, np.int32),
    ),
    query_mask=np.zeros((count, num_queries), np.bool_),
  )


def _aligned_zeros(shape: tuple[int, ...]) -> Float32[np.ndarray, "..."]:
  """Returns zeros where TensorFlow and JAX take them over without a copy."""
  num_bytes = 4 * math.prod(shape)
  buffer = np.zeros(num_bytes + _ALIGNMENT_BYTES, np.uint8)
  begin = -buffer.ctypes.data % _ALIGNMENT_BYTES
  return buffer[begin : begin + num_bytes].view(np.float32).reshape(shape)


def read_into(
  batch: EpisodeBatch,
  place: int,
  spec: EpisodeSpec,
  reader: RecordReader,
  settings: EpisodeSettings,
) -> None:
  """Reads the sound of one episode into its place of a batch.

  Threads may fill different places at once.

  Args:
    batch: Of `blank_episodes`.
    place: Which of its episodes; still blank.
    spec: What to read.
    reader: Of the dataset that the spec was drawn from.
    settings: Lengths of mixture and examples.
  """
  mixture, targets = batch.mixture[place], batch.targets[place]
  for i, source in _read_sources(spec, reader, settings):
    mixture += source
    for q in np.flatnonzero(spec.target_sources[:, i]):
      targets[q] += source
  peak = max(mixture.max(), -mixture.min())
  if peak > 1:
    mixture *= 1 / peak
    targets *= 1 / peak
  support = batch.support
  support.positive_mask[place] = spec.positive_records != NO_RECORD
  support.negative_mask[place] = spec.negative_records != NO_RECORD
  support.class_id[place] = spec.class_id
  batch.query_mask[place] = spec.query_mask
  for kind, clips, rows, offsets_samples in (
    (
      "positive",
      support.positives,
      spec.positive_records,
      spec.positive_offsets_samples,
    ),
    (
      "negative",
      support.negatives,
      spec.negative_records,
      spec.negative_offsets_samples,
    ),
  ):
    _read_clips(clips[place], rows, offsets_samples, reader, spec, settings)
    if spec.colour_seed != NO_COLOUR:
      there = rows != NO_RECORD
      sounds = clips[place][there]
      _colour(sounds, spec, kind, np.argwhere(there).tolist(), settings)
      clips[place][there] = sounds


def _read_sources(
  spec: EpisodeSpec, reader: RecordReader, settings: EpisodeSettings
) -> Iterator[tuple[int, Float32[np.ndarray, " samples"]]]:
  """Yields the number and the sound of each source as the mixture holds it."""
  there = np.flatnonzero(spec.source_records != NO_RECORD).tolist()
  sounds = np.empty((len(there), settings.mixture_samples), np.float32)
  for sound, i in zip(sounds, there, strict=True):
    begin = int(spec.source_offsets_samples[i])
    row = spec.source_records[i]
    cut = _excerpt(reader, row, begin, len(sound), spec, settings)
    # The step is a power of 2, so one rounding serves both factors.
    np.multiply(
      cut, spec.source_gains[i] * PCM_STEP, out=sound, dtype=np.float32
    )
  if spec.colour_seed != NO_COLOUR:
    _colour(sounds, spec, "source", [[i] for i in there], settings)
  yield from zip(there, sounds, strict=True)


def _excerpt(
  reader: RecordReader,
  row: int | np.integer,
  begin: int,
  length_samples: int,
  spec: EpisodeSpec,
  settings: EpisodeSettings,
) -> Int16[np.ndarray, " samples"] | Float32[np.ndarray, " samples"]:
  """Returns a part of a segment as the episode plays it, in steps of PCM."""
  pcm = reader.pcm(row)
  if spec.colour_seed == NO_COLOUR or not settings.speed_semitones:
    return pcm[begin : begin + length_samples]
  speed = draw_speed(
    spec.colour_seed, reader.track(row), settings.speed_semitones
  )
  return play(pcm, begin, length_samples, speed)


def _colour(
  sounds: Float32[np.ndarray, "b samples"],
  spec: EpisodeSpec,
  kind: str,
  places: list[list[int]],
  settings: EpisodeSettings,
) -> None:
  """Colours the sounds of one kind, which are at some places of the spec."""
  colours = [
    draw_colour(spec.colour_seed, kind, tuple(place), settings)
    for place in places
  ]
  colour_sounds(sounds, colours, settings.sample_rate_hz)


def _read_clips(
  clips: Float32[np.ndarray, "Q K samples"],
  rows: Int[np.ndarray, "Q K"],
  offsets_samples: Int[np.ndarray, "Q K"],
  reader: RecordReader,
  spec: EpisodeSpec,
  settings: EpisodeSettings,
) -> None:
  length_samples = clips.shape[-1]
  for q, k in np.argwhere(rows != NO_RECORD).tolist():
    begin = int(offsets_samples[q, k])
    cut = _excerpt(reader, rows[q, k], begin, length_samples, spec, settings)
    np.multiply(cut, PCM_STEP, out=clips[q, k], dtype=np.float32)


def read_episode(
  spec: EpisodeSpec,
  reader: RecordReader,
  settings: EpisodeSettings,
) -> EpisodeBatch:
  """Reads the sound of one episode.

  Args:
    spec: What to read.
    reader: Of the dataset that the spec was drawn from.
    settings: Lengths of mixture and examples; the spec tells all other sizes.

  Returns:
    The episode, without the leading dimension B; padding is zero. A mixture
    that would exceed full scale is scaled down together with its targets.
  """
  num_queries, max_positives = spec.positive_records.shape
  # An item of an evaluation list has sizes of its own.
  settings = settings._replace(
    num_queries=num_queries,
    max_positives=max_positives,
    max_negatives=spec.negative_records.shape[1],
  )
  batch = blank_episodes(1, settings)
  read_into(batch, 0, spec, reader, settings)
  mixture, targets, support, query_mask = batch
  return EpisodeBatch(
    mixture=mixture[0],
    targets=targets[0],
    support=Support(*(leaf[0] for leaf in support)),
    query_mask=query_mask[0],
  )
