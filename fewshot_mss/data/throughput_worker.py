"""A process that reads episodes on some cores, and is asked for its times.

One question a line of its standard input, one answer a line of its output,
both as JSON. Between questions it fills what is read ahead, and rests.
"""

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from fewshot_mss.data.catalogue import TRAIN, Catalogue
from fewshot_mss.data.episode_settings import EpisodeSettings
from fewshot_mss.data.episodes import NO_RECORD, EpisodeSpec, episode_spec
from fewshot_mss.data.pipeline import episode_batches, flatten
from fewshot_mss.data.records import record_files
from fewshot_mss.data.sources import load_sources, source_word
from fewshot_mss.default_config import get_config

BATCH = 8
_MIXTURE_S, _EXAMPLE_S = 6.0, 4.0
_EXAMPLES, _SOURCES = 5, 4
# A busy thread gives way this often, so that the others come to their turn.
_SWITCH_S = 5e-4
_RESTING_S = 0.05
_ENDLESS = 2**40


def input_config(catalogue: Catalogue, threads: int) -> ConfigDict:
  """Returns the episodes that are measured.

  Args:
    catalogue: Whose segments limit the lengths.
    threads: That read.

  Returns:
    4 stems of 6 s, one query, 5 + 5 examples of 4 s.
  """
  config = get_config()
  segment_s = catalogue.segment_samples / catalogue.sample_rate_hz
  config.model.sample_rate_hz = catalogue.sample_rate_hz
  config.train.global_batch = BATCH
  config.data.mixture_s = min(_MIXTURE_S, segment_s)
  config.data.example_s = min(_EXAMPLE_S, segment_s)
  config.data.num_queries = 1
  config.data.max_positives = config.data.max_negatives = _EXAMPLES
  config.data.drop_negatives_share = 0.0
  held = len(catalogue.view.split_instruments[TRAIN])
  config.data.max_sources = config.data.min_sources = min(_SOURCES, held)
  config.data.read_threads = threads
  return config


def resident_mib() -> float:
  """Returns the resident memory of this process; NaN outside Linux."""
  statm = Path("/proc/self/statm")
  if not statm.exists():
    return float("nan")
  pages = int(statm.read_text("utf-8").split()[1])
  return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


class Worker:
  """Reads the episodes of a prepared folder, from the first on."""

  def __init__(self, directory: Path, threads: int):
    """Opens the folder and starts to read."""
    from array_record.python import array_record_data_source

    sources = load_sources(source_word(directory))
    self._catalogue = sources.catalogues[0]
    config = input_config(self._catalogue, threads)
    self._settings = EpisodeSettings.from_config(config)
    self._source = array_record_data_source.ArrayRecordDataSource(
      record_files(directory, TRAIN)
    )
    self._batches = episode_batches(
      config, sources, start_step=0, stop_step=_ENDLESS
    )
    self._step = 0
    # What may be ready from before the clock starts.
    self._ahead = config.data.prefetch_batches + 2 + threads // BATCH

  def batches(self, count: int) -> dict[str, Any]:
    """Times batches when none is left from before.

    Args:
      count: How many.

    Returns:
      `first` episode, seconds of `wall` and `cpu` (of all threads of the
      process), `bytes` of a batch and `resident_mib`.
    """
    for _ in range(self._ahead):
      batch = next(self._batches)
    self._step += self._ahead
    first = self._step
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(count):
      batch = next(self._batches)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    self._step += count
    _rest()
    return {
      "first": first * BATCH,
      "wall": wall,
      "cpu": cpu,
      "bytes": sum(leaf.nbytes for leaf in flatten(batch)),
      "resident_mib": resident_mib(),
    }

  def bare(self, first: int, count: int) -> dict[str, Any]:
    """Times the mere reading of the records that some episodes need.

    Args:
      first: Number of the first episode.
      count: How many.

    Returns:
      CPU seconds of reading records `one_by_one` and an episode's `together`,
      seconds of `wall` of the first, of drawing the episodes (`draw`), and the
      `bytes` of the records.
    """
    start = time.process_time()
    specs = [
      episode_spec(0, first + i, self._catalogue, self._settings)
      for i in range(count)
    ]
    draw = time.process_time() - start
    episodes = [
      self._catalogue.record[rows_of(spec)].tolist() for spec in specs
    ]
    read = 0
    start, wall = time.process_time(), time.perf_counter()
    for records in episodes:
      for record in records:
        read += np.frombuffer(self._source[record], np.uint8).nbytes
    one_by_one = time.process_time() - start
    wall = time.perf_counter() - wall
    start = time.process_time()
    for records in episodes:
      for stored in self._source.__getitems__(records):
        np.frombuffer(stored, np.uint8)
    together = time.process_time() - start
    return {
      "one_by_one": one_by_one,
      "wall": wall,
      "together": together,
      "draw": draw,
      "bytes": read,
    }

  def gil(self, count: int) -> dict[str, Any]:
    """Measures how long the GIL is held against a thread that wants it always.

    That thread runs Python and nothing else. What it neither computes nor
    waits for a core (as the kernel counts both), it waits for the GIL.

    Args:
      count: Batches that are read meanwhile.

    Returns:
      `seconds` of waiting while `count` batches were read; NaN where the
      kernel does not count.
    """
    for _ in range(self._ahead):
      next(self._batches)
    stop, waited = threading.Event(), []
    thread = threading.Thread(target=_spin, args=(stop, waited))
    usual_s = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_S)
    thread.start()
    for _ in range(count):
      next(self._batches)
    stop.set()
    thread.join()
    sys.setswitchinterval(usual_s)
    self._step += self._ahead + count
    _rest()
    return {"seconds": waited[0]}


