"""MP3 files that do not say how long they are, read to their true end.

libsndfile estimates their length from the bit rate of the first frame and
stops reading there: a file of variable bit rate would lose its end. Through a
pipe it cannot estimate, and reads until nothing is left.
"""

import contextlib
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import soundfile

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
    head = file.read(10)
    if head[:3] == b"ID3":
      # The tag's length without these 10 bytes, in 7 bits a byte.
      file.seek(sum(byte << 7 * i for i, byte in enumerate(head[:5:-1])), 1)
    else:
      file.seek(0)
    # The mark follows the side information, 36 bytes into a frame at most.
    frame = file.read(40)
  return b"Xing" in frame or b"Info" in frame


def _feed(path: Path, writing_end: int) -> None:
  """Writes the file into the pipe until nobody reads."""
  with (
    contextlib.suppress(BrokenPipeError),
    path.open("rb") as file,
    open(writing_end, "wb") as pipe,
  ):
    shutil.copyfileobj(file, pipe)
