"""`fewshot-mss profile`: examples in, a small file out."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Group
from rich.table import Table

from fewshot_mss.audio.example_folders import expand_examples
from fewshot_mss.audio.output_folders import WriteError, check_makeable
from fewshot_mss.errors import InputError, RunError
from fewshot_mss.export.archive import describe_archive
from fewshot_mss.export.hub import local_folder
from fewshot_mss.inference.asking import check_asks, example_files
from fewshot_mss.inference.coach import coach
from fewshot_mss.inference.coach_page import coach_pages
from fewshot_mss.inference.conditions import Ask
from fewshot_mss.inference.listener import HeardClip, Sound
from fewshot_mss.inference.profile_files import load_profile, save_profile
from fewshot_mss.inference.profile_page import profiles_table
from fewshot_mss.inference.profile_search import model_profiles
from fewshot_mss.inference.profiles import (
  Profile,
  make_profile,
  merge_profiles,
)
from fewshot_mss.inference.repeated import find_repeated
from fewshot_mss.inference.request import Target
from fewshot_mss.inference.separator import Separator


def build_profile(
  positives: Sequence[str],
  negatives: Sequence[str],
  *,
  model: Path,
  output: Path,
  name: str | None,
  overwrite: bool,
  today: str,
) -> Group:
  """Writes a profile of examples.

  Args:
    positives: Files, time ranges of files, or folders.
    negatives: Likewise, of what is not meant.
    model: An archive, or `hf://user/name`.
    output: The file.
    name: Of what it shows; that of the file if None.
    overwrite: Whether a file that is there may be replaced.
    today: Date, as it is to be told.

  Returns:
    What the coach says of the examples, to be printed.

  Raises:
    InputError: If an example, the model or the output cannot be used.
    RunError: If the disk is full.
  """
  _check_output(output, overwrite)
  asked = Ask(expand_examples(positives), expand_examples(negatives))
  for path in example_files([Target("", asked.positives, asked.negatives)]):
    if output.exists() and output.samefile(path):
      raise InputError(
        f"{output} is one of the examples and would be replaced: choose "
        "another name"
      )
  folder = local_folder(model)
  check_asks([asked], describe_archive(folder))
  separator = Separator.from_pretrained(folder)
  listener = separator.listener
  known: dict[Sound, HeardClip] = {}
  shown = listener.hear_each(asked.positives, None, "positive", known)
  hidden = listener.hear_each(asked.negatives, None, "negative", known)
  profile = make_profile(
    output.stem if name is None else name,
    separator.archive.content_hash,
    shown,
    hidden,
    today,
  )
  _save(output, profile)
  (repeated,) = find_repeated({profile.name: Ask(shown, hidden)}).values()
  titled = {f"examples of {profile.name}": coach(shown, repeated)}
  if hidden:
    titled["examples of what is not meant"] = coach(hidden)
  return coach_pages(titled)


def merge_files(
  paths: Sequence[Path],
  *,
  output: Path,
  name: str | None,
  overwrite: bool,
  today: str,
) -> None:
  """Writes a profile of all the examples of several.

  Args:
    paths: Their files.
    output: As of `build_profile`.
    name: Likewise.
    overwrite: Likewise.
    today: Likewise.

  Raises:
    InputError: If one cannot be used, or they do not go together.
    RunError: Likewise.
  """
  _check_output(output, overwrite)
  profiles = [load_profile(path) for path in paths]
  named = output.stem if name is None else name
  _save(output, merge_profiles(profiles, named, today))


def list_profiles(folder: Path) -> Table:
  """Returns a table of the profiles of a model or a folder.

  One that cannot be used has a row, too, which says why.

  Args:
    folder: A model, or a folder of profiles; `hf://user/name`, too.

  Returns:
    What `rich.print` shows.

  Raises:
    InputError: If there are none, or the folder cannot be read.
  """
  paths = model_profiles(local_folder(folder))
  if not paths:
    raise InputError(
      f"{folder} holds no profiles: name a model or a folder that has some, or "
      "make one with `fewshot-mss profile build`"
    )
  return profiles_table(
    [(path.name, _profile_or_fault(path)) for path in paths]
  )


def _profile_or_fault(path: Path) -> Profile | str:
  try:
    return load_profile(path)
  except InputError as error:
    # The file has a column of its own.
    return f"damaged: it {str(error).removeprefix(f'{path} ')}"


def _save(output: Path, profile: Profile) -> None:
  """Writes a profile of words that were right: that a disk is full is none."""
  try:
    save_profile(output, profile)
  except WriteError as error:
    raise RunError(str(error)) from error


def _check_output(output: Path, overwrite: bool) -> None:
  """Refuses a file that is there, or cannot be, before any work is done."""
  if output.is_dir():
    raise InputError(f"{output} is a folder: name a file")
  if output.exists() and not overwrite:
    raise InputError(
      f"{output} is there already: choose another name, or give --overwrite"
    )
  check_makeable(output.parent)
