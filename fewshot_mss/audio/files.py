"""Audio files in and out, with errors that name the file."""

import contextlib
import os
import tempfile
from pathlib import Path

import numpy as np
import soundfile
from jaxtyping import Float32, Shaped

from fewshot_mss.audio.blocks import (
  AudioInfo,
  audio_info,
  read_blocks,
  reason_of,
)
from fewshot_mss.errors import InputError

_SAMPLE_BYTES = {
  "PCM_U8": 1,
  "PCM_16": 2,
  "PCM_24": 3,
  "PCM_32": 4,
  "FLOAT": 4,
  "DOUBLE": 8,
}
WAV_SUBTYPES = tuple(_SAMPLE_BYTES)
# How the files begin that `check_writable` tries a folder with.
WRITABLE_PREFIX = ".writable"
# The WAV header counts bytes in 32 bits; longer files are written as RF64.
MAX_WAV_BYTES = 2**32 - 2**16
# Full scale, then the integer type and the shift that soundfile takes it by.
_INTEGERS = {
  "PCM_U8": (2.0**7, np.int16, 8),
  "PCM_16": (2.0**15, np.int16, 0),
  "PCM_24": (2.0**23, np.int32, 8),
  "PCM_32": (2.0**31, np.int32, 0),
}
# Lossless encodings that WAV does not have, and what keeps their precision.
_AS_WAV = {
  "PCM_S8": "PCM_U8",
  "ALAC_16": "PCM_16",
  "ALAC_20": "PCM_24",
  "ALAC_24": "PCM_24",
  "ALAC_32": "PCM_32",
}


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


def wav_subtype(info: AudioInfo) -> str:
  """Returns the subtype that a WAV file made from another file should have.

  A subtype that WAV holds is kept, other lossless ones keep their precision,
  and what comes from a lossy codec is written as 16 bits.
  """
  if info.subtype in WAV_SUBTYPES:
    return info.subtype
  return _AS_WAV.get(info.subtype, "PCM_16")


def write_audio(
  path: Path,
  samples: Float32[np.ndarray, "samples channels"],
  rate_hz: int,
  subtype: str,
) -> str:
  """Writes a WAV file, which is whole or not there.

  Integers are rounded to the nearest. Sound above full scale neither wraps
  nor clips: if there is any, 32-bit floats are written instead of integers.

  Args:
    path: Of the file; one of that name is replaced.
    samples: Full scale is 1.
    rate_hz: Sample rate.
    subtype: One of `WAV_SUBTYPES`.

  Returns:
    The subtype that was written.

  Raises:
    InputError: If the subtype is none of a WAV file's, or the file cannot be
      written.
  """
  if subtype not in WAV_SUBTYPES:
    raise InputError(
      f"subtype {subtype} of {path}: give one of {', '.join(WAV_SUBTYPES)}"
    )
  if subtype in _INTEGERS and np.abs(samples).max(initial=0.0) > 1.0:
    subtype = "FLOAT"
  data = _quantised(samples, subtype)
  long = samples.size * _SAMPLE_BYTES[subtype] > MAX_WAV_BYTES
  working = path.with_name(f".{path.name}.{os.getpid()}.writing")
  try:
    # First, for libsndfile does not say why it cannot open a file.
    working.touch()
    soundfile.write(
      working,
      data,
      rate_hz,
      subtype=subtype,
      format="RF64" if long else "WAV",
    )
    working.replace(path)
  except (soundfile.LibsndfileError, OSError) as error:
    raise InputError(
      f"{path} cannot be written ({reason_of(error)}): "
      "name another folder or make room"
    ) from error
  finally:
    with contextlib.suppress(OSError):
      working.unlink()
  return subtype


def _quantised(
  samples: Float32[np.ndarray, "samples channels"], subtype: str
) -> Shaped[np.ndarray, "samples channels"]:
  """Rounds to the integers of the subtype; libsndfile would round down."""
  if subtype not in _INTEGERS:
    return samples
  scale, kind, shift = _INTEGERS[subtype]
  whole = np.rint(samples.astype(np.float64) * scale)
  return np.clip(whole, -scale, scale - 1).astype(kind) << shift


def check_writable(folder: Path) -> None:
  """Makes a folder and proves that files can be written in it.

  Args:
    folder: Made with its parents if it is not there.

  Raises:
    InputError: If it cannot be made or written.
  """
  try:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder, prefix=WRITABLE_PREFIX):
      pass
  except OSError as error:
    raise InputError(
      f"{folder} cannot be written ({error.strerror}): name another folder"
    ) from error