def rows_of(spec: EpisodeSpec) -> np.ndarray:
  """Returns the rows that an episode reads, one after another."""
  rows = np.concatenate(
    [
      spec.source_records,
      spec.positive_records.ravel(),
      spec.negative_records.ravel(),
    ]
  )
  return rows[rows != NO_RECORD]


def _spin(stop: threading.Event, waited: list[float]) -> None:
  queue, wall, cpu = _queue_s(), time.perf_counter(), time.thread_time()
  while not stop.is_set():
    pass
  wall, cpu = time.perf_counter() - wall, time.thread_time() - cpu
  waited.append(wall - cpu - (_queue_s() - queue))


def _rest() -> None:
  """Waits until as much is read ahead as shall be."""
  busy_s = 1.0
  while busy_s > _RESTING_S / 10:
    busy_s = time.process_time()
    time.sleep(_RESTING_S)
    busy_s = time.process_time() - busy_s


def _queue_s() -> float:
  """Returns how long this thread has waited for a core."""
  schedstat = Path("/proc/thread-self/schedstat")
  if not schedstat.exists():
    return float("nan")
  return int(schedstat.read_text("utf-8").split()[1]) / 1e9


def serve(directory: str, threads: int) -> None:
  """Pins this process to as many cores as threads, and answers questions.

  Args:
    directory: The prepared folder.
    threads: That read.
  """
  # Before TensorFlow is imported, which counts the cores.
  _pin(threads)
  worker = Worker(Path(directory), threads)
  for line in sys.stdin:
    name, arguments = json.loads(line)
    print(json.dumps(getattr(worker, name)(*arguments)), flush=True)
  # At once: threads of TensorFlow are reading ahead without an end.
  os._exit(0)


def _pin(cores: int) -> None:
  # Nothing else can be done where there are no such calls.
  if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])


def open_once(directory: str, started_s: float) -> None:
  """Opens a prepared folder, draws and reads once, and prints the times.

  Args:
    directory: The prepared folder.
    started_s: When this process was started, as `time.time()`.
  """
  before_mib, start = resident_mib(), time.perf_counter()
  sources = load_sources(source_word(Path(directory)))
  catalogue = sources.catalogues[0]
  config = input_config(catalogue, threads=2)
  settings = EpisodeSettings.from_config(config)
  answer: dict[str, Any] = {"open_s": time.perf_counter() - start}
  episode_spec(0, 0, catalogue, settings)
  answer["ready_s"] = time.perf_counter() - start
  answer["resident_mib"] = resident_mib() - before_mib
  batches = episode_batches(config, sources, start_step=0, stop_step=1)
  next(batches)
  answer["first_batch_s"] = time.time() - started_s
  answer["draw_s"] = []
  for index in range(200):
    start = time.perf_counter()
    episode_spec(0, index, catalogue, settings)
    answer["draw_s"].append(time.perf_counter() - start)
  print(json.dumps(answer))
