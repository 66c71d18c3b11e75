"""Clips that show an instrument well, for its profile."""

import itertools
import random
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

from fewshot_mss.audio.clock import clock
from fewshot_mss.audio.levels import SILENCE_DBFS
from fewshot_mss.data.catalogue import TRAIN, Catalogue
from fewshot_mss.data.draws import shuffled
from fewshot_mss.data.records import RecordReader
from fewshot_mss.data.sources import Sources

# A segment of which less shows the instrument is a last resort.
_MOSTLY_ACTIVE = 0.5


class InstrumentClip(NamedTuple):
  """A segment of a stem.

  Attributes:
    name: Of the song, and the part of it.
    samples: The sound, whole.
  """

  name: str
  samples: Float32[np.ndarray, " samples"]


def instrument_clips(
  sources: Sources, count: int
) -> Iterator[tuple[str, list[InstrumentClip]]]:
  """Yields clips of each instrument that training may hear, from its songs.

  Datasets take turns, and in each its songs, so that a profile is of many. The
  draw depends on the datasets and the instrument alone.

  Args:
    sources: The datasets of the run.
    count: How many clips of each, at most.

  Yields:
    The name of the instrument and its clips; instruments without any are left
    out.
  """
  readers = [
    RecordReader(folder, catalogue)
    for folder, catalogue in zip(
      sources.folders, sources.catalogues, strict=True
    )
  ]
  for instrument in sources.class_names:
    queues = [
      [(number, row) for row in instrument_rows(catalogue, instrument)]
      for number, catalogue in enumerate(sources.catalogues)
      # What has no weight was not trained on.
      if sources.weights[number]
    ]
    places = itertools.islice(_in_turns(queues), count)
    clips = [
      InstrumentClip(
        _name(sources.catalogues[number], row), readers[number].read(row)
      )
      for number, row in places
    ]
    if clips:
      yield instrument, clips


def instrument_rows(catalogue: Catalogue, instrument: str) -> list[int]:
  """Returns the rows that show an instrument, the best to take first.

  Args:
    catalogue: Of a dataset.
    instrument: Its name.

  Returns:
    Training rows in turns over the songs, those that show much of it before
    the others; none if the dataset does not hold it.
  """
  if instrument not in catalogue.instruments:
    return []
  rows = np.flatnonzero(
    (catalogue.split == TRAIN)
    & catalogue.trainable
    & (catalogue.instrument == catalogue.instruments.index(instrument))
    & (catalogue.rms_db > SILENCE_DBFS)
  )
  rng = random.Random(f"profile {instrument}")
  ordered = shuffled(rng, rows.tolist())
  much = catalogue.active[ordered].mean(axis=1) >= _MOSTLY_ACTIVE
  result = []
  for kind in (True, False):
    by_song: dict[int, list[int]] = {}
    for row, has_much in zip(ordered, much.tolist(), strict=True):
      if has_much == kind:
        by_song.setdefault(catalogue.track.item(row), []).append(row)
    result += _in_turns(list(by_song.values()))
  return result


def _in_turns(queues: list[list]) -> Iterator:
  """Yields one of each queue in turn."""
  gone = object()
  for turn in itertools.zip_longest(*queues, fillvalue=gone):
    yield from (item for item in turn if item is not gone)


def _name(catalogue: Catalogue, row: int) -> str:
  begin = catalogue.start_samples.item(row)
  end = begin + catalogue.segment_samples
  times = [clock(edge / catalogue.sample_rate_hz) for edge in (begin, end)]
  return f"{catalogue.tracks[catalogue.track.item(row)]}@{'-'.join(times)}"
