"""The sound of a song's stems, as the network gets whole songs.

As when a song is separated (inference/separator.py): at the model's rate, its
channels kept, its level left as it is, and the examples mono.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from jaxtyping import Float, Float32

from fewshot_mss.audio.resampling import resample, to_mono
from fewshot_mss.data.tracks import Stem, Track
from fewshot_mss.errors import InputError
from fewshot_mss.inference.inputs import check_channels


def read_stem(
  song: str, stem: Stem
) -> tuple[Float[np.ndarray, "samples channels"], int]:
  """Reads a stem that is mono or stereo.

  Args:
    song: Name of its song, for the message.
    stem: The stem.

  Returns:
    The samples and their rate.

  Raises:
    InputError: If it cannot be read, is empty, holds NaN or infinite samples,
      or has more than two channels.
  """
  samples, rate_hz = stem.read()
  name = f"stem {stem.name} of {song}"
  check_channels(samples.shape[1], name)
  if not len(samples):
    raise InputError(f"{name} holds no samples: remove it")
  if not np.isfinite(samples).all():
    raise InputError(
      f"{name} holds NaN or infinite samples: repair or remove it"
    )
  return samples, rate_hz


def sum_of_stems(
  song: str, stems: Iterable[Stem], rate_hz: int
) -> Float32[np.ndarray, "channels samples"]:
  """Reads stems and adds them up, one in memory at a time.

  Args:
    song: Name of their song, for messages.
    stems: At least one.
    rate_hz: Wanted rate.

  Returns:
    Their sum, as long as the longest; stereo if one of them is. What is mono
    is the same in both channels.

  Raises:
    InputError: If a stem cannot be read.
  """
  total = np.zeros((1, 0), np.float32)
  for stem in stems:
    samples, file_hz = read_stem(song, stem)
    length = -(-len(samples) * rate_hz // file_hz)
    sound = resample(samples.astype(np.float32), file_hz, rate_hz)
    sound = sound[:length].T
    channels = max(len(total), len(sound))
    longest = max(total.shape[1], length)
    if total.shape != (channels, longest):
      total = fit(total, (channels, longest))
    total[:, : sound.shape[1]] += sound
  return total


def fit(
  sound: Float32[np.ndarray, "_ _"], shape: tuple[int, int]
) -> Float32[np.ndarray, "channels samples"]:
  """Returns a sound with as many channels, filled up with silence.

  Args:
    sound: Mono, or of that many channels; not longer than the shape.
    shape: Channels and samples.

  Returns:
    A copy of that shape.
  """
  fitted = np.zeros(shape, np.float32)
  fitted[:, : sound.shape[1]] = sound
  return fitted


def read_clips(
  tracks: Mapping[str, Track],
  spans: Iterable[tuple[str, str, float]],
  *,
  example_s: float,
  rate_hz: int,
) -> Iterator[tuple[tuple[str, str, float], Float32[np.ndarray, " samples"]]]:
  """Yields examples, each stem read once.

  Args:
    tracks: The songs by name.
    spans: Names of song and stem, and where the example begins in seconds.
    example_s: Length of an example, in seconds.
    rate_hz: Wanted rate.

  Yields:
    A span and its sound, mono.

  Raises:
    InputError: If a stem cannot be read, or ends before an example does.
  """
  starts: dict[tuple[str, str], list[float]] = {}
  for song, stem, start_s in sorted(set(spans)):
    starts.setdefault((song, stem), []).append(start_s)
  for (song, name), held in starts.items():
    samples, file_hz = read_stem(song, find_stem(tracks[song].stems, name))
    for start_s in held:
      start = round(start_s * file_hz)
      stop = start + round(example_s * file_hz)
      if stop > len(samples):
        raise InputError(
          f"stem {name} of {song} ends before the list's example at "
          f"{start_s:g} s does: take the list of this folder"
        )
      mono = to_mono(samples[start:stop].astype(np.float32))
      yield (song, name, start_s), resample(mono, file_hz, rate_hz)


def find_stem(stems: Sequence[Stem], name: str) -> Stem:
  """Returns the stem of a name, which is there."""
  return next(stem for stem in stems if stem.name == name)
