"""The sources of one mixture: stems of a song, or of several at random."""

import bisect
import itertools
import random
from typing import NamedTuple

from fewshot_mss.data.catalogue import Catalogue
from fewshot_mss.data.draws import (
  active_offset,
  draw_below,
  draw_companions,
  drawn_order,
  is_active,
)
from fewshot_mss.data.episode_settings import EpisodeSettings
from fewshot_mss.data.labels import UNKNOWN_FAMILY

# Excerpts of songs that are tried until enough instruments sound in one.
_EXCERPTS_TRIED = 8


class Mixture(NamedTuple):
  """What is mixed, one entry a source.

  Attributes:
    rows: Of the catalogue.
    instruments: Which one each source is of.
    offsets_samples: Where in its segment each source begins.
    gains: Factor of each source.
    heard: The different instruments that sound in the excerpt; the first
      source's is the first.
  """

  rows: list[int]
  instruments: list[int]
  offsets_samples: list[int]
  gains: list[float]
  heard: list[int]


def draw_mixture(
  rng: random.Random,
  catalogue: Catalogue,
  settings: EpisodeSettings,
  split: int,
  *,
  sounding: int = 1,
  left_out: int = 0,
) -> Mixture:
  """Draws the sources; the first is drawn evenly over the instruments.

  The number of sources is drawn evenly from what the settings allow, of which
  a song has fewer, perhaps, and a family. Where no song serves, the mixture is
  random. So is one that shall be of one family, of which there may be fewer
  than wanted; without a family large enough it is of any instruments.

  Args:
    rng: Source of randomness.
    catalogue: What there is to draw from.
    settings: How to draw.
    split: Which songs.
    sounding: How many instruments shall sound in the excerpt at least.
    left_out: How many instruments of the split shall not be in the mixture;
      fewer are if `sounding` or the settings leave no choice.

  Returns:
    The mixture.
  """
  instruments = catalogue.view.split_instruments[split].tolist()
  fewest = max(settings.min_sources, sounding)
  # No draw without the share: what is drawn then is as it was without the key.
  of_one_family = (
    settings.same_family_share and rng.random() < settings.same_family_share
  )
  anchors = instruments
  if of_one_family:
    anchors = _in_families(catalogue, instruments, max(fewest, 2)) or anchors
  anchor = anchors[draw_below(rng, len(anchors))]
  pool = instruments
  if of_one_family and anchors is not instruments:
    family = catalogue.family_of[anchor]
    pool = [i for i in anchors if catalogue.family_of[i] == family]
  most = settings.max_sources
  if left_out:
    most = max(fewest, min(most, len(instruments) - left_out))
  wanted = fewest + draw_below(rng, most - fewest + 1)
  length = settings.mixture_samples
  rows, offsets = [], []
  if not of_one_family and rng.random() >= settings.random_mix_share:
    rows, offsets = _stems_of_a_song(
      rng,
      catalogue,
      _group(catalogue, split, anchor),
      length,
      fewest=fewest,
      wanted=wanted,
      sounding=sounding,
    )
  levels_db = [0.0] * len(rows)
  if not rows:
    rows = _stems_at_random(rng, catalogue, split, anchor, pool, wanted)
    offsets = [active_offset(rng, catalogue, row, length) for row in rows]
    # Levels of different songs do not compare: start from the same one.
    own_db = [catalogue.rms_db.item(row) for row in rows]
    levels_db = [own_db[0] - level_db for level_db in own_db]
  return Mixture(
    rows=rows,
    instruments=[catalogue.instrument.item(row) for row in rows],
    offsets_samples=offsets,
    gains=[_draw_gain(rng, settings, level_db) for level_db in levels_db],
    heard=_heard(catalogue, rows, offsets, length),
  )


def _in_families(
  catalogue: Catalogue, instruments: list[int], least: int
) -> list[int]:
  """Returns the instruments whose family has enough of them."""
  families = [catalogue.family_of.item(i) for i in instruments]
  return [
    instrument
    for instrument, family in zip(instruments, families, strict=True)
    if catalogue.families[family] != UNKNOWN_FAMILY
    and families.count(family) >= least
  ]


def _draw_gain(
  rng: random.Random, settings: EpisodeSettings, level_db: float
) -> float:
  """Draws a factor around a level, evenly in dB."""
  gain_db = level_db + settings.gain_db * (2 * rng.random() - 1)
  return 10 ** (gain_db / 20)


def _group(catalogue: Catalogue, split: int, instrument: int) -> slice:
  """Returns where an instrument's rows are in the view."""
  group = split * len(catalogue.instruments) + instrument
  begin = catalogue.view.group_begin
  return slice(begin.item(group), begin.item(group + 1))


def _heard(
  catalogue: Catalogue, rows: list[int], offsets: list[int], length: int
) -> list[int]:
  """Returns the different instruments that sound, in order of the rows."""
  heard = {
    catalogue.instrument.item(row): None
    for row, offset in zip(rows, offsets, strict=True)
    if is_active(catalogue, row, offset, length)
  }
  return list(heard)


def _stems_of_a_song(
  rng: random.Random,
  catalogue: Catalogue,
  group: slice,
  length: int,
  *,
  fewest: int,
  wanted: int,
  sounding: int,
) -> tuple[list[int], list[int]]:
  """Draws rows of one moment and their offsets; none if no song serves."""
  view = catalogue.view
  # Rows whose song has enough different instruments at that time come first.
  crowded = bisect.bisect_right(
    memoryview(view.crowd), -max(fewest, 2), group.start, group.stop
  )
  if crowded == group.start:
    return [], []
  for _ in range(_EXCERPTS_TRIED):
    place = group.start + draw_below(rng, crowded - group.start)
    row = view.crowded_rows.item(place)
    offset = active_offset(rng, catalogue, row, length)
    rows = draw_companions(
      rng,
      catalogue,
      view,
      row,
      wanted,
      offset,
      length,
      different=max(sounding, 2),
    )
    offsets = [offset] * len(rows)
    if len(_heard(catalogue, rows, offsets, length)) >= sounding:
      return rows, offsets
  return [], []


def _stems_at_random(
  rng: random.Random,
  catalogue: Catalogue,
  split: int,
  anchor: int,
  instruments: list[int],
  wanted: int,
) -> list[int]:
  """Draws a row of each of some instruments, whatever the song."""
  others = [instrument for instrument in instruments if instrument != anchor]
  chosen = itertools.islice(drawn_order(rng, len(others)), wanted - 1)
  rows = []
  for instrument in [anchor, *(others[i] for i in chosen)]:
    group = _group(catalogue, split, instrument)
    place = group.start + draw_below(rng, group.stop - group.start)
    rows.append(catalogue.view.group_rows.item(place))
  return rows
