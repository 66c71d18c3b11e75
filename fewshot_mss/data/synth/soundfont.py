"""SoundFonts: their programs, and which samples each of them plays.

Reads the tables of the SoundFont 2 format that say so; sound is made by
midirenderer alone.
"""

import dataclasses
import functools
import hashlib
import importlib.util
import itertools
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from fewshot_mss.data.synth.general_midi import (
  MUSICAL_PROGRAMS,
  Program,
  is_drum_kit,
)
from fewshot_mss.errors import InputError

_DRUM_BANK = 128
# Less is no range to move a part into.
_OCTAVE = 12
# Keys that programs are compared over, the same for all: most music.
_FIRST_KEY, _LAST_KEY = 24, 108

_KEY_RANGE, _VELOCITY_RANGE, _INSTRUMENT, _SAMPLE_ID = 43, 44, 41, 53
_TABLES = {
  "phdr": [
    ("name", "S20"),
    ("preset", "<u2"),
    ("bank", "<u2"),
    ("bag", "<u2"),
    ("unused", "<u4", 3),
  ],
  "pbag": [("generator", "<u2"), ("modulator", "<u2")],
  "pgen": [("kind", "<u2"), ("amount", "<u2")],
  "inst": [("name", "S20"), ("bag", "<u2")],
  "ibag": [("generator", "<u2"), ("modulator", "<u2")],
  "igen": [("kind", "<u2"), ("amount", "<u2")],
  "shdr": [
    ("name", "S20"),
    ("start", "<u4"),
    ("end", "<u4"),
    ("unused", "<u4", 3),
    ("pitch", "<u2"),
    ("link", "<u2"),
    ("type", "<u2"),
  ],
}


@dataclasses.dataclass(frozen=True, eq=False)
class SoundFont:
  """What a SoundFont offers.

  Attributes:
    name: The file's name without its ending.
    programs: The musical programs that it has a sound for, by number; their
      ranges are those that it sounds in.
    samples: For each of them, the share of each sample in what it plays; a
      sample is known by its content, so copies and other fonts count.
    kits: Names of the drum kits, by number.
    kit_samples: All samples of the kits.
  """

  name: str
  programs: dict[int, Program]
  samples: dict[int, dict[str, float]]
  kits: dict[int, str]
  kit_samples: frozenset[str]


def default_soundfont() -> Path:
  """Returns the path of TimGM6mb, which comes with pretty_midi.

  Raises:
    InputError: If pretty_midi is not installed.
  """
  # Found without being imported: its import warns.
  spec = importlib.util.find_spec("pretty_midi")
  if spec is None or spec.origin is None:
    raise InputError(
      "pretty_midi, which brings the default SoundFont, is missing: "
      "pip install 'fewshot-mss[render]' or name a SoundFont"
    )
  return Path(spec.origin).with_name("TimGM6mb.sf2")


@functools.cache
def load_soundfont(path: Path) -> SoundFont:
  """Reads which programs, kits and samples a SoundFont has.

  Args:
    path: The file.

  Returns:
    Its musical programs that sound over an octave or more.

  Raises:
    InputError: If it cannot be read, is not a SoundFont 2 file, or has no
      program.
  """
  try:
    content = path.read_bytes()
  except OSError as error:
    raise InputError(
      f"SoundFont {path} cannot be read ({error.strerror}): name an .sf2 file"
    ) from error
  if content[:4] != b"RIFF" or content[8:12] != b"sfbk":
    raise InputError(f"{path} is not a SoundFont: name an .sf2 file")
  try:
    presets = _presets(content)
  except (IndexError, KeyError, ValueError, struct.error) as error:
    raise InputError(
      f"SoundFont {path} is damaged: name another .sf2 file"
    ) from error
  programs = {
    program.number: _playable(program, presets[0, program.number][1])
    for program in MUSICAL_PROGRAMS
    if (0, program.number) in presets
  }
  programs = {
    number: program
    for number, program in programs.items()
    if program.high - program.low >= _OCTAVE
  }
  if not programs:
    raise InputError(
      f"SoundFont {path} has no General MIDI program in bank 0: name a General "
      "MIDI bank"
    )
  kits = {
    number: preset
    for (bank, number), preset in presets.items()
    if bank == _DRUM_BANK and is_drum_kit(number)
  }
  return SoundFont(
    name=path.stem,
    programs=programs,
    samples={number: _shares(presets[0, number][1]) for number in programs},
    kits={number: name for number, (name, _) in kits.items()},
    kit_samples=frozenset(
      sample for _, zones in kits.values() for sample in _shares(zones)
    ),
  )


