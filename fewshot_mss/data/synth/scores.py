"""The notes of all songs of a dataset: composed, or from a folder of MIDI."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fewshot_mss.data.synth.midi_files import notes_digest
from fewshot_mss.data.synth.notes import Part, excerpt, read_parts
from fewshot_mss.data.synth.songs import RING_OUT_S, compose
from fewshot_mss.errors import InputError

_MIN_PARTS, _MAX_PARTS = 3, 5
_MIN_PITCHED = 2
# Fewer notes in an excerpt are no part.
_MIN_NOTES = 4
_MANY_SONGS = 6


@dataclasses.dataclass(frozen=True)
class Score:
  """The notes of one song.

  Attributes:
    pitched: Parts that any instrument may play, two or more.
    drums: The part of the drums, if there is one.
  """

  pitched: tuple[Part, ...]
  drums: Part | None


def composed_scores(
  seed: int, counts: Sequence[int], song_s: float
) -> list[list[Score]]:
  """Composes the songs of the splits: drums in about half of each.

  Args:
    seed: Of all draws.
    counts: Songs of each split, two or more.
    song_s: Length of the songs.

  Returns:
    The songs of each split.
  """
  splits = []
  for split, count in enumerate(counts):
    rng = np.random.default_rng([seed, split])
    # Sizes come in pairs, so that what one song takes another can take, too.
    half = count // 2
    sizes = rng.integers(_MIN_PARTS, _MAX_PARTS + 1, size=half)
    with_drums = rng.permutation(np.arange(half) % 2 == 0)
    splits.append(
      [
        _compose(
          np.random.default_rng([seed, split, number]),
          int(sizes[number % half]),
          bool(with_drums[number % half]),
          song_s,
        )
        for number in range(count)
      ]
    )
  return splits


def _compose(
  rng: np.random.Generator, size: int, drums: bool, song_s: float
) -> Score:
  parts = compose(rng, num_pitched=size - drums, drums=drums, song_s=song_s)
  return Score(parts[: size - drums], parts[-1] if drums else None)


def folder_scores(
  seed: int, folder: Path, most: int | None, song_s: float
) -> list[Score]:
  """Reads songs from a folder of MIDI files, in an order drawn by the seed.

  Of each file, an excerpt in which many parts play. Files in which fewer than
  two pitched parts ever play together are passed over, and so is the second
  of two files of the same notes: it could test what the first trained.

  Args:
    seed: Of the order and of the excerpts.
    folder: Searched with its subfolders for .mid and .midi.
    most: How many songs; None is all.
    song_s: Length of the songs.

  Returns:
    The songs.

  Raises:
    InputError: If there is no MIDI file, or one cannot be read.
  """
  paths = sorted(
    path
    for path in folder.rglob("*")
    if path.suffix.lower() in (".mid", ".midi")
  )
  if not paths:
    raise InputError(f"{folder} has no .mid file: name a folder of MIDI files")
  scores: list[Score] = []
  digests: set[str] = set()
  for number in np.random.default_rng(seed).permutation(len(paths)):
    if len(scores) == most:
      break
    parts = read_parts(paths[number])
    digest = notes_digest(
      (note.start_s, note.pitch + 128 * (part.role == "drums"))
      for part in parts
      for note in part.notes
    )
    rng = np.random.default_rng([seed, int(number)])
    score = _excerpt(rng, parts, song_s)
    if score is not None and digest not in digests:
      scores.append(score)
      digests.add(digest)
  return scores


def even_sizes(scores: list[Score]) -> list[Score]:
  """Gives few songs equally many pitched parts, so that all can be shared.

  Every instrument of a split is to be in two of its songs: where one song of
  two or three is larger than the others, its parts find no second song.

  Args:
    scores: The songs of a split.

  Returns:
    The songs, without the parts of fewest notes if they are few songs.
  """
  if len(scores) >= _MANY_SONGS:
    return scores
  size = min(len(score.pitched) for score in scores)
  return [
    dataclasses.replace(score, pitched=score.pitched[:size]) for score in scores
  ]


def _excerpt(
  rng: np.random.Generator, parts: tuple[Part, ...], song_s: float
) -> Score | None:
  """Returns one of the fullest excerpts, or None if none has two parts."""
  notes_s = song_s - min(RING_OUT_S, song_s / 4)
  end_s = max((n.start_s for part in parts for n in part.notes), default=0.0)
  found = []
  for start_s in np.arange(0.0, end_s + song_s, song_s):
    cut = [excerpt(part, float(start_s), notes_s) for part in parts]
    cut = [part for part in cut if len(part.notes) >= _MIN_NOTES]
    drums = next((part for part in cut if part.role == "drums"), None)
    pitched = [part for part in cut if part.role != "drums"]
    pitched.sort(key=lambda part: -len(part.notes))
    room = _MAX_PARTS - (drums is not None)
    if len(pitched) >= _MIN_PITCHED:
      found.append(Score(tuple(pitched[:room]), drums))
  if not found:
    return None
  fullest = max(len(score.pitched) for score in found)
  found = [score for score in found if len(score.pitched) == fullest]
  return found[int(rng.integers(len(found)))]
