"""All tracks cut on Apache Beam: one track is one element.

The sound never passes through Beam: an element is read, cut and written where
it is worked on, for a local runner keeps in memory whatever passes.
"""

import contextlib
import functools
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from tqdm import tqdm

from fewshot_mss.data.cut_files import CutSettings, cut_path, write_cut
from fewshot_mss.data.quiet import beam, quiet
from fewshot_mss.data.tracks import Track
from fewshot_mss.errors import InputError, RunError

# Here, in as many processes as there are cores.
LOCAL_OPTIONS = ("direct_num_workers=0",)
_POLL_S = 0.5
_CODER = beam.coders.CloudpickleCoder()
_Item = tuple[Track, Path]
_Options = beam.options.pipeline_options.PipelineOptions
_DirectOptions = beam.options.pipeline_options.DirectOptions
_StandardOptions = beam.options.pipeline_options.StandardOptions


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
    InputError: If a word is empty or begins with a dash, or a value is none.
  """
  for word in words:
    if not word or word.startswith("-"):
      raise InputError(
        f"--beam_options has {word!r}: write them as "
        "runner=FlinkRunner,flink_master=HOST:8081"
      )
  return _Options([f"--{word}" for word in words])


def cut_tracks(
  tracks: Sequence[Track],
  folder: Path,
  settings: CutSettings,
  *,
  options: _Options,
  progress: bool = True,
) -> list[Path]:
  """Cuts the tracks that are not cut yet.

  Args:
    tracks: The songs.
    folder: Where the files of cut tracks are and go.
    settings: How to cut.
    options: Which runner of Beam, and how; see `beam_options`.
    progress: Whether to show a progress bar.

  Returns:
    The file of each track, in order.

  Raises:
    RunError: If a process of the work was ended, as for want of memory.
  """
  paths = [cut_path(folder, track, settings) for track in tracks]
  todo = [
    (track, path)
    for track, path in zip(tracks, paths, strict=True)
    if not path.exists()
  ]
  if todo:
    with (
      tqdm(
        total=len(tracks),
        initial=len(tracks) - len(todo),
        unit="song",
        disable=not progress,
      ) as bar,
      _watched([path for _, path in todo], bar),
    ):
      _run(todo, settings, options)
  return paths


@contextlib.contextmanager
def _watched(paths: Sequence[Path], bar: tqdm) -> Iterator[None]:
  """Moves a bar on by the files that appear, whoever writes them."""
  finished = threading.Event()

  def watch() -> None:
    waiting = set(paths)
    is_last = False
    while not is_last:
      is_last = finished.wait(_POLL_S)
      there = {path for path in waiting if path.exists()}
      waiting -= there
      bar.update(len(there))

  watcher = threading.Thread(target=watch, daemon=True)
  watcher.start()
  try:
    yield
  finally:
    finished.set()
    watcher.join()


def _run(
  todo: Sequence[_Item], settings: CutSettings, options: _Options
) -> None:
  direct = options.view_as(_DirectOptions)
  count = direct.direct_num_workers or os.cpu_count() or 1
  is_elsewhere = options.view_as(_StandardOptions).runner is not None
  if is_elsewhere or min(count, len(todo)) == 1:
    run_pipeline(todo, settings, options)
  else:
    _run_in_processes(todo, settings, min(count, len(todo)))


def run_pipeline(
  todo: Sequence[_Item], settings: CutSettings, options: _Options
) -> None:
  """Cuts tracks by one pipeline.

  Args:
    todo: The tracks and where their files go.
    settings: How to cut.
    options: Which runner, and how.
  """
  with quiet(), beam.Pipeline(options=options) as pipeline:
    _ = (
      pipeline
      # Encoded here, since Beam would not pickle what a closure reads.
      | "tracks" >> beam.Create([_CODER.encode(item) for item in todo])
      | "spread" >> beam.Reshuffle()
      | "cut" >> beam.Map(functools.partial(_cut, settings))
    )


def _cut(settings: CutSettings, item: bytes) -> None:
  track, path = _CODER.decode(item)
  # Beam may try an element twice.
  if not path.exists():
    write_cut(path, track, settings)


def _run_in_processes(
  todo: Sequence[_Item], settings: CutSettings, count: int
) -> None:
  """Runs a pipeline over every count-th track in each of some processes.

  Beam's own processes (`direct_running_mode=multi_processing`) would be
  reached through ports that are open to the whole network.
  """
  command = [sys.executable, "-m", "fewshot_mss.data.cut_process"]
  with contextlib.ExitStack() as stack:
    processes = []
    for i in range(count):
      process = subprocess.Popen(command, stdin=subprocess.PIPE)
      # Whatever happens here, no process goes on alone.
      stack.callback(_end, process)
      processes.append(process)
      assert process.stdin is not None
      task = _CODER.encode((todo[i::count], settings))
      # Written, but not closed: the end of its input would end the process.
      process.stdin.write(len(task).to_bytes(8, "big") + task)
      process.stdin.flush()
    statuses = [process.wait() for process in processes]
  for status in statuses:
    if status:
      raise RunError(
        f"a process that cut songs ended with status {status}, for the reason "
        "above or for want of memory: start again, it goes on where it was"
      )


def _end(process: subprocess.Popen[bytes]) -> None:
  process.kill()
  # Waits, and closes the pipe.
  with process:
    pass
