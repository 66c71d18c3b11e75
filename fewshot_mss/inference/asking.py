"""From the words that name examples to what is asked of each song."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

from fewshot_mss.audio.example_folders import expand_examples
from fewshot_mss.audio.examples import parse_example
from fewshot_mss.errors import InputError
from fewshot_mss.export.archive import Archive
from fewshot_mss.export.checks import build_model
from fewshot_mss.inference.coach import Coaching, coach
from fewshot_mss.inference.conditions import Ask, check_ask
from fewshot_mss.inference.listener import HeardClip, Sound
from fewshot_mss.inference.profile_files import load_profile
from fewshot_mss.inference.profile_search import find_profile
from fewshot_mss.inference.profiles import Profile
from fewshot_mss.inference.repeated import find_repeated
from fewshot_mss.inference.request import Target
from fewshot_mss.inference.separator import Separator


class Asked(NamedTuple):
  """What is asked of every song.

  Attributes:
    conditions: Of each target.
    coaching: What is to be said of each target's positive examples, by its
      name; not of a target without examples.
  """

  conditions: Float32[np.ndarray, "targets D"]
  coaching: dict[str, Coaching]


def with_files(words: Sequence[str]) -> list[str]:
  """Puts the audio files of folders in their places.

  Args:
    words: Files, time ranges of files, or folders.

  Returns:
    Files and time ranges.

  Raises:
    InputError: If a folder holds none, or a name cannot be one.
  """
  named = []
  for word in words:
    try:
      named += expand_examples([word])
    except OSError as error:
      raise InputError(f"{word}: {error.strerror}; check the name") from error
  return named


def named_targets(targets: Sequence[Target]) -> list[Target]:
  """Returns the targets with files in the places of folders."""
  return [
    dataclasses.replace(
      target,
      positives=with_files(target.positives),
      negatives=with_files(target.negatives),
    )
    for target in targets
  ]


def example_files(targets: Sequence[Target]) -> Iterator[Path]:
  """Yields the files of all examples that are there.

  Args:
    targets: With files in the places of folders.

  Yields:
    Some of them several times.
  """
  for target in targets:
    for example in (*target.positives, *target.negatives):
      path = parse_example(example).path
      if path.exists():
        yield path


def load_asks(targets: Sequence[Target], model_folder: Path) -> dict[str, Ask]:
  """Loads all profiles, which needs no model.

  Args:
    targets: With files in the places of folders.
    model_folder: Where the profiles are that come with the model.

  Returns:
    What is asked for each target, by its name.

  Raises:
    InputError: If a profile cannot be used.
  """
  return {
    target.name: Ask(
      target.positives,
      target.negatives,
      [_load_profile(word, model_folder) for word in target.profiles],
      target.instrument,
    )
    for target in targets
  }


def check_asks(asks: Iterable[Ask], described: Archive) -> None:
  """Checks that a model can be asked in these ways, which needs no weights.

  Args:
    asks: What is asked for each target.
    described: What `describe_archive` returned.

  Raises:
    InputError: If it is asked in another way, or a profile is another model's.
  """
  # By its fields alone, as an old archive may lack some.
  conditioning = build_model(described.model).conditioning
  for ask in asks:
    check_ask(ask, described, conditioning)


def hear_asks(separator: Separator, asks: Mapping[str, Ask]) -> Asked:
  """Hears all examples, each once.

  Args:
    separator: What hears them.
    asks: What is asked for each target, by its name.

  Returns:
    What is asked, and what is to be said of the examples.

  Raises:
    InputError: If an example cannot be used, or the model is not asked in this
      way, which is told before the examples are heard.
  """
  listener = separator.listener
  known: dict[Sound, HeardClip] = {}
  heard = {}
  for ask in asks.values():
    check_ask(ask, separator.archive, listener.conditioning)
  for name, ask in asks.items():
    positives, negatives = (
      listener.hear_each(clips, None, kind, known)
      for clips, kind in (
        (ask.positives, "positive"),
        (ask.negatives, "negative"),
      )
    )
    heard[name] = dataclasses.replace(
      ask, positives=positives, negatives=negatives
    )
  repeated = find_repeated(heard)
  coaching = {
    name: coach(ask.positives, repeated[name])
    for name, ask in heard.items()
    if ask.positives
  }
  return Asked(separator.conditions(list(heard.values())), coaching)


def _load_profile(word: str, model_folder: Path) -> Profile:
  try:
    path = find_profile(word, model_folder)
  except OSError as error:
    raise InputError(
      f"--profile {word}: {error.strerror}; check the name"
    ) from error
  return load_profile(path)
