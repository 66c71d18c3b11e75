"""What a broad class is played with: programs of SoundFonts, recorded notes."""

import collections
import dataclasses
from collections.abc import Sequence
from pathlib import Path

from fewshot_mss.data.broad_classes import broad_class
from fewshot_mss.data.labels import look_up
from fewshot_mss.data.synth.general_midi import DRUMS, PROGRAMS
from fewshot_mss.data.synth.instrument_classes import (
  APART,
  overlap,
  plays_drums,
)
from fewshot_mss.data.synth.sampler import (
  MAX_SHIFT,
  instrument_folders,
  keys_of,
)
from fewshot_mss.data.synth.soundfont import SoundFont
from fewshot_mss.errors import InputError

_OCTAVE = 12


@dataclasses.dataclass(frozen=True)
class Voice:
  """One sound of a broad class, before any effect.

  Attributes:
    instrument: The class.
    family: Of the class.
    name: Unique; the beginning of its patches' names.
    place: The SoundFont's file, or the folder of the notes.
    number: Program, or kit of the drums; None for recorded notes.
    low: Lowest key to play; drums take every key as it is.
    high: Highest.
    alike: Voices of a class with one such number share a part of their sound.
  """

  instrument: str
  family: str
  name: str
  place: Path
  number: int | None
  low: int = 0
  high: int = 127
  alike: int = 0


def font_voices(
  heard: Sequence[tuple[Path, SoundFont]],
  unheard: Sequence[tuple[Path, SoundFont]],
) -> tuple[list[Voice], list[Voice]]:
  """Returns the voices of SoundFonts, and those for testing alone.

  A program that shares a quarter of its sound or more with a lower one of
  another class is left out, in whichever font: it would be that instrument
  under another name. So is what mostly plays the samples of a drum kit, and
  what an unheard font shares with a heard one.

  Args:
    heard: Files and contents of the SoundFonts.
    unheard: Likewise.

  Returns:
    Voices of the heard ones, and of the others.
  """
  kept: list[tuple[Voice, dict[str, float]]] = []
  _add_programs(kept, heard, may_share_in_class=True)
  count = len(kept)
  _add_programs(kept, unheard, may_share_in_class=False)
  voices = [voice for voice, _ in kept]
  return (
    [*voices[:count], *_kits(heard, 0)],
    [*voices[count:], *_kits(unheard, len(heard))],
  )


def _add_programs(
  kept: list[tuple[Voice, dict[str, float]]],
  fonts: Sequence[tuple[Path, SoundFont]],
  *,
  may_share_in_class: bool,
) -> None:
  """Adds the programs that are apart from those of other classes."""
  before = len(kept)
  for program in PROGRAMS:
    label = look_up("general_midi", program.name).instrument
    found = broad_class(label)
    for path, font in fonts:
      if program.number not in font.programs or plays_drums(
        font.samples[program.number], font.kit_samples
      ):
        continue
      shares = font.samples[program.number]
      sharing = [
        place
        for place, (_, theirs) in enumerate(kept)
        if overlap(shares, theirs) >= APART
      ]
      if any(
        kept[place][0].instrument != found.name
        or (place < before and not may_share_in_class)
        for place in sharing
      ):
        continue
      played = font.programs[program.number]
      # One of its own, unless it joins others; those become one, too.
      alike = min((kept[p][0].alike for p in sharing), default=len(kept))
      joined = {kept[place][0].alike for place in sharing}
      for place, (voice, theirs) in enumerate(kept):
        if voice.alike in joined:
          kept[place] = (dataclasses.replace(voice, alike=alike), theirs)
      voice = Voice(
        instrument=found.name,
        family=found.family,
        name=f"{font.name}/{program.number:03d} {program.name}",
        place=path,
        number=program.number,
        low=played.low,
        high=played.high,
        alike=alike,
      )
      kept.append((voice, shares))


def _kits(fonts: Sequence[tuple[Path, SoundFont]], first: int) -> list[Voice]:
  """Returns the drum kits; those of a font share many samples."""
  return [
    Voice(
      instrument=DRUMS,
      family=DRUMS,
      name=f"{font.name}/{number:03d} {name.lower()} kit",
      place=path,
      number=number,
      alike=first + place,
    )
    for place, (path, font) in enumerate(fonts)
    for number, name in sorted(font.kits.items())
  ]


def note_voices(folders: Sequence[Path]) -> list[Voice]:
  """Returns a voice for each instrument of folders of recorded notes.

  Args:
    folders: Each as `FOLDER/<instrument>/<pitch>.mp3`.

  Raises:
    InputError: If one holds no notes, two instruments have one name, or an
      instrument is of no broad class.
  """
  voices: dict[str, Voice] = {}
  for folder in folders:
    for path in instrument_folders(folder):
      found = broad_class(path.name)
      low, high = _playable(set(keys_of(path)))
      name = f"{folder.name}/{path.name}"
      if name in voices:
        raise InputError(f"two folders of notes are {name}: rename one")
      if high - low < _OCTAVE:
        continue
      voices[name] = Voice(
        instrument=found.name,
        family=found.family,
        name=name,
        place=path,
        number=None,
        low=low,
        high=high,
        # None of the numbers of programs, which count from 0.
        alike=-1 - len(voices),
      )
  return list(voices.values())


def _playable(keys: set[int]) -> tuple[int, int]:
  """Returns the longest range of keys that are near to a recorded note."""
  near = sorted(
    {key + shift for key in keys for shift in range(-MAX_SHIFT, MAX_SHIFT + 1)}
  )
  runs: list[list[int]] = []
  for key in near:
    if runs and key == runs[-1][1] + 1:
      runs[-1][1] = key
    else:
      runs.append([key, key])
  low, high = max(runs, key=lambda run: run[1] - run[0])
  return low, high


def by_class(voices: Sequence[Voice]) -> dict[str, list[Voice]]:
  """Returns the voices of each class, in the order of their names."""
  found: dict[str, list[Voice]] = collections.defaultdict(list)
  for voice in sorted(voices, key=lambda voice: voice.name):
    found[voice.instrument].append(voice)
  return dict(found)
