"""Examples of an instrument: which part of which file, and is it usable."""

import math
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

from fewshot_mss.audio.clock import clock
from fewshot_mss.audio.files import audio_info, read_audio
from fewshot_mss.audio.levels import LOUDEST, SILENCE_DBFS, rms_db
from fewshot_mss.audio.resampling import resample, to_mono
from fewshot_mss.errors import InputError

MIN_EXAMPLE_S = 0.25
_TIME = r"(?:(?:([0-9]+):)?([0-9]+):)?([0-9]+(?:\.[0-9]+)?)"
_RANGE = re.compile(f"{_TIME}-{_TIME}")
_RIGHT_FORM = "song.wav@1:02-1:09 (minutes:seconds) or song.wav@62-69 (seconds)"


class ExampleSource(NamedTuple):
  """Where an example lies.

  Attributes:
    path: The file.
    start_s: Where the example begins; None if the whole file is meant.
    end_s: Where it ends; None if the whole file is meant.
  """

  path: Path
  start_s: float | None = None
  end_s: float | None = None

  def __str__(self) -> str:
    if self.start_s is None or self.end_s is None:
      return str(self.path)
    return f"{self.path}@{clock(self.start_s)}-{clock(self.end_s)}"


def parse_example(text: str) -> ExampleSource:
  """Reads `song.wav`, `song.wav@62-69.5` or `song.wav@1:02-1:09`.

  Args:
    text: A file, with a time range or without. A file whose own name holds
      an `@` is taken as the file.

  Returns:
    Where the example lies. Whether the file is there is not looked at.

  Raises:
    InputError: If the range is malformed or does not end after it starts.
  """
  if "@" not in text or Path(text).is_file():
    return ExampleSource(Path(text))
  name, _, span = text.rpartition("@")
  match = _RANGE.fullmatch(span)
  times = [] if match is None else _seconds(match.groups())
  if not name or not times:
    raise InputError(
      f"{text}: no such file, and {span!r} is no time range; write "
      f"{_RIGHT_FORM}"
    )
  start_s, end_s = times
  if end_s <= start_s:
    raise InputError(
      f"{text}: the range must end after it starts; write {_RIGHT_FORM}"
    )
  return ExampleSource(Path(name), start_s, end_s)


def _seconds(fields: tuple[str | None, ...]) -> list[float]:
  """Returns the two times; nothing if a field after a colon passes 59."""
  times = []
  for hours, minutes, seconds in (fields[:3], fields[3:]):
    if minutes is not None and float(seconds or 0) >= 60:
      return []
    if hours is not None and int(minutes or 0) >= 60:
      return []
    times.append(
      3600 * int(hours or 0) + 60 * int(minutes or 0) + float(seconds or 0)
    )
  return times


def load_example(
  source: ExampleSource, rate_hz: int
) -> Float32[np.ndarray, " samples"]:
  """Reads an example; of a time range, only that part of the file.

  Args:
    source: Where it lies.
    rate_hz: Wanted rate, the model's.

  Returns:
    The example, mono.

  Raises:
    InputError: If the file cannot be read, ends before the range does, or
      the example is too short, silent, or not finite.
  """
  samples, file_hz = read_example(source)
  mono = check_example_array(samples, file_hz, str(source))
  return resample(mono, file_hz, rate_hz)


def read_example(
  source: ExampleSource,
) -> tuple[Float32[np.ndarray, "samples channels"], int]:
  """Reads the samples of an example as they are; unchecked.

  Args:
    source: Where it lies; of a time range, only that part of the file is read.

  Returns:
    The samples and their rate in Hz.

  Raises:
    InputError: If the file cannot be read, or ends before the range does.
  """
  if source.start_s is None or source.end_s is None:
    return read_audio(source.path)
  file_hz = audio_info(source.path).rate_hz
  start = round(source.start_s * file_hz)
  stop = round(source.end_s * file_hz)
  samples, _ = read_audio(source.path, start, stop)
  if len(samples) < stop - start:
    raise InputError(_beyond_the_end(source, start + len(samples), file_hz))
  return samples, file_hz


def _beyond_the_end(source: ExampleSource, end: int, file_hz: int) -> str:
  # Nothing read tells no more than that the file ends before the range.
  end = min(end, audio_info(source.path).num_samples)
  # Rounded down: this time is within the file.
  end_s = math.floor(end / file_hz * 1000) / 1000
  return (
    f"{source}: the file ends at {clock(end_s)}; name a range that ends by then"
  )


def check_example_array(
  samples: np.ndarray, rate_hz: int, name: str
) -> Float32[np.ndarray, " samples"]:
  """Checks that an example can be used.

  Args:
    samples: Floats in [-1, 1], [samples] or [samples, channels].
    rate_hz: Their rate.
    name: What to call the example in an error.

  Returns:
    The example, mono, at the same rate.

  Raises:
    InputError: If it has another shape or type, is shorter than
      `MIN_EXAMPLE_S`, quieter than `SILENCE_DBFS`, louder than
      `LOUDEST`, or not finite.
  """
  if not np.issubdtype(samples.dtype, np.floating):
    raise InputError(
      f"{name} holds {samples.dtype}: give floats with full scale at 1"
    )
  shape = samples.shape
  if samples.ndim == 1:
    samples = samples[:, np.newaxis]
  if samples.ndim != 2 or samples.shape[1] > max(1, samples.shape[0]):
    raise InputError(
      f"{name} has shape {shape}: give [samples] or [samples, channels]"
    )
  if len(samples) < MIN_EXAMPLE_S * rate_hz:
    raise InputError(
      f"{name} is {len(samples) / rate_hz:.3f} s long: give an example of at "
      f"least {MIN_EXAMPLE_S} s"
    )
  if not np.isfinite(samples).all():
    raise InputError(
      f"{name} holds NaN or infinite samples: export it again or give another"
    )
  peak = np.abs(samples).max()
  if peak > LOUDEST:
    raise InputError(
      f"{name} reaches {peak:.0e}, where full scale is 1: scale it down"
    )
  mono = to_mono(samples.astype(np.float32))
  level_db = rms_db(mono)
  if level_db < SILENCE_DBFS:
    raise InputError(
      f"{name} is silent ({level_db:.0f} dBFS in mono, below "
      f"{SILENCE_DBFS:.0f}): give a part where the instrument plays"
    )
  return mono
