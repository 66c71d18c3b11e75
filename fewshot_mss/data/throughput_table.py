"""Lines of a table of speeds."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from rich.table import Table


class Row(NamedTuple):
  """One line of the table.

  Attributes:
    what: Is measured.
    ratio: Or the quantity itself.
    asked: What it should be; empty if nothing is asked.
    measured: The measurements behind it.
  """

  what: str
  ratio: str
  asked: str
  measured: str


def described(
  values: Iterable[float],
  unit: str,
  *,
  digits: int = 0,
  percents: tuple[int, int] = (25, 75),
) -> str:
  """Returns the median of some measurements, two percentiles and n."""
  values = np.array(list(values), np.float64)
  low, high = np.percentile(values, percents)
  return (
    f"{np.median(values):.{digits}f} {unit} "
    f"({low:.{digits}f} to {high:.{digits}f}, n = {len(values)})"
  )


def input_table(rows: Iterable[Row], title: str, caption: str) -> Table:
  """Returns the lines as a table to print with `rich.print`."""
  table = Table(title=title, caption=caption)
  for heading in Row._fields:
    table.add_column(heading)
  for row in rows:
    table.add_row(*row)
  return table
