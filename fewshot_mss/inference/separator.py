"""From an archive to a separated song: what a program calls."""

import functools
from collections.abc import Generator, Sequence
from pathlib import Path

import jax
import numpy as np
from jaxtyping import Float32

from fewshot_mss.audio.blocks import AudioInfo
from fewshot_mss.audio.resampling import resampled_length
from fewshot_mss.export.archive import Archive, load_archive
from fewshot_mss.export.checks import build_model
from fewshot_mss.export.hub import local_folder
from fewshot_mss.inference.ahead import ahead
from fewshot_mss.inference.conditions import (
  Ask,
  check_conditions,
  make_conditions,
)
from fewshot_mss.inference.devices import find_device, fitting_batch
from fewshot_mss.inference.inputs import Example, Song, open_song
from fewshot_mss.inference.listener import (
  Listener,
  apply_model,
  lower_separation,
)
from fewshot_mss.inference.quality import Quality, find_quality
from fewshot_mss.inference.stream import (
  Block,
  Network,
  Progress,
  Separation,
  join_blocks,
  stream_song,
)

_BATCH_PATCHES = 8
# Blocks that are ready before they are asked for.
_BLOCKS_AHEAD = 1


class Separator:
  """A trained network, ready to separate any number of songs.

  Sound is numpy arrays of float32, [samples, channels] with full scale at 1, at
  the song's own rate; files are read and arrays of any float type taken. A song
  has one or two channels, which are separated each by itself. Nothing is
  rescaled: the network was trained at all levels.

  Whatever the length of a song or an example, the network sees fixed shapes, so
  a second song compiles nothing.

  Attributes:
    archive: What it was loaded from.
    rate_hz: Sample rate inside; what a song holds above half of it stays in the
      residual.
    listener: Its half that hears examples.
  """

  def __init__(
    self,
    archive: Archive,
    device: jax.Device | None = None,
    max_memory: int | None = None,
  ):
    """Puts the weights on the device; `from_pretrained` loads them first."""
    model = build_model(archive.model)
    self.archive = archive
    self.rate_hz = model.sample_rate_hz
    self._patch_samples = round(archive.training["mixture_s"] * self.rate_hz)
    self._model = model
    self._params = jax.device_put(archive.params, device)
    self._max_memory = max_memory
    self._batches: dict[int, int] = {}
    self.listener = Listener(model, self._params, archive.training["example_s"])

  @classmethod
  def from_pretrained(
    cls,
    directory: Path | str | None = None,
    device: str | None = None,
    max_memory: int | None = None,
  ) -> "Separator":
    """Loads an archive.

    Args:
      directory: What `save_archive` wrote, or `hf://user/name` for a model of
        the Hugging Face Hub, which needs the extra [hub]. The model that comes
        with the package if None.
      device: `cpu`, `gpu`, `tpu`, or one of several, `gpu:1`; the first that
        JAX finds if None.
      max_memory: Bytes that separating may take on the device, by the
        compiler's own count; patches go through the network fewer at a time if
        need be. Between such batch sizes results may differ in their last bits,
        as far as the compiler computes them otherwise.

    Returns:
      The separator.

    Raises:
      InputError: If it is none, or damaged; see `load_archive`. If the device
        is not there.
    """
    # What is mistyped is told before a model is fetched.
    place = None if device is None else find_device(device)
    return cls(load_archive(local_folder(directory)), place, max_memory)

  def separate(
    self,
    song: Song,
    *,
    positives: Sequence[Example] = (),
    negatives: Sequence[Example] = (),
    rate_hz: int | None = None,
    instrument: str | None = None,
    quality: Quality | str = "normal",
  ) -> Separation:
    """Separates a song into what the examples show and the rest.

    Args:
      song: A file, or samples, or samples by channels; one or two channels.
      positives: Clips that show the instrument: files, time ranges of files
        (`song.wav@1:02-1:09`), or arrays like `song`. All weigh the same.
      negatives: Clips of what is not asked for, if the model takes them.
      rate_hz: Of the arrays among song and examples.
      instrument: For a model that is asked by name, instead of examples.
      quality: As of `stream`.

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
    return self.separate_with(song, condition, rate_hz=rate_hz, quality=quality)

  def condition(
    self,
    *,
    positives: Sequence[Example] = (),
    negatives: Sequence[Example] = (),
    rate_hz: int | None = None,
    instrument: str | None = None,
  ) -> Float32[np.ndarray, " D"]:
    """Returns the vector that `separate_with` takes, for any number of songs.

    Args and errors are those of `separate`.
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
    quality: Quality | str = "normal",
  ) -> Separation:
    """Separates a song by a condition that is there already.

    Args:
      song: As of `separate`.
      condition: What `condition` returned.
      rate_hz: Of the song, if it is an array.
      progress: Called with the patches done and their number.
      quality: As of `stream`.

    Returns:
      The two parts.

    Raises:
      InputError: If the song cannot be used.
    """
    opened = open_song(song, rate_hz)
    blocks = self.stream(
      song, condition[None], rate_hz=rate_hz, progress=progress, quality=quality
    )
    return join_blocks(blocks, opened.rate_hz)

  def stream(
    self,
    song: Song,
    conditions: Float32[np.ndarray, "targets D"],
    *,
    rate_hz: int | None = None,
    progress: Progress | None = None,
    quality: Quality | str = "normal",
  ) -> Generator[Block]:
    """Separates a song block by block, however long it is.

    Together the blocks are what `separate` returns, to the last bit. A few
    seconds of the song are held at a time; reading, computing and what the
    caller does with a block go on at once. A generator that is not used up is
    to be closed, or deleted.

    Args:
      song: As of `separate`. Its header is checked at once, its sound on the
        way.
      conditions: What `conditions` returned; the network's encoder runs once
        for all of them.
      rate_hz: Of the song, if it is an array.
      progress: Called with the patches done and their number, in a thread.
      quality: `fast`, `normal`, `best`, or a `Quality`.

    Returns:
      The blocks, from the beginning of the song to its end.

    Raises:
      InputError: If the conditions are of another form or no numbers, or the
        song cannot be used; while it is read, too, if it turns out to be
        damaged there. If one patch takes more than `max_memory`.
    """
    check_conditions(conditions, self._model.condition_dim)
    opened = open_song(song, rate_hz)
    grid = find_quality(quality).grid(self._patch_samples)
    targets = len(conditions)
    batch_patches = self.batch_patches(targets)
    repeated = np.tile(conditions, (batch_patches, 1, 1))

    def separate(patches: np.ndarray) -> jax.Array:
      return apply_model(
        self._model, "separate", self._params, patches, repeated
      )

    network = Network(separate, self.rate_hz, targets, batch_patches)
    return ahead(stream_song(opened, network, grid, progress), _BLOCKS_AHEAD)

  def count_patches(
    self, info: AudioInfo, quality: Quality | str = "normal"
  ) -> int:
    """Returns how many patches a song takes, which is what it costs.

    Args:
      info: Of the song.
      quality: As of `stream`.

    Returns:
      Their number, whatever the number of targets.
    """
    length = resampled_length(info.num_samples, info.rate_hz, self.rate_hz)
    grid = find_quality(quality).grid(self._patch_samples)
    return info.channels * grid.count(length)

  def batch_patches(self, targets: int) -> int:
    """Returns how many patches go through the network at a time.

    Args:
      targets: Of one song.

    Returns:
      As many as `max_memory` allows, if it is given.

    Raises:
      InputError: If one patch takes more.
    """
    if self._max_memory is None:
      return _BATCH_PATCHES
    if targets not in self._batches:
      lower = functools.partial(
        lower_separation,
        self._model,
        self._params,
        self._patch_samples,
        targets,
      )
      self._batches[targets] = fitting_batch(
        lower, _BATCH_PATCHES, self._max_memory
      )
    return self._batches[targets]
