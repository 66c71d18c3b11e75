"""What a person asks of `separate`, checked as far as words can be."""

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path

from fewshot_mss.errors import InputError

RESIDUAL = "residual"
# What the one target is called if it was given no name.
TARGET = "target"
# Of all file systems that songs lie on: Windows' are the strictest.
_UNSAFE = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]')
_MAX_NAME_BYTES = 100


@dataclasses.dataclass(frozen=True)
class Target:
  """One target as it is named on the command line.

  Attributes:
    name: Its file's name without the ending.
    positives: Files, time ranges of files, or folders.
    negatives: Likewise.
    profiles: Files of profiles, or names of those that come with the model.
    instrument: For a model that is asked by name.
  """

  name: str = TARGET
  positives: Sequence[str] = ()
  negatives: Sequence[str] = ()
  profiles: Sequence[str] = ()
  instrument: str | None = None


@dataclasses.dataclass(frozen=True)
class Request:
  """What `separate` is to do.

  Attributes:
    songs: Files, or folders of files.
    targets: What to take out of each of them.
    model: An archive, or `hf://user/name`; None for the model that comes with
      the package.
    output: Folder; None for standard output.
    format: Of the files, one of `FORMATS`; None to keep the song's.
    bit_depth: 16, 24, 32 or float; None to keep the song's.
    quality: One of `QUALITIES`.
    device: `cpu`, `gpu`, `gpu:1`, ...; None for the first that JAX finds.
    max_memory: Bytes that separating may take on the device; None for no limit.
    gate: Whether to mute targets where they are not there.
    overwrite: Whether files that are there may be replaced.
    dry_run: Whether to say what would be done instead.
    progress: Whether to draw progress bars, if there is a terminal.
  """

  songs: Sequence[str]
  targets: Sequence[Target]
  model: Path | None
  output: Path | None
  format: str | None = None
  bit_depth: str | None = None
  quality: str = "normal"
  device: str | None = None
  max_memory: int | None = None
  gate: bool = False
  overwrite: bool = False
  dry_run: bool = False
  progress: bool = True


def check_targets(targets: Sequence[Target]) -> None:
  """Checks names of targets, and that each is asked for by something.

  Args:
    targets: As they were named.

  Raises:
    InputError: If a name is no file's name on every system, stands for two
      files, or comes with nothing that shows what is meant.
  """
  seen: set[str] = set()
  for target in targets:
    name = target.name
    if (
      not name
      or _UNSAFE.search(name)
      or name[0] in ".- "
      or name[-1] in ". "
      or len(name.encode(errors="surrogateescape")) > _MAX_NAME_BYTES
    ):
      raise InputError(
        f"--target {name!r} would be no file's name: give one of letters and "
        "digits"
      )
    # Some file systems take large and small letters for the same.
    if name.casefold() == RESIDUAL:
      raise InputError(
        f"--target {name} is what all targets leave: give another name"
      )
    if name.casefold() in seen:
      raise InputError(
        f"--target {name} is there twice: give all examples after one of them"
      )
    seen.add(name.casefold())
    if not (target.positives or target.profiles or target.instrument):
      raise InputError(
        f"target {name} has no positive example: give at least one with -p, or "
        "a --profile"
      )
