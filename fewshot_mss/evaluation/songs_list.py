"""The fixed list of a folder of songs: who is asked for what, by which clips.

Every instrument of every song is asked for once, in the whole song. Examples
are stems' spans of other songs of the folder where the instrument is in
another one. Where it is not they are of the song itself, of one half of its
slots, drawn for the song; what they show is then left out of what is scored,
for all systems alike. So is the wrong query drawn, and the negatives.
"""

import itertools
import random
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from fewshot_mss.data.draws import drawn_order, shuffled
from fewshot_mss.data.evaluation_items import (
  MAX_NEGATIVES,
  MAX_POSITIVES,
  MIN_TARGET_DBFS,
)
from fewshot_mss.evaluation.song_survey import SongSurvey

# Long enough for the examples of any model: those are cut into its pieces.
EXAMPLE_S = 4.0


class Span(NamedTuple):
  """An example: as long as all of its list, of one stem.

  Attributes:
    song: Name of the song.
    stem: Name of the stem.
    start_s: Where it begins.
  """

  song: str
  stem: str
  start_s: float


class SongItem(NamedTuple):
  """One instrument of one song, asked for twice.

  Attributes:
    index: Number in the list.
    song: Name of the song.
    instrument: The target: all stems of this instrument.
    wrong_instrument: What the wrong query asks for, another one of the song.
    positives: Examples of the right and of the wrong query.
    negatives: Likewise, of all other instruments of the song.
  """

  index: int
  song: str
  instrument: str
  wrong_instrument: str
  positives: tuple[tuple[Span, ...], tuple[Span, ...]]
  negatives: tuple[tuple[Span, ...], tuple[Span, ...]]

  @property
  def spans(self) -> tuple[Span, ...]:
    """All examples of both queries."""
    return tuple(itertools.chain(*self.positives, *self.negatives))

  @property
  def left_out_s(self) -> tuple[float, ...]:
    """Where the examples from the song itself begin: not scored."""
    own = {span.start_s for span in self.spans if span.song == self.song}
    return tuple(sorted(own))


class ListedStem(NamedTuple):
  """What a folder's stem must be for the list to be the folder's.

  Attributes:
    name: Of the stem.
    instrument: Its class.
    duration_s: Its length.
  """

  name: str
  instrument: str
  duration_s: float


class SongsList(NamedTuple):
  """The list of a folder.

  Attributes:
    layout: How the folder was read.
    split: Which of its songs; `all` for all.
    seed: Of the draws.
    example_s: Length of an example, in seconds.
    songs: The stems of each song, by name.
    items: What is asked, song by song.
    skipped: What cannot be asked, each as `song, instrument: reason`.
  """

  layout: str
  split: str
  seed: int
  example_s: float
  songs: dict[str, tuple[ListedStem, ...]]
  items: tuple[SongItem, ...]
  skipped: tuple[str, ...]


def draw_songs_list(
  surveys: Sequence[SongSurvey],
  *,
  layout: str,
  split: str,
  seed: int,
  example_s: float,
) -> SongsList:
  """Draws the list of a folder; nothing but the folder and the seed counts.

  Args:
    surveys: What `survey_songs` found.
    layout: How the folder was read.
    split: Which of its songs were.
    seed: Of the draws.
    example_s: Length of the slots of the surveys.

  Returns:
    The list; without items where no song has two instruments.
  """
  pools = _pools(surveys, example_s)
  items: list[SongItem] = []
  skipped: list[str] = []
  for survey in surveys:
    for instrument in survey.instruments:
      rng = random.Random(f"{seed} {survey.name} {instrument}")
      own = _own_slots(survey, seed, example_s)
      item = _draw_item(
        rng, survey, own, pools, instrument, len(items), example_s
      )
      if isinstance(item, SongItem):
        items.append(item)
      else:
        skipped.append(f"{survey.name}, {instrument}: {item}")
  songs = {
    survey.name: tuple(
      ListedStem(stem.name, stem.instrument, round(stem.duration_s, 6))
      for stem in survey.stems
    )
    for survey in surveys
  }
  return SongsList(
    layout, split, seed, example_s, songs, tuple(items), tuple(skipped)
  )


