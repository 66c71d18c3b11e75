"""Songs made of arrays, for the tests of checks."""

import numpy as np

from fewshot_mss.data.check import check_track_set
from fewshot_mss.data.tracks import Stem, Track, TrackSet
from fewshot_mss.errors import InputError

RATE_HZ = 1000


def noise(seed, seconds=2.0, rate_hz=RATE_HZ, channels=1):
  rng = np.random.default_rng(seed)
  shape = (round(seconds * rate_hz), channels)
  return (0.1 * rng.standard_normal(shape)).astype(np.float32)


def column(*values):
  return np.array(values, np.float32)[:, np.newaxis]


def reads(samples, rate_hz=RATE_HZ):
  # Nobody may write into what a layout may keep.
  samples.flags.writeable = False
  return lambda: (samples, rate_hz)


def stem(name, samples, rate_hz=RATE_HZ, **more):
  read = reads(samples, rate_hz)
  return Stem(name, name.split("_")[0], "family", "", read, **more)


def broken(name):
  def read():
    raise InputError(f"{name}.wav is no sound")

  return Stem(name, name, "family", "", read)


def song(name, *stems, split="train", mixture=None):
  return Track(name, split, stems, mixture)


def check(*tracks, **more):
  return check_track_set(TrackSet(tracks, **more), progress=False)
