"""Sounds played faster or slower, as a tape is: pitch, tempo and formants.

A few recordings of an instrument are few players and few notes. Played at
other speeds they are more: an augmentation as old as speech recognition (Ko et
al., "Audio Augmentation for Speech Recognition", Interspeech 2015). All that an
episode takes of one song plays at one speed, so that what belongs together
stays in tune and in time.
"""

import random

import numpy as np
from jaxtyping import Float32, Int16
from scipy import fft, signal


def draw_speed(seed: int, track: int, semitones: float) -> float:
  """Draws how fast a song is played in an episode.

  Args:
    seed: Of the episode's colours.
    track: Number of the song.
    semitones: How far it goes up or down at most.

  Returns:
    A factor, drawn evenly in semitones; the same for the same arguments.
  """
  place = random.Random(f"{seed} speed {track}").random()
  return 2 ** (semitones * (2 * place - 1) / 12)


def play(
  pcm: Int16[np.ndarray, " segment"],
  begin: int,
  length_samples: int,
  speed: float,
) -> Float32[np.ndarray, " length"]:
  """Plays a segment around the middle of an excerpt at another speed.

  Args:
    pcm: The whole segment.
    begin: Where the excerpt begins at its own speed.
    length_samples: Of the excerpt, and of what is returned.
    speed: Above 1 is faster and higher. What the segment is too short for is
      played slower than asked.

  Returns:
    The excerpt, in the units of the segment. What the speed brings above half
    of the rate is left out.
  """
  taken = min(fft.next_fast_len(round(speed * length_samples)), len(pcm))
  first = begin + (length_samples - taken) // 2
  first = min(max(first, 0), len(pcm) - taken)
  cut = pcm[first : first + taken].astype(np.float32)
  return signal.resample(cut, length_samples).astype(np.float32)
