"""Episodes as batches, read ahead by tf.data."""

import os
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from fewshot_mss.data.catalogue import TRAIN
from fewshot_mss.data.episode_audio import blank_episodes, read_into
from fewshot_mss.data.episode_settings import EpisodeSettings
from fewshot_mss.data.records import RecordReader
from fewshot_mss.data.sources import Sources, check_sources, draw_episode
from fewshot_mss.episode import EpisodeBatch, Support
from fewshot_mss.errors import InputError


def import_tensorflow() -> Any:
  """Imports TensorFlow without its start-up messages and without a GPU."""
  os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
  # Its notice is printed whatever the level, and no TF kernel computes here.
  os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
  import tensorflow as tf

  # The accelerator belongs to JAX; TensorFlow would take its memory.
  tf.config.set_visible_devices([], "GPU")
  return tf


def episode_batches(
  config: ConfigDict,
  sources: Sources,
  *,
  start_step: int,
  stop_step: int,
  shard_index: int = 0,
  shard_count: int = 1,
  split: int = TRAIN,
) -> Iterator[EpisodeBatch]:
  """Yields the batches of some steps.

  Episode `step * global_batch + position` is what it is whoever draws it:
  resuming is starting at another step, and hosts share out each global batch
  in contiguous parts, so that their parts in order are the batch of one host.

  Args:
    config: The configuration; `seed`, `data` and `train.global_batch` matter.
    sources: The prepared datasets.
    start_step: First step.
    stop_step: The step after the last.
    shard_index: Which host this is.
    shard_count: How many hosts there are.
    split: Which songs.

  Returns:
    An iterator over batches of `global_batch // shard_count` episodes, numpy.

  Raises:
    InputError: If the datasets cannot serve the configuration, the seed is
      negative, or the hosts do not divide the batch.
  """
  global_batch = config.train.global_batch
  if config.seed < 0:
    raise InputError(f"seed is {config.seed}: give 0 or more")
  if global_batch < 1 or global_batch % shard_count:
    raise InputError(
      f"train.global_batch is {global_batch}: give a multiple of the "
      f"{shard_count} hosts"
    )
  settings = EpisodeSettings.from_config(config)
  check_sources(settings, sources, split)
  readers = [
    RecordReader(folder, catalogue)
    for folder, catalogue in zip(
      sources.folders, sources.catalogues, strict=True
    )
  ]
  local_batch = global_batch // shard_count
  first = shard_index * local_batch

  # Batches whose episodes are being read, by step: each episode is written to
  # its place at once, where batching them afterwards would copy them all.
  begun: dict[int, EpisodeBatch] = {}
  lock = threading.Lock()
  # What tf.data would tell of in its own words.
  complaints: list[InputError] = []

  # A thread reads several episodes at a call, since calls cost and take turns.
  parts = min(config.data.read_threads, local_batch)

  def read(number: np.integer) -> np.int64:
    step, part = divmod(int(number), parts)
    with lock:
      if step not in begun:
        begun[step] = blank_episodes(local_batch, settings)
      batch = begun[step]
    for place in range(part, local_batch, parts):
      index = step * global_batch + first + place
      source, spec = draw_episode(sources, config.seed, index, settings, split)
      try:
        read_into(batch, place, spec, readers[source], settings)
      except InputError as error:
        complaints.append(error)
        raise
    return np.int64(step)

  def finish(steps: np.ndarray) -> list[np.ndarray]:
    return flatten(begun.pop(int(steps[0])))

  tf = import_tensorflow()
  example = flatten(blank_episodes(local_batch, settings))

  # There is nothing to convert, and the attempt litters the temporary folder.
  @tf.autograph.experimental.do_not_convert
  def read_in_graph(number: Any) -> Any:
    return tf.ensure_shape(tf.numpy_function(read, [number], tf.int64), ())

  @tf.autograph.experimental.do_not_convert
  def finish_in_graph(steps: Any) -> tuple[Any, ...]:
    leaves = tf.numpy_function(
      finish, [steps], [leaf.dtype for leaf in example]
    )
    for leaf, like in zip(leaves, example, strict=True):
      leaf.set_shape(like.shape)
    return tuple(leaves)

  dataset = (
    tf.data.Dataset.range(start_step * parts, stop_step * parts)
    .map(
      read_in_graph,
      num_parallel_calls=config.data.read_threads,
      deterministic=True,
    )
    .batch(parts, drop_remainder=True)
    .map(finish_in_graph)
    .prefetch(config.data.prefetch_batches)
  )

  def drawn() -> Iterator[EpisodeBatch]:
    # A generator, for it ends with an error: what tf.data goes on with is out
    # of step, batches of which a part was never read.
    try:
      for leaves in dataset.as_numpy_iterator():
        yield unflatten(leaves)
    except tf.errors.OpError as error:
      if complaints:
        raise complaints[0] from error
      raise

  return drawn()


def flatten(batch: EpisodeBatch) -> list[np.ndarray]:
  """Returns the leaves of an episode batch in the order of their fields."""
  return [
    batch.mixture,
    batch.targets,
    *batch.support,
    batch.query_mask,
  ]


def unflatten(leaves: tuple[np.ndarray, ...]) -> EpisodeBatch:
  """Puts the leaves of `flatten` back in their places."""
  mixture, targets, *support, query_mask = leaves
  return EpisodeBatch(mixture, targets, Support(*support), query_mask)
