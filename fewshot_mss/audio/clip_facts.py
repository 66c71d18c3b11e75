"""What can be said of an example without a network: length, level, clipping."""

import hashlib
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float32

from fewshot_mss.audio.levels import SILENCE_DBFS, block_rms_db, rms_db
from fewshot_mss.audio.resampling import to_mono

_BLOCK_S = 0.05
# A block this far below the loudest one is a pause.
_PAUSE_DB = -40.0
# The largest 16-bit sample; what lies at or above it may have been cut off.
_FULL_SCALE = 1 - 2.0**-15
# Equal samples at the very peak of a channel are a plateau that clipping leaves
# if there are this many, and if the sound comes to it at a slope: the top of a
# slow wave is rounded to equal steps, too. The slope is a share of the peak,
# and two steps of 16 bits at least.
_PLATEAU_SAMPLES = 3
_PLATEAU_SLOPE = 0.002
_LEAST_SLOPE = 2 * 2.0**-15


class ClipFacts(NamedTuple):
  """What an example is like.

  Attributes:
    length_s: In seconds.
    level_dbfs: RMS level of the mono sound.
    silent_share: Share of its blocks of 50 ms that are silent, or 40 dB below
      the loudest.
    clipped_share: Share of its samples that are at or beyond full scale, or on
      plateaus at the peak of their channel.
    sha256: Of the samples as they were read, in hexadecimal.
  """

  length_s: float
  level_dbfs: float
  silent_share: float
  clipped_share: float
  sha256: str


def clip_facts(
  samples: Float32[np.ndarray, "samples channels"], rate_hz: int
) -> ClipFacts:
  """Measures an example.

  Args:
    samples: As they were read, at least one; full scale is 1.
    rate_hz: Their rate.

  Returns:
    What it is like.
  """
  mono = to_mono(samples)
  levels_db = block_rms_db(mono, max(1, round(_BLOCK_S * rate_hz)))
  silent_db = max(SILENCE_DBFS, levels_db.max() + _PAUSE_DB)
  stored = np.ascontiguousarray(samples, "<f4")
  return ClipFacts(
    length_s=len(samples) / rate_hz,
    level_dbfs=rms_db(mono),
    silent_share=float(np.mean(levels_db < silent_db)),
    clipped_share=float(np.mean([_clipped(c) for c in samples.T])),
    sha256=hashlib.sha256(stored).hexdigest(),
  )


def _clipped(
  channel: Float32[np.ndarray, " samples"],
) -> Bool[np.ndarray, " samples"]:
  """Tells which samples are at full scale or on a plateau at the peak."""
  clipped = np.abs(channel) >= _FULL_SCALE
  for sign in (1, -1):
    wave = sign * channel
    peak = wave.max()
    if peak <= 0:
      continue
    # Where runs of the peak's very value begin, and where they have ended.
    edges = np.diff(np.concatenate([[0], wave == peak, [0]]).astype(np.int8))
    begins, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    before = wave[np.maximum(begins - 1, 0)]
    after = wave[np.minimum(ends, len(wave) - 1)]
    slope = max(_LEAST_SLOPE, _PLATEAU_SLOPE * peak)
    steep = peak - np.minimum(before, after) > slope
    flat = (ends - begins >= _PLATEAU_SAMPLES) & steep
    for begin, end in zip(begins[flat], ends[flat], strict=True):
      clipped[begin:end] = True
  return clipped
