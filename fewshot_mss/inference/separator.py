"""From an archive to a separated song: what a program calls."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float32

from fewshot_mss.audio import resampling
from fewshot_mss.export.archive import Archive, load_archive
from fewshot_mss.export.checks import build_model
from fewshot_mss.export.hub import local_folder
from fewshot_mss.inference.conditions import Ask, make_conditions
from fewshot_mss.inference.inputs import Example, Song, load_song
from fewshot_mss.inference.listener import Listener, apply_model
from fewshot_mss.inference.overlap_add import OVERLAP_SHARE, overlap_add

Progress = Callable[[int, int], None]

_BATCH_PATCHES = 8


@dataclasses.dataclass(frozen=True, eq=False)
class Separation:
  """A song in two parts that sum to it, at its own rate, length and channels.

  Attributes:
    target: What was asked for.
    mixture: The song.
    rate_hz: Sample rate of the song.
  """

  target: Float32[np.ndarray, "samples channels"]
  mixture: Float32[np.ndarray, "samples channels"]
  rate_hz: int

  @property
  def residual(self) -> Float32[np.ndarray, "samples channels"]:
    """The song minus the target."""
    return self.mixture - self.target


class Block(NamedTuple):
  """Some of a song, separated; blocks follow one another without a gap.

  Attributes:
    mixture: The song.
    targets: What was asked for, one a condition.
  """

  mixture: Float32[np.ndarray, "samples channels"]
  targets: Float32[np.ndarray, "targets samples channels"]

  @property
  def residual(self) -> Float32[np.ndarray, "samples channels"]:
    """The song minus the targets, one after another."""
    rest = self.mixture
    for target in self.targets:
      rest = rest - target
    return rest


class Separator:
  """A trained network, ready to separate any number of songs.

  Whatever the length of a song or an example, the network sees fixed shapes, so
  a second song compiles nothing.

  Attributes:
    archive: What it was loaded from.
    rate_hz: Sample rate inside; what a song holds above half of it stays in the
      residual.
    listener: Its half that hears examples.
  """

  def __init__(self, archive: Archive):
    """Puts the weights on the device; `from_pretrained` loads them first."""
    model = build_model(archive.model)
    self.archive = archive
    self.rate_hz = model.sample_rate_hz
    self._patch_samples = round(archive.training["mixture_s"] * self.rate_hz)
    self._model = model
    self._params = jax.device_put(archive.params)
    self.listener = Listener(model, self._params, archive.training["example_s"])

  @classmethod
  def from_pretrained(cls, directory: Path | str) -> "Separator":
    """Loads an archive.

    Args:
      directory: What `save_archive` wrote, or `hf://user/name` for a model of
        the Hugging Face Hub, which needs the extra [hub].

    Returns:
      The separator.

    Raises:
      InputError: If it is none, or damaged; see `load_archive`.
    """
    return cls(load_archive(local_folder(directory)))

  def separate(
    self,
    song: Song,
    *,
    positives: Sequence[Example] = (),
    negatives: Sequence[Example] = (),
    rate_hz: int | None = None,
    instrument: str | None = None,
  ) -> Separation:
    """Separates a song into what the examples show and the rest.

    Levels are left as they are: the network was trained at all of them.

    Args:
      song: A file, or samples, or samples by channels; one or two channels.
      positives: Clips that show the instrument: files, time ranges of files
        (`song.wav@1:02-1:09`), or arrays like `song`. All weigh the same.
      negatives: Clips of what is not asked for, if the model takes them.
      rate_hz: Of the arrays among song and examples.
      instrument: For a model that is asked by name, instead of examples.

    Returns:
      The two parts.

    Raises:
      InputError: If the song or an example cannot be used, or the model is not
        asked in this way.
    """
    condition = self.condition(
      positives=positives,
      negatives=negatives,
      rate_hz=rate_hz,
      instrument=instrument,
    )
    return self.separate_with(song, condition, rate_hz=rate_hz)

  def condition(
    self,
    *,
    positives: Sequence[Example] = (),
    negatives: Sequence[Example] = (),
    rate_hz: int | None = None,
    instrument: str | None = None,
  ) -> Float32[np.ndarray, " D"]:
    """Returns what the examples say, for any number of songs.

    Args:
      positives: As of `separate`.
      negatives: Likewise.
      rate_hz: Likewise.
      instrument: Likewise.

    Returns:
      The vector that `separate_with` takes.

    Raises:
      InputError: As of `separate`.
    """
    ask = Ask(positives, negatives, instrument=instrument)
    return self.conditions([ask], rate_hz=rate_hz)[0]

  def conditions(
    self, asks: Sequence[Ask], *, rate_hz: int | None = None
  ) -> Float32[np.ndarray, "targets D"]:
    """Returns what is asked for several targets of one song.

    Args:
      asks: One a target; the positives of the others are its negatives, if the
        model takes negatives.
      rate_hz: Of the arrays among the examples.

    Returns:
      The vectors that `stream` takes.

    Raises:
      InputError: As of `separate`.
    """
    return make_conditions(self.listener, self.archive, asks, rate_hz)

  def separate_with(
    self,
    song: Song,
    condition: Float32[np.ndarray, " D"],
    *,
    rate_hz: int | None = None,
    progress: Progress | None = None,
  ) -> Separation:
    """Separates a song by a condition that is there already.

    Args:
      song: As of `separate`.
      condition: What `condition` returned.
      rate_hz: Of the song, if it is an array.
      progress: Called with the patches done and their number.

    Returns:
      The two parts.

    Raises:
      InputError: If the song cannot be used.
    """
    mixture, rate_hz = load_song(song, rate_hz)
    blocks = self.stream(
      mixture, condition[None], rate_hz=rate_hz, progress=progress
    )
    target = np.concatenate([block.targets[0] for block in blocks])
    return Separation(target, mixture, rate_hz)

  def stream(
    self,
    song: Song,
    conditions: Float32[np.ndarray, "targets D"],
    *,
    rate_hz: int | None = None,
    progress: Progress | None = None,
  ) -> Iterator[Block]:
    """Separates a song block by block.

    Args:
      song: As of `separate`.
      conditions: What `conditions` returned; the network's encoder runs once
        for all of them.
      rate_hz: Of the song, if it is an array.
      progress: Called with the patches done and their number.

    Yields:
      The blocks, from the beginning of the song to its end.

    Raises:
      InputError: If the song cannot be used.
    """
    mixture, rate_hz = load_song(song, rate_hz)
    length = -(-len(mixture) * self.rate_hz // rate_hz)
    signal = resampling.resample(mixture, rate_hz, self.rate_hz)
    signal = _of_length(signal, length).T
    repeated = np.tile(conditions, (_BATCH_PATCHES, 1, 1))
    targets = overlap_add(
      signal,
      lambda patches: self._apply("separate", patches, repeated),
      num_targets=len(conditions),
      patch_samples=self._patch_samples,
      overlap_samples=int(self._patch_samples * OVERLAP_SHARE),
      batch_patches=_BATCH_PATCHES,
      progress=progress,
    )
    parts = [
      _of_length(
        resampling.resample(target.T, self.rate_hz, rate_hz), len(mixture)
      )
      for target in targets
    ]
    yield Block(mixture, np.stack(parts))

  def _apply(self, method: str, *inputs: Any) -> np.ndarray:
    return np.asarray(apply_model(self._model, method, self._params, *inputs))


def _of_length(
  samples: Float32[np.ndarray, "_ channels"], length: int
) -> Float32[np.ndarray, "length channels"]:
  """Cuts, or fills up with silence."""
  missing = max(0, length - len(samples))
  return np.pad(samples[:length], [(0, missing), (0, 0)])
