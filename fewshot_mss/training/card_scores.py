"""The scores in a model card: an evaluation's, and an ablation's."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from fewshot_mss.errors import InputError
from fewshot_mss.evaluation.ablation.analysis import is_baseline, tables
from fewshot_mss.evaluation.ablation.axes import (
  arms_by_axis,
  describe_arm,
  describe_axis,
  in_order,
)
from fewshot_mss.evaluation.ablation.page import describe_settings
from fewshot_mss.evaluation.ablation.runs import (
  RECORD,
  TABLE,
  WEIGHTS,
  file_hash,
)
from fewshot_mss.evaluation.ablation.statistics import (
  LEVEL,
  Draws,
  figure_of,
  item_sets,
  measure_of,
)
from fewshot_mss.evaluation.ablation.table import Arm, read_table
from fewshot_mss.evaluation.cells import (
  format_db,
  format_interval,
  format_n,
  format_share,
  markdown_table,
)
from fewshot_mss.evaluation.scores import MODEL
from fewshot_mss.evaluation.summary import Json, find_row

# What a stranger asks of a model; the rest is in the ablation's own report.
_AXES = ("shots", "negatives", "origin", "target", "query")


class Evaluation(NamedTuple):
  """An evaluation of the model.

  Attributes:
    name: On what.
    content: Of its `evaluation.json`.
  """

  name: str
  content: Json


def evaluation_parts(evaluation: Evaluation) -> list[str]:
  """Returns the scores of an evaluation, as parts of a page.

  Args:
    evaluation: What was scored.

  Returns:
    Markdown.
  """
  content = evaluation.content
  known, summary = content["provenance"], content["summary"]
  data = known.get("data") or known["songs"]
  machine = known.get("machine", "not stated")
  parts = [f"### {evaluation.name}\n\n{data}. Scored on {machine}.\n"]
  lists = "".join(
    f"- {name}: {known[name]}\n"
    for name in ("evaluation list (SHA-256)", "validation list (SHA-256)")
    if known.get(name)
  )
  verdicts = (f"- {v['statement']}\n" for v in content["verdict"].values())
  parts.append(lists + "".join(verdicts))
  for name, group in summary["groups"].items():
    # Those of one dataset of several are in the evaluation itself.
    if group.get("dataset") is None:
      parts.append(
        f"Items: {name}, {group['num_items']} of {group['num_songs']} songs."
        f"{_right_beats_wrong(group, summary['headline_shots'])}\n"
      )
      parts.append(_systems(group["systems"]))
      parts += _instruments(group["instruments"])
  return parts


def _right_beats_wrong(group: Json, shots: int | None) -> str:
  row = find_row(group["wrong_query_cost"], shots=shots)
  share = row and row["right_beats_wrong_share"]
  if share is None:
    return ""
  return (
    f" With {shots} shots the right query is better than a wrong one in "
    f"{format_share(share)} of them."
  )


def _systems(rows: Sequence[Json]) -> str:
  titles = [
    "system",
    "shots",
    "SI-SDR improvement, dB [95 %]",
    "its median",
    "SI-SDR, dB",
    "uSDR, dB [95 %]",
    "way to the mask",
    "collapsed",
    "n",
    "songs",
  ]
  return markdown_table(
    titles,
    [
      [
        row["system"],
        "" if row["shots"] is None else str(row["shots"]),
        _interval(row["si_sdr_improvement_db"]),
        _db(row["si_sdr_improvement_db"]["median"]),
        _db(row["si_sdr_mean_db"]),
        _interval(row["usdr_db"]),
        # An evaluation of an earlier version has none.
        format_share(_number(row.get("way_to_mask_median"))),
        format_share(_number(row["collapse_share"])),
        str(row["num_items"]),
        str(row["num_songs"]),
      ]
      for row in rows
    ],
    words=1,
  )


def _instruments(rows: Sequence[Json]) -> list[str]:
  """Returns a line an instrument, with every number of shots."""
  asked = {
    row["shots"]
    for part in rows
    for row in part["systems"]
    if row["system"] == MODEL
  }
  if not asked:
    return []
  shots = sorted(asked)
  lines = []
  for part in rows:
    of = {
      row["shots"]: row for row in part["systems"] if row["system"] == MODEL
    }
    most = part["systems"][0]
    lines.append(
      [
        part["instrument"],
        *(
          _db(of[k]["si_sdr_improvement_db"]["mean"]) if k in of else ""
          for k in shots
        ),
        format_share(_number(most.get("way_to_mask_median"))),
        format_share(_number(most["collapse_share"])),
        str(part["num_items"]),
        str(part["num_songs"]),
      ]
    )
  many = ", ".join(map(str, shots))
  headline = rows[0]["systems"][0]["shots"]
  titles = ["instrument", *(f"{k} shots" for k in shots)]
  titles += ["way to the mask", "collapsed", "n", "songs"]
  return [
    f"SI-SDR improvement in dB by instrument, with {many} shots; way and "
    f"collapse with {headline}:\n",
    markdown_table(titles, lines, words=1),
  ]


def ablation_parts(folder: Path, content_hash: str) -> list[str]:
  """Returns what an ablation says of some weights, as parts of a page.

  Args:
    folder: Of the ablation.
    content_hash: Of the weights.

  Returns:
    Markdown; nothing if there is no ablation.

  Raises:
    InputError: If it is of other weights, or cannot be read.
  """
  if not (folder / RECORD).exists():
    return []
  try:
    record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    reference = Arm(**record["reference"])
    hashes = record["depends on"][WEIGHTS]
    is_whole = record["table (SHA-256)"] == file_hash(folder / TABLE)
    draws = Draws(*record["draws"])
  except (OSError, ValueError, LookupError, TypeError) as error:
    raise InputError(f"{folder} cannot be read") from error
  if hashes.get(reference.model) != content_hash:
    raise InputError(f"{folder} is of other weights")
  if not is_whole:
    raise InputError(f"{folder / TABLE} is not what was written there")
  rows = [
    row
    for row in read_table(folder / TABLE)
    if row.arm.model == reference.model
  ]
  sets = {
    name: table
    for name, table in tables(item_sets(rows)).items()
    if ", of " not in name
  }
  arms = list(dict.fromkeys(row.arm for row in rows))
  axes = arms_by_axis([arm for arm in arms if not is_baseline(arm)], reference)
  lines = [
    _ablation_line(items, axis, arm, reference, table[arm], draws)
    for axis in in_order(axes)
    if axis in _AXES
    for items, table in sets.items()
    for arm in axes[axis]
    if table.get(arm)
  ]
  titles = ["asked", "items", "value", "dB [95 %]", "median", "silent"]
  return [
    "### Asked in other ways\n",
    f"`fewshot-mss ablate`; all else as in: {describe_settings(reference)}. "
    "SI-SDR improvement; of an absent target the level of the output over the "
    "mixture, the lower the better.\n",
    markdown_table([*titles, "n (songs)"], lines, words=3),
  ]


def _ablation_line(
  items: str, axis: str, arm: Arm, reference: Arm, rows: Any, draws: Draws
) -> list[str]:
  measure = measure_of(arm)
  figure = figure_of(rows, measure, draws)
  value = describe_arm(arm, axis, reference)
  return [
    describe_axis(axis),
    items,
    f"{value} (level)" if measure == LEVEL else value,
    format_interval(figure.mean),
    format_db(figure.median),
    format_share(figure.collapsed),
    format_n(figure.mean),
  ]


def _interval(interval: Json) -> str:
  if interval["low"] is None:
    return _db(interval["mean"])
  ends = f"{_db(interval['low'])}, {_db(interval['high'])}"
  return f"{_db(interval['mean'])} [{ends}]"


def _db(value: float | None) -> str:
  return format_db(_number(value))


def _number(value: float | None) -> float:
  return math.nan if value is None else value
