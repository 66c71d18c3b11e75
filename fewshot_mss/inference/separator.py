"""From an archive to a separated song: what a program calls."""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import Float32

from fewshot_mss.audio import resampling
from fewshot_mss.episode import Support
from fewshot_mss.errors import InputError
from fewshot_mss.export.archive import Archive, load_archive
from fewshot_mss.export.checks import build_model
from fewshot_mss.export.hub import local_folder
from fewshot_mss.inference.inputs import (
  Example,
  Song,
  cut_pieces,
  load_clip,
  load_song,
)
from fewshot_mss.inference.overlap_add import OVERLAP_SHARE, overlap_add
from fewshot_mss.models.separator import FewShotSeparator

Progress = Callable[[int, int], None]

_BATCH_PATCHES = 8
_BATCH_PIECES = 4


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


@functools.partial(jax.jit, static_argnames=("model", "method"))
def apply_model(
  model: FewShotSeparator, method: str, params: Any, *inputs: Any
) -> Any:
  """Calls a method of the network; compiled once for all separators.

  Args:
    model: The network.
    method: Name of one of its methods.
    params: Its parameters.
    *inputs: What the method takes.

  Returns:
    What the method returns.
  """
  return model.apply({"params": params}, *inputs, method=method)


class Separator:
  """A trained network, ready to separate any number of songs.

  Whatever the length of a song or an example, the network sees fixed shapes, so
  a second song compiles nothing.

  Attributes:
    archive: What it was loaded from.
    rate_hz: Sample rate inside; what a song holds above half of it stays in the
      residual.
  """

  def __init__(self, archive: Archive):
    """Puts the weights on the device; `from_pretrained` loads them first."""
    model = build_model(archive.model)
    self.archive = archive
    self.rate_hz = model.sample_rate_hz
    self._patch_samples = round(archive.training["mixture_s"] * self.rate_hz)
    self._piece_samples = round(archive.training["example_s"] * self.rate_hz)
    self._model = model
    self._params = jax.device_put(archive.params)

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
    self._check_asked(len(positives), len(negatives), instrument)
    class_id = -1
    if instrument is not None:
      class_id = self.archive.instruments.index(instrument)
    positive = self._average(positives, rate_hz, "positive")
    negative = self._average(negatives, rate_hz, "negative")
    support = Support(
      positives=positive[None, None, None],
      positive_mask=np.full((1, 1, 1), len(positives) > 0),
      negatives=negative[None, None, None],
      negative_mask=np.full((1, 1, 1), len(negatives) > 0),
      class_id=np.full((1, 1), class_id, np.int32),
    )
    return self._apply("combine", support)[0, 0]

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
    length = -(-len(mixture) * self.rate_hz // rate_hz)
    signal = resampling.resample(mixture, rate_hz, self.rate_hz)
    signal = _of_length(signal, length).T
    repeated = np.tile(condition, (_BATCH_PATCHES, 1, 1))
    (target,) = overlap_add(
      signal,
      lambda patches: self._apply("separate", patches, repeated),
      num_targets=1,
      patch_samples=self._patch_samples,
      overlap_samples=int(self._patch_samples * OVERLAP_SHARE),
      batch_patches=_BATCH_PATCHES,
      progress=progress,
    )
    target = resampling.resample(target.T, self.rate_hz, rate_hz)
    target = _of_length(target, len(mixture))
    return Separation(target, mixture, rate_hz)

  def _apply(self, method: str, *inputs: Any) -> np.ndarray:
    return np.asarray(apply_model(self._model, method, self._params, *inputs))

  def _check_asked(
    self, positives: int, negatives: int, instrument: str | None
  ) -> None:
    """Checks that the model can be asked in this way."""
    known = self.archive.instruments
    if self._model.conditioning == "class":
      if positives or negatives:
        raise InputError(
          "this model is asked by instrument and takes no examples: leave them "
          "out, or use a model trained with examples"
        )
      if instrument not in known:
        asked = "no instrument" if instrument is None else repr(instrument)
        raise InputError(
          f"{asked} was asked of a model that knows: {', '.join(known)}"
        )
      return
    if instrument is not None:
      raise InputError(
        f"instrument {instrument!r}: this model is asked by examples, not by "
        "name; give positive examples instead"
      )
    if not positives:
      raise InputError("no positive example: give at least one")
    if negatives and self._model.conditioning != "examples_and_negatives":
      raise InputError(
        "this model takes no negative examples: leave them out, or use a model "
        "trained with conditioning examples_and_negatives"
      )

  def _average(
    self, clips: Sequence[Example], rate_hz: int | None, kind: str
  ) -> Float32[np.ndarray, " D"]:
    """Returns the mean of the examples' embeddings; zeros for none.

    An example lies alone in its batch, so its embedding, and with it the mean,
    is the same to the last bit in any order and for any number of copies.
    """
    total = np.zeros(self._model.condition_dim, np.float64)
    for number, clip in enumerate(clips, 1):
      name = f"{kind} example {number}"
      samples = load_clip(clip, rate_hz, name, self.rate_hz)
      total += self._embedding(samples)
    return (total / max(1, len(clips))).astype(np.float32)

  def _embedding(
    self, samples: Float32[np.ndarray, " samples"]
  ) -> Float32[np.ndarray, " D"]:
    """Returns the mean of the embeddings of an example's pieces."""
    pieces = cut_pieces(samples, self._piece_samples)
    total = np.zeros(self._model.condition_dim, np.float64)
    for begin in range(0, len(pieces), _BATCH_PIECES):
      some = pieces[begin : begin + _BATCH_PIECES]
      batch = np.zeros((_BATCH_PIECES, self._piece_samples), np.float32)
      batch[: len(some)] = some
      embedded = self._apply("embed", batch)
      total += embedded[: len(some)].sum(axis=0, dtype=np.float64)
    # In float32, so that sums of embeddings in float64 are exact.
    return (total / len(pieces)).astype(np.float32)


def _of_length(
  samples: Float32[np.ndarray, "_ channels"], length: int
) -> Float32[np.ndarray, "length channels"]:
  """Cuts, or fills up with silence."""
  missing = max(0, length - len(samples))
  return np.pad(samples[:length], [(0, missing), (0, 0)])
