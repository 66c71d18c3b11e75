"""Evaluation as part of a run: which checkpoint is best, and the last word."""

import sys
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils
from ml_collections import ConfigDict

from fewshot_mss.data.evaluation_list import list_hash, list_path
from fewshot_mss.evaluation.evaluate import evaluate
from fewshot_mss.evaluation.report import machine_description, write_evaluation
from fewshot_mss.evaluation.scores import MODEL, Score
from fewshot_mss.evaluation.summary import Summary, summarise
from fewshot_mss.export.archive import load_archive
from fewshot_mss.export.checks import build_model
from fewshot_mss.models.separator import FewShotSeparator


def validation_score(
  config: ConfigDict, model: FewShotSeparator, params: Any, directory: Path
) -> float | None:
  """Returns the mean improvement on seen instruments of validation songs.

  Unseen instruments stay out: a checkpoint chosen by them would have seen them
  after all. Process 0 scores, and all get its number.

  Args:
    config: Of the run.
    model: The network.
    params: Its parameters; every process holds all of them.
    directory: The prepared dataset.

  Returns:
    SI-SDR improvement in dB with the last of `eval.shots`; None if the dataset
    has no validation list or nothing can be scored.
  """
  if not list_path(directory, "validation").exists():
    return None
  score = np.nan
  if jax.process_index() == 0:
    scores = _evaluate(config, model, params, directory, "validation")
    headline = summarise(scores, bootstrap_samples=1)["headline_shots"]
    improvements = [
      row.si_sdr_improvement_db
      for row in scores
      if row.group == "seen" and row.system == MODEL and row.shots == headline
    ]
    if improvements:
      score = np.nanmean(improvements)
  if jax.process_count() > 1:
    score = multihost_utils.broadcast_one_to_all(np.float32(score))
  return None if np.isnan(score) else float(score)


def _evaluate(
  config: ConfigDict,
  model: FewShotSeparator,
  params: Any,
  directory: Path,
  split: str,
) -> list[Score]:
  return evaluate(
    model,
    jax.device_get(params),
    directory,
    split=split,
    eval_config=config.eval,
    max_negatives=config.data.max_negatives,
    patch_s=config.data.mixture_s,
    progress=sys.stderr.isatty(),
  )


def evaluate_run(config: ConfigDict, workdir: Path) -> Summary | None:
  """Scores the trained model of a workdir on the test list.

  Writes `workdir/evaluation/` with evaluation.json, evaluation.md and a row
  for every item.

  Args:
    config: Of the run; `data.path`, `data.max_negatives` and `eval` are read.
    workdir: Folder of a run that is done: `workdir/model` is what is scored.

  Returns:
    The summary; None if the dataset has no test list.

  Raises:
    InputError: If the model or the dataset cannot be used.
  """
  archive = load_archive(workdir / "model")
  directory = Path(config.data.path)
  path = list_path(directory, "test")
  if not path.exists():
    return None
  model = build_model(archive.model)
  scores = _evaluate(config, model, archive.params, directory, "test")
  summary = summarise(
    scores, bootstrap_samples=config.eval.bootstrap_samples, seed=config.seed
  )
  provenance = {
    "data": ", ".join(archive.training["data"]) or directory.name,
    "evaluation list (SHA-256)": list_hash(path),
    "training": (
      f"{archive.training['steps']} steps of "
      f"{archive.training['global_batch']} mixtures x "
      f"{archive.training['num_queries']} queries"
    ),
    "weights (SHA-256)": archive.content_hash,
    "machine": machine_description(),
    "command": " ".join(["fewshot-mss", *sys.argv[1:]]),
  }
  write_evaluation(workdir / "evaluation", scores, summary, provenance)
  return summary
