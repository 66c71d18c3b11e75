"""Programs that play the same samples are one instrument."""

import dataclasses
import math
from collections.abc import Sequence

from fewshot_mss.data.synth.general_midi import PROGRAMS
from fewshot_mss.data.synth.soundfont import SoundFont

# Above a half: pads of two layers share one with many others, and a chain of
# them would join half of the bank.
_SAME = 0.55
APART = 0.25


@dataclasses.dataclass(frozen=True)
class InstrumentClass:
  """Programs that are one instrument.

  Attributes:
    name: Name of the lowest program.
    family: Its family.
    programs: The numbers of all.
    apart: Whether no other instrument shares a quarter of its sound (a layer
      of a pad), so that training on the others does not let it be heard.
  """

  name: str
  family: str
  programs: tuple[int, ...]
  apart: bool


def instrument_classes(
  fonts: Sequence[SoundFont],
) -> tuple[InstrumentClass, ...]:
  """Groups the programs that play the same samples in any of the fonts.

  Two programs are one instrument if, with each program's samples weighed by
  the keys (24 to 108) and velocities that they cover, more than half of the
  weight is shared: sum of min(a, b) >= 0.55. So a common noise of the attack
  joins nothing, nor does one of two layers. Groups are connected components:
  of a chain, all are one. Programs that mostly play samples of a drum kit are
  left out: they are drums under another name.

  Args:
    fonts: The SoundFonts that a dataset is rendered with.

  Returns:
    The instruments, in order of their lowest program.
  """
  played = [
    (number, shares)
    for font in fonts
    for number, shares in font.samples.items()
  ]
  kit_samples = frozenset().union(*(font.kit_samples for font in fonts))
  drums = {
    number for number, shares in played if plays_drums(shares, kit_samples)
  }
  pairs = [
    (first, second, overlap(ours, theirs))
    for position, (first, ours) in enumerate(played)
    for second, theirs in played[:position]
    if drums.isdisjoint((first, second))
  ]
  lowest = {number: number for number, _ in played if number not in drums}
  for first, second, shared in pairs:
    if shared >= _SAME:
      low, high = sorted((lowest[first], lowest[second]))
      lowest |= {n: low for n, current in lowest.items() if current == high}
  layered = {
    lowest[number]
    for first, second, shared in pairs
    if shared >= APART and lowest[first] != lowest[second]
    for number in (first, second)
  }
  return tuple(
    InstrumentClass(
      name=PROGRAMS[low].name,
      family=PROGRAMS[low].family,
      programs=tuple(sorted(n for n in lowest if lowest[n] == low)),
      apart=low not in layered,
    )
    for low in sorted(set(lowest.values()))
  )


def plays_drums(shares: dict[str, float], kit_samples: frozenset[str]) -> bool:
  """Returns whether a program mostly plays the samples of drum kits.

  Args:
    shares: Of the program's samples.
    kit_samples: Of the kits.
  """
  return sum(shares[sample] for sample in shares.keys() & kit_samples) >= _SAME


def overlap(ours: dict[str, float], theirs: dict[str, float]) -> float:
  """Returns which share of their sound two programs have in common.

  Args:
    ours: The share of each sample in what a program plays.
    theirs: Likewise, of another one.
  """
  return math.fsum(
    min(ours[sample], theirs[sample]) for sample in ours.keys() & theirs.keys()
  )
