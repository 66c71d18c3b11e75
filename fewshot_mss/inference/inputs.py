"""What a person hands in, read and checked: songs and examples."""

import dataclasses
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float32

from fewshot_mss.audio import examples, resampling
from fewshot_mss.audio.blocks import audio_info, read_blocks
from fewshot_mss.audio.clip_facts import ClipFacts, clip_facts
from fewshot_mss.audio.clock import clock
from fewshot_mss.audio.levels import LOUDEST, SILENCE_DBFS, rms_db
from fewshot_mss.errors import InputError

Song = Path | str | np.ndarray
Example = Path | str | np.ndarray

_MAX_CHANNELS = 2
_ARRAY_BLOCK_SAMPLES = 1 << 16
# Pieces of a long example this far below its loudest one are pauses.
_PAUSE_DB = -40.0


@dataclasses.dataclass(frozen=True)
class OpenSong:
  """A song whose header was checked; its sound is read when it is asked for.

  Attributes:
    name: For messages.
    rate_hz: Sample rate.
    channels: One or two.
    num_samples: Length, in samples of one channel; an estimate for a file that
      does not state it.
    read: Reads it from its beginning, in blocks of so many samples; of a size
      that suits if that is None.
  """

  name: str
  rate_hz: int
  channels: int
  num_samples: int
  read: Callable[
    [int | None], Iterator[Float32[np.ndarray, "samples channels"]]
  ]

  def blocks(
    self, block_samples: int | None = None
  ) -> Iterator[Float32[np.ndarray, "samples channels"]]:
    """Reads the song and checks it on the way.

    Args:
      block_samples: Length of a block.

    Yields:
      Blocks of [samples, channels].

    Raises:
      InputError: If it is damaged, not finite, louder than `LOUDEST`, or empty
        after all.
    """
    done = 0
    for block in self.read(block_samples):
      finite = np.isfinite(block)
      if not finite.all():
        bad = int(np.argmin(finite.all(axis=1)))
        raise InputError(
          f"{self.name} holds NaN or infinite samples at "
          f"{clock((done + bad) / self.rate_hz)}: repair it first"
        )
      # Not abs: no second copy of what there is most of.
      peak = max(block.max(initial=0.0), -block.min(initial=0.0))
      if peak > LOUDEST:
        raise InputError(
          f"{self.name} reaches {peak:.0e} after {clock(done / self.rate_hz)}, "
          "where full scale is 1: scale it down first"
        )
      done += len(block)
      yield block
    if not done:
      raise InputError(_no_samples(self.name))


def open_song(song: Song, rate_hz: int | None = None) -> OpenSong:
  """Checks what can be told of a song without reading it.

  Args:
    song: A file, or samples, or samples by channels.
    rate_hz: Of an array.

  Returns:
    The song.

  Raises:
    InputError: If it cannot be read, is empty, or has more than two channels.
  """
  if isinstance(song, np.ndarray):
    name = "the song"
    samples = _as_channels(song, name)
    found = OpenSong(
      name,
      _given(rate_hz, name),
      samples.shape[1],
      len(samples),
      functools.partial(_array_blocks, samples),
    )
  else:
    path = Path(song)
    info = audio_info(path)
    found = OpenSong(
      str(path),
      info.rate_hz,
      info.channels,
      info.num_samples,
      functools.partial(read_blocks, path, 0, None),
    )
  check_channels(found.channels, found.name)
  if not found.num_samples:
    raise InputError(_no_samples(found.name))
  return found


def _array_blocks(
  samples: Float[np.ndarray, "samples channels"], block_samples: int | None
) -> Iterator[Float32[np.ndarray, "block channels"]]:
  size = block_samples or _ARRAY_BLOCK_SAMPLES
  for begin in range(0, len(samples), size):
    yield samples[begin : begin + size].astype(np.float32, copy=False)


def _no_samples(name: str) -> str:
  return f"{name} holds no samples: give a song that has some"


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
  facts = clip_facts(
    _as_channels(as_read, name).astype(np.float32, copy=False), read_hz
  )
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
) -> Float[np.ndarray, "samples channels"]:
  if samples.ndim not in (1, 2) or samples.dtype.kind != "f":
    raise InputError(
      f"{name} is {samples.dtype} of shape {samples.shape}: give floats with "
      "full scale at 1, [samples] or [samples, channels]"
    )
  return samples[:, None] if samples.ndim == 1 else samples
