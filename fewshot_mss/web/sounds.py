"""What was handed in, looked at: is it sound, how long, and its outline."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

from fewshot_mss.audio.blocks import AudioInfo, audio_info, read_blocks
from fewshot_mss.audio.examples import check_example_array
from fewshot_mss.audio.files import read_audio
from fewshot_mss.errors import InputError
from fewshot_mss.inference.inputs import check_channels
from fewshot_mss.web.limits import Limits

# Steps of the outline that the page draws.
OUTLINE_STEPS = 1200
# What a song is looked at in; a fraction of a step of a minute.
_LOOK_S = 0.01
_MEDIA_TYPES = {
  "WAV": "audio/wav",
  "WAVEX": "audio/wav",
  "RF64": "audio/wav",
  "FLAC": "audio/flac",
  "OGG": "audio/ogg",
  "MP3": "audio/mpeg",
  "MPEG": "audio/mpeg",
  "AIFF": "audio/aiff",
  "MP4": "audio/mp4",
}


class Sound(NamedTuple):
  """What a file holds.

  Attributes:
    seconds: How long it is.
    media_type: What a browser is told that it is.
    outline: Largest absolute value of each step from beginning to end.
  """

  seconds: float
  media_type: str
  outline: Float32[np.ndarray, " steps"]


def look_at(path: Path, kind: str, limits: Limits) -> Sound:
  """Reads a file that was handed in, and checks what it is for.

  Args:
    path: Of the file.
    kind: `song`, or that of an example.
    limits: What is too long.

  Returns:
    What it holds.

  Raises:
    InputError: If it is no sound, damaged, too long, or cannot be used.
  """
  info = audio_info(path)
  if kind == "song":
    check_channels(info.channels, path.name)
  limits.check_samples(info.num_samples, info.rate_hz, path.name)
  # The header may not know, so no more than that is read.
  most = limits.max_samples(info.rate_hz) + 1
  block_samples = max(1, round(_LOOK_S * info.rate_hz))
  count, peaks = 0, []
  for block in read_blocks(path, 0, most, block_samples):
    count += len(block)
    peaks.append(np.abs(block).max())
  limits.check_samples(count, info.rate_hz, path.name)
  if kind != "song":
    check_example_array(*read_audio(path, 0, count), path.name)
  elif not np.isfinite(peaks).all():
    raise InputError(
      f"{path.name} holds NaN or infinite samples: repair it first"
    )
  return Sound(
    count / info.rate_hz, media_type(info), _thinned(np.array(peaks))
  )


def media_type(info: AudioInfo) -> str:
  """Returns what a browser is told that a file is."""
  return _MEDIA_TYPES.get(info.format, "application/octet-stream")


def _thinned(
  peaks: Float32[np.ndarray, " looks"],
) -> Float32[np.ndarray, " steps"]:
  """Returns the largest of each of at most `OUTLINE_STEPS` steps."""
  starts = np.linspace(0, len(peaks), OUTLINE_STEPS, endpoint=False)
  return np.maximum.reduceat(peaks, np.unique(starts.astype(int)))
