"""What a run goes on from: the newest checkpoint that is whole.

Orbax notices a file that is missing or cut short, but hands out data in which a
bit has flipped. So each checkpoint holds a hash of its state, and each process
reads for itself and compares before anything is put on a device.
"""

import contextlib
import hashlib
import io
import json
import logging
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp

from fewshot_mss.errors import InputError
from fewshot_mss.training import parallel
from fewshot_mss.training.step import TrainState

# Orbax writes it last, into what it then renames.
_COMMITTED = "commit_success.txt"
# Of Orbax, and what is saved beside the state is in it.
METADATA = "_CHECKPOINT_METADATA"

Window = list[dict[str, float]]

# What Orbax and TensorStore raise on files that they cannot make sense of.
_READ_ERRORS = (
  OSError,
  ValueError,
  KeyError,
  TypeError,
  AttributeError,
  IndexError,
  AssertionError,
  RuntimeError,
)


class _DamageError(Exception):
  """What is wrong with a checkpoint, in a few words."""


def state_hash(state: Any) -> str:
  """Returns the SHA-256 of the names, types, shapes and bits of all leaves.

  Args:
    state: A tree of arrays; those of JAX are the same on all devices.

  Returns:
    In hexadecimal.
  """
  digest = hashlib.sha256()
  for path, leaf in jax.tree_util.tree_leaves_with_path(state):
    if isinstance(leaf, jax.Array):
      leaf = leaf.addressable_data(0)
    values = np.ascontiguousarray(leaf)
    name = jax.tree_util.keystr(path)
    digest.update(f"{name} {values.dtype} {values.shape}\n".encode())
    digest.update(values.reshape(-1).view(np.uint8))
  return digest.hexdigest()


def restore_newest(
  workdir: Path, state: TrainState
) -> tuple[TrainState, int, Window]:
  """Restores the newest checkpoint that is whole; call it on all processes.

  Those that are damaged are named on stderr and moved to `workdir/damaged`, so
  that the run can save at their steps again.

  Args:
    workdir: Folder of the run.
    state: What a run begins with; its memory is freed if there is a checkpoint,
      as both together may not fit.

  Returns:
    The state laid out as the given one, the steps done, and the metrics of the
    last steps that have no row yet. The given state, 0 and none if nothing was
    ever saved.

  Raises:
    InputError: If there are checkpoints but all are damaged.
  """
  folder = (workdir / "checkpoints").absolute()
  with _silence():
    found, damaged = _newest_whole(folder, state)
  if found is not None:
    host_state, step, window = found
    _move_aside(workdir, damaged, step)
    return _put_like(host_state, state), step, window
  if damaged:
    whys = "; ".join(f"{step}: {why}" for step, why in damaged.items())
    raise InputError(
      f"no checkpoint in {folder} can be used ({whys}): put a copy of one in "
      "its place, or begin anew with another --workdir"
    )
  return state, 0, []


def _newest_whole(
  folder: Path, like: TrainState
) -> tuple[tuple[TrainState, int, Window] | None, dict[int, str]]:
  """Returns the newest that all processes can read, and what is damaged."""
  steps = saved_steps(folder)
  damaged: dict[int, str] = {}
  # What process 0 sees counts: folders of a network may show late.
  while step := parallel.step_of_first_process(steps[-1] if steps else 0):
    steps = [other for other in steps if other < step]
    try:
      host_state, window = read_checkpoint(folder / str(step), like)
      problem = ""
    except _DamageError as error:
      problem = str(error)
    if not parallel.any_process(bool(problem)):
      return (host_state, step, window), damaged
    damaged[step] = problem or "another process cannot read it"
  return None, damaged


def saved_steps(folder: Path) -> list[int]:
  """Returns the steps that a folder of checkpoints has, in order."""
  if not folder.is_dir():
    return []
  names = [path.name for path in folder.iterdir()]
  # What is being written has a longer name.
  return sorted(int(name) for name in names if name.isdecimal())


