"""Drum patterns on a grid of sixteenths."""

import numpy as np

from fewshot_mss.data.synth.notes import Note

_KICK, _STICK, _SNARE, _CLOSED_HAT, _OPEN_HAT = 36, 37, 38, 42, 46
_TOMS = (50, 48, 45, 41)
_CRASH, _RIDE, _SHAKER = 49, 51, 70
_SIXTEENTH_BEATS = 0.25


def drum_hits(
  rng: np.random.Generator, bar_starts: list[float], *, bar_beats: int
) -> list[Note]:
  """Writes drums: a groove, varied, with a fill and a crash now and then.

  Args:
    rng: Of all draws.
    bar_starts: Where the bars start, in beats.
    bar_beats: Length of a bar.

  Returns:
    The hits; times are in beats.
  """
  steps = 4 * bar_beats
  groove = _groove(rng, steps)
  velocity = int(rng.integers(75, 110))
  notes = []
  for number, start in enumerate(bar_starts):
    fill = number % 4 == 3 and rng.random() < 0.6
    hits = [
      (step, key)
      for key, played in groove.items()
      for step in played
      if not (fill and step >= steps - 4) and rng.random() < 0.95
    ]
    if fill:
      hits += [
        (steps - 4 + i, int(rng.choice((*_TOMS, _SNARE)))) for i in range(4)
      ]
    if number % 4 == 0 and rng.random() < 0.5:
      hits.append((0, _CRASH))
    for step, key in hits:
      loud = velocity + 8 * (step % 4 == 0) + int(rng.integers(-12, 13))
      notes.append(
        Note(
          start + step * _SIXTEENTH_BEATS,
          _SIXTEENTH_BEATS,
          key,
          int(np.clip(loud, 30, 127)),
        )
      )
  return notes


def _groove(rng: np.random.Generator, steps: int) -> dict[int, list[int]]:
  """Returns the steps of the bar that each drum plays."""
  back_beats = [4, 12] if steps == 16 else [4, 8]
  extra = rng.permutation(np.arange(2, steps, 2))[: int(rng.integers(0, 4))]
  kick = sorted({0, steps // 2, *(int(step) for step in extra)})
  snare = _SNARE if rng.random() < 0.8 else _STICK
  beat = int(rng.choice((1, 2, 2, 4)))
  cymbal = int(rng.choice((_CLOSED_HAT, _CLOSED_HAT, _RIDE, _SHAKER)))
  groove = {
    _KICK: kick,
    snare: back_beats,
    cymbal: list(range(0, steps, beat)),
  }
  if cymbal == _CLOSED_HAT and rng.random() < 0.5:
    groove[_OPEN_HAT] = [steps - 2]
  return groove
