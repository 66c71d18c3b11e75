"""Data parallelism: the one file that knows of devices, hosts and pmap.

Why pmap: it is what this project was asked to show, and it says all there is
to say about data parallelism in one line: the batch is split over the devices,
the state is the same on all of them, `psum` adds up. Since JAX 0.8 it is
`jit(shard_map(...))` underneath. Here it is used in that spirit: the state is
*not* stacked along a device axis (`in_axes=None`, `out_axes=None`), so it looks
the same as on one device and is saved and restored as it is.

How one would move: replace `pmap_step` by `jax.jit(jax.shard_map(step,
mesh=mesh, in_specs=(P(), P(AXIS)), out_specs=P()))` and drop the leading device
axis in `put_batch`. `train_step` stays: its only parallel words are psums over
AXIS.
"""

import contextlib
import functools
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence

import jax
import numpy as np
import orbax.checkpoint as ocp
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from fewshot_mss.episode import EpisodeBatch
from fewshot_mss.errors import InputError, RestartError, RunError
from fewshot_mss.training.step import AXIS, TrainState
from fewshot_mss.training.watch import end

# Within the two minutes in which a launcher wants to hear of what is wrong.
_JOIN_WORD_S = 20.0
_JOIN_TIMEOUT_S = 110
# A process that has ended well waits so long for the others to end.
_LEAVE_TIMEOUT_S = 60


def join_hosts(
  coordinator: str | None = None,
  num_processes: int | None = None,
  process_id: int | None = None,
) -> None:
  """Joins the processes of a run; call it before anything else touches JAX.

  If the others do not come, this process ends with status 75.

  Args:
    coordinator: HOST:PORT of process 0; None, with the rest, on TPU slices,
      SLURM and Open MPI, which tell by themselves.
    num_processes: How many there are.
    process_id: Which one this is.

  Raises:
    InputError: If the three are not given together or make no sense, or
      nothing tells of other hosts.
  """
  given = (coordinator, num_processes, process_id)
  if any(value is None for value in given) and given != (None, None, None):
    raise InputError(
      "--coordinator, --num_processes and --process_id go together: give all "
      "three, or --distributed alone"
    )
  if num_processes is not None and not 0 <= process_id < num_processes:
    raise InputError(
      f"--process_id={process_id} of --num_processes={num_processes}: number "
      "the processes from 0"
    )
  address = coordinator or "the coordinator that the cluster names"
  told = threading.Timer(
    _JOIN_WORD_S,
    print,
    (
      f"fewshot-mss: waits for all processes of the run to join at {address}, "
      f"for {_JOIN_TIMEOUT_S} s at most",
    ),
    {"file": sys.stderr},
  )
  # JAX would abort, with a page of text.
  ends = threading.Timer(
    _JOIN_TIMEOUT_S,
    end,
    (
      os.EX_TEMPFAIL,
      f"not all processes of the run have joined at {address} within "
      f"{_JOIN_TIMEOUT_S} s: see whether all were started, can reach it, and "
      "were told the same --num_processes",
    ),
  )
  for timer in (told, ends):
    timer.daemon = True
    timer.start()
  try:
    jax.distributed.initialize(
      coordinator,
      num_processes,
      process_id,
      initialization_timeout=int(2 * _JOIN_TIMEOUT_S),
      shutdown_timeout_seconds=_LEAVE_TIMEOUT_S,
    )
  except ValueError as error:
    raise InputError(
      f"hosts cannot be joined ({error}): give --coordinator=HOST:PORT, "
      "--num_processes and --process_id"
    ) from error
  finally:
    told.cancel()
    ends.cancel()


@contextlib.contextmanager
def errors_name_their_process() -> Iterator[None]:
  """Says in errors of a run of several processes whose they are."""
  try:
    yield
  except (InputError, RestartError, RunError) as error:
    if jax.process_count() == 1:
      raise
    raise type(error)(f"{process_name()}: {error}") from error


