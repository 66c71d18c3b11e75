"""Songs that several datasets hold: what one tests on, no other trains on.

MUSDB18 took songs of MedleyDB, BabySlakh is the beginning of Slakh2100, and
anyone may unpack either into a folder of stems. Songs are the same if their
names have one key, in whatever dataset: generic names (`song_0001` of two
rendered folders) are taken for one song as well, for the same songs may have
been rendered twice. That leaves out too much rather than too little, and is
told. What a name does not show is not found: the same song under another name,
or the same notes rendered and recorded.
"""

from collections.abc import Sequence

import numpy as np

from fewshot_mss.data.catalogue import SPLITS, TRAIN, Catalogue
from fewshot_mss.data.song_keys import song_key
from fewshot_mss.errors import InputError

_SOLOS = "Medley-solos-DB"
_CUT_FROM = ("MedleyDB", "MUSDB18")


def songs_left_out(
  catalogues: Sequence[Catalogue],
) -> list[tuple[int, ...]]:
  """Finds the songs that a dataset must not use, for another one holds them.

  A song that is for the test in one dataset is used for nothing else in the
  others; one for validation trains nothing. What a dataset says of its own
  songs stays as it is.

  Args:
    catalogues: Of the datasets.

  Returns:
    For each dataset the indices of the tracks to leave out, in order.
  """
  splits = [_split_of_tracks(catalogue) for catalogue in catalogues]
  keys = [[song_key(name) for name in each.tracks] for each in catalogues]
  # The strictest use of each song in each dataset: test, validation, training.
  held: list[dict[str, int]] = []
  for of_tracks, of_keys in zip(splits, keys, strict=True):
    strictest: dict[str, int] = {}
    for key, split in zip(of_keys, of_tracks, strict=True):
      strictest[key] = max(split, strictest.get(key, TRAIN))
    held.append(strictest)
  return [
    tuple(
      track
      for track, (key, split) in enumerate(zip(keys[i], splits[i], strict=True))
      if any(
        other.get(key, TRAIN) > split for j, other in enumerate(held) if j != i
      )
    )
    for i in range(len(catalogues))
  ]


def describe_left_out(
  name: str, catalogue: Catalogue, left_out: Sequence[int]
) -> list[str]:
  """Says how many songs of each split a dataset leaves out, and one of them.

  Args:
    name: Of the dataset.
    catalogue: Likewise.
    left_out: Indices of tracks.

  Returns:
    A line for each split that loses songs.
  """
  splits = _split_of_tracks(catalogue)
  lines = []
  for number, split in enumerate(SPLITS):
    total = splits.count(number)
    lost = [track for track in left_out if splits[track] == number]
    if lost:
      lines.append(
        f"{name}: {len(lost)} of {total} {split} songs are left out, which "
        "another dataset holds for validation or test, such as "
        f"{catalogue.tracks[lost[0]]}"
      )
  return lines


def check_unnamed_songs(
  names: Sequence[str],
  weights: Sequence[float],
  catalogues: Sequence[Catalogue],
) -> None:
  """Refuses datasets that share songs which no name tells.

  The clips of Medley-solos-DB for training and validation were cut from songs
  of MedleyDB, many of which are in MUSDB18 too. Its table numbers them, and no
  public table says which number is which song.

  Args:
    names: Of the datasets.
    weights: Likewise; what has 0 is not trained on.
    catalogues: Likewise.

  Raises:
    InputError: If clips of Medley-solos-DB would be trained on beside a
      dataset that tests on songs which they may be of.
  """
  origins = [" ".join(catalogue.provenance) for catalogue in catalogues]
  for name, weight, origin in zip(names, weights, origins, strict=True):
    if _SOLOS not in origin or weight == 0:
      continue
    for other, other_origin in zip(names, origins, strict=True):
      if any(source in other_origin for source in _CUT_FROM):
        raise InputError(
          f"data.sources: {name} ({_SOLOS}) holds clips of songs that "
          f"{other} may test on, and nothing says which: leave one of them out"
        )


def _split_of_tracks(catalogue: Catalogue) -> list[int]:
  splits = np.zeros(len(catalogue.tracks), np.int64)
  splits[catalogue.track] = catalogue.split
  return splits.tolist()
