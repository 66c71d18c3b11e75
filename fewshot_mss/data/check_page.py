"""What a check found, as one page for the terminal or one JSON object."""

import collections
import json
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from fewshot_mss.data.check import CheckReport
from fewshot_mss.data.check_findings import KINDS
from fewshot_mss.data.check_summary import summary
from fewshot_mss.errors import RunError
from fewshot_mss.terminal import show

# What the page lists of each kind; JSON has all.
_LISTED = 10
_WORST = 3


def show_check(report: CheckReport, dataset: str, *, as_json: bool) -> None:
  """Prints what a check found.

  Args:
    report: What it measured.
    dataset: What was read, for the title.
    as_json: Whether to print a JSON object instead of the page.

  Raises:
    RunError: If there are errors; everything is printed by then.
  """
  found = summary(report, dataset)
  if as_json:
    print(json.dumps(found, indent=2, allow_nan=False))
  else:
    show(page(found))
  if found["errors"]:
    raise RunError(
      f"{_count(found['errors'], 'error')} in {dataset}: mend before `data "
      "build`"
    )


def page(found: dict[str, Any]) -> Group:
  """Makes the page of a summary.

  Args:
    found: What `summary` returned.

  Returns:
    What `rich.print` shows: what is there, then what is wrong.
  """
  parts: list[RenderableType] = [
    Text(f"{found['dataset']} ({', '.join(found['sources'])})"),
    _songs_table(found["songs"]),
    _instruments_table(found["instruments"]),
    _facts(found),
  ]
  for severity in ("error", "warning"):
    parts += _findings(found["findings"], severity)
  verdict = (
    f"{_count(found['errors'], 'error')}, "
    f"{_count(found['warnings'], 'warning')}"
  )
  style = "bold red" if found["errors"] else "bold green"
  return Group(*parts, Text(f"\n{verdict}", style=style))


def _songs_table(songs: dict[str, dict[str, Any]]) -> Table:
  table = Table(title="Songs, times as h:mm:ss", title_justify="left")
  table.add_column("split")
  for heading in ("songs", "stems", "time of songs", "time of stems"):
    table.add_column(heading, justify="right", overflow="fold")
  for split, row in songs.items():
    if split == "all":
      table.add_section()
    table.add_row(
      split,
      str(row["songs"]),
      str(row["stems"]),
      _time(row["song_hours"]),
      _time(row["stem_hours"]),
    )
  return table


def _instruments_table(instruments: Sequence[dict[str, Any]]) -> Table:
  table = Table(title="Instruments", title_justify="left")
  for heading in ("instrument", "family"):
    table.add_column(heading, overflow="fold")
  for heading in ("stems", "songs", "time of stems"):
    table.add_column(heading, justify="right", overflow="fold")
  for row in instruments:
    table.add_row(
      # As text, so that brackets in names are no markup.
      Text(row["instrument"]),
      Text(row["family"]),
      str(row["stems"]),
      str(row["songs"]),
      _time(row["hours"]),
    )
  return table


def _facts(found: dict[str, Any]) -> Table:
  table = Table(show_header=False)
  table.add_column(overflow="fold")
  table.add_column(overflow="fold")
  formats = [
    f"{row['rate_hz']} Hz, {_count(row['channels'], 'channel')}: "
    f"{_count(row['stems'], 'stem')} of {_count(row['songs'], 'song')}"
    for row in found["formats"]
  ]
  facts = {
    "rates, channels": "\n".join(formats) or "no stem can be read",
    "mixture minus sum of stems": _mixture_fact(found["mixtures"]),
    "stems with bleed": ", ".join(
      f"{name} {count}" for name, count in found["bleed"].items()
    ),
    "left out by the layout": _skipped_fact(found["skipped"]),
  }
  for name, fact in facts.items():
    table.add_row(name, Text(fact))
  return table


def _mixture_fact(mixtures: dict[str, Any]) -> str:
  count = mixtures["compared"]
  if not count:
    return "no mixture beside the stems"
  worst = ", ".join(
    f"{row['song']} {row['db']:.1f} dB"
    for row in mixtures["difference_db"][:_WORST]
  )
  return (
    f"{_count(count, 'song')} compared; relative to the mixture, median "
    f"{mixtures['median_db']:.1f} dB; the worst: {worst}"
  )


def _skipped_fact(skipped: Sequence[dict[str, Any]]) -> str:
  lines = []
  for row in skipped:
    names = row["names"]
    more = ", ..." if len(names) > _WORST else ""
    shown = ", ".join(names[:_WORST])
    lines.append(f"{len(names)}: {row['reason']} ({shown}{more})")
  return "\n".join(lines) or "nothing"


def _findings(
  findings: Sequence[dict[str, Any]], severity: str
) -> Iterator[RenderableType]:
  """Yields a heading for each kind of finding and what is found below it."""
  by_kind = collections.defaultdict(list)
  for finding in findings:
    if finding["severity"] == severity:
      by_kind[finding["kind"]].append(finding)
  for kind, group in by_kind.items():
    _, meaning = KINDS[kind]
    style = "red" if severity == "error" else "yellow"
    heading = f"{severity.upper()} ({len(group)}) {meaning}"
    yield Text(f"\n{heading}", style=style)
    lines = [f"{row['where']}: {row['what']}" for row in group[:_LISTED]]
    if len(group) > _LISTED:
      lines.append(f"and {len(group) - _LISTED} more (--json lists all)")
    for line in lines:
      # What a terminal wraps stays indented.
      yield Padding(Text(line, overflow="fold"), (0, 0, 0, 2), expand=False)


def _time(hours: float) -> str:
  seconds = round(3600 * hours)
  return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def _count(number: int, noun: str) -> str:
  return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
