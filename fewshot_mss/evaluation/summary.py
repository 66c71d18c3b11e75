"""From rows to the figures of a report: means, intervals, two verdicts."""

from collections.abc import Iterable, Sequence

from fewshot_mss.evaluation.scores import (
  IDEAL_RATIO_MASK,
  MODEL,
  SYSTEMS,
  WRONG_QUERY,
  Score,
)
from fewshot_mss.evaluation.summary_rows import (
  Json,
  Tables,
  cost_row,
  paired,
  part_rows,
  system_row,
)

# What asking for another instrument must cost, or the query is not obeyed.
MIN_WRONG_QUERY_COST_DB = 3.0

Summary = Json


def summarise(
  scores: Sequence[Score], *, bootstrap_samples: int, seed: int = 0
) -> Summary:
  """Summarises scores, each group of items apart.

  Where several datasets were scored, the groups of all items come first and
  then those of each dataset, named `seen, of NAME`.

  Args:
    scores: Of one evaluation; the last number of shots is the headline.
    bootstrap_samples: Draws of each interval.
    seed: Of the draws.

  Returns:
    JSON values, with None for figures that do not exist: `shots`,
    `headline_shots` and, under `groups`, for each group of items its size,
    `dataset` (None of all items), `systems` (a row for each system and number
    of shots), `wrong_query_cost`, `gain_over_shots`, `families` and
    `instruments` (see `part_rows`).
  """
  shots = list(dict.fromkeys(s.shots for s in scores if s.shots is not None))
  groups: dict[str, list[Score]] = {}
  dataset_of: dict[str, str] = {}
  for score in scores:
    groups.setdefault(score.group, []).append(score)
  if len({score.dataset for score in scores}) > 1:
    for score in scores:
      name = f"{score.group}, of {score.dataset}"
      groups.setdefault(name, []).append(score)
      dataset_of[name] = score.dataset
  draws = {"samples": bootstrap_samples, "seed": seed}
  return {
    "shots": shots,
    "headline_shots": shots[-1] if shots else None,
    "groups": {
      group: {"dataset": dataset_of.get(group)}
      | _summarise_group(held, shots, draws)
      for group, held in groups.items()
    },
  }


def find_row(
  rows: Iterable[Json], *, shots: int | None, system: str | None = None
) -> Json | None:
  """Returns the row of a summary's table for a number of shots.

  Args:
    rows: `systems`, `wrong_query_cost` or `gain_over_shots` of a group.
    shots: The number of shots; None for baselines.
    system: The system, for `systems`.

  Returns:
    The row, or None if there is none.
  """
  for row in rows:
    if row["shots"] == shots and row.get("system") == system:
      return row
  return None


def verdict(summary: Summary) -> dict[str, Json]:
  """States plainly whether the two things were shown, on seen classes.

  Args:
    summary: What `summarise` returned.

  Returns:
    `improves_on_mixture` (the whole interval of the SI-SDR improvement lies
    above 0) and `obeys_query` (a wrong query costs 3 dB or more on average, and
    its whole interval lies above 0): each with `shown`, a `statement` in words
    and the figures.
  """
  shots = summary["headline_shots"]
  group = summary["groups"].get("seen")
  improvement = cost = None
  if group is not None:
    row = find_row(group["systems"], shots=shots, system=MODEL)
    improvement = row and row["si_sdr_improvement_db"]
    row = find_row(group["wrong_query_cost"], shots=shots)
    cost = row and row["cost_db"]
  improves = _lies_above_0(improvement)
  obeys = _lies_above_0(cost) and cost["mean"] >= MIN_WRONG_QUERY_COST_DB
  return {
    "improves_on_mixture": {
      "shown": improves,
      "statement": (
        f"The target improves on the mixture on seen classes (interval above "
        f"0 dB): {'yes' if improves else 'no'}; SI-SDR improvement "
        f"{describe_interval(improvement)}, {shots} shots."
      ),
      "si_sdr_improvement_db": improvement,
    },
    "obeys_query": {
      "shown": obeys,
      "statement": (
        "The query is obeyed (another instrument's examples cost at least "
        f"{MIN_WRONG_QUERY_COST_DB:g} dB on average, interval above 0 dB): "
        f"{'yes' if obeys else 'no'}; they "
        f"cost {describe_interval(cost)}, {shots} shots."
      ),
      "wrong_query_cost_db": cost,
    },
  }


def _lies_above_0(interval: Json | None) -> bool:
  """Tells whether all of an interval does; one song has none."""
  low = interval["low"] if interval else None
  return low is not None and low > 0


def describe_interval(interval: Json | None) -> str:
  """Returns a mean, its interval and its n in words."""
  if interval is None or interval["mean"] is None:
    return "not measured (no items)"
  ends = "no interval: one song"
  if interval["low"] is not None:
    ends = f"95 % interval {interval['low']:+.1f} to {interval['high']:+.1f}"
  return (
    f"{interval['mean']:+.1f} dB ({ends}; n = {interval['num_items']} items "
    f"of {interval['num_songs']} songs)"
  )


def _summarise_group(
  scores: list[Score], shots: list[int], draws: dict[str, int]
) -> Json:
  tables: Tables = {}
  for score in sorted(scores, key=lambda score: score.place):
    tables.setdefault((score.system, score.shots), []).append(score)
  asked = [k for k in shots if (MODEL, k) in tables]
  return {
    "num_items": len({score.place for score in scores}),
    "num_songs": len({score.song for score in scores}),
    "systems": [
      system_row(
        system,
        k,
        tables[system, k],
        draws,
        tables.get((IDEAL_RATIO_MASK, None)) if system == MODEL else None,
      )
      for system in SYSTEMS
      for k in [None, *shots]
      if (system, k) in tables
    ],
    "wrong_query_cost": [
      cost_row(k, tables[MODEL, k], tables[WRONG_QUERY, k], draws)
      for k in asked
      if (WRONG_QUERY, k) in tables
    ],
    "gain_over_shots": [
      {
        "shots": k,
        "over_shots": min(asked),
        "gain_db": paired(tables[MODEL, k], tables[MODEL, min(asked)], draws),
      }
      for k in asked
      if k != min(asked)
    ],
    "families": part_rows(tables, asked, "family", draws),
    "instruments": part_rows(tables, asked, "instrument", draws),
  }
