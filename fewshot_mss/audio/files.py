"""Whole audio files, or parts of them, in one array."""

from pathlib import Path

import numpy as np
from jaxtyping import Float32

from fewshot_mss.audio.blocks import AudioInfo, audio_info, read_blocks

__all__ = ["AudioInfo", "audio_info", "read_audio"]


def read_audio(
  path: Path, start_samples: int = 0, stop_samples: int | None = None
) -> tuple[Float32[np.ndarray, "samples channels"], int]:
  """Reads an audio file, or a part of it, without reading the rest.

  Args:
    path: Of the file; any number of channels.
    start_samples: Where to begin.
    stop_samples: Where to stop; the end of the file if None.

  Returns:
    The samples, not clipped, and their rate in Hz. Fewer samples than asked
    for where the file ends earlier.

  Raises:
    InputError: If the file is missing, a folder, empty or not audio, or is
      damaged on the way.
  """
  info = audio_info(path)
  blocks = [
    np.zeros((0, info.channels), np.float32),
    *read_blocks(path, start_samples, stop_samples),
  ]
  return np.concatenate(blocks), info.rate_hz
