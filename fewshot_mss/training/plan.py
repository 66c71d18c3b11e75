"""What a train step will need and take on a TPU slice, before one is rented.

The step is compiled for the slice; all else is arithmetic on what the compiler
says. Nothing here was measured: times are the counts over the chips' figures.
"""

import functools
import math
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
from ml_collections import ConfigDict

from fewshot_mss.training import parallel
from fewshot_mss.training.abstract import abstract_state, train_step_flops
from fewshot_mss.training.collectives import reduced_bytes
from fewshot_mss.training.plan_chips import CHIPS, Chip, chip_of
from fewshot_mss.training.plan_fit import Fit, largest_fit
from fewshot_mss.training.tpu_compiler import (
  Program,
  Refusal,
  compile_step,
  open_topology,
)


class Roofline(NamedTuple):
  """A step that is as fast as the chip computes, or as it moves bytes.

  Attributes:
    kind: Of the chip.
    compute_s: FLOPs over the chip's peak.
    memory_s: Bytes over its bandwidth.
    step_s: The longer of both.
    share_of_peak: compute_s over step_s.
    written_share_of_peak: The same of the FLOPs as written.
  """

  kind: str
  compute_s: float
  memory_s: float
  step_s: float
  share_of_peak: float
  written_share_of_peak: float


class Scale(NamedTuple):
  """A slice of some size whose chips all do the same work.

  Attributes:
    chips: Of the slice.
    all_reduce_s: To add up the gradients, while nothing else is done.
    step_s: With that.
    efficiency: Against a single chip.
    mixtures_per_s: Of the whole slice.
  """

  chips: int
  all_reduce_s: float
  step_s: float
  efficiency: float
  mixtures_per_s: float


class Plan(NamedTuple):
  """A train step on a slice.

  Attributes:
    topology: Name of the slice.
    chips: Of it.
    mixtures_per_chip: Share of `train.global_batch`.
    queries: Of a mixture.
    parameters: Of the network.
    written_flops: Of a chip's share of the step as it is written.
    compiled_s: How long the compiler took.
    program: What it says; None if the step does not fit.
    refusal: Why it does not fit; None if it does.
    rooflines: Of every kind of chip, for this one program.
    scaling: Of slices up to this one.
    fit: The largest batch, if it was asked for.
  """

  topology: str
  chips: int
  mixtures_per_chip: int
  queries: int
  parameters: int
  written_flops: float
  compiled_s: float
  program: Program | None
  refusal: str | None
  rooflines: tuple[Roofline, ...]
  scaling: tuple[Scale, ...]
  fit: Fit | None


def make_plan(
  config: ConfigDict,
  topology: str,
  *,
  with_fit: bool = False,
  tell: Callable[[str], None] = lambda line: None,
) -> Plan:
  """Compiles the train step for a slice and works out what it will take.

  Args:
    config: Of the run. No dataset is opened.
    topology: `v5e:16x16` and the like.
    with_fit: Also look for the largest batch that fits: minutes for each one
      that is tried.
    tell: Is given lines of progress.

  Returns:
    The plan.

  Raises:
    InputError: If the configuration or the topology is not sound, or libtpu
      is not installed.
  """
  devices = open_topology(topology)
  chips, global_batch = len(devices), config.train.global_batch
  parallel.check_batch(global_batch, "train.global_batch", chips)
  mixtures = global_batch // chips

  compile_for = functools.partial(_compile, config, topology, devices, tell)
  start_s = time.perf_counter()
  done = compile_for(mixtures)
  compiled_s = time.perf_counter() - start_s
  # The batch of the configuration is not compiled again.
  known = {mixtures: done}

  def used_bytes(mixtures_per_chip: int) -> int | None:
    again = known.get(mixtures_per_chip) or compile_for(mixtures_per_chip)
    return again.memory.total if isinstance(again, Program) else None

  chip = chip_of(topology)
  params = jax.tree.leaves(abstract_state(config).params)
  plan = Plan(
    topology=topology,
    chips=chips,
    mixtures_per_chip=mixtures,
    queries=config.data.num_queries,
    parameters=sum(leaf.size for leaf in params),
    written_flops=train_step_flops(config, mixtures),
    compiled_s=compiled_s,
    program=done if isinstance(done, Program) else None,
    refusal=done.reason if isinstance(done, Refusal) else None,
    rooflines=(),
    scaling=(),
    fit=largest_fit(used_bytes, mixtures, chip.hbm_bytes) if with_fit else None,
  )
  return _with_times(plan, chip)


