"""The patches that an instrument has in a SoundFont, and whose turn it is."""

import collections
import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fewshot_mss.data.synth.general_midi import DRUMS, Program
from fewshot_mss.data.synth.instrument_classes import InstrumentClass
from fewshot_mss.data.synth.soundfont import SoundFont


@dataclasses.dataclass(frozen=True)
class Patch:
  """One timbre.

  Attributes:
    soundfont: The file.
    name: As in the catalogue.
    number: Program, or number of the drum kit.
    low: Lowest key to play; drums take every key as it is.
    high: Highest.
  """

  soundfont: Path
  name: str
  number: int
  low: int = 0
  high: int = 127


def font_patches(
  path: Path, font: SoundFont, classes: Sequence[InstrumentClass]
) -> dict[str, list[Patch]]:
  """Returns the patches of each instrument that a SoundFont has.

  Args:
    path: The SoundFont's file.
    font: Its content.
    classes: The instruments; the drums, with all kits, come on top.
  """
  patches = {
    item.name: [
      _melodic(path, font, font.programs[number])
      for number in item.programs
      if number in font.programs
    ]
    for item in classes
  }
  patches[DRUMS] = [
    Patch(path, f"{font.name}/{number:03d} {name.lower()} kit", number)
    for number, name in sorted(font.kits.items())
  ]
  return {name: held for name, held in patches.items() if held}


def _melodic(path: Path, font: SoundFont, program: Program) -> Patch:
  return Patch(
    soundfont=path,
    name=f"{font.name}/{program.number:03d} {program.name}",
    number=program.number,
    low=program.low,
    high=program.high,
  )


class PatchTurns:
  """Deals the patches of each instrument in turn."""

  def __init__(self, rng: np.random.Generator, patches: dict[str, list[Patch]]):
    """Keeps what can be dealt.

    Args:
      rng: Of the order.
      patches: Of each instrument.
    """
    self._rng = rng
    self._patches = patches
    self._decks: dict[str, list[Patch]] = collections.defaultdict(list)
    self._dealt: dict[str, set[Patch]] = collections.defaultdict(set)

  def has(self, instrument: str) -> bool:
    """Returns whether the instrument has a patch."""
    return instrument in self._patches

  def next(self, instrument: str) -> Patch:
    """Returns the next patch of an instrument that has one."""
    deck = self._decks[instrument]
    if not deck:
      patches = self._patches[instrument]
      deck += [patches[i] for i in self._rng.permutation(len(patches))]
    patch = deck.pop()
    self._dealt[instrument].add(patch)
    return patch

  def keep_to_dealt(self) -> None:
    """Deals from now on no other patch of an instrument than before."""
    self._decks.clear()
    for name, dealt in self._dealt.items():
      self._patches[name] = sorted(dealt, key=lambda patch: patch.number)