def read_checkpoint(
  folder: Path, like: TrainState
) -> tuple[TrainState, Window]:
  """Reads and checks one checkpoint in this process alone.

  Args:
    folder: `checkpoints/STEP`, absolute.
    like: Gives shapes and types; its values are not read.

  Returns:
    The state in numpy, and the metrics that were saved beside it.
  """
  try:
    text = (folder / METADATA).read_text(encoding="utf-8")
    beside = json.loads(text)["custom_metadata"]
    window, expected = beside["window"], beside["state_sha256"]
  except OSError as error:
    raise _DamageError(f"{METADATA} is missing") from error
  except (ValueError, KeyError, TypeError) as error:
    raise _DamageError(f"{METADATA} is damaged") from error
  index = jax.process_index()
  alone = ocp.options.MultiprocessingOptions(
    primary_host=index,
    active_processes={index},
    barrier_sync_key_prefix=f"process_{index}",
  )
  empty = jax.tree.map(lambda leaf: np.empty(leaf.shape, leaf.dtype), like)
  try:
    with ocp.Checkpointer(
      ocp.StandardCheckpointHandler(multiprocessing_options=alone),
      multiprocessing_options=alone,
    ) as checkpointer:
      state = checkpointer.restore(
        folder / "default", args=ocp.args.StandardRestore(empty)
      )
  except _READ_ERRORS as error:
    raise _DamageError(
      "its files are incomplete or damaged, "
      f"{type(error).__name__} while they are read"
    ) from error
  if state_hash(state) != expected:
    raise _DamageError("its data are not what was saved, by their SHA-256")
  return state, window


def read_average(folder: Path, like: TrainState) -> Any:
  """Reads the averaged parameters of a checkpoint; nothing is moved aside.

  Args:
    folder: `checkpoints/STEP`.
    like: Gives shapes and types; its values are not read.

  Returns:
    The parameters in numpy.

  Raises:
    InputError: If it is damaged.
  """
  try:
    with _silence():
      state, _ = read_checkpoint(folder.absolute(), like)
  except _DamageError as error:
    raise InputError(
      f"checkpoint {folder} cannot be used ({error}): name another one with "
      "--checkpoint"
    ) from error
  return state.ema_params


def _put_like(host_state: TrainState, state: TrainState) -> TrainState:
  """Puts numpy leaves where those of `state` are, which are freed first."""
  shardings = jax.tree.map(lambda leaf: leaf.sharding, state)
  jax.tree.map(lambda leaf: leaf.delete(), state)
  return jax.tree.map(
    lambda leaf, sharding: jax.make_array_from_callback(
      leaf.shape, sharding, lambda index: leaf[index]
    ),
    host_state,
    shardings,
  )


def _move_aside(workdir: Path, damaged: dict[int, str], used: int) -> None:
  """Says which checkpoints are damaged, takes what is not whole away."""
  if jax.process_index() == 0:
    for step, why in damaged.items():
      place = workdir / "damaged" / str(step)
      while place.exists():
        place = place.with_name(f"{place.name}_again")
      place.parent.mkdir(exist_ok=True)
      before = workdir / "checkpoints" / str(step)
      shutil.move(before, place)
      print(
        f"fewshot-mss: checkpoint {before} is damaged ({why}): moved to "
        f"{place}, going on from {before.with_name(str(used))}",
        file=sys.stderr,
      )
    for step in saved_steps(workdir / "checkpoints"):
      folder = workdir / "checkpoints" / str(step)
      if step < used and not (folder / _COMMITTED).exists():
        # A kill while it was removed; Orbax does not see it any more.
        shutil.rmtree(folder)
    for path in workdir.glob(".model.*"):
      # A kill while the archive was written.
      shutil.rmtree(path)
    for path in (workdir / "evaluation").glob("*.tmp*"):
      path.unlink()
  parallel.wait_for_all("checkpoints in order")


@contextlib.contextmanager
def _silence() -> Iterator[None]:
  """Keeps what readers tell of damage, in many lines, from the screen.

  Around all attempts, for reads that are on their way when one of a checkpoint
  fails complain later, each in a thread of its own.
  """
  logger = logging.getLogger("asyncio")
  level, hook = logger.level, sys.unraisablehook
  logger.setLevel(logging.CRITICAL + 1)
  sys.unraisablehook = lambda unraisable: None
  try:
    with contextlib.redirect_stderr(io.StringIO()):
      yield
  finally:
    sys.unraisablehook = hook
    logger.setLevel(level)
