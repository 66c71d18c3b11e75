"""Writes an evaluation: JSON, CSV, Markdown, and a table for the terminal."""

import csv
import io
import json
import math
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path

import jax
from rich.box import SIMPLE_HEAD
from rich.table import Table

from fewshot_mss.data.catalogue import write_text_whole
from fewshot_mss.errors import InputError
from fewshot_mss.evaluation.markdown import markdown_report
from fewshot_mss.evaluation.scores import (
  IDEAL_RATIO_MASK,
  MIXTURE,
  MODEL,
  WRONG_QUERY,
  Score,
)
from fewshot_mss.evaluation.summary import (
  Json,
  Summary,
  find_row,
  verdict,
)


def write_evaluation(
  directory: Path,
  scores: Sequence[Score],
  summary: Summary,
  provenance: Mapping[str, str | int | float],
) -> None:
  """Writes `evaluation.json`, `evaluation_items.csv` and `evaluation.md`.

  Args:
    directory: Where to; made if it is not there.
    scores: All rows, for the CSV.
    summary: Of those rows.
    provenance: What the reader must know, in order: data, hash of the
      evaluation list, machine, command, steps.

  Raises:
    InputError: If the folder cannot be written.
  """
  content = {
    "provenance": dict(provenance),
    "verdict": verdict(summary),
    "summary": summary,
  }
  texts = {
    "evaluation.json": json.dumps(content, indent=1, allow_nan=False) + "\n",
    "evaluation_items.csv": _csv(scores),
    "evaluation.md": markdown_report(summary, provenance),
  }
  try:
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
      write_text_whole(directory / name, text)
  except OSError as error:
    raise InputError(
      f"{directory} cannot be written ({error.strerror}): name another folder"
    ) from error


def read_summary(directory: Path) -> Summary:
  """Reads back the summary that `write_evaluation` wrote.

  Args:
    directory: Where to.

  Returns:
    The summary.

  Raises:
    InputError: If it is not there, or damaged.
  """
  path = directory / "evaluation.json"
  try:
    return json.loads(path.read_text(encoding="utf-8"))["summary"]
  except (OSError, ValueError, KeyError) as error:
    raise InputError(f"{path} cannot be read: evaluate again") from error


def summary_table(summary: Summary) -> Table:
  """Returns the headline table for the terminal, baselines beside it.

  Args:
    summary: What `summarise` returned.

  Returns:
    A rich table: one row a group, SI-SDR improvement in dB.
  """
  shots = summary["headline_shots"]
  table = Table(
    title=f"SI-SDR improvement over the mixture in dB, {shots} shots",
    box=SIMPLE_HEAD,
    collapse_padding=True,
    pad_edge=False,
  )
  table.add_column("items", min_width=14)
  for title in (
    "n\n(songs)",
    "mixture\nSI-SDR",
    "model\n[95 %]",
    "wrong\nquery",
    "its cost\n[95 %]",
    "ideal\nmask",
    "silent",
  ):
    table.add_column(title, justify="right", no_wrap=True)
  for name, group in summary["groups"].items():
    systems = group["systems"]
    mixture = find_row(systems, shots=None, system=MIXTURE)
    model = find_row(systems, shots=shots, system=MODEL)
    wrong = find_row(systems, shots=shots, system=WRONG_QUERY)
    ideal = find_row(systems, shots=None, system=IDEAL_RATIO_MASK)
    cost = find_row(group["wrong_query_cost"], shots=shots)
    table.add_row(
      name,
      f"{group['num_items']}\n({group['num_songs']})",
      _db(mixture and mixture["si_sdr_mean_db"]),
      _bracketed(model and model["si_sdr_improvement_db"]),
      _db(wrong and wrong["si_sdr_improvement_db"]["mean"]),
      _bracketed(cost and cost["cost_db"]),
      _db(ideal and ideal["si_sdr_improvement_db"]["mean"]),
      "-" if model is None else f"{100 * model['collapse_share']:.0f} %",
    )
  return table


def machine_description() -> str:
  """Returns cores, memory, platform and devices in words, without a name."""
  cores = os.cpu_count() or 1
  if hasattr(os, "sched_getaffinity"):
    cores = len(os.sched_getaffinity(0))
  parts = [f"{cores} CPU core{'s' if cores > 1 else ''}"]
  if "SC_PHYS_PAGES" in getattr(os, "sysconf_names", ()):
    size = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    parts.append(f"{size / 2**30:.0f} GiB memory")
  devices = jax.devices()
  parts += [
    f"{platform.system()} {platform.machine()}",
    f"Python {platform.python_version()}",
    f"JAX {jax.__version__} on {len(devices)} x {devices[0].device_kind}",
  ]
  return ", ".join(parts)


def _csv(scores: Sequence[Score]) -> str:
  """Returns all rows; what does not exist is an empty field."""
  text = io.StringIO()
  writer = csv.writer(text, lineterminator="\n")
  writer.writerow(Score._fields)
  for score in scores:
    writer.writerow(map(_field, score))
  return text.getvalue()


def _field(value: str | int | float | None) -> str | int | float:
  if value is None or (isinstance(value, float) and math.isnan(value)):
    return ""
  return round(value, 4) if isinstance(value, float) else value


def _db(value: float | None) -> str:
  return "-" if value is None else f"{value:+.1f}"


def _bracketed(interval: Json | None) -> str:
  if interval is None or interval["low"] is None:
    return _db(interval and interval["mean"])
  # A backslash keeps rich from reading the bracket as markup.
  ends = f"\\[{interval['low']:.1f}, {interval['high']:.1f}]"
  return f"{_db(interval['mean'])}\n{ends}"
