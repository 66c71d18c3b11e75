"""Keys, chords and progressions."""

import dataclasses

import numpy as np

_SCALES = {
  "major": (0, 2, 4, 5, 7, 9, 11),
  "minor": (0, 2, 3, 5, 7, 8, 10),
  "dorian": (0, 2, 3, 5, 7, 9, 10),
  "mixolydian": (0, 2, 4, 5, 7, 9, 10),
}
# Steps of the scale that chords stand on.
_PROGRESSIONS = (
  (0, 4, 5, 3),
  (0, 5, 3, 4),
  (0, 3, 4, 4),
  (5, 3, 0, 4),
  (0, 3, 0, 4),
  (1, 4, 0, 0),
  (0, 2, 3, 4),
  (0, 6, 5, 4),
  (0, 5, 1, 4),
  (0, 0, 3, 0),
)


@dataclasses.dataclass(frozen=True)
class Bar:
  """One bar of the harmony.

  Attributes:
    start_beats: Where it starts.
    scale: Pitch classes of the key, upwards from its root.
    degree: Step of the scale that the chord stands on.
    chord: Pitch classes of the chord, root first.
  """

  start_beats: float
  scale: tuple[int, ...]
  degree: int
  chord: tuple[int, ...]


def harmony(
  rng: np.random.Generator, end_beats: float, bar_beats: int
) -> list[Bar]:
  """Draws a key and two progressions that take turns every eight bars.

  Args:
    rng: Of all draws.
    end_beats: Where the song ends.
    bar_beats: Length of a bar.

  Returns:
    The bars up to the end, one at least.
  """
  key = int(rng.integers(12))
  scale = _SCALES[str(rng.choice(list(_SCALES)))]
  scale = tuple((key + step) % 12 for step in scale)
  sections = [
    _PROGRESSIONS[i]
    for i in rng.choice(len(_PROGRESSIONS), size=2, replace=False)
  ]
  size = int(rng.choice((3, 3, 4)))
  slow = bool(rng.random() < 0.3)
  bars = []
  for number in range(max(1, int(np.ceil(end_beats / bar_beats)))):
    section = sections[(number // 8) % 2]
    degree = section[(number // 2 if slow else number) % 4]
    chord = tuple(scale[(degree + 2 * i) % 7] for i in range(size))
    bars.append(Bar(float(number * bar_beats), scale, degree, chord))
  return bars


def near(pitch_class: int, centre: int) -> int:
  """Returns the key of a pitch class nearest to another key."""
  return centre + (pitch_class - centre + 6) % 12 - 6
