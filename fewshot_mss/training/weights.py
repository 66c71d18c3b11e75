"""Which weights of a run are scored: those that it left, or a checkpoint's."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
from ml_collections import ConfigDict

from fewshot_mss.default_config import get_config
from fewshot_mss.errors import InputError
from fewshot_mss.export.archive import Archive, load_archive, weights_hash
from fewshot_mss.training.checkpoint import best_step
from fewshot_mss.training.class_head import without_head
from fewshot_mss.training.programs import init_of
from fewshot_mss.training.recovery import read_average, saved_steps

# What `--checkpoint` takes besides a number of steps.
LEFT, BEST, LAST = "model", "best", "last"


class Weights(NamedTuple):
  """The weights of a run.

  Attributes:
    archive: They, their network and how they were trained; as read or, for a
      checkpoint, as it would be written.
    name: Which ones they are, in words.
  """

  archive: Archive
  name: str


def results_folder(workdir: Path, checkpoint: str = LEFT) -> Path:
  """Returns where the scores of `read_weights(workdir, checkpoint)` go."""
  folder = workdir / "evaluation"
  if checkpoint == LEFT:
    return folder
  if checkpoint in (BEST, LAST):
    return folder / checkpoint
  return folder / f"step_{int(checkpoint)}"


def read_weights(workdir: Path, checkpoint: str = LEFT) -> Weights:
  """Reads the weights of a run; its checkpoints stay as they are.

  Args:
    workdir: Folder of the run.
    checkpoint: `model` for `workdir/model`, which a run leaves at its end;
      `best` for the checkpoint with the best validation score of those that
      are there, `last` for the newest one, or the steps of one. Of checkpoints,
      the averaged parameters are read.

  Returns:
    The weights.

  Raises:
    InputError: If they are not there, or damaged.
  """
  if checkpoint == LEFT:
    archive = load_archive(workdir / "model")
    steps = archive.training["steps"]
    return Weights(archive, f"the model that the run left, step {steps}")
  step = _step(workdir / "checkpoints", checkpoint)
  config = read_config(workdir)
  params = without_head(
    read_average(
      workdir / "checkpoints" / str(step), jax.eval_shape(init_of(config))
    )
  )
  # On what data, its caller knows.
  training = training_summary(config, ()) | {"steps": step}
  training |= begun_from(workdir)
  archive = Archive(
    params=params,
    model=config.model.to_dict(),
    instruments=(),
    training=training,
    content_hash=weights_hash(params),
  )
  named = {LAST: "last checkpoint", BEST: "best checkpoint by validation"}
  return Weights(archive, f"{named.get(checkpoint, 'checkpoint')}, step {step}")


def training_summary(
  config: ConfigDict, provenance: Sequence[str]
) -> dict[str, object]:
  """Returns what an archive tells about its training.

  Args:
    config: Of the run.
    provenance: Of its datasets.

  Returns:
    JSON values.
  """
  return {
    "steps": config.train.steps,
    "global_batch": config.train.global_batch,
    "num_queries": config.data.num_queries,
    "loss": config.train.loss,
    "absent_floor_db": config.train.absent_floor_db,
    "class_loss_weight": config.train.class_loss_weight,
    "absent_share": config.data.absent_share,
    "random_shots": config.data.random_shots,
    "seed": config.seed,
    "example_s": config.data.example_s,
    "mixture_s": config.data.mixture_s,
    "max_positives": config.data.max_positives,
    "max_negatives": config.data.max_negatives,
    "data": list(provenance),
  }


def begun_from(workdir: Path) -> dict[str, Any]:
  """Returns what an archive tells of the weights that its training began with.

  Args:
    workdir: Folder of the run.

  Returns:
    JSON values for the summary of the training; none if it began with nothing.

  Raises:
    InputError: If the run cannot be read.
  """
  described = _read_run(workdir)
  if "begun_from" not in described:
    return {}
  return {"begun_from": described["begun_from"]}


def _step(folder: Path, checkpoint: str) -> int:
  """Returns the step that is meant, which there is."""
  steps = saved_steps(folder)
  if checkpoint == LAST and steps:
    return steps[-1]
  if checkpoint == BEST and steps:
    best = best_step(folder)
    if best is None:
      raise InputError(
        f"--checkpoint={BEST}: no checkpoint in {folder} has a validation "
        f"score; name one of {', '.join(map(str, steps))}, or {LAST}"
      )
    return best
  if checkpoint.isdecimal() and int(checkpoint) in steps:
    return int(checkpoint)
  there = ", ".join(map(str, steps)) or "no checkpoint"
  raise InputError(
    f"--checkpoint={checkpoint}: {folder} holds {there}; name one of these, "
    f"{BEST}, {LAST}, or {LEFT} for what a run leaves at its end"
  )


def read_config(workdir: Path) -> ConfigDict:
  """Returns the configuration that a run began with.

  Args:
    workdir: Folder of the run.

  Returns:
    The configuration.

  Raises:
    InputError: If it cannot be read.
  """
  config = get_config()
  try:
    config.update(_read_run(workdir)["config"])
  except (ValueError, KeyError, TypeError, AttributeError) as error:
    raise _no_run(workdir) from error
  return config


def _read_run(workdir: Path) -> dict[str, Any]:
  try:
    text = (workdir / "config.json").read_text(encoding="utf-8")
    described = json.loads(text)
  except (OSError, ValueError) as error:
    raise _no_run(workdir) from error
  if not isinstance(described, dict):
    raise _no_run(workdir)
  return described


def _no_run(workdir: Path) -> InputError:
  return InputError(
    f"{workdir / 'config.json'} cannot be read: name the workdir of a run with "
    "--workdir"
  )
