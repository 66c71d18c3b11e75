"""The public datasets by name: what `data build --layout=NAME` reads."""

import functools
from collections.abc import Callable
from pathlib import Path

from fewshot_mss.data.layouts.medley_solos_db import medley_solos_db
from fewshot_mss.data.layouts.medleydb import medleydb
from fewshot_mss.data.layouts.moisesdb import moisesdb
from fewshot_mss.data.layouts.musdb import musdb18, musdb18_hq
from fewshot_mss.data.layouts.slakh import babyslakh, slakh
from fewshot_mss.data.tracks import TrackSet
from fewshot_mss.errors import InputError

DATASETS: dict[str, Callable[[Path], TrackSet]] = {
  "slakh2100_redux": functools.partial(slakh, edition="redux"),
  "slakh2100_orig": functools.partial(slakh, edition="orig"),
  "slakh2100_split2": functools.partial(slakh, edition="split2"),
  "babyslakh": babyslakh,
  "musdb18_hq": musdb18_hq,
  "musdb18": musdb18,
  "medleydb": medleydb,
  "moisesdb": moisesdb,
  "medley_solos_db": medley_solos_db,
}
_WITH_BLEED: dict[str, Callable[[Path], TrackSet]] = {
  "medleydb": functools.partial(medleydb, with_bleed=True),
  "moisesdb": functools.partial(moisesdb, with_bleed=True),
}


def read_dataset(
  name: str, root: Path, *, with_bleed: bool = False
) -> TrackSet:
  """Reads a public dataset; the sound itself is read when it is asked for.

  Args:
    name: One of `DATASETS`.
    root: Where the dataset lies.
    with_bleed: Whether to take what is known to hold the sound of others, too.

  Returns:
    Its songs, with the splits and unseen classes that are part of the project.

  Raises:
    InputError: If the folder does not hold that dataset, or bleed is not stated
      in it.
  """
  if not with_bleed:
    return DATASETS[name](root)
  if name not in _WITH_BLEED:
    raise InputError(
      f"--with_bleed: {name} does not state bleed; leave it out (it is for "
      f"{' and '.join(_WITH_BLEED)})"
    )
  return _WITH_BLEED[name](root)
