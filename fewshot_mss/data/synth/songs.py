"""Procedural songs: chords, melody, counter-melody, bass, drums as notes."""

import dataclasses

import numpy as np

from fewshot_mss.data.synth.drum_patterns import drum_hits
from fewshot_mss.data.synth.harmony import Bar, harmony, near
from fewshot_mss.data.synth.notes import Note, Part

# The last note ends this long before the song does: it rings out.
RING_OUT_S = 1.5
_MAX_TIMING_S = 0.012

_CENTRE = {
  "melody": 72,
  "counter": 64,
  "chords": 60,
  "arpeggio": 66,
  "bass": 40,
}


@dataclasses.dataclass(frozen=True)
class _Style:
  """How one part plays: drawn once, so that it has a character.

  Attributes:
    unit_beats: Its usual note.
    gate: Share of a note's time that it sounds: staccato to legato.
    velocity: Usual.
    accent: Added on the beat.
    rest_share: Of the notes left out.
    pause_share: Of the bars left out.
  """

  unit_beats: float
  gate: float
  velocity: int
  accent: int
  rest_share: float
  pause_share: float


def compose(
  rng: np.random.Generator, *, num_pitched: int, drums: bool, song_s: float
) -> tuple[Part, ...]:
  """Writes a song.

  Args:
    rng: Of all draws.
    num_pitched: Number of parts beside the drums.
    drums: Whether there are drums, as the last part.
    song_s: Length; notes end somewhat earlier, to ring out.

  Returns:
    The parts, all of which have notes. The pitched ones stand in a register
    that fits their role; instruments move them into their own.
  """
  beat_s = 60.0 / rng.uniform(70, 160)
  bar_beats = int(rng.choice((4, 4, 4, 3)))
  ring_out_s = min(RING_OUT_S, song_s / 4)
  end_beats = (song_s - ring_out_s) / beat_s
  bars = harmony(rng, end_beats, bar_beats)
  # Melody and accompaniment always; what more there is, in any order.
  more = ["bass", "counter", "chords", "arpeggio", "melody"]
  roles = ["melody", str(rng.choice(("chords", "arpeggio")))]
  roles += [str(role) for role in rng.permutation(more)]
  parts = []
  for role in roles[:num_pitched]:
    style = _style(rng, role)
    notes: list[Note] = []
    for bar in _playing(rng, bars, style.pause_share):
      notes += _role_notes(rng, role, bar, bar_beats, style)
    parts.append(
      Part(role, _in_seconds(rng, notes, beat_s, song_s - ring_out_s))
    )
  if drums:
    notes = drum_hits(
      rng, [bar.start_beats for bar in bars], bar_beats=bar_beats
    )
    parts.append(
      Part("drums", _in_seconds(rng, notes, beat_s, song_s - ring_out_s))
    )
  return tuple(parts)


def _style(rng: np.random.Generator, role: str) -> _Style:
  units = {
    "melody": (0.25, 0.5, 0.5, 1.0, 1.0),
    "counter": (0.5, 1.0, 2.0, 4.0),
    "chords": (0.5, 1.0, 2.0, 4.0),
    "arpeggio": (0.25, 0.5, 0.5),
    "bass": (0.5, 1.0, 1.0, 2.0),
  }[role]
  return _Style(
    unit_beats=float(rng.choice(units)),
    gate=float(rng.choice((0.4, 0.7, 0.9, 1.0))),
    velocity=int(rng.integers(60, 105)),
    accent=int(rng.integers(0, 18)),
    rest_share=float(rng.uniform(0.0, 0.2)),
    pause_share=float(rng.uniform(0.0, 0.25)),
  )


def _playing(
  rng: np.random.Generator, bars: list[Bar], pause_share: float
) -> list[Bar]:
  """Returns the bars that a part plays in, at least one of any four."""
  playing = []
  silent = 0
  for bar in bars:
    silent = silent + 1 if rng.random() < pause_share else 0
    if not 0 < silent < 4:
      playing.append(bar)
  return playing or bars


