"""Where profiles lie: files by their path, those of a model by their name."""

import difflib
import re
from collections.abc import Sequence
from pathlib import Path

from fewshot_mss.errors import InputError
from fewshot_mss.export.archive import PROFILES_NAME
from fewshot_mss.inference.profile_files import SUFFIX

_NAMED = 5
# What a file of every system's may be called; the rest becomes a hyphen.
_UNSAFE = re.compile(r"[^\w .()+-]+")


def find_profile(word: str, model_folder: Path) -> Path:
  """Finds a profile by what a person calls it.

  Args:
    word: A file, or the name of one of the profiles that come with the model:
      `violin` is `MODEL/profiles/violin.profile`. Large letters, hyphens and
      underscores make no difference in a name.
    model_folder: The model.

  Returns:
    The file; one that was named by its path may not be there.

  Raises:
    InputError: If a name is unknown; it names the nearest ones.
  """
  looks_like_a_path = word.endswith(SUFFIX) or Path(word).name != word
  if looks_like_a_path or Path(word).is_file():
    return Path(word)
  # Compared with what is in the folder, never joined to it.
  known = {path.stem: path for path in model_profiles(model_folder)}
  if word in known:
    return known[word]
  alike = [path for name, path in known.items() if _plain(name) == _plain(word)]
  if len(alike) == 1:
    return alike[0]
  raise InputError(_unknown(word, list(known), model_folder))


def model_profiles(folder: Path) -> list[Path]:
  """Returns the profiles that come with a model, or lie in any folder.

  Args:
    folder: A model, or a folder of profiles.

  Returns:
    Their files, by name; none if there are none.

  Raises:
    InputError: If the folder cannot be read.
  """
  inner = folder / PROFILES_NAME
  place = inner if inner.is_dir() else folder
  try:
    return sorted(
      path
      for path in place.iterdir()
      if path.suffix == SUFFIX and not path.name.startswith(".")
    )
  except OSError as error:
    raise InputError(
      f"{place} cannot be read ({error.strerror}): name a model, or a folder "
      "of profiles"
    ) from error


def profile_file_name(name: str) -> str:
  """Returns what the file of a profile is called.

  Args:
    name: Of what it shows, any text.

  Returns:
    The name of a file, in no folder.
  """
  # A file that begins with a dot is hidden.
  safe = _UNSAFE.sub("-", name).strip(" .") or "unnamed"
  return f"{safe}{SUFFIX}"


def _unknown(word: str, known: Sequence[str], model_folder: Path) -> str:
  if not known:
    return (
      f"{word!r}: no such file, and {model_folder} comes without profiles: "
      "name a file of `fewshot-mss profile build`, or give examples with -p"
    )
  by_plain = {_plain(name): name for name in known}
  near = difflib.get_close_matches(_plain(word), by_plain, n=_NAMED)
  # `guitar` is a part of names that are not much like it.
  near += [name for name in by_plain if _plain(word) in name][:_NAMED]
  named = list(dict.fromkeys(by_plain[name] for name in near))
  if named:
    return (
      f"{word!r} is no file and no profile of {model_folder}; the nearest are: "
      f"{', '.join(named[:_NAMED])}"
    )
  return (
    f"{word!r} is no file and no profile of {model_folder}: see its "
    f"{len(known)} with `fewshot-mss profile list {model_folder}`"
  )


def _plain(name: str) -> str:
  return re.sub(r"[\s_-]+", " ", name).strip().casefold()
