"""What the coach says, as a table for the terminal or values for JSON."""

from typing import Any

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from fewshot_mss.errors import one_line
from fewshot_mss.inference.coach import CoachedExample, Coaching, percent

_COLUMNS = (
  "length, s",
  "level, dBFS",
  "silent",
  "clipped",
  "like the others",
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
  counted = Text(
    f"{count} example{'' if count == 1 else 's'}, counting as "
    f"{coaching.effective_count:.1f} different"
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