def _role_notes(
  rng: np.random.Generator,
  role: str,
  bar: Bar,
  bar_beats: int,
  style: _Style,
) -> list[Note]:
  """Writes a bar of a part; times are in beats."""
  play = {
    "melody": _line,
    "counter": _line,
    "chords": _chords,
    "arpeggio": _arpeggio,
    "bass": _bass,
  }[role]
  pitches = play(rng, bar, _CENTRE[role], bar_beats / style.unit_beats)
  notes = []
  for start, length, chord in _rhythm(rng, pitches, bar_beats, style):
    loud = style.velocity + style.accent * (start == int(start))
    for pitch in chord:
      velocity = int(np.clip(loud + rng.integers(-8, 9), 20, 127))
      notes.append(
        Note(bar.start_beats + start, length * style.gate, pitch, velocity)
      )
  return notes


def _rhythm(
  rng: np.random.Generator,
  pitches: list[list[int]],
  bar_beats: int,
  style: _Style,
) -> list[tuple[float, float, list[int]]]:
  """Lays pitches on the beats of a bar until it is full."""
  placed = []
  start = 0.0
  for number in range(4 * bar_beats):
    if start >= bar_beats:
      break
    factor = float(rng.choice((0.5, 1.0, 1.0, 1.0, 2.0)))
    length = max(0.25, factor * style.unit_beats)
    length = min(length, bar_beats - start)
    if not placed or rng.random() >= style.rest_share:
      placed.append((start, length, pitches[number % len(pitches)]))
    start += length
  return placed


def _line(
  rng: np.random.Generator, bar: Bar, centre: int, count: float
) -> list[list[int]]:
  """Walks over the scale, from a note of the chord."""
  pitch = near(int(rng.choice(bar.chord)), centre + int(rng.integers(-5, 6)))
  line = [[pitch]]
  ladder = sorted(
    12 * octave + step for octave in range(10) for step in bar.scale
  )
  position = ladder.index(pitch)
  for _ in range(2 * int(np.ceil(count))):
    position += int(rng.choice((-3, -2, -1, -1, 0, 1, 1, 2, 3)))
    # Drawn back towards the middle of its register.
    if abs(ladder[position] - centre) > 11:
      position -= int(np.sign(ladder[position] - centre)) * 4
    line.append([ladder[position]])
  return line


def _chords(
  rng: np.random.Generator, bar: Bar, centre: int, count: float
) -> list[list[int]]:
  del count
  return [[near(step, centre + int(rng.integers(-2, 3))) for step in bar.chord]]


def _arpeggio(
  rng: np.random.Generator, bar: Bar, centre: int, count: float
) -> list[list[int]]:
  steps = sorted(near(step, centre) for step in bar.chord)
  steps.append(steps[0] + 12)
  shape = str(rng.choice(("up", "down", "both", "any")))
  if shape == "down":
    steps = steps[::-1]
  elif shape == "both":
    steps += steps[-2:0:-1]
  elif shape == "any":
    steps = [int(step) for step in rng.choice(steps, size=2 * int(count) + 1)]
  return [[step] for step in steps]


def _bass(
  rng: np.random.Generator, bar: Bar, centre: int, count: float
) -> list[list[int]]:
  root = near(bar.chord[0], centre)
  kind = str(rng.choice(("root", "fifth", "walking")))
  if kind == "root":
    return [[root]]
  if kind == "fifth":
    return [[root], [root + 7], [root + 12], [root + 7]]
  walk = [root]
  for _ in range(2 * int(np.ceil(count))):
    step = int(rng.choice(bar.scale))
    walk.append(near(step, walk[-1] + int(rng.choice((-3, 3)))))
    if abs(walk[-1] - centre) > 12:
      walk[-1] = root
  return [[pitch] for pitch in walk]


def _in_seconds(
  rng: np.random.Generator, notes: list[Note], beat_s: float, end_s: float
) -> tuple[Note, ...]:
  """Turns beats into seconds, played by a hand; drops what is too late."""
  played = []
  for note in notes:
    start_s = note.start_s * beat_s + rng.uniform(0, _MAX_TIMING_S)
    length_s = min(note.length_s * beat_s, end_s - start_s)
    if length_s > 0.03:
      played.append(
        dataclasses.replace(note, start_s=start_s, length_s=length_s)
      )
  return tuple(played)
