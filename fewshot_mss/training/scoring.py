"""Evaluation as part of a run: which checkpoint is best, and the last word.

Every process scores its share of the items; then all of them have all scores.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from fewshot_mss.data.evaluation_list import list_hash, list_path
from fewshot_mss.data.source_items import source_items
from fewshot_mss.data.sources import Sources, load_sources
from fewshot_mss.evaluation.evaluate import evaluate, evaluated_shots
from fewshot_mss.evaluation.journal import Journal, remove_journals
from fewshot_mss.evaluation.metrics import METRICS_VERSION
from fewshot_mss.evaluation.report import machine_description, write_evaluation
from fewshot_mss.evaluation.scores import MODEL, Score, in_list_order
from fewshot_mss.evaluation.summary import Summary, summarise
from fewshot_mss.export.archive import Archive
from fewshot_mss.export.checks import build_model
from fewshot_mss.models.separator import FewShotSeparator
from fewshot_mss.training import parallel
from fewshot_mss.training.checkpoint import check_trained_on
from fewshot_mss.training.run_checks import check_seed
from fewshot_mss.training.weights import (
  LEFT,
  Weights,
  read_weights,
  results_folder,
)


def has_items(sources: Sources, split: str) -> bool:
  """Tells whether there is anything to score: a small folder may have none.

  Args:
    sources: The prepared datasets.
    split: `validation` or `test`.

  Returns:
    Whether one of them has a list that holds an item.

  Raises:
    InputError: If a list is damaged or of another dataset.
  """
  # All lists are read, so that a damaged one is found before any long work.
  lists = [source_items(sources, i, split) for i in range(len(sources.folders))]
  return any(lists)


def validation_score(
  config: ConfigDict, model: FewShotSeparator, params: Any, sources: Sources
) -> float | None:
  """Returns the mean improvement on seen instruments of validation songs.

  Unseen instruments stay out: a checkpoint chosen by them would have seen them
  after all. All processes get the same number.

  Args:
    config: Of the run.
    model: The network.
    params: Its parameters; every process holds all of them.
    sources: The prepared datasets; a validation list of them holds items. The
      mean is over the items of all lists.

  Returns:
    SI-SDR improvement in dB with the last of `eval.shots`; None if the lists
    have no items of seen instruments.
  """
  # No other number of shots is worth its time here.
  headline = evaluated_shots(model, config.eval)[-1]
  eval_config = config.eval.copy_and_resolve_references()
  eval_config.shots = (headline,)
  scores = _evaluate(
    eval_config, model, params, sources, "validation", config.data
  )
  improvements = [
    row.si_sdr_improvement_db
    for row in scores
    if row.group == "seen" and row.system == MODEL and row.shots == headline
  ]
  return float(np.mean(improvements)) if improvements else None


def _evaluate(
  eval_config: ConfigDict,
  model: FewShotSeparator,
  params: Any,
  sources: Sources,
  split: str,
  trained_with: Mapping[str, Any] | ConfigDict,
  journal: Journal | None = None,
) -> list[Score]:
  """Scores a network in the patches and with the negatives of its training.

  All processes call this, and each returns the scores of all.
  """
  process = jax.process_index()
  mine = evaluate(
    model,
    params,
    sources,
    split=split,
    eval_config=eval_config,
    max_negatives=trained_with["max_negatives"],
    patch_s=trained_with["mixture_s"],
    host=process,
    hosts=jax.process_count(),
    progress=process == 0,
    journal=journal,
  )
  texts = parallel.gather_texts(json.dumps(mine))
  shares = [[Score(*row) for row in json.loads(text)] for text in texts]
  return in_list_order(shares, sources.names)


def evaluate_trained(
  config: ConfigDict,
  workdir: Path,
  model: FewShotSeparator,
  params: Any,
  sources: Sources,
) -> None:
  """Scores what a run has just trained on the test lists.

  All processes call this with the parameters that they hold: a folder that
  process 0 has just written may not be there yet for the others. Process 0
  writes `workdir/evaluation/` as `evaluate_run` does, to the same numbers.

  Args:
    config: Of the run.
    workdir: Its folder; process 0 finds `workdir/model` in it.
    model: The network.
    params: Its parameters.
    sources: The prepared datasets; a test list of them holds items.

  Raises:
    InputError: If a dataset or the archive cannot be read.
  """
  scores = _evaluate(config.eval, model, params, sources, "test", config.data)
  if jax.process_index() == 0:
    summary = _summary(config, scores)
    weights = read_weights(workdir)
    _write(results_folder(workdir), weights, sources, scores, summary)


def evaluate_run(
  config: ConfigDict, workdir: Path, checkpoint: str = LEFT
) -> Summary:
  """Scores the weights of a run on the test lists; call it on all processes.

  Writes `workdir/evaluation/` with evaluation.json, evaluation.md and a row
  for every item; of checkpoints a folder within it. What was
  interrupted goes on: finished batches are in a file until all is written.

  Args:
    config: `data.sources`, `eval` and `seed` are read; all else is as in
      training.
    workdir: Folder of a run.
    checkpoint: See `read_weights`.

  Returns:
    The summary.

  Raises:
    InputError: If the weights or a dataset cannot be used, the network was
      trained on others, or no dataset has test items.
  """
  check_seed(config)
  weights = read_weights(workdir, checkpoint)
  archive = weights.archive
  sources = load_sources(config.data.sources)
  check_trained_on(workdir, config.data.sources, sources.content_hash)
  model = build_model(archive.model)
  folder = results_folder(workdir, checkpoint)
  share = (jax.process_index(), jax.process_count())
  depends_on = _depends_on(config.eval, archive, sources)
  with Journal(folder, depends_on, *share) as journal:
    scores = _evaluate(
      config.eval,
      model,
      archive.params,
      sources,
      "test",
      archive.training,
      journal,
    )
  summary = _summary(config, scores)
  if share[0] == 0:
    _write(folder, weights, sources, scores, summary)
  # Not before it is all written. On disks of their own, others remove theirs.
  parallel.wait_for_all("the evaluation is written")
  remove_journals(folder)
  return summary


def _depends_on(
  eval_config: ConfigDict, archive: Archive, sources: Sources
) -> dict[str, Any]:
  """Returns all that scores depend on, as JSON values."""
  config = json.loads(eval_config.to_json())
  # Of the intervals alone, which are computed last.
  del config["bootstrap_samples"]
  return {
    "weights": archive.content_hash,
    "model": dict(archive.model),
    "patches and negatives": [
      archive.training["mixture_s"],
      archive.training["max_negatives"],
    ],
    "datasets": sources.content_hash,
    "evaluation lists": _list_hashes(sources),
    "eval": config,
    "metrics": METRICS_VERSION,
    "JAX and devices": [jax.__version__, jax.devices()[0].device_kind],
  }


def _summary(config: ConfigDict, scores: list[Score]) -> Summary:
  return summarise(
    scores, bootstrap_samples=config.eval.bootstrap_samples, seed=config.seed
  )


def _write(
  folder: Path,
  weights: Weights,
  sources: Sources,
  scores: list[Score],
  summary: Summary,
) -> None:
  """Writes the evaluation of some weights."""
  archive = weights.archive
  provenance = {
    "data": ", ".join(sources.provenance or sources.names),
    "evaluation list (SHA-256)": _list_hashes(sources),
    # What the run has chosen its best checkpoint by, and its makers more.
    "validation list (SHA-256)": _list_hashes(sources, "validation"),
    "training": (
      f"{archive.training['steps']} steps of "
      f"{archive.training['global_batch']} mixtures x "
      f"{archive.training['num_queries']} queries"
    ),
    "checkpoint": weights.name,
    "weights (SHA-256)": archive.content_hash,
    "machine": machine_description(),
    "command": " ".join(["fewshot-mss", *sys.argv[1:]]),
  }
  begun = archive.training.get("begun_from")
  if begun is not None:
    provenance["begun with"] = (
      f"weights {begun['weights_sha256']}, trained on "
      f"{', '.join(begun['training'].get('data', ['what is not stated']))}: "
      "whether they have heard the songs of the test has not been looked into"
    )
  if sources.notes:
    provenance["left out"] = "; ".join(sources.notes)
  write_evaluation(folder, scores, summary, provenance)


def _list_hashes(sources: Sources, split: str = "test") -> str:
  """Returns the hash of a split's list, or that of each dataset's by name."""
  hashes = {
    name: list_hash(list_path(folder, split))
    for name, folder in zip(sources.names, sources.folders, strict=True)
    if list_path(folder, split).exists()
  }
  if len(sources.folders) == 1:
    # Without a list, `evaluate` says so.
    return hashes.get(sources.names[0], "")
  return ", ".join(f"{name} {digest}" for name, digest in hashes.items())
