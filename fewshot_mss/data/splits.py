"""The committed split of each dataset: `splits/<dataset>.json`."""

import dataclasses
import json
from pathlib import Path

from fewshot_mss.errors import InputError

SPLITS_FOLDER = Path(__file__).with_name("splits")
_LISTS = ("unseen", "unheard_patches", "validation", "test")


@dataclasses.dataclass(frozen=True)
class Splits:
  """Which songs of a dataset are for what, and what training never hears.

  Attributes:
    dataset: Its name, that of the file.
    how: How the lists were drawn, in words.
    unseen: Instruments kept out of training, to test the few-shot claim.
    unheard_patches: Patches of seen instruments kept out of training.
    validation: Names of the songs for validation.
    test: Names of the songs for the test; what is in neither is for training.
      Both are empty where the dataset's own folders or lists say it.
  """

  dataset: str
  how: str
  unseen: tuple[str, ...] = ()
  unheard_patches: tuple[str, ...] = ()
  validation: tuple[str, ...] = ()
  test: tuple[str, ...] = ()

  def split_of(self, track: str) -> str:
    """Returns `train`, `validation` or `test` for the name of a song."""
    if track in self.validation:
      return "validation"
    return "test" if track in self.test else "train"


def load_splits(dataset: str, folder: Path = SPLITS_FOLDER) -> Splits:
  """Reads the split of a dataset.

  Args:
    dataset: Its name, that of the file without `.json`.
    folder: Another folder than the package's.

  Returns:
    The lists, as committed.

  Raises:
    InputError: If there is no such file, it is not the split of this dataset
      in its form, it names something twice, or it gives a song to both
      validation and test.
  """
  path = folder / f"{dataset}.json"
  if not path.is_file():
    there = ", ".join(sorted(file.stem for file in folder.glob("*.json")))
    raise InputError(
      f"no split file {path}: there are {there or 'none'} in that folder"
    )
  try:
    content = json.loads(path.read_text(encoding="utf-8"))
  except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
    raise InputError(
      f"split file {path} cannot be read ({error}): write it anew"
    ) from error
  _check(content, dataset, path)
  return Splits(
    dataset=dataset,
    how=content["how"],
    **{key: tuple(content[key]) for key in _LISTS},
  )


def _check(content: object, dataset: str, path: Path) -> None:
  keys = {"dataset", "how", *_LISTS}
  if not isinstance(content, dict) or set(content) != keys:
    raise InputError(
      f"split file {path}: write one object with exactly the keys "
      f"{', '.join(sorted(keys))}"
    )
  if content["dataset"] != dataset:
    raise InputError(
      f"split file {path}: dataset is {content['dataset']!r}; make it "
      f"{dataset!r}, as the file's name says"
    )
  if not isinstance(content["how"], str) or not content["how"].strip():
    raise InputError(f"split file {path}: say in how how it was drawn")
  for key in _LISTS:
    names = content[key]
    if not isinstance(names, list) or not all(
      isinstance(name, str) and name for name in names
    ):
      raise InputError(f"split file {path}: {key} must be a list of names")
    if len(set(names)) < len(names):
      raise InputError(f"split file {path}: {key} names something twice")
  both = sorted(set(content["validation"]) & set(content["test"]))
  if both:
    raise InputError(
      f"split file {path}: {both[0]!r} is in both validation and test: remove "
      "it from one"
    )
