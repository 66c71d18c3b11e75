"""Clips that show an instrument well, for its profile."""

import itertools
import random
import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Int

from fewshot_mss.audio.clock import clock
from fewshot_mss.audio.levels import SILENCE_DBFS
from fewshot_mss.data.catalogue import TRAIN, Catalogue
from fewshot_mss.data.draws import shuffled
from fewshot_mss.data.records import RecordReader
from fewshot_mss.data.sources import Sources
from fewshot_mss.data.synth.general_midi import PROGRAMS

# A segment of which less shows the instrument is a last resort.
_MOSTLY_ACTIVE = 0.5
# A patch of rendered music: SoundFont, number, program and perhaps an effect.
_PROGRAM = re.compile(r"[^/]+/\d{3} ([^+]+?)( \+ .+)?")
_PROGRAM_NAMES = frozenset(program.name for program in PROGRAMS)


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

  Of an instrument that is heard in several programs of General MIDI, as an
  electric guitar is, each of them follows by its own name. Datasets take turns,
  and in each its songs, so that a profile is of many. The draw depends on the
  datasets and the instrument alone.

  Args:
    sources: The datasets of the run.
    count: How many clips of each, at most.

  Yields:
    The name of the instrument or program and its clips; what has none is left
    out.
  """
  readers = [
    RecordReader(folder, catalogue)
    for folder, catalogue in zip(
      sources.folders, sources.catalogues, strict=True
    )
  ]
  # What has no weight was not trained on.
  heard = [number for number, w in enumerate(sources.weights) if w]

  def clips_of(
    instrument: str, program: str | None = None
  ) -> list[InstrumentClip]:
    queues = [
      [
        (number, row)
        for row in instrument_rows(
          sources.catalogues[number], instrument, program
        )
      ]
      for number in heard
    ]
    return [
      InstrumentClip(
        _name(sources.catalogues[number], row), readers[number].read(row)
      )
      for number, row in itertools.islice(_in_turns(queues), count)
    ]

  for instrument in sources.class_names:
    if clips := clips_of(instrument):
      yield instrument, clips
    programs = {
      program
      for number in heard
      for program in programs_of(sources.catalogues[number], instrument)
    }
    if len(programs) > 1:
      for program in sorted(programs.difference(sources.class_names)):
        yield program, clips_of(instrument, program)


def programs_of(catalogue: Catalogue, instrument: str) -> set[str]:
  """Returns the programs of General MIDI that training hears a class in.

  Args:
    catalogue: Of a dataset.
    instrument: Name of the class.

  Returns:
    Their names; none of a dataset that was not rendered, and of drums.
  """
  rows = _training_rows(catalogue, instrument)
  return {
    program
    for patch in np.unique(catalogue.patch[rows]).tolist()
    if (program := _program_of(catalogue.patches[patch])) in _PROGRAM_NAMES
  }


def instrument_rows(
  catalogue: Catalogue, instrument: str, program: str | None = None
) -> list[int]:
  """Returns the rows that show an instrument, the best to take first.

  Args:
    catalogue: Of a dataset.
    instrument: Its name.
    program: The one of its programs that shall be heard; None is any sound.

  Returns:
    Training rows in turns over the songs, those that show much of it before
    the others; none if the dataset does not hold it.
  """
  rows = _training_rows(catalogue, instrument)
  if program is not None:
    of_program = [_program_of(patch) == program for patch in catalogue.patches]
    rows = rows[np.array(of_program)[catalogue.patch[rows]]]
  rng = random.Random(f"profile {program or instrument}")
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


def _training_rows(
  catalogue: Catalogue, instrument: str
) -> Int[np.ndarray, " rows"]:
  """Returns the rows of a class that training may hear, none silent."""
  if instrument not in catalogue.instruments:
    return np.zeros(0, np.int64)
  return np.flatnonzero(
    (catalogue.split == TRAIN)
    & catalogue.trainable
    & (catalogue.instrument == catalogue.instruments.index(instrument))
    & (catalogue.rms_db > SILENCE_DBFS)
  )


def _program_of(patch: str) -> str | None:
  match = _PROGRAM.fullmatch(patch)
  return match and match[1]


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
