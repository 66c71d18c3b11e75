"""Outputs of all conditions of some items, each clip embedded once."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing

import numpy as np
from jaxtyping import Float, Float32

from fewshot_mss.data.evaluation_items import MAX_NEGATIVES, MAX_POSITIVES
from fewshot_mss.episode import Support
from fewshot_mss.evaluation.ablation.clips import Clip
from fewshot_mss.evaluation.ablation.network import Network
from fewshot_mss.evaluation.ablation.questions import Condition
from fewshot_mss.evaluation.items import read_ahead

ReadFn = Callable[[Clip], np.ndarray]


class Answerer:
  """A model that remembers the embedding of every clip that it has heard."""

  def __init__(self, network: Network, read: ReadFn):
    """Begins without any embedding.

    Args:
      network: The model.
      read: Reads the sound of a clip.
    """
    self._network = network
    self._read = read
    self._embedded: dict[Clip, Float[np.ndarray, " D"]] = {}

  def answer(
    self,
    mixture: Float32[np.ndarray, "B T"],
    conditions: Sequence[Sequence[Condition]],
  ) -> Float[np.ndarray, "B A T"]:
    """Returns the output of each condition of each mixture.

    Args:
      mixture: The mixtures; of those beyond `conditions` nothing is asked.
      conditions: What each mixture is asked.

    Returns:
      The outputs; what is beyond a mixture's own conditions means nothing.
    """
    return self._network.separate(
      mixture, self._combine(len(mixture), conditions)
    )

  def vectors(
    self, conditions: Sequence[Condition], batch: int
  ) -> Float32[np.ndarray, "n D"]:
    """Returns condition vectors, without an output.

    Args:
      conditions: What to combine.
      batch: B of `answer`, so that the same program serves.

    Returns:
      The vectors.
    """
    each = -(-len(conditions) // batch)
    if not each:
      return np.zeros((0, self._network.dim), np.float32)
    rows = [conditions[i : i + each] for i in range(0, len(conditions), each)]
    combined = self._combine(batch, rows)
    flat = combined.reshape(-1, combined.shape[-1])
    return flat[: len(conditions)]

  def _combine(
    self, batch: int, conditions: Sequence[Sequence[Condition]]
  ) -> Float[np.ndarray, "B A D"]:
    self._embed(
      clip
      for of_item in conditions
      for condition in of_item
      for clip in (*condition.positives, *condition.negatives)
    )
    return self._network.combine(self._support(batch, conditions))

  def _embed(self, clips: Iterable[Clip]) -> None:
    new: dict[int, list[Clip]] = {}
    for clip in dict.fromkeys(clips):
      if clip not in self._embedded:
        new.setdefault(clip.num_samples, []).append(clip)
    groups = list(new.values())

    def read(held: Sequence[Clip]) -> np.ndarray:
      return np.stack([self._read(clip) for clip in held])

    with closing(read_ahead(groups, read)) as sounds:
      for held, sound in zip(groups, sounds, strict=True):
        embedded = self._network.embed(sound)
        self._embedded |= zip(held, embedded, strict=True)

  def _support(
    self, batch: int, conditions: Sequence[Sequence[Condition]]
  ) -> Support:
    """Returns the conditions with an embedding in place of each clip."""
    count = max(map(len, conditions))
    blank = _blank_support(batch, count, self._network.dim)
    for b, of_item in enumerate(conditions):
      for a, condition in enumerate(of_item):
        blank.class_id[b, a] = condition.class_id
        for clips, vectors, mask in (
          (condition.positives, blank.positives, blank.positive_mask),
          (condition.negatives, blank.negatives, blank.negative_mask),
        ):
          mask[b, a, : len(clips)] = True
          for i, clip in enumerate(clips):
            vectors[b, a, i] = self._embedded[clip]
    return blank


def _blank_support(batch: int, count: int, dim: int) -> Support:
  positives, negatives = (
    (batch, count, size) for size in (MAX_POSITIVES, MAX_NEGATIVES)
  )
  return Support(
    positives=np.zeros((*positives, dim), np.float32),
    positive_mask=np.zeros(positives, np.bool_),
    negatives=np.zeros((*negatives, dim), np.float32),
    negative_mask=np.zeros(negatives, np.bool_),
    class_id=np.full((batch, count), -1, np.int32),
  )
