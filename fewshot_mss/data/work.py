"""Many files made on Apache Beam: one file is one element.

The sound never passes through Beam: an element is read and its file written
where it is worked on, for a local runner keeps in memory whatever passes.
"""

import contextlib
import functools
import io
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from fewshot_mss.data.quiet import beam, quiet
from fewshot_mss.errors import InputError, RunError

# Here, in as many processes as there are cores.
LOCAL_OPTIONS = ("direct_num_workers=0",)
_POLL_S = 0.5
_CODER = beam.coders.CloudpickleCoder()
_Options = beam.options.pipeline_options.PipelineOptions
_DirectOptions = beam.options.pipeline_options.DirectOptions
_StandardOptions = beam.options.pipeline_options.StandardOptions
# The one option that counts where the work is done here.
_WORKERS = "direct_num_workers"
# Writes the file of an argument.
_Make = Callable[[Path, Any], None]
_Items = Sequence[tuple[Path, Any]]


def beam_options(words: Sequence[str]) -> _Options:
  """Returns options of Beam.

  Without a runner among them, the work is done on this machine by Beam's
  DirectRunner, in `direct_num_workers` processes (0 is one a core).

  Any other runner serves that has this package installed and sees the songs
  and the output under the same paths as this process, as on a file system that
  all workers have mounted (gcsfuse, NFS, Lustre). Two that do:

    runner=DataflowRunner,project=P,region=R,temp_location=gs://B/tmp,
    sdk_container_image=IMAGE
    runner=FlinkRunner,flink_master=HOST:8081,environment_type=LOOPBACK

  Args:
    words: `key=value` or `flag`.

  Returns:
    The options.

  Raises:
    InputError: If a word is empty, begins with a dash or has no meaning, or
      the runner is not there.
  """
  for word in words:
    if not word or word.startswith("-"):
      raise InputError(
        f"--beam_options has {word!r}: write them as "
        "runner=FlinkRunner,flink_master=HOST:8081"
      )
  said = io.StringIO()
  try:
    # Beam would print its usage and leave, or leave out what it cannot read.
    with (
      quiet(),
      contextlib.redirect_stderr(said),
      contextlib.redirect_stdout(said),
    ):
      options = _Options([f"--{word}" for word in words])
      options.get_all_options()
      num_workers = options.view_as(_DirectOptions).direct_num_workers
      runner = options.view_as(_StandardOptions).runner
  except SystemExit:
    reason = said.getvalue().strip().rpartition("\n")[2]
    raise InputError(
      f"--beam_options {','.join(words)} cannot be read "
      f"({reason.rpartition('error: ')[2]}): write numbers as {_WORKERS}=4"
    ) from None
  if runner is None:
    _check_local(words, num_workers)
    return options
  try:
    beam.runners.create_runner(runner)
  except (ImportError, ValueError) as error:
    reason = " ".join(str(error).split())
    raise InputError(
      f"--beam_options: runner {runner!r} is not there ({reason}): "
      "name another or install it"
    ) from error
  return options


def _check_local(words: Sequence[str], num_workers: int) -> None:
  """Checks options of the work on this machine, which Beam would pass over."""
  for word in words:
    if word.partition("=")[0] != _WORKERS:
      raise InputError(
        f"--beam_options has {word!r}, which means nothing without runner=: "
        f"give {_WORKERS}=N alone, or name a runner"
      )
  if num_workers < 0:
    raise InputError(
      f"{_WORKERS} is {num_workers}: give at least 1, or 0 for one a core"
    )


def make_files(
  make: _Make,
  items: _Items,
  *,
  options: _Options,
  unit: str,
  most_processes: int | None = None,
  progress: bool = True,
) -> None:
  """Makes the files that are not there yet.

  Args:
    make: Called as `make(path, argument)`, writes the file at once whole.
    items: Paths and arguments.
    options: Which runner of Beam, and how; see `beam_options`.
    unit: What a file is, for the progress bar.
    most_processes: How many are worth their start, on this machine.
    progress: Whether to show it.

  Raises:
    RunError: If a process of the work was ended, as for want of memory.
  """
  todo = [item for item in items if not item[0].exists()]
  if not todo:
    return
  with (
    tqdm(
      total=len(items),
      initial=len(items) - len(todo),
      unit=unit,
      disable=not progress,
    ) as bar,
    _watched([path for path, _ in todo], bar),
  ):
    direct = options.view_as(_DirectOptions)
    asked = direct.direct_num_workers or os.cpu_count() or 1
    count = min(asked, len(todo), most_processes or asked)
    if count == 1 or not _is_here(options):
      run_pipeline(make, todo, options)
    else:
      _run_in_processes(make, todo, count)