def _pools(
  surveys: Iterable[SongSurvey], example_s: float
) -> dict[str, list[Span]]:
  """Returns the spans that show each instrument."""
  pools: dict[str, list[Span]] = {}
  for survey in surveys:
    for stem in survey.stems:
      pools.setdefault(stem.instrument, []).extend(
        Span(survey.name, stem.name, slot * example_s)
        for slot, level_db in enumerate(stem.levels_db)
        if level_db > MIN_TARGET_DBFS
      )
  return pools


def _own_slots(survey: SongSurvey, seed: int, example_s: float) -> set[float]:
  """Draws the half of a song that its own examples may be of."""
  rng = random.Random(f"{seed} {survey.name}")
  slots = shuffled(rng, range(survey.num_slots))
  return {slot * example_s for slot in slots[: survey.num_slots // 2]}


def _draw_item(
  rng: random.Random,
  survey: SongSurvey,
  own: set[float],
  pools: Mapping[str, list[Span]],
  instrument: str,
  index: int,
  example_s: float,
) -> SongItem | str:
  """Draws an item, or says why there is none."""
  others = [name for name in survey.instruments if name != instrument]
  if not others:
    return "is the only instrument of its song"
  if not survey.num_slots:
    return f"its song is shorter than an example, {example_s:g} s"
  levels_db = survey.levels_db(instrument)
  if not (levels_db > MIN_TARGET_DBFS).any():
    return f"in no span of {example_s:g} s as loud as {MIN_TARGET_DBFS:g} dBFS"
  usable = {
    name: _usable(pools[name], survey.name, own) for name in survey.instruments
  }
  audible = [name for name in others if usable[name]]
  if not usable[instrument]:
    return (
      "no example of it: in no other song, nor in the half of this one that "
      "examples may be of"
    )
  if not audible:
    return "no example of another instrument of its song for the wrong query"
  wrong = audible[int(rng.random() * len(audible))]
  positives, negatives = [], []
  for asked in (instrument, wrong):
    rest = [name for name in survey.instruments if name != asked]
    rest = [rest[place] for place in drawn_order(rng, len(rest))]
    positives.append(_draw(rng, usable, [asked], MAX_POSITIVES))
    negatives.append(_draw(rng, usable, rest, MAX_NEGATIVES))
  item = SongItem(
    index,
    survey.name,
    instrument,
    wrong,
    (positives[0], positives[1]),
    (negatives[0], negatives[1]),
  )
  scored = [
    level_db
    for slot, level_db in enumerate(levels_db.tolist())
    if slot * example_s not in item.left_out_s
  ]
  if max(scored) <= MIN_TARGET_DBFS:
    return "plays only where the examples are from"
  return item


def _usable(pool: Sequence[Span], song: str, own: set[float]) -> list[Span]:
  """Returns the spans of other songs, or else those of the song's half."""
  elsewhere = [span for span in pool if span.song != song]
  if elsewhere:
    return elsewhere
  return [span for span in pool if span.start_s in own]


def _draw(
  rng: random.Random,
  usable: Mapping[str, Sequence[Span]],
  instruments: Sequence[str],
  count: int,
) -> tuple[Span, ...]:
  """Draws different spans that alternate between some instruments."""
  turns = []
  for i, name in enumerate(instruments[:count]):
    share = len(range(i, count, len(instruments)))
    order = itertools.islice(drawn_order(rng, len(usable[name])), share)
    turns.append([usable[name][place] for place in order])
  in_turns = itertools.chain.from_iterable(itertools.zip_longest(*turns))
  return tuple(span for span in in_turns if span is not None)
