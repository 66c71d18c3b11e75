"""Rows of the table from the outputs for one item."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Shaped

from fewshot_mss.data.evaluation_items import EvaluationItem
from fewshot_mss.errors import InputError
from fewshot_mss.evaluation import metrics
from fewshot_mss.evaluation.ablation.grid import ABSENT
from fewshot_mss.evaluation.ablation.questions import Condition, Question
from fewshot_mss.evaluation.ablation.table import Arm, ArmScore
from fewshot_mss.evaluation.scores import (
  IDEAL_RATIO_MASK,
  MIXTURE,
  SILENCE,
)

ABLATION_BASELINES = (MIXTURE, SILENCE, IDEAL_RATIO_MASK)


class Truth(NamedTuple):
  """A kind of target of one item.

  Attributes:
    instruments: What it is, by name.
    families: The families of those.
    target: The sound; silence if it is absent.
    masked: The ideal ratio mask's output.
  """

  instruments: tuple[str, ...]
  families: tuple[str, ...]
  target: Float[np.ndarray, " T"]
  masked: Float[np.ndarray, " T"]


def score_item(
  item: EvaluationItem,
  mixture: Float[np.ndarray, " T"],
  truths: Mapping[str, Truth],
  questions: Sequence[Question],
  outputs: Mapping[tuple[str, Condition], Float[np.ndarray, " T"]],
  *,
  dataset: str,
  collapse_db: float,
) -> list[ArmScore]:
  """Scores all that was asked of an item.

  Args:
    item: The item.
    mixture: Its sound.
    truths: Its targets by kind: those that it can serve.
    questions: What was asked.
    outputs: Of each condition of each model.
    dataset: Name of the item's dataset.
    collapse_db: Outputs this far below the target count as collapsed; below
      the mixture where the target is absent.

  Returns:
    The baselines of each kind of target, then the arms.

  Raises:
    InputError: If an output is not finite.
  """
  rows = []
  for kind, truth in truths.items():
    sounds = (mixture, np.zeros_like(mixture), truth.masked)
    table = _figures(kind, truth.target, mixture, np.stack(sounds), collapse_db)
    for i, name in enumerate(ABLATION_BASELINES):
      arm = baseline_arm(name, kind)
      rows.append(_row(item, dataset, arm, 0, truth, table, i))
  for question in questions:
    arm, truth = question.arm, truths[question.arm.target]
    sounds = [outputs[arm.model, each] for each in question.conditions]
    table = _figures(
      arm.target, truth.target, mixture, np.stack(sounds), collapse_db
    )
    _check_finite(item, arm, table)
    best = 0
    if arm.target != ABSENT:
      best = int(np.argmax(table["si_sdr_db"]))
    examples = len(question.conditions[best].positives)
    rows.append(_row(item, dataset, arm, examples, truth, table, best))
  return rows


def baseline_arm(name: str, target: str) -> Arm:
  """Returns the arm of what needs no model: all but the target is empty."""
  return Arm(name, "", 0, 0, 0.0, "", target, "", "")


def _row(
  item: EvaluationItem,
  dataset: str,
  arm: Arm,
  examples: int,
  truth: Truth,
  table: dict[str, np.ndarray],
  i: int,
) -> ArmScore:
  return ArmScore(
    arm=arm,
    dataset=dataset,
    item=item.spec.index,
    song=item.song,
    instrument=" + ".join(truth.instruments),
    family=" + ".join(dict.fromkeys(truth.families)),
    group=item.group,
    examples=examples,
    **{name: column[i].item() for name, column in table.items()},
  )


def _figures(
  kind: str,
  target: Float[np.ndarray, " T"],
  mixture: Float[np.ndarray, " T"],
  outputs: Float[np.ndarray, "n T"],
  collapse_db: float,
) -> dict[str, Shaped[np.ndarray, " n"]]:
  """Returns the columns of `ArmScore` that are figures."""
  # Once for all of them.
  outputs = outputs.astype(np.float64)
  over_mixture_db = metrics.level_over_mixture_db(mixture, outputs)
  if kind == ABSENT:
    none = np.full(len(outputs), np.nan)
    return {
      "usdr_db": none,
      "si_sdr_db": none,
      "si_sdr_improvement_db": none,
      "snr_db": none,
      "level_db": none,
      "level_over_mixture_db": over_mixture_db,
      "collapsed": over_mixture_db <= collapse_db,
    }
  si_sdr_db = metrics.si_sdr_db(target, outputs)
  level_db = metrics.level_db(target, outputs)
  return {
    "usdr_db": metrics.usdr_db(target, outputs),
    "si_sdr_db": si_sdr_db,
    "si_sdr_improvement_db": si_sdr_db - metrics.si_sdr_db(target, mixture),
    "snr_db": metrics.snr_db(target, outputs),
    "level_db": level_db,
    "level_over_mixture_db": over_mixture_db,
    "collapsed": level_db <= collapse_db,
  }


def _check_finite(
  item: EvaluationItem, arm: Arm, table: dict[str, np.ndarray]
) -> None:
  if not np.isfinite(table["level_over_mixture_db"]).all():
    raise InputError(
      f"an output of {arm.model} for item {item.spec.index} ({item.song}) is "
      "not finite: the parameters are damaged, take another checkpoint"
    )
