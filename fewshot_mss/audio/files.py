"""Audio files in and out, with errors that name the file."""

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
from jaxtyping import Float32, Shaped

from fewshot_mss.audio.mpeg import read_unmeasured_mp3, states_length
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
# How libsndfile's log tells of a WAV file that ends before its header says.
_CUT_OFF = re.compile(r"^data : (\d+) \(should be (\d+)\)$", re.MULTILINE)
# Programs that write into a pipe give a length near 2 or 4 GiB.
_UNKNOWN_BYTES = 2**31 - 2**16
# Some MP3 encoders count a frame too many or two.
_MISSING_S = 0.1


class AudioInfo(NamedTuple):
  """What the header of a file says.

  Attributes:
    rate_hz: Sample rate.
    channels: How many.
    num_samples: Length, in samples of one channel. An estimate for an MP3
      file that does not state it; reading finds the true end.
    subtype: Encoding, as libsndfile names it (`PCM_16`, `FLOAT`, `VORBIS`).
    format: Container, as libsndfile names it (`WAV`, `FLAC`, `MP3`).
  """

  rate_hz: int
  channels: int
  num_samples: int
  subtype: str
  format: str


def audio_info(path: Path) -> AudioInfo:
  """Reads the header of an audio file.

  Args:
    path: Of the file.

  Returns:
    What it says.

  Raises:
    InputError: If the file is missing, a folder, empty, cut off or not audio.
  """
  with _opened(path) as sound:
    return _info(sound)


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
  with _opened(path) as sound:
    if sound.format == "MP3":
      samples = read_unmeasured_mp3(path, stop_samples)
      if samples is not None:
        return samples[start_samples:], sound.samplerate
    sound.seek(min(start_samples, sound.frames))
    stop = sound.frames if stop_samples is None else stop_samples
    count = max(0, min(stop, sound.frames) - start_samples)
    samples = sound.read(count, dtype="float32", always_2d=True)
    missing = count - len(samples) > _MISSING_S * sound.samplerate
    if missing and states_length(path):
      raise InputError(_cut_off(path))
    return samples, sound.samplerate


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[soundfile.SoundFile]:
  """Opens an audio file, and says in one line why it cannot be read."""
  if not path.exists():
    raise InputError(f"{path}: no such file; check the name")
  if path.is_dir():
    raise InputError(f"{path} is a folder: name an audio file")
  if path.stat().st_size == 0:
    raise InputError(f"{path} is empty (0 bytes): name a file with sound")
  if path.suffix.lower() == ".raw":
    raise InputError(f"{path} has no header: convert it to wav, flac or ogg")
  try:
    with soundfile.SoundFile(path) as sound:
      if sound.frames == 0:
        raise InputError(f"{path} holds no samples: name a file with sound")
      match = _CUT_OFF.search(sound.extra_info)
      if match and int(match[2]) < int(match[1]) < _UNKNOWN_BYTES:
        raise InputError(_cut_off(path))
      yield sound
  except soundfile.LibsndfileError as error:
    raise InputError(
      f"{path} cannot be read as audio ({_reason(error)}): "
      "convert it to wav, flac, ogg or mp3"
    ) from error


def _cut_off(path: Path) -> str:
  return f"{path} ends before its header says: copy or export it again"


def _reason(error: soundfile.LibsndfileError | OSError) -> str:
  if isinstance(error, OSError):
    return str(error.strerror)
  return error.error_string.strip().rstrip(".")


def _info(sound: soundfile.SoundFile) -> AudioInfo:
  return AudioInfo(
    rate_hz=sound.samplerate,
    channels=sound.channels,
    num_samples=sound.frames,
    subtype=sound.subtype,
    format=sound.format,
  )


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
      f"{path} cannot be written ({_reason(error)}): "
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
