"""Audio files in, with errors that name the file."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
from jaxtyping import Float32

from fewshot_mss.audio.mpeg import read_unmeasured_mp3, states_length
from fewshot_mss.errors import InputError

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


def _reason(error: soundfile.LibsndfileError) -> str:
  return error.error_string.strip().rstrip(".")


def _info(sound: soundfile.SoundFile) -> AudioInfo:
  return AudioInfo(
    rate_hz=sound.samplerate,
    channels=sound.channels,
    num_samples=sound.frames,
    subtype=sound.subtype,
    format=sound.format,
  )
