"""What a visitor may hand in, and what is said to one who hands in more."""

import math
import shutil
from pathlib import Path
from typing import NamedTuple

from fewshot_mss.errors import InputError

# Samples are counted at this rate at least: a header that tells a higher one
# makes no song shorter.
_HIGHEST_RATE_HZ = 192_000
_BYTES_A_MEGABYTE = 1_000_000
# Two results, as large as the song in 32-bit floats, and some more.
_ROOM = 10


class Limits(NamedTuple):
  """What is too much.

  Attributes:
    minutes: Of a song or an example.
    megabytes: Of a file that is handed in.
    files: That one page holds.
  """

  minutes: float
  megabytes: float
  files: int = 50

  @property
  def file_bytes(self) -> int:
    """The longest file that is taken."""
    return int(self.megabytes * _BYTES_A_MEGABYTE)

  def check_bytes(self, count: int) -> None:
    """Raises InputError if a file of so many bytes is too large."""
    if count > self.file_bytes:
      raise InputError(
        f"the file is larger than {self.megabytes:g} MB, the most that is "
        "taken here: hand in a shorter part, or a flac or mp3 of it"
      )

  def check_samples(self, count: int, rate_hz: int, name: str) -> None:
    """Raises InputError if a sound of so many samples is too long."""
    if count > self.max_samples(rate_hz):
      raise InputError(
        f"{name} is longer than {self.minutes:g} minutes, the most that is "
        "taken here: cut out a part and hand in that"
      )

  def max_samples(self, rate_hz: int) -> int:
    """Returns how many samples of one channel are not too long."""
    return math.floor(self.minutes * 60 * min(rate_hz, _HIGHEST_RATE_HZ))

  def check_room(self, folder: Path, count: int) -> None:
    """Raises InputError if the disk has no room for a file and its results."""
    if shutil.disk_usage(folder).free < _ROOM * count:
      raise InputError(
        "the disk of this server is nearly full: try again later"
      )
