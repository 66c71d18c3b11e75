"""MP4 files for tests."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest


def write_mp4(
  path: Path, sound: np.ndarray, rate_hz: int, codec="aac", **tags: str
) -> Path:
  """Writes one audio stream of [samples, channels]."""
  av = pytest.importorskip("av", reason="no PyAV (extra mp4)")
  layout = "stereo" if sound.shape[1] == 2 else "mono"
  with av.open(str(path), "w", format="mp4") as container:
    container.metadata.update(tags)
    stream = container.add_stream(codec, rate=rate_hz, layout=layout)
    frame = av.AudioFrame.from_ndarray(
      np.ascontiguousarray(sound.T, np.float32), format="fltp", layout=layout
    )
    frame.sample_rate = rate_hz
    # Only then is the delay of the codec written into the file.
    frame.pts, frame.time_base = 0, Fraction(1, rate_hz)
    for packet in [*stream.encode(frame), *stream.encode(None)]:
      container.mux(packet)
  return path
