"""MP3 files that do not say how long they are, read to their true end.

libsndfile estimates their length from the bit rate of the first frame and
stops reading there: a file of variable bit rate would lose its end. Through a
pipe it cannot estimate, and reads until nothing is left.
"""

import contextlib
import os
import shutil
import threading
from pathlib import Path

import numpy as np
import soundfile
from jaxtyping import Float32

_BLOCK_SAMPLES = 1 << 16
# What libsndfile takes for the length of what it cannot measure.
_UNKNOWN_LENGTH = 2**63 - 1


def read_unmeasured_mp3(
  path: Path, stop_samples: int | None = None
) -> Float32[np.ndarray, "samples channels"] | None:
  """Reads an MP3 file from its start if it does not say how long it is.

  Args:
    path: An MP3 file.
    stop_samples: Where to stop; the end of the file if None.

  Returns:
    The samples, not clipped; None if the file states its length, or cannot
    be read this way: then the ordinary way is right.
  """
  reading_end, writing_end = os.pipe()
  feeder = threading.Thread(target=_feed, args=(path, writing_end), daemon=True)
  feeder.start()
  try:
    with soundfile.SoundFile(reading_end, closefd=False) as sound:
      if sound.frames != _UNKNOWN_LENGTH:
        return None
      return _read_blocks(sound, stop_samples)
  except soundfile.LibsndfileError:
    return None
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


def _read_blocks(
  sound: soundfile.SoundFile, stop_samples: int | None
) -> Float32[np.ndarray, "samples channels"]:
  blocks = [np.zeros((0, sound.channels), np.float32)]
  left = _UNKNOWN_LENGTH if stop_samples is None else stop_samples
  while left > 0:
    block = sound.read(
      min(left, _BLOCK_SAMPLES), dtype="float32", always_2d=True
    )
    if not len(block):
      break
    blocks.append(block)
    left -= len(block)
  return np.concatenate(blocks)


def _feed(path: Path, writing_end: int) -> None:
  """Writes the file into the pipe until nobody reads."""
  with (
    contextlib.suppress(BrokenPipeError),
    path.open("rb") as file,
    open(writing_end, "wb") as pipe,
  ):
    shutil.copyfileobj(file, pipe)
