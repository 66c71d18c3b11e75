"""ID3 tags before the sound of a file."""

from typing import BinaryIO


def skip_id3(file: BinaryIO) -> None:
  """Moves from the start of a file to behind its ID3v2 tags, if it has any."""
  start = 0
  while True:
    file.seek(start)
    head = file.read(10)
    if head[:3] != b"ID3":
      file.seek(start)
      return
    # The tag's length without these 10 bytes, in 7 bits a byte.
    start += 10 + sum(byte << 7 * i for i, byte in enumerate(head[:5:-1]))
