"""What the frames of a FLAC file say of themselves, beside its header.

libsndfile believes the header: with a wrong rate it plays at that rate, with
too short a length it stops early, and a file that was cut off is only found out
at its end.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from fewshot_mss.audio.id3 import skip_id3

_RATES_HZ = {
  1: 88_200,
  2: 176_400,
  3: 192_000,
  4: 8_000,
  5: 16_000,
  6: 22_050,
  7: 24_000,
  8: 32_000,
  9: 44_100,
  10: 48_000,
  11: 96_000,
}
# Of the bytes of the samples, what a file usually takes.
_SHARE = 0.6
# A frame of the usual 4096 samples is far shorter, one of noise included.
_END_BYTES = 1 << 18
_HEADER_BYTES = 16


class _Frame(NamedTuple):
  """The header of a frame."""

  counts_samples: bool
  number: int
  block_samples: int
  rate_hz: int | None


def rate_fault(path: Path, rate_hz: int) -> str | None:
  """Compares the sample rate of a FLAC file with that of its first frame.

  Args:
    path: Of the file.
    rate_hz: What its header says.

  Returns:
    What does not fit, in words; None if all does or frames do not tell.
  """
  with path.open("rb") as file:
    first = _first_frame(file)
  if first is None or first.rate_hz in (None, rate_hz):
    return None
  return f"{rate_hz} Hz in its header, {first.rate_hz} Hz in its frames"


def estimated_length(path: Path, channels: int, bits: int) -> int:
  """Returns about how long a FLAC file is that does not state it.

  Args:
    path: Of the file.
    channels: How many.
    bits: Of a sample.

  Returns:
    Samples of one channel, one at least.
  """
  sample_bytes = channels * bits / 8 * _SHARE
  return max(1, int(path.stat().st_size / sample_bytes))


def length_fault(path: Path, num_samples: int) -> str | None:
  """Compares the length of a FLAC file with where its last frame ends.

  Args:
    path: Of the file.
    num_samples: What its header says.

  Returns:
    What does not fit, in words; None if all does or frames do not tell.
  """
  with path.open("rb") as file:
    first = _first_frame(file)
    if first is None:
      return None
    file.seek(max(0, path.stat().st_size - _END_BYTES))
    spans = list(_spans(file.read(), first))
  # By chance, something else can look like a frame: what fits counts.
  starts, ends = ({span[i] for span in spans} for i in range(2))
  if num_samples in ends - starts:
    return None
  if max(ends, default=0) < num_samples:
    return "ends before its header says"
  return "goes on after the end that its header states"


def _first_frame(file: BinaryIO) -> _Frame | None:
  """Reads the header of the first frame; None if it is not where it must be."""
  skip_id3(file)
  if file.read(4) != b"fLaC":
    return None
  is_last = False
  while not is_last:
    head = file.read(4)
    if len(head) < 4:
      return None
    is_last = bool(head[0] & 0x80)
    file.seek(int.from_bytes(head[1:], "big"), 1)
  return _frame(file.read(_HEADER_BYTES))


def _spans(content: bytes, first: _Frame) -> Iterator[tuple[int, int]]:
  """Lists where frames begin and end, in samples."""
  place = len(content)
  while (place := content.rfind(b"\xff", 0, place)) >= 0:
    frame = _frame(content[place : place + _HEADER_BYTES])
    if frame is not None:
      unit = 1 if frame.counts_samples else first.block_samples
      start = frame.number * unit
      yield start, start + frame.block_samples


def _frame(data: bytes) -> _Frame | None:
  """Reads the header of a frame; None if there is none."""
  if len(data) < 6 or data[0] != 0xFF or data[1] & 0xFE != 0xF8:
    return None
  size_code, rate_code = data[2] >> 4, data[2] & 15
  ones = 8 - (data[4] ^ 0xFF).bit_length()
  if size_code == 0 or rate_code == 15 or data[3] & 1 or ones in (1, 8):
    return None
  # The number is written as UTF-8 writes a character, in up to 7 bytes.
  more = max(0, ones - 1)
  number = data[4] & (0x7F >> ones)
  for byte in data[5 : 5 + more]:
    number = number << 6 | byte & 0x3F
  place = 5 + more
  size_bytes = {6: 1, 7: 2}.get(size_code, 0)
  rate_bytes = {12: 1, 13: 2, 14: 2}.get(rate_code, 0)
  size_value = int.from_bytes(data[place : place + size_bytes], "big")
  place += size_bytes
  rate_value = int.from_bytes(data[place : place + rate_bytes], "big")
  place += rate_bytes
  if place >= len(data) or _crc8(data[:place]) != data[place]:
    return None
  if size_bytes:
    block = size_value + 1
  elif size_code == 1:
    block = 192
  else:
    block = (576 << size_code - 2) if size_code < 6 else 1 << size_code
  rate = rate_value * {12: 1000, 14: 10}.get(rate_code, 1)
  return _Frame(
    bool(data[1] & 1),
    number,
    block,
    rate if rate_bytes else _RATES_HZ.get(rate_code),
  )


def _crc8(data: bytes) -> int:
  crc = 0
  for byte in data:
    crc ^= byte
    for _ in range(8):
      crc = (crc << 1 ^ 0x07) & 0xFF if crc & 0x80 else crc << 1
  return crc
