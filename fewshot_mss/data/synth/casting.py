"""Which instruments play in which songs: balanced, and split by class."""

import collections
from collections.abc import Mapping, Sequence

import numpy as np

from fewshot_mss.data.synth.instrument_classes import InstrumentClass
from fewshot_mss.errors import InputError

# Every class of a split is in so many of its songs: examples come from others.
_MIN_SONGS = 2
_TRIES = 20


def draw_unseen(
  rng: np.random.Generator,
  classes: Sequence[InstrumentClass],
  count: int,
  *,
  breadth: Mapping[str, int] | None = None,
) -> tuple[str, ...]:
  """Draws the classes to keep out of training, evenly over the families.

  Only classes that share no layer with another are drawn, and of every family
  at least one class stays.

  Args:
    rng: Of the draws.
    classes: All instruments.
    count: How many.
    breadth: How many timbres each class has, by its name: of each family those
      of few are drawn first, so that training hears what has many. None is to
      draw without regard to that.

  Returns:
    Their names, sorted.

  Raises:
    InputError: If there are too few.
  """
  members = collections.Counter(item.family for item in classes)
  decks = {}
  for family in sorted(members):
    apart = [
      item.name for item in classes if item.family == family and item.apart
    ]
    deck = [str(name) for name in rng.permutation(apart)]
    if breadth is not None:
      # Dealt from the end.
      deck = sorted(deck, key=breadth.__getitem__)[: members[family] - 1][::-1]
    decks[family] = deck[: members[family] - 1]
  available = sum(len(deck) for deck in decks.values())
  if not 0 <= count <= available:
    raise InputError(
      f"num_unseen is {count}: the SoundFont has {available} instruments that "
      "can be kept out of training; give no more"
    )
  drawn: list[str] = []
  while len(drawn) < count:
    # Families with most left first among equals, so that none is emptied.
    for family in rng.permutation(sorted(decks)):
      if decks[family] and len(drawn) < count:
        drawn.append(decks[family].pop())
  return tuple(sorted(drawn))


def deal(
  rng: np.random.Generator, names: Sequence[str], sizes: Sequence[int]
) -> list[list[str]]:
  """Deals instruments to songs from a deck that is shuffled anew when empty.

  All that are dealt at all are dealt nearly equally often, at least twice, and
  never twice to one song; where there is not room for all, some stay out.

  Args:
    rng: Of the draws.
    names: The instruments.
    sizes: How many each song takes.

  Returns:
    The instruments of each song.

  Raises:
    InputError: If the songs are too few for that.
  """
  most, total = max(sizes, default=0), sum(sizes)
  for used in range(min(len(names), total // _MIN_SONGS), most - 1, -1):
    chosen = [str(name) for name in rng.permutation(names)[:used]]
    for _ in range(_TRIES if used else 1):
      songs = _deal_once(rng, chosen, sizes)
      times = collections.Counter(name for song in songs for name in song)
      if all(times[name] >= _MIN_SONGS for name in chosen):
        return songs
  raise InputError(
    f"{len(sizes)} songs are too few to hear every instrument twice, with "
    f"{len(names)} instruments: give more songs or another num_unseen"
  )


def _deal_once(
  rng: np.random.Generator, names: list[str], sizes: Sequence[int]
) -> list[list[str]]:
  deck: list[str] = []
  songs = []
  for size in sizes:
    song: list[str] = []
    while len(song) < size:
      fresh = [name for name in deck if name not in song]
      if not fresh:
        deck += [str(name) for name in rng.permutation(names)]
        continue
      deck.remove(fresh[0])
      song.append(fresh[0])
    songs.append(song)
  return songs


def cast_songs(
  rng: np.random.Generator,
  sizes: Sequence[int],
  *,
  seen: Sequence[str],
  unseen: Sequence[str],
) -> list[list[str]]:
  """Casts songs of which about half of the parts are unseen instruments.

  Args:
    rng: Of the draws.
    sizes: Pitched parts of each song, two at least.
    seen: Instruments of training.
    unseen: Instruments kept out of it; without any, all parts are seen.

  Returns:
    The instruments of each song, shuffled.

  Raises:
    InputError: If the songs are too few.
  """
  met: collections.Counter[int] = collections.Counter()
  shares = []
  for size in sizes:
    # Two songs of a size take alike: what one takes, the other can take, too.
    more = met[size] // 2 % 2
    met[size] += 1
    shares.append(min((size + more) // 2, size - 1) if unseen else 0)
  strange = deal(rng, unseen, shares)
  known = deal(
    rng, seen, [size - share for size, share in zip(sizes, shares, strict=True)]
  )
  return [
    [str(name) for name in rng.permutation(ours + theirs)]
    for ours, theirs in zip(known, strange, strict=True)
  ]
