"""The report that people read: Markdown tables, baselines in every one."""

import math
from collections.abc import Iterable, Mapping

from fewshot_mss.evaluation import metrics
from fewshot_mss.evaluation.bootstrap import FEWEST_SONGS
from fewshot_mss.evaluation.cells import (
  format_db,
  format_share,
  markdown_table,
)
from fewshot_mss.evaluation.scores import IDEAL_RATIO_MASK, MIXTURE
from fewshot_mss.evaluation.summary import Json, Summary, verdict

_NOTES = f"""\
SI-SDR improvement is over the mixture itself, item by item. Intervals are
95 % bootstrap intervals over songs; those of fewer than {FEWEST_SONGS} songs
are much too narrow. An output without anything of the target is given an
SI-SDR of {metrics.SI_SDR_FLOOR_DB:g} dB. uSDR is of whole items, as in the
Music Demixing Challenge 2021: silence scores 0 dB, and `mixture / sources`
shows what is had for nothing. Level is that of the output relative to its
target. SNR is the target's energy over that of the error, of whole items;
silence scores 0 dB in it too. Where instruments have fewer examples than there
are shots, their mean number is in brackets. The ideal ratio mask knows the
answer; the way to it is the median share of its improvement that an output has,
of the items where it gains 1 dB at least. A wrong query gives the examples of
another instrument of the same mixture; the target stays.
"""


def markdown_report(
  summary: Summary, provenance: Mapping[str, str | int | float]
) -> str:
  """Returns the report of an evaluation.

  Args:
    summary: What `summarise` returned.
    provenance: What the reader must know: data, machine, command.

  Returns:
    Markdown.
  """
  parts = ["# Evaluation\n"]
  parts.append(
    "".join(f"- {v['statement']}\n" for v in verdict(summary).values())
  )
  parts.append("".join(f"- {k}: {v}\n" for k, v in provenance.items()))
  parts.append(_NOTES)
  for name, group in summary["groups"].items():
    parts += _group_parts(name, group, summary["headline_shots"])
  return "\n".join(parts)


def _group_parts(name: str, group: Json, shots: int | None) -> list[str]:
  parts = [
    f"## Items: {name}\n",
    f"{group['num_items']} items of {group['num_songs']} songs.\n",
    _systems_table(group["systems"]),
  ]
  if group["wrong_query_cost"]:
    parts.append(
      markdown_table(
        ["shots", "a wrong query costs, dB SI-SDR", "right beats wrong", "n"],
        [
          [
            str(row["shots"]),
            _interval(row["cost_db"]),
            _percent(row["right_beats_wrong_share"]),
            str(row["cost_db"]["num_items"]),
          ]
          for row in group["wrong_query_cost"]
        ],
        words=1,
      )
    )
  if group["gain_over_shots"]:
    parts.append(
      markdown_table(
        ["shots", "over", "paired gain, dB SI-SDR", "n"],
        [
          [
            str(row["shots"]),
            str(row["over_shots"]),
            _interval(row["gain_db"]),
            str(row["gain_db"]["num_items"]),
          ]
          for row in group["gain_over_shots"]
        ],
        words=1,
      )
    )
  # One dataset's are in the JSON: pages of tables would hide those of all.
  if group["dataset"] is None:
    for field, rows in (
      ("family", group["families"]),
      ("instrument", group["instruments"]),
    ):
      if rows:
        parts.append(
          f"By {field}, {shots} shots; mixture and mask beside it:\n"
        )
        parts.append(_parts_table(field, rows))
  return parts


def _systems_table(rows: Iterable[Json]) -> str:
  return markdown_table(
    [
      "system",
      "shots",
      "SI-SDR improvement, dB [95 %]",
      "its median",
      "SI-SDR, dB",
      "uSDR, dB [95 %]",
      "its median",
      "SNR, dB [95 %]",
      "its median",
      "level, dB (median)",
      "way to the mask",
      "collapsed",
      "n",
      "songs",
    ],
    [
      [
        row["system"],
        _shots(row),
        _interval(row["si_sdr_improvement_db"]),
        _db(row["si_sdr_improvement_db"]["median"]),
        _db(row["si_sdr_mean_db"]),
        _interval(row["usdr_db"]),
        _db(row["usdr_db"]["median"]),
        _interval(row["snr_db"]),
        _db(row["snr_db"]["median"]),
        _db(row["level_median_db"]),
        _percent(row["way_to_mask_median"]),
        _percent(row["collapse_share"]),
        str(row["num_items"]),
        str(row["num_songs"]),
      ]
      for row in rows
    ],
    words=1,
  )


def _shots(row: Json) -> str:
  """Returns a number of shots, and how many examples there were if fewer."""
  shots, examples = row["shots"], row["mean_examples"]
  if shots is None:
    return ""
  return str(shots) if examples == shots else f"{shots} ({examples:.1f} given)"


def _parts_table(field: str, rows: Iterable[Json]) -> str:
  """Returns one line an instrument or family; the JSON has a row a system."""
  lines = []
  for row in rows:
    # The network with its other numbers of shots comes last: see the JSON.
    model, *others = row["systems"]
    beside = {other["system"]: other for other in others}
    mixture = beside.get(MIXTURE, {})
    mask = beside.get(IDEAL_RATIO_MASK, {})
    improvement = model["si_sdr_improvement_db"]
    lines.append(
      [
        row[field],
        _interval(improvement),
        _db(improvement["median"]),
        _db(mask.get("si_sdr_improvement_db", {}).get("mean")),
        _db(mixture.get("si_sdr_mean_db")),
        _interval(model["usdr_db"]),
        _interval(model["snr_db"]),
        _db(model["snr_db"]["median"]),
        _db(mixture.get("snr_db", {}).get("mean")),
        _db(mask.get("snr_db", {}).get("mean")),
        _db(model["level_mean_db"]),
        _percent(model["collapse_share"]),
        str(row["num_items"]),
        str(row["num_songs"]),
      ]
    )
  titles = [
    field,
    "SI-SDR improvement, dB [95 %]",
    "its median",
    "mask's",
    "mixture's SI-SDR",
    "uSDR, dB [95 %]",
    "SNR, dB [95 %]",
    "its median",
    "mixture's",
    "mask's",
    "level, dB (mean)",
    "collapsed",
    "n",
    "songs",
  ]
  return markdown_table(titles, lines, words=1)


def _db(value: float | None) -> str:
  return format_db(math.nan if value is None else value)


def _percent(share: float | None) -> str:
  return format_share(math.nan if share is None else share)


def _interval(interval: Json) -> str:
  if interval["low"] is None:
    return _db(interval["mean"])
  return (
    f"{_db(interval['mean'])} [{_db(interval['low'])}, {_db(interval['high'])}]"
  )
