"""MP4 and M4A files (AAC, ALAC) through PyAV, which the extra [mp4] brings.

libsndfile reads no MP4. PyAV takes off the codec's delay at the beginning where
the file states it; the padding at the end is taken off here.
"""

import contextlib
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float32

from fewshot_mss.errors import InputError

# Containers give their length in milliseconds, encoders pad by some frames.
_SLACK_S = 0.1


class Mp4Info(NamedTuple):
  """What the header of an MP4 file says of one of its audio streams.

  Attributes:
    rate_hz: Sample rate.
    channels: How many.
    num_samples: Length, to a millisecond or so; reading finds the true one.
    subtype: `AAC`, `ALAC_16`, `ALAC_24` or another codec.
  """

  rate_hz: int
  channels: int
  num_samples: int
  subtype: str


def is_mp4(path: Path) -> bool:
  """Tells by its first bytes whether a file is MP4, M4A or QuickTime."""
  with path.open("rb") as file:
    return file.read(8)[4:] == b"ftyp"


def mp4_info(path: Path, number: int = 0) -> Mp4Info:
  """Reads what the header says of one audio stream.

  Args:
    path: Of the file.
    number: Of the stream among those with audio, from 0.

  Returns:
    What it says.

  Raises:
    InputError: If PyAV is missing, the file is no MP4 or has no such stream.
  """
  with _opened(path, number) as (_, _, stream):
    codec = stream.codec_context.name.upper()
    if codec == "ALAC":
      codec = "ALAC_16" if stream.format.bits == 16 else "ALAC_24"
    return Mp4Info(
      stream.rate, stream.channels, int(_length_s(stream) * stream.rate), codec
    )


def mp4_tags(path: Path) -> dict[str, str]:
  """Reads title, artist and the like.

  Args:
    path: Of the file.

  Returns:
    By FFmpeg's names of them, with replacement characters for what is no UTF-8.

  Raises:
    InputError: If PyAV is missing or the file is no MP4.
  """
  with open_mp4(path) as (_, container):
    return dict(container.metadata)


def read_mp4(
  path: Path, number: int = 0
) -> Iterator[Float32[np.ndarray, "samples channels"]]:
  """Decodes one audio stream, frame by frame.

  Args:
    path: Of the file.
    number: Of the stream among those with audio, from 0.

  Yields:
    The samples, not clipped, without the codec's delay and padding where the
    file states them.

  Raises:
    InputError: If PyAV is missing, or the stream is missing, cannot be decoded
      or ends before the length that the header gives.
  """
  with _opened(path, number) as (av, container, stream):
    length_s, rate_hz = _length_s(stream), stream.rate
    # Other codecs than AAC decode to integers: the resampler makes floats.
    to_floats = av.AudioResampler(format="fltp")
    done, end = 0, 0
    for packet in container.demux(stream):
      if packet.pts is not None and packet.duration:
        end_s = (packet.pts + packet.duration) * packet.time_base
        end = max(end, round(end_s * rate_hz))
      for frame in packet.decode():
        for part in to_floats.resample(frame):
          samples = np.ascontiguousarray(part.to_ndarray().T)
          if end:
            # A packet that lasts less than its frame ends in padding.
            samples = samples[: max(0, end - done)]
          done += len(samples)
          if len(samples):
            yield samples
    if done / rate_hz < length_s - _SLACK_S:
      raise InputError(
        f"{path} ends after {done / rate_hz:.1f} of {length_s:.1f} seconds: "
        "copy or export it again"
      )


def import_av(path: Path) -> types.ModuleType:
  """Imports PyAV.

  Args:
    path: The file that it is needed for.

  Returns:
    The module.

  Raises:
    InputError: If it is not installed.
  """
  try:
    import av
  except ModuleNotFoundError as error:
    raise InputError(
      f"{path}: reading mp4 needs PyAV; install it with pip install "
      "'fewshot-mss[mp4]'"
    ) from error
  return av


@contextlib.contextmanager
def open_mp4(path: Path) -> Iterator[tuple[types.ModuleType, Any]]:
  """Opens a file, and says in one line why it cannot be read.

  Args:
    path: Of the file.

  Yields:
    PyAV, and the container.

  Raises:
    InputError: If PyAV is missing, or it cannot be opened or, later, decoded.
  """
  av = import_av(path)
  try:
    with av.open(str(path), metadata_errors="replace") as container:
      yield av, container
  except av.FFmpegError as error:
    raise InputError(
      f"{path} cannot be read as mp4 ({error.strerror}): copy or export it "
      "again"
    ) from error


@contextlib.contextmanager
def _opened(
  path: Path, number: int
) -> Iterator[tuple[types.ModuleType, Any, Any]]:
  """Opens one audio stream of a file."""
  with open_mp4(path) as (av, container):
    streams = container.streams.audio
    if not streams:
      raise InputError(f"{path} holds no sound: name a file with sound")
    if number >= len(streams):
      raise InputError(
        f"{path} has no audio stream {number}: copy the file again"
      )
    yield av, container, streams[number]


def _length_s(stream: Any) -> float:
  return float((stream.duration or 0) * stream.time_base)
