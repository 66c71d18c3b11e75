"""Songs for the builder, made of constants."""

import numpy as np

from fewshot_mss.data.builder import build
from fewshot_mss.data.tracks import Stem, Track, TrackSet

# Others would cost more to start than these songs take.
IN_PROCESS = ("direct_num_workers=1",)


def stem(name, samples, rate_hz=8000):
  return Stem(name, name, "f", "p", lambda: (samples[:, None], rate_hz))


def loud(count=8000, level=0.5):
  return np.full(count, level)


def make(tracks, output, **kwargs):
  return build(
    TrackSet(tracks=tuple(tracks)),
    output,
    **{
      "sample_rate_hz": 8000,
      "segment_s": 1.0,
      "progress": False,
      "beam_words": IN_PROCESS,
      **kwargs,
    },
  )


def pair(name="song", split="train"):
  return Track(name, split, (stem("violin", loud()), stem("drums", loud())))
