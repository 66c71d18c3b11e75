"""The rows of a summary: the figures of some scores that belong together."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from fewshot_mss.evaluation.bootstrap import bootstrap_mean_interval
from fewshot_mss.evaluation.scores import (
  IDEAL_RATIO_MASK,
  MIXTURE,
  MODEL,
  SILENCE,
  WRONG_QUERY,
  Score,
)
from fewshot_mss.evaluation.way import median_share

# JSON values: every figure is a finite number, or None where there is none.
Json = dict[str, Any]
# The scores of each system with each number of shots, in the same order.
Tables = dict[tuple[str, int | None], list[Score]]


def system_row(
  system: str,
  shots: int | None,
  scores: list[Score],
  draws: dict[str, int],
  masked: list[Score] | None = None,
) -> Json:
  """Returns the figures of one system.

  Args:
    system: Its name.
    shots: What it was given; None for baselines.
    scores: Of its outputs.
    draws: `samples` and `seed` of the bootstrap.
    masked: Scores of the ideal ratio mask; none where nothing is to be told of
      the way to it.

  Returns:
    How many items and songs; mean, interval over songs and median of the SI-SDR
    improvement, the uSDR and the SNR; the other figures' means; the median
    share of the way from the mixture to the mask; None where there are none.
  """
  improvement = _column(scores, "si_sdr_improvement_db")
  examples = [s.examples for s in scores if s.examples is not None]
  return {
    "system": system,
    "shots": shots,
    "mean_examples": _finite(np.mean(examples)) if examples else None,
    "num_items": len(scores),
    "num_songs": len({score.song for score in scores}),
    "si_sdr_improvement_db": _spread(improvement, scores, draws),
    "si_sdr_mean_db": _mean(_column(scores, "si_sdr_db")),
    "usdr_db": _spread(_column(scores, "usdr_db"), scores, draws),
    "snr_db": _spread(_column(scores, "snr_db"), scores, draws),
    "level_mean_db": _mean(_column(scores, "level_db")),
    "level_median_db": _median(_column(scores, "level_db")),
    "level_over_mixture_mean_db": _mean(
      _column(scores, "level_over_mixture_db")
    ),
    "collapse_share": _mean(_column(scores, "collapsed")),
    "way_to_mask_median": _way(scores, masked or ()),
  }


def _way(scores: Sequence[Score], masked: Sequence[Score]) -> float | None:
  """Returns the median share of the way to the mask, on common items."""
  mask_db = {row.place: row.si_sdr_improvement_db for row in masked}
  pairs = [
    (row.si_sdr_improvement_db, mask_db[row.place])
    for row in scores
    if row.place in mask_db
  ]
  return _finite(median_share(*np.array(pairs, np.float64).reshape(-1, 2).T))


def cost_row(
  shots: int, right: list[Score], wrong: list[Score], draws: dict[str, int]
) -> Json:
  """Returns what it costs to ask for another instrument, item by item.

  Args:
    shots: What both were given.
    right: Scores of the right query.
    wrong: Of the wrong one, for the same items in the same order.
    draws: `samples` and `seed` of the bootstrap.

  Returns:
    The difference in SI-SDR, and the share of items in which it is a cost.
  """
  difference = _differences(right, wrong)
  known = difference[~np.isnan(difference)]
  return {
    "shots": shots,
    "cost_db": _interval(difference, right, draws),
    "right_beats_wrong_share": _mean((known > 0).astype(np.float64)),
  }


def part_rows(
  tables: Tables, shots: list[int], field: str, draws: dict[str, int]
) -> list[Json]:
  """Returns the figures of each instrument or family, best first.

  Args:
    tables: The scores of a group.
    shots: The numbers of shots that the network was asked with; the last is
      the headline.
    field: `instrument` or `family`, of `Score`.
    draws: `samples` and `seed` of the bootstrap.

  Returns:
    For each one its name under `field`, its numbers of items and songs, and
    `systems`: rows as `system_row` returns them, of the network and its wrong
    query at the headline, of the mixture, silence and the ideal ratio mask on
    the same items, and of the network with its other numbers of shots. None
    where no network was asked.
  """
  if not shots:
    return []
  labels = [(MODEL, shots[-1]), (WRONG_QUERY, shots[-1])]
  labels += [(name, None) for name in (MIXTURE, SILENCE, IDEAL_RATIO_MASK)]
  labels += [(MODEL, k) for k in shots[:-1]]
  names = {getattr(score, field) for score in tables[labels[0]]} - {""}
  rows = []
  for name in sorted(names):
    held = {
      label: [s for s in tables.get(label, []) if getattr(s, field) == name]
      for label in labels
    }
    masked = held[IDEAL_RATIO_MASK, None]
    systems = [
      system_row(*label, scores, draws, masked if label[0] == MODEL else None)
      for label, scores in held.items()
      if scores
    ]
    counts = {key: systems[0][key] for key in ("num_items", "num_songs")}
    rows.append({field: name} | counts | {"systems": systems})

  def order(row: Json) -> float:
    mean = row["systems"][0]["si_sdr_improvement_db"]["mean"]
    return math.inf if mean is None else -mean

  return sorted(rows, key=order)


def paired(
  first: list[Score], second: list[Score], draws: dict[str, int]
) -> Json:
  """Returns the gain in SI-SDR of some scores over others of the same items."""
  return _interval(_differences(first, second), first, draws)


def _differences(first: list[Score], second: list[Score]) -> np.ndarray:
  """Returns the differences in SI-SDR, item by item."""
  if [score.place for score in first] != [score.place for score in second]:
    raise ValueError("two systems were scored on different items")
  return _column(first, "si_sdr_db") - _column(second, "si_sdr_db")


def _interval(
  values: np.ndarray, scores: list[Score], draws: dict[str, int]
) -> Json:
  songs = [score.song for score in scores]
  interval = bootstrap_mean_interval(values, songs, **draws)
  return {name: _finite(value) for name, value in interval._asdict().items()}


def _spread(
  values: np.ndarray, scores: list[Score], draws: dict[str, int]
) -> Json:
  return _interval(values, scores, draws) | {"median": _median(values)}


def _column(scores: list[Score], name: str) -> np.ndarray:
  return np.array([getattr(score, name) for score in scores], np.float64)


def _mean(values: np.ndarray) -> float | None:
  known = values[~np.isnan(values)]
  return _finite(np.mean(known)) if len(known) else None


def _median(values: np.ndarray) -> float | None:
  known = values[~np.isnan(values)]
  return _finite(np.median(known)) if len(known) else None


def _finite(value: float | int | np.floating) -> float | int | None:
  """Returns what JSON can hold."""
  if isinstance(value, int):
    return value
  return float(value) if np.isfinite(value) else None
