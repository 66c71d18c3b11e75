"""`ablate` with `claims.train`: trains what is missing, asks, and judges.

The models differ in how they are conditioned and in nothing else: the same
network beyond that, the same mixtures and queries in the same order.
"""

import json
from pathlib import Path

import jax
import numpy as np
from ml_collections import ConfigDict

from fewshot_mss.data.catalogue import TRAIN
from fewshot_mss.data.figure import PRINT_DPI, import_figure
from fewshot_mss.data.sources import Sources, load_sources
from fewshot_mss.errors import InputError
from fewshot_mss.evaluation.ablation.claims import Goals, check_claims
from fewshot_mss.evaluation.ablation.claims_page import write_claims
from fewshot_mss.evaluation.ablation.grid import check_ablation_config
from fewshot_mss.evaluation.ablation.runs import RECORD, TABLE
from fewshot_mss.evaluation.ablation.statistics import Draws
from fewshot_mss.evaluation.ablation.table import Arm, read_table
from fewshot_mss.export.archive import load_archive
from fewshot_mss.models.conditioning import CONDITIONINGS
from fewshot_mss.training import parallel, scoring
from fewshot_mss.training.ablating import ablate_run
from fewshot_mss.training.train import claim_run, train_and_evaluate

# The model that the others are set beside.
_REFERENCE = "examples"


def claim(
  config: ConfigDict, workdir: Path, output: Path | None = None
) -> Path:
  """Trains the models of the claims, asks them together, writes the verdicts.

  All processes call this. Each model is a run in `workdir/CONDITIONING`: what
  was killed goes on, what is finished stays. The folder gets all that an
  ablation writes, and `claims.md`, `claims.csv` and `claims.png`.

  Args:
    config: Of all the runs but for the conditioning; `claims` and `ablation`.
    workdir: Holds the runs.
    output: Folder to write; `workdir/ablation` if None.

  Returns:
    The folder.

  Raises:
    InputError: If something cannot be used, before any long work.
    RunError: As `train_and_evaluate` does.
    RestartError: Likewise.
  """
  # Hours before the first figure is drawn.
  import_figure(PRINT_DPI)
  check_ablation_config(config.ablation)
  names = _names(config, workdir)
  runs = {name: (config_of(config, name), workdir / name) for name in names}
  sources = load_sources(config.data.sources)
  # A damaged list of either would be found hours later, too.
  scoring.has_items(sources, "validation")
  if not scoring.has_items(sources, "test"):
    raise InputError(
      f"{config.data.sources}: no list of test songs holds an item: build a "
      "dataset with more test songs"
    )
  for run, folder in runs.values():
    claim_run(run, folder, sources)
  for name, (run, folder) in runs.items():
    # All processes alike, or they would wait for one another.
    if parallel.any_process(not _is_finished(run, folder)):
      _say(f"{name}: trains into {folder}")
      train_and_evaluate(run, folder)
    else:
      _say(f"{name}: {folder} is finished")
  asked = config.copy_and_resolve_references()
  others = [f"{name}={workdir / name}" for name in names if name != _REFERENCE]
  asked.ablation.models = ",".join(
    [*others, *filter(None, [config.ablation.models])]
  )
  folder = workdir / "ablation" if output is None else output
  ablate_run(asked, workdir / _REFERENCE, folder)
  if jax.process_index() == 0:
    _judge(config, folder, sources)
  parallel.wait_for_all("the claims are written")
  return folder


def config_of(config: ConfigDict, conditioning: str) -> ConfigDict:
  """Returns the configuration of the model of one conditioning.

  Args:
    config: Of all of them.
    conditioning: Its name.

  Returns:
    A copy; negatives are read for the model alone that hears them.
  """
  mine = config.copy_and_resolve_references()
  mine.model.conditioning = conditioning
  if conditioning != "examples_and_negatives":
    mine.data.max_negatives = 0
  return mine


def describe_timbres(sources: Sources) -> str:
  """Returns in how many timbres training hears its classes, in words."""
  timbres: dict[str, set[tuple[int, int]]] = {}
  for i, (catalogue, weight) in enumerate(
    zip(sources.catalogues, sources.weights, strict=True)
  ):
    if not weight:
      continue
    rows = catalogue.trainable & (catalogue.split == TRAIN)
    pairs = np.stack([catalogue.instrument[rows], catalogue.patch[rows]], 1)
    for instrument, patch in np.unique(pairs, axis=0).tolist():
      name = catalogue.instruments[instrument]
      timbres.setdefault(name, set()).add((i, patch))
  counts = sorted(len(each) for each in timbres.values())
  if not counts:
    return "none"
  span = " to ".join(map(str, sorted({counts[0], counts[-1]})))
  return (
    f"{len(counts)} seen classes; timbres of each in training: {span} (median "
    f"{np.median(counts):g})"
  )


def _names(config: ConfigDict, workdir: Path) -> list[str]:
  words = [word.strip() for word in config.claims.train.split(",")]
  names = list(dict.fromkeys(filter(None, words)))
  if not set(names) <= set(CONDITIONINGS) or len(names) < 2:
    raise InputError(
      f"claims.train is {config.claims.train!r}: give two or more of "
      f"{', '.join(CONDITIONINGS)}, with commas between"
    )
  if _REFERENCE not in names:
    raise InputError(
      f"claims.train is {config.claims.train!r}: {_REFERENCE} must be among "
      "them, which the others are set beside"
    )
  if "," in str(workdir):
    raise InputError(f"{workdir}: name a --workdir without a comma")
  return names


def _is_finished(run: ConfigDict, folder: Path) -> bool:
  """Tells whether a run has left its model and scored it."""
  try:
    archive = load_archive(folder / "model")
  except InputError:
    # Not there yet, or damaged: the last checkpoint gives it again.
    return False
  is_scored = (folder / "evaluation" / "evaluation.md").exists()
  return archive.training["steps"] == run.train.steps and is_scored


def _judge(config: ConfigDict, folder: Path, sources: Sources) -> None:
  """Writes the claims beside the ablation that is in the folder."""
  record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
  draws = Draws(*record["draws"])
  claims = check_claims(
    read_table(folder / TABLE),
    reference=Arm(**record["reference"]),
    conditionings=record["depends on"]["conditionings"],
    goals=Goals(
      config.claims.seen_goal_db,
      config.claims.unseen_goal_db,
      config.claims.negatives_goal_db,
    ),
    draws=draws,
  )
  training = (
    f"{config.train.steps} steps of {config.train.global_batch} mixtures x "
    f"{config.data.num_queries} queries each"
  )
  provenance = record["provenance"] | {
    "Classes": describe_timbres(sources),
    "Training": training,
  }
  write_claims(folder, claims, provenance=provenance, draws=draws)


def _say(message: str) -> None:
  if jax.process_index() == 0:
    print(f"[claims] {message}", flush=True)
