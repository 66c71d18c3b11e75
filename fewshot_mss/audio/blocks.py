"""Audio files block by block, with errors that name the file and the time.

No more of a file is held than a block, and nothing of it is read twice.
"""

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
from jaxtyping import Float32

from fewshot_mss.audio.clock import clock
from fewshot_mss.audio.flac import estimated_length, length_fault
from fewshot_mss.audio.header_faults import header_fault
from fewshot_mss.audio.mp4 import is_mp4, mp4_info, read_mp4
from fewshot_mss.audio.mpeg import (
  UNKNOWN_LENGTH,
  frames_samples,
  open_unmeasured_mp3,
  states_length,
)
from fewshot_mss.audio.ogg import ogg_fault
from fewshot_mss.errors import InputError

# Samples of all channels together, so that many channels take no more memory.
_BLOCK_VALUES = 1 << 17
_MP4_BLOCK_SAMPLES = 1 << 16
# How libsndfile's log tells of a file that ends before its header says.
_CUT_OFF = re.compile(
  r"^ *(?:data|SSND|Data Size|riff|Riff size) *: (\d+) \(should be (\d+)\)$",
  re.MULTILINE,
)
# Programs that write into a pipe give a length near 2 or 4 GiB.
_UNKNOWN_BYTES = 2**31 - 2**16
# Some MP3 encoders count a frame too many or two.
_MISSING_S = 0.1
# The frame that states the length, and what encoders put before and after.
_MP3_EXTRA_SAMPLES = 4 * 1152

Blocks = Iterator[Float32[np.ndarray, "_ channels"]]


class AudioInfo(NamedTuple):
  """What the header of a file says.

  Attributes:
    rate_hz: Sample rate.
    channels: How many.
    num_samples: Length, in samples of one channel. An estimate for an MP3 or
      FLAC file that does not state it, and for MP4; reading finds the true end.
    subtype: Encoding, as libsndfile names it (`PCM_16`, `FLOAT`, `VORBIS`), or
      `AAC`, `ALAC_16`, `ALAC_24`.
    format: Container, as libsndfile names it (`WAV`, `FLAC`, `MP3`), or `MP4`.
  """

  rate_hz: int
  channels: int
  num_samples: int
  subtype: str
  format: str


class _Forward(soundfile.SoundFile):
  """A file that is read on and on: soundfile seeks after every read else."""

  def seekable(self) -> bool:
    return False


def audio_info(path: Path) -> AudioInfo:
  """Reads the header of an audio file.

  Args:
    path: Of the file.

  Returns:
    What it says.

  Raises:
    InputError: If the file is missing, a folder, empty, cut off or not audio.
  """
  _check_file(path)
  if is_mp4(path):
    rate_hz, channels, num_samples, subtype = mp4_info(path)
    return AudioInfo(rate_hz, channels, num_samples, subtype, "MP4")
  with _opened(path) as sound:
    frames = sound.frames
    if frames == UNKNOWN_LENGTH:
      bits = 24 if sound.subtype == "PCM_24" else 16
      frames = estimated_length(path, sound.channels, bits)
    return AudioInfo(
      rate_hz=sound.samplerate,
      channels=sound.channels,
      num_samples=frames,
      subtype=sound.subtype,
      format=sound.format,
    )


