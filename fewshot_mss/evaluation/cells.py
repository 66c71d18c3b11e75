"""Cells of Markdown tables: figures as people read them."""

import math
from collections.abc import Iterable, Sequence

from fewshot_mss.evaluation.bootstrap import Interval


def markdown_table(
  titles: Sequence[str], rows: Iterable[Sequence[str]], words: int = 2
) -> str:
  """Returns a Markdown table.

  Args:
    titles: Of the columns.
    rows: The cells.
    words: Columns on the left that are no numbers.

  Returns:
    The table.
  """
  rule = ["---"] * words + ["---:"] * (len(titles) - words)
  cells = [
    [cell.replace("|", "\\|") for cell in line]
    for line in [titles, rule, *rows]
  ]
  return "".join(f"| {' | '.join(line)} |\n" for line in cells)


def format_interval(interval: Interval) -> str:
  """Returns a mean and its interval; nothing without a value."""
  if math.isnan(interval.mean):
    return ""
  if math.isnan(interval.low):
    return format_db(interval.mean)
  ends = f"{format_db(interval.low)}, {format_db(interval.high)}"
  return f"{format_db(interval.mean)} [{ends}]"


def format_p(p_value: float) -> str:
  """Returns a p-value to two digits; nothing if there is none."""
  return "" if math.isnan(p_value) else f"{p_value:.2g}"


def format_n(interval: Interval) -> str:
  """Returns how many items and songs there are."""
  if not interval.num_items:
    return ""
  return f"{interval.num_items} ({interval.num_songs})"


def format_db(value: float) -> str:
  """Returns decibels with their sign; nothing if there is none."""
  # Adding 0 makes -0.0 of rounding +0.0.
  return "" if math.isnan(value) else f"{round(value, 1) + 0.0:+.1f}"


def format_share(share: float) -> str:
  """Returns a share in percent; nothing if there is none."""
  return "" if math.isnan(share) else f"{100 * share:.0f} %"
