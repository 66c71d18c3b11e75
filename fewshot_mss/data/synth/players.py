"""Who plays which part of which song, and how loud."""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from fewshot_mss.data.catalogue import SPLITS
from fewshot_mss.data.synth.casting import cast_songs, deal
from fewshot_mss.data.synth.general_midi import DRUMS, PROGRAMS
from fewshot_mss.data.synth.instrument_classes import InstrumentClass
from fewshot_mss.data.synth.notes import Part
from fewshot_mss.data.synth.scores import Score

_LEVELS_DB = (-26.0, -18.0)


@dataclasses.dataclass(frozen=True)
class Player:
  """One part, cast.

  Attributes:
    instrument: The class.
    family: Its family.
    part: The notes.
    level_db: RMS to bring it to.
  """

  instrument: str
  family: str
  part: Part
  level_db: float


@dataclasses.dataclass(frozen=True)
class Song:
  """One song, cast.

  Attributes:
    name: Of the track.
    split: Of the dataset.
    players: Its parts.
  """

  name: str
  split: str
  players: tuple[Player, ...]


def cast_parts(
  rng: np.random.Generator,
  scores: list[list[Score]],
  classes: Sequence[InstrumentClass],
  unseen: tuple[str, ...],
) -> list[Song]:
  """Gives the parts of all songs to instruments.

  Args:
    rng: Of the draws.
    scores: The songs of each split.
    classes: All instruments.
    unseen: Names of those that training does not hear.

  Returns:
    The songs.

  Raises:
    InputError: If they are too few.
  """
  held = {item.name: item for item in classes}
  seen = [name for name in held if name not in unseen]
  songs: list[Song] = []
  for split, split_scores in zip(SPLITS, scores, strict=True):
    sizes = [len(score.pitched) for score in split_scores]
    if split == "train":
      dealt = deal(rng, seen, sizes)
      # What training had no room for is not seen: it is not in the others.
      seen = sorted({name for song in dealt for name in song})
    else:
      dealt = cast_songs(rng, sizes, seen=seen, unseen=unseen)
    drums = sum(score.drums is not None for score in split_scores) > 1
    for score, names in zip(split_scores, dealt, strict=True):
      players = [
        Player(name, held[name].family, part, float(rng.uniform(*_LEVELS_DB)))
        for part, name in _roles(score.pitched, [held[name] for name in names])
      ]
      if score.drums is not None and drums:
        level_db = float(rng.uniform(*_LEVELS_DB))
        players.append(Player(DRUMS, DRUMS, score.drums, level_db))
      name = f"song_{len(songs) + 1:04d}"
      songs.append(Song(name, split, tuple(players)))
  return songs


def _roles(
  parts: tuple[Part, ...], items: list[InstrumentClass]
) -> Iterator[tuple[Part, str]]:
  """Gives the lowest part to the lowest instrument, the others as they come."""
  lowest_part = min(
    parts, key=lambda part: np.mean([note.pitch for note in part.notes])
  )
  lowest = min(items, key=lambda item: PROGRAMS[item.programs[0]].low)
  yield lowest_part, lowest.name
  yield from zip(
    [part for part in parts if part is not lowest_part],
    [item.name for item in items if item is not lowest],
    strict=True,
  )