def process_name() -> str:
  """Returns `process I of N`, counted from 0."""
  return f"process {jax.process_index()} of {jax.process_count()}"


def check_batch(
  global_batch: int, name: str, devices: int | None = None
) -> None:
  """Raises InputError unless all devices get equally many mixtures.

  Args:
    global_batch: Mixtures of a step.
    name: The configuration's key for them.
    devices: How many there are; those of this run if None.
  """
  devices = jax.device_count() if devices is None else devices
  if global_batch < 1 or global_batch % devices:
    raise InputError(
      f"{name}={global_batch} cannot be divided among {devices} devices: "
      f"choose a multiple of {devices}"
    )


def create_state(init: Callable[[], TrainState]) -> TrainState:
  """Runs `init` so that every device of every host holds the whole state.

  Laid out from the start, or else donating it to the first step deletes the
  only copy in a run of several processes.
  """
  mesh = Mesh(np.array(jax.devices()), (AXIS,))
  replicated = NamedSharding(mesh, PartitionSpec())
  # On CPU, optimising a program of little but random numbers, which runs once,
  # takes longer than compiling the training step.
  is_cpu = jax.default_backend() == "cpu"
  options = {"xla_backend_optimization_level": 0} if is_cpu else None
  return jax.jit(init, out_shardings=replicated, compiler_options=options)()


def pmap_step(
  step: Callable, devices: Sequence[jax.Device] | None = None
) -> Callable:
  """Returns `step` over all devices; the state that goes in is used up.

  Args:
    step: `train_step` of a state and a batch.
    devices: Those of this run if None. Others, that need not be at hand, are
      for a compiler alone.
  """
  return jax.pmap(
    step,
    axis_name=AXIS,
    in_axes=(None, 0),
    out_axes=(None, None),
    donate_argnums=0,
    devices=devices,
  )


def gather_texts(text: str) -> list[str]:
  """Returns the texts of all processes on each of them, in their order."""
  if jax.process_count() == 1:
    return [text]
  data = np.frombuffer(text.encode(), np.uint8)
  lengths = multihost_utils.process_allgather(np.int32(len(data)))
  # Of few different lengths: each one is a program to compile.
  room = 1 << int(lengths.max()).bit_length()
  padded = np.pad(data, (0, room - len(data)))
  rows = multihost_utils.process_allgather(padded)
  return [
    row[:length].tobytes().decode()
    for row, length in zip(rows, lengths.tolist(), strict=True)
  ]


def step_of_first_process(step: int) -> int:
  """Returns process 0's number of a step on every process."""
  return int(multihost_utils.broadcast_one_to_all(np.int32(step)))


def any_process(value: bool) -> bool:
  """Tells whether a value is true on any process."""
  return bool(np.any(multihost_utils.process_allgather(np.bool_(value))))


def wait_for_all(name: str) -> None:
  """Waits until every process of the run is at the place called `name`."""
  multihost_utils.sync_global_devices(name)


@functools.cache
def _local_sharding() -> NamedSharding:
  mesh = Mesh(np.array(jax.local_devices()), (AXIS,))
  return NamedSharding(mesh, PartitionSpec(AXIS))


def put_batch(batch: EpisodeBatch) -> EpisodeBatch:
  """Puts this host's share of a batch on its devices, one slice each.

  Args:
    batch: numpy leaves [local_batch, ...].

  Returns:
    The same as JAX arrays [local_devices, local_batch / local_devices, ...].
  """
  devices = jax.local_device_count()

  def split(leaf: np.ndarray) -> np.ndarray:
    return leaf.reshape(devices, leaf.shape[0] // devices, *leaf.shape[1:])

  return jax.device_put(jax.tree.map(split, batch), _local_sharding())


def to_global(state: TrainState) -> TrainState:
  """Returns the state as arrays that Orbax can save from several hosts.

  pmap's outputs belong to one process each, and Orbax refuses those.
  """
  if jax.process_count() == 1:
    return state
  convert = ocp.utils.fully_replicated_host_local_array_to_global_array
  return jax.tree.map(convert, state)
