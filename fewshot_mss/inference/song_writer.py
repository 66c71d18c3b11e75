"""The parts of one song on their way to the disk, block by block."""

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from fewshot_mss.audio.formats import LOSSY_FORMATS
from fewshot_mss.audio.output_folders import check_writable, remove_leftovers
from fewshot_mss.audio.tags import read_tags
from fewshot_mss.audio.writing import BlockWriter, WriteError
from fewshot_mss.inference.outputs import SongPlan
from fewshot_mss.inference.separator import Block
from fewshot_mss.inference.steps import in_steps


class SongWriter:
  """Writes the parts of a song; they get their names when all are whole.

  Attributes:
    warnings: What a person should know of what was written.
  """

  def __init__(self, plan: SongPlan, *, overwrite: bool):
    """Begins the files of a song.

    Args:
      plan: Which; a plan with one path writes the first target alone.
      overwrite: Whether files that are there may be replaced.

    Raises:
      InputError: If they cannot be written.
    """
    self.warnings: list[str] = []
    self._plan = plan
    self._overwrite = overwrite
    self._loud = 0
    self._excess_db = 0.0
    above = (plan.folder, *plan.folder.parents)
    made = [folder for folder in above if not folder.exists()]
    with contextlib.ExitStack() as stack:
      stack.callback(_remove_empty, made)
      check_writable(plan.folder)
      remove_leftovers(plan.folder)
      tags = read_tags(plan.song)
      self._writers = [
        stack.enter_context(
          BlockWriter(
            path,
            plan.form,
            plan.info.rate_hz,
            plan.info.channels,
            plan.info.num_samples,
            tags,
          )
        )
        for path in plan.paths
      ]
      self._stack = stack.pop_all()

  def __enter__(self) -> "SongWriter":
    """Returns the writer itself."""
    return self

  def __exit__(self, *error: object) -> None:
    """Removes what was not published, and the folder if it has nothing else."""
    self._stack.close()

  def write(self, block: Block) -> None:
    """Writes the next block of all parts.

    Args:
      block: As the separator gives it.

    Raises:
      WriteError: If the disk is full, for instance.
    """
    bits = self._plan.form.bits
    if bits is None:
      parts = _float_parts(block)
      if self._plan.form.format in LOSSY_FORMATS:
        self._loud += int(np.count_nonzero(np.abs(parts) > 1.0))
    else:
      steps = in_steps(block.targets, block.mixture, bits)
      parts = steps.parts
      self._loud += steps.clipped
      self._excess_db = max(self._excess_db, steps.excess_db)
    for writer, part in zip(self._writers, parts, strict=False):
      writer.write(part)

  def publish(self) -> None:
    """Gives all parts their names.

    Raises:
      WriteError: If one of them is not whole, or was written by another run
        in the meantime; then none gets its name.
    """
    for writer in self._writers:
      writer.finish()
    for path in self._plan.paths:
      if not self._overwrite and os.path.lexists(path):
        raise WriteError(
          f"{path} has been written by another program in the meantime: "
          "choose another output, or give --overwrite"
        )
    for writer in self._writers:
      writer.publish()
    if lost := self._writers[0].lost_tags:
      self.warnings.append(
        f"tags that {self._plan.form.format} files cannot hold are left out: "
        f"{', '.join(lost)}"
      )
    if self._loud:
      self.warnings.append(self._warning())

  def _warning(self) -> str:
    form = self._plan.form
    if form.bits is None:
      return (
        f"{self._loud} samples of the parts are above full scale, where "
        f"players of {form.format} clip: --bit_depth float keeps them in a wav"
      )
    return (
      f"{self._loud} samples of the song were clipped, by up to "
      f"{self._excess_db:.1f} dB: {form.bits} bits cannot hold them; "
      "--bit_depth float can"
    )


def _remove_empty(folders: Sequence[Path]) -> None:
  """Removes folders, the innermost first, as far as nothing is in them."""
  with contextlib.suppress(OSError):
    for folder in folders:
      folder.rmdir()


def _float_parts(
  block: Block,
) -> Float32[np.ndarray, "parts samples channels"]:
  """Returns the parts of a block, the residual rounded once."""
  rest = block.mixture - block.targets.sum(axis=0, dtype=np.float64)
  return np.concatenate([block.targets, rest[None].astype(np.float32)])