def _playable(
  program: Program, zones: list[tuple[str, int, int, float]]
) -> Program:
  """Returns a program with the longest stretch of its keys that all sound."""
  runs = [[program.low, program.low - 1]]
  for key in range(program.low, program.high + 1):
    if any(low <= key <= high for _, low, high, _ in zones):
      runs[-1][1] = key
    else:
      runs.append([key + 1, key])
  low, high = max(runs, key=lambda run: run[1] - run[0])
  return dataclasses.replace(program, low=low, high=high)


def _shares(zones: list[tuple[str, int, int, float]]) -> dict[str, float]:
  """Returns the share of each sample in the keys that are compared."""
  weights: dict[str, float] = {}
  for sample, low, high, velocity_share in zones:
    keys = min(high, _LAST_KEY) - max(low, _FIRST_KEY) + 1
    if keys > 0:
      weights[sample] = weights.get(sample, 0.0) + keys * velocity_share
  total = sum(weights.values())
  return {sample: weight / total for sample, weight in weights.items()}


def _presets(
  content: bytes,
) -> dict[tuple[int, int], tuple[str, list[tuple[str, int, int, float]]]]:
  """Returns the name and the (sample, low, high, velocities) of presets."""
  tables, pcm = _tables(content)
  samples = [
    _identity(pcm[2 * int(row["start"]) : 2 * int(row["end"])])
    for row in tables["shdr"][:-1]
  ]
  found = {}
  headers = tables["phdr"]
  for header, following in itertools.pairwise(headers):
    zones = []
    for outer, target in _zones(tables, "p", header, following, _INSTRUMENT):
      ends = tables["inst"][target], tables["inst"][target + 1]
      for inner, sample in _zones(tables, "i", *ends, _SAMPLE_ID):
        low, high = _meet(outer, inner, _KEY_RANGE)
        softest, loudest = _meet(outer, inner, _VELOCITY_RANGE)
        velocities = max(0, loudest - softest + 1) / 128
        if high >= low and velocities and samples[sample]:
          zones.append((samples[sample], low, high, velocities))
    name = bytes(header["name"]).split(b"\0")[0].decode("latin-1").strip()
    found[int(header["bank"]), int(header["preset"])] = (name, zones)
  return found


def _identity(pcm: memoryview) -> str:
  """Returns what tells a sample from others; nothing for a silent one."""
  return hashlib.sha256(pcm).hexdigest() if any(pcm) else ""


def _meet(
  outer: dict[int, int], inner: dict[int, int], kind: int
) -> tuple[int, int]:
  """Returns the range that two zones have in common."""
  # A range is two bytes, lowest first; without one a zone takes all.
  amounts = [outer.get(kind, 0x7F00), inner.get(kind, 0x7F00)]
  return max(a & 0xFF for a in amounts), min(a >> 8 for a in amounts)


def _zones(
  tables: dict[str, np.ndarray],
  level: str,
  header: np.void,
  following: np.void,
  target: int,
) -> Iterator[tuple[dict[int, int], int]]:
  """Yields the generators of each zone and the index that it points to.

  A first zone that points to nothing holds the defaults of the others.
  """
  bags = tables[f"{level}bag"]["generator"]
  generators = tables[f"{level}gen"]
  defaults: dict[int, int] = {}
  for bag in range(int(header["bag"]), int(following["bag"])):
    rows = generators[int(bags[bag]) : int(bags[bag + 1])]
    zone = {int(row["kind"]): int(row["amount"]) for row in rows}
    if target in zone:
      yield defaults | zone, zone[target]
    elif bag == int(header["bag"]):
      defaults = zone


def _tables(content: bytes) -> tuple[dict[str, np.ndarray], memoryview]:
  """Returns the tables of the presets and the bytes of the samples."""
  tables: dict[str, np.ndarray] = {}
  view = memoryview(content)
  pcm = view[:0]
  for name, start, end in _chunks(content, 12, len(content)):
    if name != "LIST":
      continue
    for inner, first, last in _chunks(content, start + 4, end):
      if inner == "smpl":
        pcm = view[first:last]
      elif inner in _TABLES:
        tables[inner] = np.frombuffer(
          content[first:last], np.dtype(_TABLES[inner])
        )
  missing = _TABLES.keys() - tables.keys()
  if missing:
    raise KeyError(missing)
  return tables, pcm


def _chunks(
  content: bytes, start: int, end: int
) -> Iterator[tuple[str, int, int]]:
  """Yields the name, start and end of the chunks of a RIFF file."""
  while start + 8 <= end:
    name = content[start : start + 4].decode("latin-1")
    (size,) = struct.unpack_from("<I", content, start + 4)
    yield name, start + 8, start + 8 + size
    # Chunks are padded to an even length.
    start += 8 + size + size % 2
