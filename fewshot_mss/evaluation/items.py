"""Items of the evaluation list on their way to the network."""

import concurrent.futures
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from typing import TypeVar

import jax
import numpy as np

from fewshot_mss.data.episode_audio import read_episode
from fewshot_mss.data.episode_settings import EpisodeSettings
from fewshot_mss.data.episodes import EpisodeSpec
from fewshot_mss.data.evaluation_items import EvaluationItem
from fewshot_mss.data.records import RecordReader
from fewshot_mss.episode import EpisodeBatch, Support

Chunk = TypeVar("Chunk")
Sound = TypeVar("Sound")


def choose_items(
  items: Sequence[EvaluationItem], max_items: int
) -> list[EvaluationItem]:
  """Returns the first items of each group; groups go through instruments."""
  taken = Counter[str]()
  chosen = []
  for item in items:
    if taken[item.group] < max_items:
      taken[item.group] += 1
      chosen.append(item)
  return chosen


def num_chunks(num_items: int, batch: int) -> int:
  """Returns how many batches items make; the last one may be smaller."""
  return -(-num_items // batch)


def deal_out(
  items: Sequence[EvaluationItem], batch: int, host: int, hosts: int
) -> list[Sequence[EvaluationItem]]:
  """Cuts items into batches and deals these out in turn.

  The batches are the same whatever the number of hosts, so that an item has the
  same neighbours and its scores the same bits.

  Args:
    items: All of them.
    batch: Items at a time.
    host: Whose share to return.
    hosts: How many share.

  Returns:
    The batches of one host; none if there are fewer than hosts.
  """
  begins = range(0, len(items), batch)[host::hosts]
  return [items[begin : begin + batch] for begin in begins]


def first_shots(support: Support, shots: int) -> Support:
  """Returns the support with the first positives alone, of the same shapes."""
  there = np.arange(support.positive_mask.shape[-1]) < shots
  return support._replace(positive_mask=support.positive_mask & there)


def stack_episodes(
  episodes: Sequence[EpisodeBatch], batch: int
) -> EpisodeBatch:
  """Stacks episodes and fills the batch up with silent ones that are masked."""
  missing = batch - len(episodes)

  def stack(*leaves: np.ndarray) -> np.ndarray:
    stacked = np.stack(leaves)
    return np.pad(stacked, [(0, missing)] + [(0, 0)] * (stacked.ndim - 1))

  return jax.tree.map(stack, *episodes)


def cut_examples(
  item: EvaluationItem, positives: int, negatives: int
) -> EpisodeSpec:
  """Leaves out the examples that no number of shots reaches."""
  spec = item.spec
  return spec._replace(
    positive_records=spec.positive_records[:, :positives],
    positive_offsets_samples=spec.positive_offsets_samples[:, :positives],
    negative_records=spec.negative_records[:, :negatives],
    negative_offsets_samples=spec.negative_offsets_samples[:, :negatives],
  )


def read_items(
  items: Sequence[EvaluationItem],
  reader: RecordReader,
  settings: EpisodeSettings,
  positives: int,
  negatives: int,
  batch: int,
) -> EpisodeBatch:
  """Reads the sound of items into one batch.

  Args:
    items: `batch` of them at most; the rest is silence.
    reader: Of their dataset.
    settings: See `whole_segment_settings`.
    positives: Examples of each query, at most.
    negatives: Likewise.
    batch: Size of the batch.

  Returns:
    The batch, with the right query of each item and the wrong one.

  Raises:
    InputError: If a record is damaged.
  """
  specs = [cut_examples(item, positives, negatives) for item in items]
  episodes = [read_episode(spec, reader, settings) for spec in specs]
  return stack_episodes(episodes, batch)


def read_ahead(
  chunks: Sequence[Chunk], read: Callable[[Chunk], Sound]
) -> Generator[Sound, None, None]:
  """Yields the batches, reading the next one while this one is computed.

  Close it: what collects garbage may do so in the thread that reads, which
  cannot wait for itself.
  """
  if not chunks:
    return
  with concurrent.futures.ThreadPoolExecutor(1) as pool:
    waiting = pool.submit(read, chunks[0])
    for following in chunks[1:]:
      ready = waiting.result()
      waiting = pool.submit(read, following)
      yield ready
    yield waiting.result()
