"""The prepared datasets that a run draws from, each with its weight.

An episode is of one dataset from its mixture to its examples. Level, bandwidth,
room and codec, in which datasets differ, thus never tell the sources of a
mixture apart: a network that may hear them would learn to go by them instead of
by the instrument.

Unseen instruments, unheard timbres and songs for the test (shared_songs.py) are
held out of all datasets, by name. A broad class of another one may hold them
still: the brass of Slakh2100 a tuba, the `other` of MUSDB18 anything.
"""

import bisect
import dataclasses
import hashlib
import itertools
import json
import math
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fewshot_mss.data.catalogue import TRAIN, Catalogue, load_catalogue
from fewshot_mss.data.episode_settings import EpisodeSettings, check_settings
from fewshot_mss.data.episodes import EpisodeSpec, episode_spec
from fewshot_mss.data.shared_songs import (
  check_unnamed_songs,
  describe_left_out,
  songs_left_out,
)
from fewshot_mss.errors import InputError

_FORM = "FOLDER or FOLDER=WEIGHT, with commas between several"
_TOLD_NAMES = 8


@dataclasses.dataclass(frozen=True, eq=False)
class Sources:
  """The datasets of a run.

  Attributes:
    folders: The prepared folders.
    weights: The share of episodes that each is drawn for; together 1.
    catalogues: Of the folders. Of several, `seen`, `unheard`, `class_names`
      and `left_out` are those of the mix.
    content_hash: Changes with what is in any folder, with the order of the
      folders and with the weights. Of one folder it is that of its catalogue.
    notes: What was left out where, a line each.
  """

  folders: tuple[Path, ...]
  weights: tuple[float, ...]
  catalogues: tuple[Catalogue, ...]
  content_hash: str
  notes: tuple[str, ...] = ()

  @property
  def names(self) -> tuple[str, ...]:
    """What the datasets are called: their folders' names, if they differ."""
    return _names(self.folders)

  @property
  def class_names(self) -> tuple[str, ...]:
    """Names of all seen instruments, in order of their class."""
    return self.catalogues[0].seen_instruments

  @property
  def provenance(self) -> tuple[str, ...]:
    """Where the audio comes from, each place once."""
    return tuple(
      dict.fromkeys(
        place for each in self.catalogues for place in each.provenance
      )
    )


def source_word(folder: Path) -> str:
  """Returns the value of `data.sources` for one folder.

  Args:
    folder: A prepared folder.

  Returns:
    What `load_sources` reads as that folder.

  Raises:
    InputError: If its name holds a comma.
  """
  if "," in str(folder):
    raise InputError(f"{folder}: name a folder without a comma")
  return f"{folder}=1" if "=" in str(folder) else str(folder)


def load_sources(words: str) -> Sources:
  """Reads the catalogues of the datasets of a run, and joins them.

  Args:
    words: `data.sources`: FOLDER or FOLDER=WEIGHT, with commas between.

  Returns:
    The datasets. A single one is as its folder says.

  Raises:
    InputError: If the words name no datasets, a folder cannot be read, or the
      datasets cannot be mixed.
  """
  folders, weights = _parse(words)
  catalogues = [load_catalogue(folder) for folder in folders]
  hashes = [catalogue.content_hash for catalogue in catalogues]
  shares = tuple(weight / sum(weights) for weight in weights)
  if len(folders) == 1:
    return Sources(tuple(folders), shares, tuple(catalogues), hashes[0])
  _check_together(folders, catalogues, hashes)
  names = _names(folders)
  check_unnamed_songs(names, weights, catalogues)
  joined, notes = _join(names, weights, catalogues)
  together = json.dumps(list(zip(hashes, shares, strict=True)))
  return Sources(
    tuple(folders),
    shares,
    tuple(joined),
    hashlib.sha256(together.encode()).hexdigest(),
    tuple(notes),
  )


def draw_source(sources: Sources, seed: int, index: int) -> int:
  """Draws which dataset an episode is of; see `draw_episode`."""
  if len(sources.folders) == 1:
    return 0
  # A stream of its own, beside those that an episode draws from.
  drawn = random.Random(f"{seed} {index} source").random()
  ends = list(itertools.accumulate(sources.weights))
  return bisect.bisect_right(ends, drawn * ends[-1])


def draw_episode(
  sources: Sources,
  seed: int,
  index: int,
  settings: EpisodeSettings,
  split: int = TRAIN,
) -> tuple[int, EpisodeSpec]:
  """Draws a dataset by weight, then an episode of it.

  Args:
    sources: The datasets.
    seed: Of the run.
    index: Number of the episode.
    settings: How to draw; checked by `check_sources`.
    split: Which songs.

  Returns:
    Which dataset, and the episode as rows of its catalogue.
  """
  source = draw_source(sources, seed, index)
  catalogue = sources.catalogues[source]
  return source, episode_spec(seed, index, catalogue, settings, split)


