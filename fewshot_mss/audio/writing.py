"""Audio files out: block by block, and whole or not there."""

import contextlib
import fcntl
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import numpy as np
import soundfile
from jaxtyping import Float32, Int, Num

from fewshot_mss.audio.files import AudioInfo
from fewshot_mss.errors import InputError

# Bits of a sample of the encodings that hold integers.
BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
_BYTES = {subtype: bits // 8 for subtype, bits in BITS.items()} | {
  "FLOAT": 4,
  "DOUBLE": 8,
}
# Containers by the name that a person gives, with their encodings; of lossy
# ones their only one.
FORMATS = {
  "wav": ("PCM_16", "PCM_U8", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"),
  "flac": ("PCM_16", "PCM_S8", "PCM_24"),
  "aiff": ("PCM_16", "PCM_S8", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"),
  "w64": ("PCM_16", "PCM_U8", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"),
  "ogg": ("VORBIS",),
  "mp3": ("MPEG_LAYER_III",),
}
LOSSY_FORMATS = ("ogg", "mp3")
WAV_SUBTYPES = FORMATS["wav"]
MP3_RATES_HZ = (
  *(8_000, 11_025, 12_000, 16_000, 22_050, 24_000),
  *(32_000, 44_100, 48_000),
)
# How the files begin that `check_writable` tries a folder with.
WRITABLE_PREFIX = ".writable"
# The headers of WAV and AIFF count bytes in 32 bits; a longer WAV is an RF64.
MAX_WAV_BYTES = 2**32 - 2**16
# Lossless encodings that no container here has, and what keeps their precision.
_KEPT_IN = {
  "ALAC_16": "PCM_16",
  "ALAC_20": "PCM_24",
  "ALAC_24": "PCM_24",
  "ALAC_32": "PCM_32",
}
# Vorbis encoders of libsndfile overflow the stack on much at once.
_CHUNK_SAMPLES = 1 << 14
_WORKING = re.compile(r"\..+\.\d+\.writing")


class Form(NamedTuple):
  """What a file is written as.

  Attributes:
    format: One of `FORMATS`.
    subtype: One of its encodings.
  """

  format: str
  subtype: str

  @property
  def bits(self) -> int | None:
    """Of a sample, if the file holds integers."""
    return BITS.get(self.subtype)


def kept_subtype(info: AudioInfo, format_name: str) -> str:
  """Returns the encoding that keeps the precision of a file in a container.

  That of the file if the container has it, else one of as many bits or more,
  else the best it has. What comes from a lossy codec is floats, as decoders
  give it, mostly above full scale at times; in a container without floats, 16
  bits.

  Args:
    info: Of the file.
    format_name: One of `FORMATS`.

  Returns:
    One of the container's encodings.
  """
  there = FORMATS[format_name]
  subtype = _KEPT_IN.get(info.subtype, info.subtype)
  if subtype in there:
    return subtype
  if subtype not in _BYTES:
    return "FLOAT" if "FLOAT" in there else there[0]
  known = sorted((s for s in there if s in BITS), key=BITS.__getitem__)
  wanted = BITS.get(subtype, 32)
  return next((s for s in known if BITS[s] >= wanted), (known or there)[-1])


class BlockWriter:
  """One audio file, written block by block under a hidden name beside it.

  It takes its own name only by `publish`; whatever is not published when the
  `with` block ends is gone, and what a killed process has left is removed by
  `remove_leftovers`, as the lock of its hidden file died with the process.

  Attributes:
    path: The name it will have.
    form: What it is written as.
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
    self._written_samples = 0
    self._left_bytes = MAX_WAV_BYTES
    container = form.format.upper()
    long = num_samples * channels * _BYTES.get(form.subtype, 0) > MAX_WAV_BYTES
    if container == "WAV" and long:
      container = "RF64"
    self._counted = container in ("WAV", "AIFF")
    self._sample_bytes = channels * _BYTES.get(form.subtype, 0)
    self._working = path.with_name(f".{path.name}.{os.getpid()}.writing")
    with self._errors_named():
      self._file = os.open(
        self._working, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o666
      )
    try:
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
        _write_tags(self._sound, form.format, tags or {})
    except BaseException:
      self._discard()
      raise

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
      # A full disk may show here first.
      os.fsync(self._file)
      if soundfile.info(self._working).frames != self._written_samples:
        raise OSError(0, "it ends too early")

  def publish(self) -> None:
    """Gives the finished file its name.

    Raises:
      WriteError: If that cannot be.
    """
    with self._errors_named():
      self._working.replace(self.path)

  def _discard(self) -> None:
    with contextlib.suppress(OSError):
      self._working.unlink()
    os.close(self._file)

  @contextlib.contextmanager
  def _errors_named(self) -> Iterator[None]:
    try:
      yield
    except (soundfile.LibsndfileError, OSError) as error:
      raise WriteError(
        f"{self.path} cannot be written ({_reason(error)}): "
        "name another folder or make room"
      ) from error


class WriteError(InputError):
  """A file that cannot be written: the disk is full, the folder read-only."""


def _lock(file: int) -> None:
  try:
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
  except BlockingIOError:
    raise
  except OSError:
    # A file system without locks: there leftovers stay.
    return


def remove_leftovers(folder: Path) -> None:
  """Removes hidden files of writers that are no more; those at work stay.

  Args:
    folder: Where files were written; it need not be there.
  """
  if not folder.is_dir():
    return
  for path in folder.iterdir():
    if not _WORKING.fullmatch(path.name):
      continue
    with contextlib.suppress(OSError), path.open("rb") as file:
      fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
      path.unlink()


def read_tags(path: Path) -> dict[str, str]:
  """Returns title, artist and the like of an audio file.

  Args:
    path: Of a file; what libsndfile cannot read has none.

  Returns:
    By soundfile's names of them. Not the software that wrote the file.
  """
  try:
    with soundfile.SoundFile(path) as sound:
      tags = sound.copy_metadata()
  except soundfile.LibsndfileError:
    return {}
  return {name: text for name, text in tags.items() if name != "software"}


def _write_tags(
  sound: soundfile.SoundFile, format_name: str, tags: Mapping[str, str]
) -> None:
  for name, text in tags.items():
    # LAME takes the bytes for Latin-1: no tag rather than a garbled one.
    if format_name == "mp3" and not text.isascii():
      continue
    # Containers have some tags and lack others.
    with contextlib.suppress(soundfile.LibsndfileError):
      setattr(sound, name, text)


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


def to_steps(
  samples: Float32[np.ndarray, "*shape"], bits: int
) -> Int[np.ndarray, "*shape"]:
  """Rounds to the nearest integers of so many bits, and clips to them.

  Args:
    samples: Full scale is 1.
    bits: Of an integer.

  Returns:
    The integers.
  """
  scale = 2.0 ** (bits - 1)
  whole = np.rint(samples.astype(np.float64) * scale)
  return np.clip(whole, -scale, scale - 1).astype(np.int64)


def check_writable(folder: Path) -> None:
  """Makes a folder and proves that files can be written in it.

  Args:
    folder: Made with its parents if it is not there.

  Raises:
    InputError: If it cannot be made or written.
  """
  try:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder, prefix=WRITABLE_PREFIX):
      pass
  except OSError as error:
    raise InputError(
      f"{folder} cannot be written ({error.strerror}): name another folder"
    ) from error


def _reason(error: soundfile.LibsndfileError | OSError) -> str:
  if isinstance(error, OSError):
    return str(error.strerror)
  return error.error_string.strip().rstrip(".")