def read_blocks(
  path: Path,
  start_samples: int = 0,
  stop_samples: int | None = None,
  block_samples: int | None = None,
) -> Iterator[Float32[np.ndarray, "samples channels"]]:
  """Reads an audio file, or a part of it, block by block.

  Args:
    path: Of the file; any number of channels.
    start_samples: Where to begin.
    stop_samples: Where to stop; the end of the file if None.
    block_samples: Length of a block; a MiB of all channels if None.

  Yields:
    The samples, not clipped, with full scale at 1. Fewer than asked for where
    the file ends earlier.

  Raises:
    InputError: If the file is missing, a folder, empty or not audio, or is
      damaged on the way.
  """
  _check_file(path)
  if is_mp4(path):
    read = _part(read_mp4(path), start_samples, stop_samples)
    yield from _regrouped(read, block_samples or _MP4_BLOCK_SAMPLES)
    return
  with _opened(path) as sound:
    block = block_samples or max(1, _BLOCK_VALUES // sound.channels)
    whole = start_samples == 0 and stop_samples is None
    if whole and sound.format == "FLAC" and sound.frames != UNKNOWN_LENGTH:
      fault = length_fault(path, sound.frames)
      if fault:
        raise InputError(f"{path} {fault}: copy or export it again")
    done = 0
    for samples in _decoded(path, sound, start_samples, stop_samples, block):
      done += len(samples)
      yield samples
    if whole and sound.format == "MP3":
      _check_frames(path, done, sound.samplerate)


def _decoded(
  path: Path,
  sound: soundfile.SoundFile,
  start: int,
  stop: int | None,
  block: int,
) -> Iterator[Float32[np.ndarray, "_ channels"]]:
  """Reads on from `start`."""
  if sound.format == "MP3":
    with open_unmeasured_mp3(path) as piped:
      if piped is not None:
        # From its start: where a part of it lies is only known by decoding.
        read = _read_on(path, piped, 0, stop, block)
        yield from _part(read, start, stop)
        return
  place = min(start, sound.frames)
  sound.seek(place)
  end = sound.frames if stop is None else min(stop, sound.frames)
  for samples in _read_on(path, sound, place, end, block):
    place += len(samples)
    yield samples
  if sound.frames != UNKNOWN_LENGTH:
    _check_end(path, sound, end - place)


def _read_on(
  path: Path,
  sound: soundfile.SoundFile,
  start: int,
  stop: int | None,
  block: int,
) -> Iterator[Float32[np.ndarray, "samples channels"]]:
  """Reads until `stop`, or until nothing is left."""
  while stop is None or start < stop:
    count = block if stop is None else min(block, stop - start)
    try:
      samples = sound.read(count, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
      raise InputError(
        f"{path} cannot be read as audio after "
        f"{clock(start / sound.samplerate)} ({reason_of(error)}): it is "
        "damaged there; copy or export it again"
      ) from error
    if not len(samples):
      return
    start += len(samples)
    yield samples


def _part(
  blocks: Blocks, start: int, stop: int | None
) -> Iterator[Float32[np.ndarray, "_ channels"]]:
  """Leaves out what comes before `start` and after `stop`."""
  place = 0
  for block in blocks:
    if stop is not None and place >= stop:
      return
    part = block[max(0, start - place) : None if stop is None else stop - place]
    place += len(block)
    if len(part):
      yield part


def _regrouped(
  blocks: Blocks, block_samples: int
) -> Iterator[Float32[np.ndarray, "_ channels"]]:
  """Makes blocks of one size of smaller ones."""
  waiting: list[np.ndarray] = []
  count = 0
  for block in blocks:
    waiting.append(block)
    count += len(block)
    while count >= block_samples:
      joined = np.concatenate(waiting)
      yield joined[:block_samples]
      waiting = [joined[block_samples:]]
      count -= block_samples
  if count:
    yield np.concatenate(waiting)


def _check_end(path: Path, sound: soundfile.SoundFile, missing: int) -> None:
  """Checks that as much was read as the header says that there is."""
  is_cut = missing > 0
  if sound.format == "MP3":
    is_cut = missing > _MISSING_S * sound.samplerate and states_length(path)
  if is_cut:
    raise InputError(_cut_off(path))


def _check_frames(path: Path, done: int, rate_hz: int) -> None:
  """Checks that as much of an MP3 file was decoded as its frames hold."""
  held = frames_samples(path)
  if held is not None and done < held - _MP3_EXTRA_SAMPLES:
    raise InputError(
      f"{path} is damaged: {done / rate_hz:.1f} of {held / rate_hz:.1f} "
      "seconds could be read; copy or export it again"
    )


def _check_file(path: Path) -> None:
  """Checks that a path is a file with something in it."""
  try:
    if not path.exists():
      raise InputError(f"{path}: no such file; check the name")
    if path.is_dir():
      raise InputError(f"{path} is a folder: name an audio file")
    if path.stat().st_size == 0:
      raise InputError(f"{path} is empty (0 bytes): name a file with sound")
    with path.open("rb"):
      pass
  except OSError as error:
    raise InputError(
      f"{path} cannot be read ({error.strerror}): check its name and rights"
    ) from error
  if path.suffix.lower() == ".raw":
    raise InputError(f"{path} has no header: convert it to wav, flac or ogg")


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[soundfile.SoundFile]:
  """Opens an audio file, and says in one line why it cannot be read."""
  try:
    # Absolute, for libsndfile takes the name "-" for standard input; as bytes,
    # for a name need not be text.
    with _Forward(os.fsencode(path.absolute())) as sound:
      if sound.format == "OGG" and (fault := ogg_fault(path)):
        raise InputError(f"{path} {fault}")
      if sound.frames == 0:
        raise InputError(f"{path} holds no samples: name a file with sound")
      match = _CUT_OFF.search(sound.extra_info)
      if match and int(match[2]) < int(match[1]) < _UNKNOWN_BYTES:
        raise InputError(_cut_off(path))
      if fault := header_fault(path, sound):
        raise InputError(
          f"{path} contradicts itself, {fault}: copy or export it again"
        )
      yield sound
  except soundfile.LibsndfileError as error:
    raise InputError(
      f"{path} cannot be read as audio ({reason_of(error)}): "
      "convert it to wav, flac, ogg, mp3 or m4a"
    ) from error


def _cut_off(path: Path) -> str:
  return f"{path} ends before its header says: copy or export it again"


def reason_of(error: soundfile.LibsndfileError | OSError) -> str:
  """Returns why a file could not be opened, read or written."""
  is_os = isinstance(error, OSError)
  return str(error.strerror) if is_os else error.error_string.strip(" \n.")