def _is_here(options: _Options) -> bool:
  """Tells whether the work is done on this machine."""
  return options.view_as(_StandardOptions).runner is None


@contextlib.contextmanager
def _watched(paths: Sequence[Path], bar: tqdm) -> Iterator[None]:
  """Moves a bar on by the files that appear, whoever writes them."""
  finished = threading.Event()

  def watch() -> None:
    waiting = {str(path) for path in paths}
    # Listed, for to ask for each of many files takes long.
    folders = {path.parent for path in paths}
    is_last = False
    while not is_last:
      is_last = finished.wait(_POLL_S)
      there = waiting & {
        str(folder / name) for folder in folders for name in _listed(folder)
      }
      waiting -= there
      bar.update(len(there))

  watcher = threading.Thread(target=watch, daemon=True)
  watcher.start()
  try:
    yield
  finally:
    finished.set()
    watcher.join()


def _listed(folder: Path) -> list[str]:
  # One that is gone is told of by what works in it.
  with contextlib.suppress(OSError), os.scandir(folder) as entries:
    return [entry.name for entry in entries]
  return []


def run_pipeline(make: _Make, items: _Items, options: _Options) -> None:
  """Makes files by one pipeline.

  Args:
    make: As of `make_files`.
    items: Paths and arguments.
    options: Which runner, and how.

  Raises:
    RunError: If `make` raised one on this machine.
  """
  # What fails here is raised here; what fails elsewhere only the log tells.
  level = logging.ERROR if _is_here(options) else logging.WARNING
  try:
    with quiet(level), beam.Pipeline(options=options) as pipeline:
      _ = (
        pipeline
        # Encoded here, since Beam would not pickle what a closure reads.
        | "items" >> beam.Create([_CODER.encode(item) for item in items])
        | "spread" >> beam.Reshuffle()
        | "make" >> beam.Map(functools.partial(_make_one, make))
      )
  except RunError as error:
    # Without the words that Beam adds.
    raise RunError(str(error).partition(" [while running")[0]) from None


def _make_one(make: _Make, encoded: bytes) -> None:
  path, argument = _CODER.decode(encoded)
  # Beam may try an element twice.
  if not path.exists():
    make(path, argument)


def _run_in_processes(make: _Make, items: _Items, count: int) -> None:
  """Runs a pipeline over every count-th item in each of some processes.

  Beam's own processes (`direct_running_mode=multi_processing`) would be
  reached through ports that are open to the whole network.
  """
  command = [sys.executable, "-m", "fewshot_mss.data.work_process"]
  with contextlib.ExitStack() as stack:
    processes = []
    for _ in range(count):
      process = subprocess.Popen(command, stdin=subprocess.PIPE)
      # Whatever happens here, no process goes on alone.
      stack.callback(_end, process)
      processes.append(process)
    # Once all have started: a large task waits until it is read.
    for i, process in enumerate(processes):
      assert process.stdin is not None
      task = _CODER.encode((make, items[i::count]))
      # Written, but not closed: the end of its input would end the process.
      # Of one that has ended the status tells.
      with contextlib.suppress(BrokenPipeError):
        process.stdin.write(len(task).to_bytes(8, "big") + task)
        process.stdin.flush()
    statuses = [process.wait() for process in processes]
  for status in statuses:
    if status:
      raise RunError(
        f"a process of the build ended with status {status}, for the reason "
        "above or for want of memory: start again, it goes on where it was "
        f"(with --beam_options={_WORKERS}=1 it takes the least memory)"
      )


def _end(process: subprocess.Popen[bytes]) -> None:
  process.kill()
  # Waits, and closes the pipe, which may hold what was never read.
  with contextlib.suppress(BrokenPipeError), process:
    pass
