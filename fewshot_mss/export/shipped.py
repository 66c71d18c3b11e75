"""The model that comes with the package, for whoever names none."""

from pathlib import Path

from fewshot_mss.errors import InputError
from fewshot_mss.export.checks import CONFIG_NAME

# An archive as every other, written by `export` and checked when it is loaded.
SHIPPED_FOLDER = Path(__file__).parents[1] / "shipped"


def shipped_folder() -> Path:
  """Returns the folder of the model that comes with the package.

  Returns:
    The folder.

  Raises:
    InputError: If this installation has none.
  """
  if not (SHIPPED_FOLDER / CONFIG_NAME).is_file():
    raise InputError(
      "this installation of fewshot-mss has no model of its own: name one with "
      "--model, or install the package again"
    )
  return SHIPPED_FOLDER
