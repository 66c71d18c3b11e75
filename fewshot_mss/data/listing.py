"""What a prepared folder and the table of labels hold, for the terminal."""

from pathlib import Path

import numpy as np
from jaxtyping import Bool
from rich.console import Group
from rich.table import Table
from rich.text import Text

from fewshot_mss.data.catalogue import SPLITS, Catalogue, load_catalogue
from fewshot_mss.data.labels import TABLES, all_labels

# More are counted.
_NAMED_PATCHES = 3


def describe_dataset(directory: Path) -> Group:
  """Describes a prepared folder.

  Args:
    directory: What `fewshot-mss data build` wrote.

  Returns:
    A head with the folder's format and origin, a table of the splits, and a
    table of the instruments with their patches and minutes a split. Print it
    with `rich.print`.

  Raises:
    InputError: If the folder holds no catalogue, or a damaged one.
  """
  catalogue = load_catalogue(directory)
  return Group(
    _head(directory, catalogue), _splits(catalogue), _instruments(catalogue)
  )


def describe_labels() -> Table:
  """Describes how the datasets' labels become instruments.

  Returns:
    A table with one row an instrument, by family: what each vocabulary of
    labels calls it. Print it with `rich.print`.
  """
  rows = all_labels()
  calls: dict[tuple[str, str], dict[str, list[str]]] = {}
  for row in rows:
    by_table = calls.setdefault((row.family, row.instrument), {})
    by_table.setdefault(row.table, []).append(row.label)
  table = Table(
    title=f"{len(rows)} labels of {len(TABLES)} vocabularies are "
    f"{len(calls)} instruments",
    title_justify="left",
  )
  for heading in ("family", "instrument", "labels"):
    table.add_column(heading, overflow="fold")
  order = sorted(calls)
  for place, (family, instrument) in enumerate(order):
    labels = "; ".join(
      f"{name}: {' | '.join(names)}"
      for name, names in calls[family, instrument].items()
    )
    # A line between families.
    last = place + 1 == len(order) or order[place + 1][0] != family
    cells = (family, instrument, labels)
    table.add_row(*(Text(cell) for cell in cells), end_section=last)
  return table


def _head(directory: Path, catalogue: Catalogue) -> Text:
  segment_s = catalogue.segment_samples / catalogue.sample_rate_hz
  origin = "; ".join(catalogue.provenance) or "not stated"
  # As text, so that brackets in names are no markup.
  return Text(
    f"{directory}\n"
    f"{catalogue.sample_rate_hz} Hz, mono, segments of {segment_s:g} s\n"
    f"origin: {origin}\n"
    f"content: {catalogue.content_hash[:12]}\n"
  )


def _splits(catalogue: Catalogue) -> Table:
  table = Table(title="Songs", title_justify="left")
  table.add_column("split")
  headings = ("songs", "segments", "hours of song", "hours of stems")
  for heading in headings:
    table.add_column(heading, justify="right", overflow="fold")
  for i, split in enumerate(SPLITS):
    _add_split(table, catalogue, split, catalogue.split == i)
  table.add_section()
  _add_split(table, catalogue, "all", np.ones(len(catalogue), np.bool_))
  return table


def _add_split(
  table: Table, catalogue: Catalogue, name: str, rows: Bool[np.ndarray, " N"]
) -> None:
  # A moment of a song at which all stems are silent is not stored.
  moments = len(np.unique(catalogue.moment[rows]))
  table.add_row(
    name,
    str(len(np.unique(catalogue.track[rows]))),
    str(int(rows.sum())),
    f"{_minutes(catalogue, moments) / 60:.2f}",
    f"{_minutes(catalogue, int(rows.sum())) / 60:.2f}",
  )


def _instruments(catalogue: Catalogue) -> Table:
  num_seen = int(catalogue.seen.sum())
  table = Table(
    title=f"{len(catalogue.instruments)} instruments, {num_seen} seen; "
    "minutes that are not silent",
    title_justify="left",
  )
  for heading in ("instrument", "family", "patches", "training"):
    table.add_column(heading, overflow="fold")
  for split in SPLITS:
    table.add_column(split, justify="right", overflow="fold")
  order = sorted(
    range(len(catalogue.instruments)),
    key=lambda i: (not catalogue.seen[i], catalogue.instruments[i]),
  )
  for place, i in enumerate(order):
    # A line between the seen and the unseen.
    last_seen = place == num_seen - 1
    table.add_row(*_instrument(catalogue, i), end_section=last_seen)
  return table


def _instrument(catalogue: Catalogue, instrument: int) -> list[Text]:
  rows = catalogue.instrument == instrument
  families = _names(catalogue.families, catalogue.family[rows])
  cells = [
    catalogue.instruments[instrument],
    ", ".join(families),
    _patches(catalogue, np.unique(catalogue.patch[rows])),
    "seen" if catalogue.seen[instrument] else "unseen",
  ]
  for i in range(len(SPLITS)):
    count = int((rows & (catalogue.split == i)).sum())
    cells.append(f"{_minutes(catalogue, count):.1f}" if count else "-")
  return [Text(cell) for cell in cells]


def _patches(catalogue: Catalogue, patches: np.ndarray) -> str:
  """Names the patches of an instrument, or counts them where they are many."""
  if len(patches) <= _NAMED_PATCHES:
    return ", ".join(_patch(catalogue, int(i)) for i in patches)
  kept_out = int(catalogue.unheard[patches].sum())
  return f"{len(patches)} patches" + (f", {kept_out} kept out" * (kept_out > 0))


def _patch(catalogue: Catalogue, patch: int) -> str:
  name = catalogue.patches[patch] or "not stated"
  return f"{name} (kept out)" if catalogue.unheard[patch] else name


def _names(names: tuple[str, ...], used: np.ndarray) -> list[str]:
  return [names[i] for i in np.unique(used)]


def _minutes(catalogue: Catalogue, segments: int) -> float:
  return segments * catalogue.segment_samples / catalogue.sample_rate_hz / 60
