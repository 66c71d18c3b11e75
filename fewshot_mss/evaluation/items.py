"""Items of the evaluation list on their way to the network."""

import concurrent.futures
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import jax
import numpy as np

from fewshot_mss.data.episodes import EpisodeSpec
from fewshot_mss.data.evaluation_items import EvaluationItem
from fewshot_mss.episode import EpisodeBatch, Support


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


def read_ahead(
  chunks: list[Sequence[EvaluationItem]],
  read: Callable[[Sequence[EvaluationItem]], EpisodeBatch],
) -> Iterator[EpisodeBatch]:
  """Yields the batches, reading the next one while this one is computed."""
  with concurrent.futures.ThreadPoolExecutor(1) as pool:
    waiting = pool.submit(read, chunks[0])
    for following in chunks[1:]:
      ready = waiting.result()
      waiting = pool.submit(read, following)
      yield ready
    yield waiting.result()
