"""Audio files out: block by block, and whole or not there."""

import contextlib
import errno
import fcntl
import itertools
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType

import numpy as np
import soundfile
from jaxtyping import Float32, Num

from fewshot_mss.audio.blocks import reason_of
from fewshot_mss.audio.formats import (
  BITS,
  BYTES,
  MAX_WAV_BYTES,
  WAV_SUBTYPES,
  Form,
  to_steps,
)
from fewshot_mss.audio.tags import write_tags
from fewshot_mss.errors import InputError

# Vorbis encoders of libsndfile overflow the stack on much at once.
_CHUNK_SAMPLES = 1 << 14
# A block of most file systems.
_MORE_BYTES = 1 << 12


class BlockWriter:
  """One audio file, written block by block under a hidden name beside it.

  It takes its own name only by `publish`; whatever is not published when the
  `with` block ends is gone, and what a killed process has left is removed by
  `remove_leftovers`, as the lock of its hidden file died with the process.

  Attributes:
    path: The name it will have.
    form: What it is written as.
    lost_tags: Names of those that its container does not hold, once it is
      finished.
  """

  def __init__(
    self,
    path: Path,
    form: Form,
    rate_hz: int,
    channels: int,
    num_samples: int,
    tags: Mapping[str, str] | None = None,
  ):
    """Begins a file.

    Args:
      path: The name it will have; one of that name is replaced by `publish`.
      form: What it is written as.
      rate_hz: Sample rate.
      channels: How many.
      num_samples: How long it will be about: a WAV file too long for its header
        becomes an RF64 file.
      tags: Title, artist and the like; those that the container lacks are left
        out.

    Raises:
      WriteError: If it cannot be written.
    """
    self.path = path
    self.form = form
    self.lost_tags: list[str] = []
    self._tags = tags or {}
    self._written_samples = 0
    self._left_bytes = MAX_WAV_BYTES
    container = form.format.upper()
    long = num_samples * channels * BYTES.get(form.subtype, 0) > MAX_WAV_BYTES
    if container == "WAV" and long:
      container = "RF64"
    self._counted = container in ("WAV", "AIFF")
    self._sample_bytes = channels * BYTES.get(form.subtype, 0)
    with self._errors_named():
      self._working, self._file = _new_beside(path)
    with contextlib.ExitStack() as stack:
      stack.callback(self._discard)
      with self._errors_named():
        _lock(self._file)
        self._sound = soundfile.SoundFile(
          self._file,
          "w",
          rate_hz,
          channels,
          form.subtype,
          format=container,
          closefd=False,
        )
        write_tags(self._sound, form.format, self._tags)
      # From here on `__exit__` sees to it.
      stack.pop_all()

  def __enter__(self) -> "BlockWriter":
    """Returns the writer itself."""
    return self

  def __exit__(
    self,
    kind: type[BaseException] | None,
    error: BaseException | None,
    trace: TracebackType | None,
  ) -> None:
    """Removes the file if it was not published."""
    with contextlib.suppress(soundfile.LibsndfileError):
      self._sound.close()
    self._discard()

  def write(self, samples: Num[np.ndarray, "samples channels"]) -> None:
    """Writes a block.

    Args:
      samples: Where the form has bits, integers of so many; else floats with
        full scale at 1.

    Raises:
      WriteError: If it cannot be written.
    """
    if self._counted:
      self._left_bytes -= len(samples) * self._sample_bytes
      if self._left_bytes < 0:
        raise WriteError(
          f"{self.path} would be longer than {self.form.format} can be: give "
          "--format w64"
        )
    if self.form.bits is not None:
      # soundfile takes integers of 16 or 32 bits, at full scale.
      width = 16 if self.form.bits <= 16 else 32
      kind = np.int16 if width == 16 else np.int32
      samples = samples.astype(kind) << (width - self.form.bits)
    with self._errors_named():
      for begin in range(0, len(samples), _CHUNK_SAMPLES):
        self._sound.write(samples[begin : begin + _CHUNK_SAMPLES])
    self._written_samples += len(samples)

  def finish(self) -> None:
    """Ends the file and proves that it is whole, still under its hidden name.

    Raises:
      WriteError: If it is not.
    """
    with self._errors_named():
      self._sound.close()
      self._prove_room()
      # A full disk may show here first.
      os.fsync(self._file)
      with soundfile.SoundFile(os.fsencode(self._working)) as whole:
        if whole.frames != self._written_samples:
          raise OSError(errno.EIO, "it ends too early")
        held = whole.copy_metadata()
    # Some containers leave a tag out without a word.
    self.lost_tags = [
      name for name, text in self._tags.items() if held.get(name) != text
    ]

  def publish(self) -> None:
    """Gives the finished file its name.

    Raises:
      WriteError: If that cannot be.
    """
    with self._errors_named():
      self._working.replace(self.path)

  def _prove_room(self) -> None:
    """Raises OSError if the disk is full.

    libsndfile does not tell whether the last bytes of an MP3 file fitted.
    """
    end = os.fstat(self._file).st_size
    if os.pwrite(self._file, bytes(_MORE_BYTES), end) < _MORE_BYTES:
      raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    os.ftruncate(self._file, end)

  def _discard(self) -> None:
    with contextlib.suppress(OSError):
      self._working.unlink()
    os.close(self._file)

  @contextlib.contextmanager
  def _errors_named(self) -> Iterator[None]:
    try:
      yield
    except (soundfile.LibsndfileError, OSError) as error:
      is_os = isinstance(error, OSError)
      # libsndfile says "System error" of all that the system refuses.
      reason = reason_of(error if is_os else self._refusal() or error)
      raise WriteError(
        f"{self.path} cannot be written ({reason}): name another folder or "
        "make room"
      ) from error

  def _refusal(self) -> OSError | None:
    """Returns why the system takes no more bytes; None if it does."""
    try:
      self._prove_room()
    except OSError as error:
      return error
    return None


class WriteError(InputError):
  """A file that cannot be written: the disk is full, the folder read-only."""


def _new_beside(path: Path) -> tuple[Path, int]:
  """Makes a hidden file that no other writer has; returns it and its number."""
  for number in itertools.count(os.getpid()):
    working = path.with_name(f".{path.name}.{number}.writing")
    with contextlib.suppress(FileExistsError):
      flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
      return working, os.open(working, flags, 0o666)
  raise AssertionError


def _lock(file: int) -> None:
  try:
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
  except BlockingIOError:
    raise
  except OSError:
    # A file system without locks: there leftovers stay.
    return


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
  if subtype in BITS and np.abs(samples).max(initial=0.0) > 1.0:
    subtype = "FLOAT"
  length, channels = samples.shape
  form = Form("wav", subtype)
  with BlockWriter(path, form, rate_hz, channels, length) as writer:
    writer.write(samples if form.bits is None else to_steps(samples, form.bits))
    writer.finish()
    writer.publish()
  return subtype
