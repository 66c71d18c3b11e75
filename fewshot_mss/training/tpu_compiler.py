"""The TPU's own compiler, on a machine that needs no TPU."""

import importlib.util
import os
import re
from collections.abc import Sequence
from typing import NamedTuple

import jax
from jax.experimental import topologies
from ml_collections import ConfigDict

from fewshot_mss import quiet_libtpu
from fewshot_mss.errors import InputError
from fewshot_mss.training import parallel
from fewshot_mss.training.abstract import abstract_batch, abstract_state
from fewshot_mss.training.collectives import (
  Collective,
  count_loops,
  find_collectives,
)
from fewshot_mss.training.plan_chips import TOPOLOGY_HELP, chip_of
from fewshot_mss.training.programs import step_of

_ENVIRONMENT = {
  # Asks no metadata server what TPU this machine has.
  "TPU_SKIP_MDS_QUERY": "1",
  **quiet_libtpu.NAMES,
  # No chip is opened, so that other processes may have libtpu loaded too.
  "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",
}
# Else libtpu counts the two cores of a v4 chip as two devices.
_ONE_DEVICE_A_CHIP = {"v4": {"chip_config_name": "megacore"}}
_OUT_OF_MEMORY = "RESOURCE_EXHAUSTED"


class Memory(NamedTuple):
  """Bytes of HBM on each chip, as the compiler lays them out.

  Attributes:
    arguments: The state and the chip's share of the batch.
    outputs: The next state and the metrics.
    aliased: Outputs that take the place of arguments.
    temporaries: All between.
    code: The program itself.
  """

  arguments: int
  outputs: int
  aliased: int
  temporaries: int
  code: int

  @property
  def total(self) -> int:
    """Bytes in all."""
    return (
      self.arguments
      + self.outputs
      - self.aliased
      + self.temporaries
      + self.code
    )


class Program(NamedTuple):
  """What the compiler says of the train step, for each chip and step.

  Attributes:
    memory: HBM.
    flops: Of the compiled program: an FFT that became matrix products counts
      as those; borders that a convolution skips do not count.
    bytes_accessed: Read and written by all operations, tiles padded to 8 x 128
      as the layout has it; what stays in on-chip memory counts too.
    collectives: Between chips.
    loops: Whose bodies are in flops, bytes and collectives once.
  """

  memory: Memory
  flops: float
  bytes_accessed: float
  collectives: tuple[Collective, ...]
  loops: int


class Refusal(NamedTuple):
  """A train step that does not fit, in the compiler's words."""

  reason: str


def open_topology(name: str) -> list[jax.Device]:
  """Returns a slice's devices, one a chip, that one can compile for alone.

  JAX runs on the CPU from here on, whatever the machine has.

  Args:
    name: `v5e:16x16` and the like.

  Raises:
    InputError: If there is no such slice, or libtpu is not installed.
  """
  chip = chip_of(name)
  if importlib.util.find_spec("libtpu") is None:
    raise InputError(
      "libtpu, which holds the TPU's compiler, is not installed: pip install "
      "'fewshot-mss[tpu]'"
    )
  os.environ.update(_ENVIRONMENT)
  jax.config.update("jax_platforms", "cpu")
  options = dict(_ONE_DEVICE_A_CHIP.get(chip.kind, {}))
  if re.fullmatch(r"1(x1)*", name.partition(":")[2]):
    # libtpu's hosts have 2 x 2 chips, but one chip can be rented.
    options["chips_per_host_bounds"] = (1, 1, 1)
  try:
    devices = topologies.get_topology_desc(name, "tpu", **options).devices
  except jax.errors.JaxRuntimeError as error:
    reason = str(error).splitlines()[0].removeprefix("INVALID_ARGUMENT: ")
    raise InputError(
      f"--topology={name} ({reason}): {TOPOLOGY_HELP}"
    ) from error
  if len(devices) > chip.most_chips:
    raise InputError(
      f"--topology={name} has {len(devices)} chips, {chip.kind} slices "
      f"{chip.most_chips} at most: {TOPOLOGY_HELP}"
    )
  return list(devices)


def compile_step(
  config: ConfigDict, devices: Sequence[jax.Device], mixtures_per_chip: int
) -> Program | Refusal:
  """Compiles the very train step of a run for devices that need not be there.

  Args:
    config: Of the run; `train.global_batch` is not read.
    devices: Of a topology.
    mixtures_per_chip: Each chip's share of the batch.

  Returns:
    What the compiler says of it.

  Raises:
    InputError: If the configuration is not sound.
  """
  step = parallel.pmap_step(step_of(config), devices)
  return compile_lowered(
    step.lower(
      abstract_state(config),
      abstract_batch(config, mixtures_per_chip, len(devices)),
    )
  )


def compile_lowered(lowered: jax.stages.Lowered) -> Program | Refusal:
  """Compiles a program and reads what the compiler says of it.

  Args:
    lowered: For devices of a topology.

  Returns:
    That, or the compiler's refusal of a program that needs too much memory.
  """
  kept = jax.config.jax_enable_compilation_cache
  # What is compiled for absent devices can be kept but not read again.
  jax.config.update("jax_enable_compilation_cache", False)
  try:
    compiled = lowered.compile()
  except jax.errors.JaxRuntimeError as error:
    if not str(error).startswith(_OUT_OF_MEMORY):
      raise
    return Refusal(_first_sentence(str(error)))
  finally:
    jax.config.update("jax_enable_compilation_cache", kept)
  memory, costs = compiled.memory_analysis(), compiled.cost_analysis()
  hlo = compiled.as_text()
  return Program(
    memory=Memory(
      arguments=memory.argument_size_in_bytes,
      outputs=memory.output_size_in_bytes,
      aliased=memory.alias_size_in_bytes,
      temporaries=memory.temp_size_in_bytes,
      code=memory.generated_code_size_in_bytes,
    ),
    flops=float(costs["flops"]),
    bytes_accessed=float(costs["bytes accessed"]),
    collectives=find_collectives(hlo),
    loops=count_loops(hlo),
  )


def _first_sentence(text: str) -> str:
  """Returns the first line of the compiler's complaint without its code."""
  line = text.strip().splitlines()[0]
  return re.sub(rf"^{_OUT_OF_MEMORY}:\s*", "", line)
