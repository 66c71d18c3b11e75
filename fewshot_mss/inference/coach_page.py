"""What the coach says, as a table for the terminal or values for JSON."""

import math
from collections.abc import Mapping
from typing import Any

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from fewshot_mss.errors import one_line
from fewshot_mss.inference.coach import (
  FEWEST_FOR_OUTLIERS,
  CoachedExample,
  Coaching,
  percent,
)

_COLUMNS = (
  "length, s",
  "level, dBFS",
  "silent",
  "clipped",
  "like the others",
)


def coach_pages(titled: Mapping[str, Coaching]) -> Group:
  """Makes the pages of several sets of examples, and what is said of all once.

  Args:
    titled: What `coach` returned, by what they are examples of.

  Returns:
    What `rich.print` shows: nothing of nothing.
  """
  pages = [coach_page(coaching, title) for title, coaching in titled.items()]
  fewest = min((len(one.examples) for one in titled.values()), default=math.inf)
  if fewest >= FEWEST_FOR_OUTLIERS:
    return Group(*pages)
  return Group(
    *pages,
    Text("with three examples or more, one that does not belong could be told"),
  )


def coach_page(coaching: Coaching, title: str) -> Group:
  """Makes the page of some examples.

  Args:
    coaching: What `coach` returned.
    title: What they are examples of.

  Returns:
    What `rich.print` shows: a table, then the advice.
  """
  table = Table(title=Text(one_line(title)), title_justify="left")
  table.add_column("example", overflow="fold")
  for heading in _COLUMNS:
    table.add_column(heading, justify="right", overflow="fold")
  for example in coaching.examples:
    # As text, so that brackets in names are no markup.
    style = "yellow" if example.is_outlier else ""
    table.add_row(
      Text(one_line(example.name)),
      *(Text(cell) for cell in _cells(example)),
      style=style,
    )
  count = len(coaching.examples)
  counted = Text("1 example")
  if count > 1:
    counted = Text(
      f"{count} examples, as much to go by as "
      f"{coaching.effective_count:.1f} different ones"
    )
  # What a terminal wraps stays indented.
  advice = [
    Padding(Text(one_line(line), overflow="fold"), (0, 0, 0, 2), expand=False)
    for line in coaching.advice
  ]
  return Group(table, counted, *advice)


def _cells(example: CoachedExample) -> tuple[str, ...]:
  facts = example.facts
  clipped = 100 * facts.clipped_share
  return (
    f"{facts.length_s:.2f}",
    f"{facts.level_dbfs:.1f}",
    percent(facts.silent_share),
    # Little of it is heard, and would be rounded to nothing.
    f"{clipped:.0f} %" if clipped in (0, 100) else f"{clipped:.2g} %",
    percent(example.likeness),
  )


def coach_json(coaching: Coaching) -> dict[str, Any]:
  """Returns what the coach says as JSON values.

  Args:
    coaching: What `coach` returned.

  Returns:
    `examples`, `effective_count` and `advice`.
  """
  return {
    "examples": [
      {
        "name": example.name,
        **example.facts._asdict(),
        "likeness": example.likeness,
        "is_outlier": example.is_outlier,
      }
      for example in coaching.examples
    ],
    "effective_count": coaching.effective_count,
    "advice": list(coaching.advice),
  }
