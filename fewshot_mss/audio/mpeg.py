"""MP3 files that do not say how long they are, read to their true end.

libsndfile estimates their length from the bit rate of the first frame and
stops reading there: a file of variable bit rate would lose its end. Through a
pipe it cannot estimate, and reads until nothing is left.
"""

import contextlib
import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import soundfile

from fewshot_mss.audio.id3 import skip_id3

_MPEG_1 = 3
_MONO = 3
# By version; 0 is a rate that is not stated, or none.
_KBPS = {
  True: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0),
  False: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0),
}
# Some frames; the longest has 1441 bytes.
_END_BYTES = 1 << 14
_PIPED_BYTES = 1 << 16
_HELD_BYTES = 1 << 18
_SYNC = re.compile(b"\xff[\xe2\xe3\xf2\xf3\xfa\xfb]")
# What libsndfile takes for the length of what it cannot measure.
UNKNOWN_LENGTH = 2**63 - 1


@contextlib.contextmanager
def open_unmeasured_mp3(path: Path) -> Iterator[soundfile.SoundFile | None]:
  """Opens an MP3 file through a pipe if it does not say how long it is.

  Args:
    path: An MP3 file.

  Yields:
    What can be read from its start to its end, not clipped; None if the file
    states its length, or cannot be read this way: then the ordinary way is
    right.
  """
  reading_end, writing_end = os.pipe()
  feeder = threading.Thread(target=_feed, args=(path, writing_end), daemon=True)
  feeder.start()
  try:
    with contextlib.ExitStack() as stack:
      try:
        sound = stack.enter_context(
          soundfile.SoundFile(reading_end, closefd=False)
        )
      except soundfile.LibsndfileError:
        sound = None
      is_unmeasured = sound is not None and sound.frames == UNKNOWN_LENGTH
      yield sound if is_unmeasured else None
  finally:
    # Ends the feeder too, if it is still writing.
    os.close(reading_end)
    feeder.join()


def states_length(path: Path) -> bool:
  """Tells whether the first frame of an MP3 file says how long it is.

  Args:
    path: Of a file.

  Returns:
    False for what is no MP3 file, too.
  """
  with path.open("rb") as file:
    skip_id3(file)
    # The mark follows the side information, 36 bytes into a frame at most.
    frame = file.read(40)
  return b"Xing" in frame or b"Info" in frame


def frames_samples(path: Path) -> int | None:
  """Counts the samples of the frames of an MP3 file, without decoding them.

  Args:
    path: Of the file.

  Returns:
    Their number in one channel, encoder delay and padding included; None if
    there is no frame of layer III with a stated bit rate.
  """
  with path.open("rb") as file:
    data = _Bytes(file)
    place = _first_frame(file, data)
    first = _frame(data, place)
    if first is None:
      return None
    count = 0
    while place is not None:
      frame = _frame(data, place)
      if frame is not None and frame.kind == first.kind:
        place += frame.length
        count += place <= len(data)
      else:
        place = _next_frame(data, place + 1, first.kind)
    return count * first.samples


def mp3_fault(path: Path, rate_hz: int, channels: int) -> str | None:
  """Compares what a decoder took an MP3 file for with its first sound frame.

  Args:
    path: Of the file.
    rate_hz: What the decoder found.
    channels: Likewise.

  Returns:
    What does not fit, in words; None if all does or frames do not tell.
  """
  with path.open("rb") as file:
    data = _Bytes(file)
    first = _frame(data, _first_frame(file, data))
  if first is None or (first.rate_hz, first.channels) == (rate_hz, channels):
    return None
  return (
    f"{rate_hz} Hz and {channels} channels at its start, {first.rate_hz} Hz "
    f"and {first.channels} later"
  )


class _Frame(NamedTuple):
  """What the header of a frame says."""

  kind: tuple[int, int]
  length: int
  samples: int
  rate_hz: int
  channels: int


