"""Songs asked for what they hold and for what they do not."""

import random
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

from fewshot_mss.data.catalogue import TRAIN, Catalogue
from fewshot_mss.data.draws import shuffled
from fewshot_mss.data.records import RecordReader
from fewshot_mss.data.whole_songs import read_song

_EXAMPLES = 3
_ASKED_OF_A_KIND = 3
# Of less of a segment, an example shows little.
_MOSTLY_ACTIVE = 0.3


class AskedSong(NamedTuple):
  """A song, and what it is asked for.

  Attributes:
    mixture: The song.
    examples: Of each instrument asked for, from other songs; of training songs
      where no other one of the split holds it.
    targets: What each plays in the song: silence, if it is not in it.
  """

  mixture: Float32[np.ndarray, " samples"]
  examples: list[list[Float32[np.ndarray, " example"]]]
  targets: Float32[np.ndarray, "asked samples"]


def asked_songs(
  reader: RecordReader, catalogue: Catalogue, split: int, count: int
) -> Iterator[AskedSong]:
  """Yields songs, each asked for some instruments in it and as many others.

  The draw depends on the dataset alone.

  Args:
    reader: Of the dataset.
    catalogue: Likewise.
    split: Which songs.
    count: How many of them, at most.

  Yields:
    The songs that can be asked for one of either kind at least.
  """
  in_split = catalogue.split == split
  much = catalogue.active.mean(axis=1) >= _MOSTLY_ACTIVE
  tracks = np.unique(catalogue.track[in_split]).tolist()
  rng = random.Random(f"presence {split}")
  for track in shuffled(rng, tracks)[:count]:
    held = set(catalogue.instrument[catalogue.track == track].tolist())
    shown: dict[bool, list[tuple[int, list[int]]]] = {True: [], False: []}
    everything = np.unique(catalogue.instrument[much & in_split]).tolist()
    for instrument in shuffled(rng, everything):
      asked = shown[instrument in held]
      showing = much & (catalogue.instrument == instrument)
      showing &= catalogue.track != track
      rows = np.flatnonzero(showing & in_split)
      if not len(rows):
        rows = np.flatnonzero(showing & (catalogue.split == TRAIN))
      if len(rows) and len(asked) < _ASKED_OF_A_KIND:
        asked.append((instrument, shuffled(rng, rows.tolist())[:_EXAMPLES]))
    asked = shown[True] + shown[False]
    if shown[True] and shown[False]:
      parts = [read_song(reader, catalogue, track, i) for i, _ in asked]
      yield AskedSong(
        parts[0][0],
        [[reader.read(row) for row in rows] for _, rows in asked],
        np.stack([target for _, target in parts]),
      )