def check_sources(
  settings: EpisodeSettings, sources: Sources, split: int = TRAIN
) -> None:
  """Checks that every dataset that is drawn from can serve the settings.

  Args:
    settings: What episodes draw.
    sources: The datasets.
    split: Which songs.

  Raises:
    InputError: If one cannot, naming its folder and the configuration's key.
  """
  for folder, weight, catalogue in zip(
    sources.folders, sources.weights, sources.catalogues, strict=True
  ):
    if weight == 0:
      continue
    try:
      check_settings(settings, catalogue, split)
    except InputError as error:
      raise InputError(f"{folder}: {error}") from error


def _parse(words: str) -> tuple[list[Path], list[float]]:
  """Returns the folders and their weights."""
  if not words.strip():
    raise InputError(
      "data.sources is empty: give --config.data.sources=FOLDER, one that "
      "`fewshot-mss data build` wrote"
    )
  folders, weights = [], []
  for word in words.split(","):
    # From the end: what is before may hold the sign itself.
    name, sign, weight = word.strip().rpartition("=")
    folder = name if sign else weight
    try:
      value = float(weight) if sign else 1.0
    except ValueError:
      value = math.nan
    if not folder or not 0 <= value < math.inf:
      raise InputError(
        f"data.sources: {word.strip()!r} cannot be read: give {_FORM}, a "
        "weight of 0 or more; a folder with = in its name needs a weight"
      )
    if not Path(folder).is_dir():
      raise InputError(
        f"data.sources: {folder} is no folder: give {_FORM}; a folder with a "
        "comma in its name cannot be named, one with = needs a weight"
      )
    folders.append(Path(folder))
    weights.append(value)
  if not sum(weights):
    raise InputError(f"data.sources is {words}: give one a weight above 0")
  return folders, weights


def _names(folders: Sequence[Path]) -> tuple[str, ...]:
  short = [folder.resolve().name for folder in folders]
  different = len(set(short)) == len(short)
  return tuple(short if different else map(str, folders))


def _check_together(
  folders: Sequence[Path],
  catalogues: Sequence[Catalogue],
  hashes: Sequence[str],
) -> None:
  """Refuses one dataset twice, and different sample rates."""
  for i in range(1, len(folders)):
    first = hashes.index(hashes[i])
    if first < i:
      raise InputError(
        f"data.sources: {folders[first]} and {folders[i]} hold the same: name "
        "it once, with a weight"
      )
    rates_hz = catalogues[0].sample_rate_hz, catalogues[i].sample_rate_hz
    if rates_hz[0] != rates_hz[1]:
      raise InputError(
        f"data.sources: {folders[0]} is at {rates_hz[0]} Hz and {folders[i]} "
        f"at {rates_hz[1]} Hz: build one of them at the other's rate"
      )


def _join(
  names: Sequence[str],
  weights: Sequence[float],
  catalogues: Sequence[Catalogue],
) -> tuple[list[Catalogue], list[str]]:
  """Makes what each catalogue holds out hold for all of them."""
  unseen: set[str] = set()
  unheard: set[str] = set()
  for catalogue in catalogues:
    unheard.update(np.array(catalogue.patches)[catalogue.unheard].tolist())
    # Without training songs all is unseen, which nobody has chosen.
    if (catalogue.split == TRAIN).any():
      unseen.update(np.array(catalogue.instruments)[~catalogue.seen].tolist())
  left_out = songs_left_out(catalogues)
  joined, trained, notes = [], set[str](), list[str]()
  for i, catalogue in enumerate(catalogues):
    seen = catalogue.seen
    catalogue = dataclasses.replace(
      catalogue,
      seen=~np.isin(catalogue.instruments, list(unseen)),
      unheard=np.isin(catalogue.patches, list(unheard)),
      left_out=left_out[i],
    )
    joined.append(catalogue)
    notes += _describe_unseen(names[i], catalogue, seen)
    notes += describe_left_out(names[i], catalogue, left_out[i])
    if weights[i]:
      rows = catalogue.trainable & (catalogue.split == TRAIN)
      there = np.unique(catalogue.instrument[rows])
      trained.update(np.array(catalogue.instruments)[there].tolist())
  class_names = tuple(sorted(trained))
  return [
    dataclasses.replace(
      catalogue,
      seen=np.isin(catalogue.instruments, class_names),
      class_names=class_names,
    )
    for catalogue in joined
  ], notes


def _describe_unseen(
  name: str, catalogue: Catalogue, was_seen: np.ndarray
) -> list[str]:
  lost = np.array(catalogue.instruments)[was_seen & ~catalogue.seen].tolist()
  if not lost:
    return []
  more = len(lost) - _TOLD_NAMES
  told = ", ".join(lost[:_TOLD_NAMES]) + (f" and {more} more" * (more > 0))
  return [
    f"{name}: {told} are not trained from it, which another dataset keeps "
    "unseen"
  ]