class _Bytes:
  """A file as bytes, of which no more than some are held."""

  def __init__(self, file: BinaryIO):
    """Takes an open file."""
    self._file = file
    self._size = file.seek(0, os.SEEK_END)
    self._start = 0
    self._held = b""

  def __len__(self) -> int:
    return self._size

  def __getitem__(self, part: slice) -> bytes:
    """Returns the bytes from `part.start` to `part.stop`."""
    begin, end = part.start - self._start, part.stop - self._start
    if begin < 0 or end > len(self._held):
      self._file.seek(part.start)
      self._held = self._file.read(max(_HELD_BYTES, part.stop - part.start))
      self._start, begin, end = part.start, 0, part.stop - part.start
    return self._held[begin:end]

  def find_sync(self, place: int) -> int | None:
    """Returns where a frame of layer III may begin, from `place` on."""
    while place < self._size - 1:
      self[place : place + 2]
      found = _SYNC.search(self._held, place - self._start)
      if found:
        return self._start + found.start()
      # The last byte again: it may be the first of two.
      place = self._start + len(self._held) - 1
    return None


def _first_frame(file: BinaryIO, data: _Bytes) -> int | None:
  """Finds the first frame, behind tags and what else lies before it."""
  skip_id3(file)
  return _next_frame(data, file.tell(), None)


def _next_frame(
  data: _Bytes, place: int, kind: tuple[int, int] | None
) -> int | None:
  """Finds a frame that another one follows, or the end of the file."""
  while (place := data.find_sync(place)) is not None:
    frame = _frame(data, place)
    if frame is not None and kind in (None, frame.kind):
      end = place + frame.length
      follower = _frame(data, end)
      if end == len(data) or (follower and follower.kind == frame.kind):
        return place
    place += 1
  return None


def _frame(data: _Bytes, place: int | None) -> _Frame | None:
  """Reads the header of a frame of layer III; None if there is none."""
  head = b"" if place is None else data[place : place + 4]
  if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
    return None
  version = head[1] >> 3 & 3
  kbps = _KBPS[version == _MPEG_1][head[2] >> 4]
  rate_code = head[2] >> 2 & 3
  if version == 1 or kbps == 0 or rate_code == 3:
    return None
  halvings = {_MPEG_1: 0, 2: 1, 0: 2}[version]
  rate_hz = (44_100, 48_000, 32_000)[rate_code] >> halvings
  samples = 1152 if version == _MPEG_1 else 576
  length = samples // 8 * 1000 * kbps // rate_hz + (head[2] >> 1 & 1)
  channels = 1 if head[3] >> 6 == _MONO else 2
  return _Frame((version, rate_code), length, samples, rate_hz, channels)


def _sound_end(data: _Bytes, start: int, kind: tuple[int, int]) -> int:
  """Finds the end of the last whole frame, before tags and half a frame."""
  place = _next_frame(data, max(start, len(data) - _END_BYTES), kind)
  end = None
  while place is not None:
    frame = _frame(data, place)
    if frame is None or frame.kind != kind:
      place = _next_frame(data, place + 1, kind)
    elif place + frame.length > len(data):
      break
    else:
      end = place = place + frame.length
  return len(data) if end is None else end


def _feed(path: Path, writing_end: int) -> None:
  """Writes the frames of a file into a pipe until nobody reads.

  What comes before the first frame is not known for an MP3 file in a pipe, and
  half a frame at the end is taken for an error.
  """
  with (
    contextlib.suppress(BrokenPipeError),
    path.open("rb") as file,
    open(writing_end, "wb") as pipe,
  ):
    data = _Bytes(file)
    start, end = _first_frame(file, data) or 0, len(data)
    first = _frame(data, start)
    if first is not None:
      end = _sound_end(data, start, first.kind)
    for begin in range(start, end, _PIPED_BYTES):
      pipe.write(data[begin : min(end, begin + _PIPED_BYTES)])
