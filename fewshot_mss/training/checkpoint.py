"""Checkpoints of a run: Orbax, asynchronous, the newest few and the best."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import orbax.checkpoint as ocp
from absl import logging
from ml_collections import ConfigDict

from fewshot_mss.audio.output_folders import WRITABLE_PREFIX, check_writable
from fewshot_mss.errors import InputError
from fewshot_mss.training.parallel import to_global
from fewshot_mss.training.recovery import state_hash
from fewshot_mss.training.step import TrainState

SCORE = "eval_score"

# Leaves that may change between two starts of a run: they say where the data
# lies and what is shown and kept, but no number of the training depends on
# them. What data it is, and with what weights, is in the hash beside them.
_FREE = {
  "profile_steps",
  "data.sources",
  "data.read_threads",
  "data.prefetch_batches",
  "train.log_every_steps",
  "train.checkpoint_every_steps",
  "train.keep_checkpoints",
  "train.compilation_cache",
}
# Leaves that came later, and what a run that lacks them was made with.
_LATER = {
  "init_from": "",
  "train.absent_floor_db": -30.0,
  "train.class_loss_weight": 0.0,
}
# Whole groups of such, which a run that is older than a group lacks.
_SCORING = ("eval.", "ablation", "claims")


def open_manager(workdir: Path, keep: int) -> ocp.CheckpointManager:
  """Opens `workdir/checkpoints`; close it, or the last save may be lost.

  Args:
    workdir: Folder of the run.
    keep: The newest `keep` checkpoints stay, and besides them the best by
      evaluation score.

  Returns:
    The manager.
  """
  # Orbax tells of every file at INFO; what a person must know is a warning.
  logging.set_verbosity(logging.WARNING)
  policy = ocp.checkpoint_managers
  options = ocp.CheckpointManagerOptions(
    preservation_policy=policy.AnyPreservationPolicy(
      [policy.LatestN(keep), policy.BestN(n=1, get_metric_fn=_rank)]
    ),
    # The policy decides alone, but without this Orbax does not store scores,
    # and the next start would not know which checkpoint is the best.
    best_fn=_rank,
    enable_async_checkpointing=True,
    # What a kill left of a save.
    cleanup_tmp_directories=True,
  )
  return ocp.CheckpointManager(
    (workdir / "checkpoints").absolute(),
    options=options,
    item_handlers=ocp.StandardCheckpointHandler(),
  )


def _rank(metrics: dict[str, float]) -> float:
  """Ranks checkpoints; those that were not scored come last."""
  return metrics.get(SCORE, -math.inf)


def best_step(folder: Path) -> int | None:
  """Returns the checkpoint with the best validation score.

  Args:
    folder: The checkpoints of a run; it stays as it is.

  Returns:
    Its number of steps; None if no checkpoint was scored.
  """
  verbosity = logging.get_verbosity()
  # Orbax warns that it will not write what it is told not to write.
  logging.set_verbosity(logging.ERROR)
  options = ocp.CheckpointManagerOptions(read_only=True, best_fn=_rank)
  try:
    with ocp.CheckpointManager(folder.absolute(), options=options) as manager:
      scored = [s for s in manager.all_steps() if SCORE in manager.metrics(s)]
      return manager.best_step() if scored else None
  finally:
    logging.set_verbosity(verbosity)


def save(
  manager: ocp.CheckpointManager,
  state: TrainState,
  step: int,
  score: float | None,
  window: Sequence[Mapping[str, float]] = (),
  spent_s: Mapping[str, float] | None = None,
) -> None:
  """Begins to save a state; the next save waits until this one is done.

  Args:
    manager: Of the run.
    state: What to save.
    step: Steps done.
    score: Of the evaluation at this step, higher is better; None without one.
    window: Metrics of the last steps that have no row yet.
    spent_s: Seconds of the run so far, by machine.
  """
  manager.save(
    step,
    args=ocp.args.StandardSave(to_global(state)),
    # None would make Orbax warn of a missing score.
    metrics={} if score is None else {SCORE: score},
    custom_metadata={
      "window": list(window),
      "spent_s": dict(spent_s or {}),
      # Process 0 alone writes this.
      "state_sha256": state_hash(state) if jax.process_index() == 0 else "",
    },
  )


def claim_workdir(
  workdir: Path,
  config: ConfigDict,
  data_hash: str,
  begun_from: Mapping[str, Any] | None = None,
) -> None:
  """Writes `config.json`, or checks that the one there is of the same run.

  Args:
    workdir: Folder of the run; made if it is not there.
    config: Of this start.
    data_hash: Of the datasets of this start, see `Sources.content_hash`.
    begun_from: What a run without a checkpoint begins with, see
      `describe_beginning`; None for nothing, or for one that goes on.

  Raises:
    InputError: If the folder holds a run that differs in what matters, holds
      other things and no run, or cannot be written.
  """
  mine = {
    "config": json.loads(config.to_json_best_effort()),
    "data_hash": data_hash,
  }
  if begun_from is not None:
    mine["begun_from"] = dict(begun_from)
  path = workdir / "config.json"
  check_writable(workdir)
  try:
    there = path.read_text(encoding="utf-8") if path.exists() else None
    if there is None and jax.process_index() == 0:
      _check_unused(workdir)
      temporary = path.with_suffix(".tmp")
      temporary.write_text(json.dumps(mine, indent=1), encoding="utf-8")
      temporary.replace(path)
  except OSError as error:
    raise InputError(
      f"workdir {workdir} cannot be written ({error.strerror}): name another "
      "with --workdir"
    ) from error
  if there is None:
    return
  try:
    theirs = json.loads(there)
    differing = _differences(theirs["config"], mine["config"])
    their_hash = theirs["data_hash"]
    began = theirs.get("begun_from", {}).get("weights_sha256")
  except (ValueError, KeyError, TypeError, AttributeError) as error:
    raise InputError(
      f"{path} is damaged: name another --workdir, or remove this one"
    ) from error
  if differing:
    raise InputError(
      f"workdir {workdir} holds a run of another configuration "
      f"({'; '.join(differing)}): name another --workdir, or go on with the "
      "values that it began with"
    )
  if their_hash != data_hash:
    raise InputError(
      f"workdir {workdir} holds a run on another dataset than "
      f"{config.data.sources}, or with other weights: name another --workdir, "
      "or what it began with in data.sources"
    )
  if begun_from is not None and began != begun_from["weights_sha256"]:
    raise InputError(
      f"workdir {workdir} holds a run that began with other weights than those "
      f"that are in {config.init_from} now: name another --workdir, or put "
      "back what was there"
    )


def _check_unused(workdir: Path) -> None:
  """Checks that a folder without a run holds nothing else.

  A mistyped --workdir would fill a folder that a person keeps things in.
  """
  # A kill while the folder was claimed, and the top of a mounted disk.
  fine = {"config.tmp", "lost+found"}
  # What other processes of this run try out at this moment, also by the name
  # that NFS gives to what is deleted while it is open.
  passing = (WRITABLE_PREFIX, ".nfs")
  names = {path.name for path in workdir.iterdir()} - fine
  others = sorted(name for name in names if not name.startswith(passing))
  if others:
    more = f" and {len(others) - 1} more" if len(others) > 1 else ""
    raise InputError(
      f"workdir {workdir} holds {others[0]}{more} but no run: "
      "name a new or empty folder with --workdir"
    )


def check_trained_on(workdir: Path, words: str, data_hash: str) -> None:
  """Checks that a run was trained on some data, before it is scored on them.

  On others, what counts as seen and which songs are for testing would be of
  those, not of the run.

  Args:
    workdir: Folder of the run.
    words: `data.sources`, for the message.
    data_hash: See `Sources.content_hash`.

  Raises:
    InputError: If the run was on others, or does not say on which.
  """
  path = workdir / "config.json"
  try:
    described = json.loads(path.read_text(encoding="utf-8"))
    same = described["data_hash"] == data_hash
  except (OSError, ValueError, KeyError, TypeError) as error:
    raise InputError(
      f"{path} cannot be read: name the workdir of a run with --workdir"
    ) from error
  if not same:
    raise InputError(
      f"{workdir} was trained on another dataset than {words}, which may hold "
      "its training songs, or with other weights: name what it began with in "
      "data.sources"
    )


def _differences(
  theirs: dict[str, Any], mine: dict[str, Any], prefix: str = ""
) -> list[str]:
  """Names the leaves in which two configurations differ, and how."""
  found = []
  for key in sorted({*theirs, *mine}):
    name = prefix + key
    before, now = theirs.get(key, _LATER.get(name)), mine.get(key)
    if isinstance(before, dict) and isinstance(now, dict):
      found += _differences(before, now, f"{name}.")
    elif before != now and name not in _FREE and not name.startswith(_SCORING):
      found.append(f"{name} was {before}, is {now}")
  return found