def _with_times(plan: Plan, chip: Chip) -> Plan:
  """Adds the estimates that follow from the compiled program."""
  if plan.program is None:
    return plan
  rooflines = {
    kind: roofline(
      each, plan.program.flops, plan.program.bytes_accessed, plan.written_flops
    )
    for kind, each in CHIPS.items()
  }
  summed = reduced_bytes(plan.program.collectives, plan.chips)
  return plan._replace(
    rooflines=tuple(rooflines.values()),
    scaling=tuple(
      scale(
        chip, size, rooflines[chip.kind].step_s, summed, plan.mixtures_per_chip
      )
      for size in slice_sizes(plan.chips)
    ),
  )


def _compile(
  config: ConfigDict,
  topology: str,
  devices: Sequence[jax.Device],
  tell: Callable[[str], None],
  mixtures_per_chip: int,
) -> Program | Refusal:
  """Compiles the step for a batch and says so before and after."""
  tell(
    f"compiling the train step for {topology}, {mixtures_per_chip} mixtures a "
    "chip: seconds for a tiny network, minutes for a real one"
  )
  start_s = time.perf_counter()
  done = compile_step(config, devices, mixtures_per_chip)
  verdict = (
    f"does not fit: {done.reason}"
    if isinstance(done, Refusal)
    else f"fits with {done.memory.total / 2**30:.2f} GiB a chip"
  )
  tell(f"compiled in {time.perf_counter() - start_s:.0f} s: {verdict}")
  return done


def roofline(
  chip: Chip, flops: float, bytes_accessed: float, written_flops: float
) -> Roofline:
  """Estimates a step on a chip by the slower of computing and moving bytes.

  A product of float32 in several bfloat16 passes counts as one, and bytes that
  stay on the chip count too, so the estimate can err either way.

  Args:
    chip: Its figures.
    flops: Of the compiled step on one chip.
    bytes_accessed: The same.
    written_flops: Of the step as written.

  Returns:
    The estimate, and what share of the chip's peak it leaves.
  """
  compute_s = flops / chip.peak_flops
  memory_s = bytes_accessed / chip.hbm_bytes_per_s
  step_s = max(compute_s, memory_s)
  return Roofline(
    kind=chip.kind,
    compute_s=compute_s,
    memory_s=memory_s,
    step_s=step_s,
    share_of_peak=compute_s / step_s,
    written_share_of_peak=written_flops / chip.peak_flops / step_s,
  )


def slice_sizes(chips: int) -> tuple[int, ...]:
  """Returns 1, 4, 16, ... and at last `chips`."""
  powers = range(math.ceil(math.log(chips, 4)) + 1)
  return tuple(sorted({min(4**power, chips) for power in powers}))


def scale(
  chip: Chip, chips: int, alone_s: float, summed_bytes: float, mixtures: int
) -> Scale:
  """Estimates a step on a slice whose chips each do what one does.

  Args:
    chip: Its figures.
    chips: Of the slice.
    alone_s: A step without the sum over chips.
    summed_bytes: Of that sum; each chip sends and receives 2 (n - 1) / n of
      them. Nothing else is done meanwhile: XLA may do better.
    mixtures: Of each chip.

  Returns:
    The estimate.
  """
  bandwidth = chip.ici_bytes_per_s
  if chips < chip.torus_chips:
    bandwidth /= 2
  all_reduce_s = 2 * (chips - 1) / chips * summed_bytes / bandwidth
  step_s = alone_s + all_reduce_s
  return Scale(
    chips=chips,
    all_reduce_s=all_reduce_s,
    step_s=step_s,
    efficiency=alone_s / step_s,
    mixtures_per_s=chips * mixtures / step_s,
  )
