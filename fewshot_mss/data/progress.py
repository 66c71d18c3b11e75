"""A bar for work that is mostly done at once."""

from collections.abc import Iterable
from typing import TypeVar

from tqdm import tqdm

_SHOWN_AFTER_S = 1.0
_Item = TypeVar("_Item")


def shown_if_long(
  items: Iterable[_Item], *, total: int, what: str, progress: bool
) -> Iterable[_Item]:
  """Shows the progress over some files, if it takes long enough to ask.

  Args:
    items: One for each file, as they are done.
    total: How many there are.
    what: They are, for the bar.
    progress: Whether to show anything.

  Returns:
    The items.
  """
  return tqdm(
    items,
    total=total,
    desc=what,
    unit="file",
    delay=_SHOWN_AFTER_S,
    leave=False,
    disable=not progress,
  )
