"""What a person hands in, read and checked: songs and examples."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

from fewshot_mss.audio import examples, files, resampling
from fewshot_mss.audio.clip_facts import ClipFacts, clip_facts
from fewshot_mss.audio.levels import SILENCE_DBFS, rms_db
from fewshot_mss.errors import InputError

Song = Path | str | np.ndarray
Example = Path | str | np.ndarray

_MAX_CHANNELS = 2
# Pieces of a long example this far below its loudest one are pauses.
_PAUSE_DB = -40.0


def load_song(
  song: Song, rate_hz: int | None
) -> tuple[Float32[np.ndarray, "samples channels"], int]:
  """Reads a song.

  Args:
    song: A file, or samples, or samples by channels.
    rate_hz: Of an array.

  Returns:
    The samples and their rate.

  Raises:
    InputError: If it cannot be read, is empty, not finite, or has more than two
      channels.
  """
  if isinstance(song, np.ndarray):
    name = "the song"
    samples, rate_hz = _as_channels(song, name), _given(rate_hz, name)
  else:
    samples, rate_hz = files.read_audio(Path(song))
    name = str(song)
  check_channels(samples.shape[1], name)
  if not len(samples):
    raise InputError(f"{name} holds no samples: give a song that has some")
  if not np.isfinite(samples).all():
    raise InputError(f"{name} holds NaN or infinite samples: repair it first")
  return samples, rate_hz


class Clip(NamedTuple):
  """An example, read.

  Attributes:
    name: What it is called in messages.
    samples: Mono, at the rate that was wanted.
    facts: What it was like as it was read.
  """

  name: str
  samples: Float32[np.ndarray, " samples"]
  facts: ClipFacts


def load_clip(
  clip: Example, rate_hz: int | None, name: str, to_rate_hz: int
) -> Clip:
  """Reads an example as mono sound.

  Args:
    clip: A file, a time range of one, samples, or samples by channels.
    rate_hz: Of an array.
    name: Of an array, for the message.
    to_rate_hz: Wanted rate.

  Returns:
    The example at the wanted rate.

  Raises:
    InputError: If it cannot be read, or shows nothing.
  """
  if isinstance(clip, np.ndarray):
    as_read, read_hz = clip, _given(rate_hz, name)
  else:
    name = str(clip)
    as_read, read_hz = examples.read_example(examples.parse_example(name))
  mono = examples.check_example_array(as_read, read_hz, name)
  samples = resampling.resample(mono, read_hz, to_rate_hz)
  if rms_db(samples) < SILENCE_DBFS:
    raise InputError(
      f"{name} holds nothing below {to_rate_hz // 2} Hz, where the model "
      "listens: give another part"
    )
  facts = clip_facts(_as_channels(as_read, name), read_hz)
  return Clip(name, samples, facts)


def cut_pieces(
  samples: Float32[np.ndarray, " samples"], piece_samples: int
) -> Float32[np.ndarray, "pieces piece"]:
  """Cuts an example into pieces of the length that training used.

  Pieces lie evenly from the beginning to the end and may overlap, so none
  needs padding; pauses are left out. A shorter example is mirrored until it
  fills a piece: silence would count as part of the sound, a repetition clicks.

  Args:
    samples: The example.
    piece_samples: Length of a piece.

  Returns:
    At least one piece.
  """
  spare = len(samples) - piece_samples
  if spare <= 0:
    return np.pad(samples, (0, -spare), mode="symmetric")[None]
  count = -(-len(samples) // piece_samples)
  starts = np.rint(np.linspace(0, spare, count)).astype(int)
  pieces = np.stack([samples[s : s + piece_samples] for s in starts])
  power = np.mean(np.square(pieces, dtype=np.float64), axis=1)
  return pieces[power >= power.max() * 10 ** (_PAUSE_DB / 10)]


def check_channels(channels: int, name: str) -> None:
  """Checks that a song is mono or stereo.

  Args:
    channels: Of the song.
    name: For the message.

  Raises:
    InputError: If it has more channels, or none.
  """
  if not 1 <= channels <= _MAX_CHANNELS:
    raise InputError(
      f"{name} has {channels} channels, mono and stereo can be separated: mix "
      "it down to two (arrays are samples by channels)"
    )


def _given(rate_hz: int | None, name: str) -> int:
  """Returns the rate of an array, which nothing but its caller knows."""
  if rate_hz is None or rate_hz < 1:
    raise InputError(f"{name} is an array: give its sample rate, rate_hz")
  return rate_hz


def _as_channels(
  samples: np.ndarray, name: str
) -> Float32[np.ndarray, "samples channels"]:
  if samples.ndim not in (1, 2) or samples.dtype.kind != "f":
    raise InputError(
      f"{name} is {samples.dtype} of shape {samples.shape}: give floats with "
      "full scale at 1, [samples] or [samples, channels]"
    )
  if samples.ndim == 1:
    samples = samples[:, None]
  return samples.astype(np.float32)
