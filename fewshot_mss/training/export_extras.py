"""What an archive can hold besides the weights, made of the run's dataset."""

import dataclasses
from pathlib import Path
from typing import Any, NamedTuple

from flax.traverse_util import unflatten_dict

from fewshot_mss.data.sources import Sources, load_sources
from fewshot_mss.errors import InputError
from fewshot_mss.export.archive import Archive
from fewshot_mss.export.dtypes import flat_float32
from fewshot_mss.inference.separator import Separator
from fewshot_mss.training.checkpoint import check_trained_on
from fewshot_mss.training.instrument_profiles import instrument_profiles
from fewshot_mss.training.presence_calibration import measure_presence
from fewshot_mss.training.weights import read_config


class Extras(NamedTuple):
  """What is asked for.

  Attributes:
    profiles: Of how many clips a profile of each training instrument is made;
      none are if None.
    presence: Whether to measure how sure one can be that a target is there.
  """

  profiles: int | None = None
  presence: bool = False


NO_EXTRAS = Extras()


class Made(NamedTuple):
  """What was made.

  Attributes:
    profiles: Contents of files by their names, for `save_archive`.
    training: What is to be added to the archive's summary of the training.
    lines: What to tell.
  """

  profiles: dict[str, bytes] | None
  training: dict[str, Any]
  lines: list[str]


def check_extras(extras: Extras, form: str) -> None:
  """Checks what is asked for before any work is done.

  Args:
    extras: What is asked for.
    form: Of the export.

  Raises:
    InputError: If that form does not hold it.
  """
  if extras != NO_EXTRAS and form != "archive":
    raise InputError(
      f"--profiles and --presence go into an archive, not into {form}: leave "
      "them out, or give --format=archive"
    )
  if extras.profiles is not None and extras.profiles < 1:
    raise InputError(f"--profiles={extras.profiles}: give 1 clip or more")


def make_extras(extras: Extras, archive: Archive, workdir: Path) -> Made:
  """Makes what is asked for.

  Args:
    extras: What is asked for.
    archive: What is exported, in the type that its file will have: both are of
      what those numbers hear.
    workdir: Folder of the run.

  Returns:
    What was made.

  Raises:
    InputError: If the model is not asked by examples, or the run's dataset
      cannot be used.
  """
  if extras == NO_EXTRAS:
    return Made(None, {}, [])
  # As it is loaded from the file.
  params = unflatten_dict(flat_float32(archive.params), sep="/")
  separator = Separator(dataclasses.replace(archive, params=params))
  if separator.listener.conditioning == "class":
    raise InputError(
      "--profiles and --presence: this model is asked by instrument and hears "
      "no examples; leave them out"
    )
  sources = read_sources(workdir)
  profiles, training, lines = None, {}, []
  if extras.profiles is not None:
    profiles = instrument_profiles(separator, sources, extras.profiles)
    lines.append(
      f"{len(profiles)} profiles of up to {extras.profiles} clips each"
    )
  if extras.presence:
    training["presence"] = measure_presence(separator, sources)
    lines.append(f"presence measured on {training['presence']['songs']} songs")
  return Made(profiles, training, lines)


def read_sources(workdir: Path) -> Sources:
  """Reads the datasets that a run was trained on.

  Args:
    workdir: Folder of the run.

  Returns:
    The datasets.

  Raises:
    InputError: If they are not there, or no longer the same.
  """
  words = read_config(workdir).data.sources
  sources = load_sources(words)
  check_trained_on(workdir, words, sources.content_hash)
  return sources
