"""A small grid on the toy songs, and stand-ins whose answers are known."""

import functools

import numpy as np

from fewshot_mss.data.records import RecordReader
from fewshot_mss.data.source_items import source_items
from fewshot_mss.default_config import get_config
from fewshot_mss.evaluation.ablation.ablate import Ablation, Subject
from fewshot_mss.evaluation.ablation.answers import Answerer
from fewshot_mss.evaluation.ablation.grid import Contender, arms_of
from fewshot_mss.evaluation.ablation.network import Network

# Less than this share of the examples is taken for a mistake.
_MISTAKE = 0.3


def small_grid(**changes):
  """The default grid with fewer and shorter examples."""
  grid = get_config().ablation
  grid.update({"outputs": 4, "bootstrap_samples": 100, "max_items": 4})
  grid.reference.update({"shots": 2, "negatives": 1, "example_s": 1.0})
  grid.axes.update(
    {"shots": (0, 1, 2, 4), "negatives": (0, 1), "example_s": (0.5, 1.0, 2.0)}
  )
  grid.long_examples_s = (2.0,)
  grid.update(changes)
  return grid


def some_items(sources, per_group=3):
  """Lists with items of two groups for each dataset."""
  lists = []
  for i in range(len(sources.folders)):
    found = source_items(sources, i, "test")
    seen = [item for item in found if item.group == "seen"][:per_group]
    unseen = [item for item in found if item.group == "unseen"][:per_group]
    assert seen and unseen
    lists.append(seen + unseen)
  return lists


class StandIns:
  """Networks that know everything: a clip reads as the number of its name."""

  def __init__(self, sources):
    self.sources = sources
    self.readers = [
      RecordReader(folder, catalogue)
      for folder, catalogue in zip(
        sources.folders, sources.catalogues, strict=True
      )
    ]
    self.names = sources.catalogues[0].instruments
    # Of each mixture, the sound of each instrument.
    self.held = {}
    self.embedded = []
    self.separated = 0
    for source, catalogue in enumerate(sources.catalogues):
      for item in source_items(sources, source, "test"):
        rows = item.spec.source_records
        rows = rows[rows >= 0].tolist()
        sounds = [self.readers[source].read(row) for row in rows]
        parts = {}
        for row, sound in zip(rows, sounds, strict=True):
          name = catalogue.instruments[catalogue.instrument[row]]
          number = self.names.index(name)
          parts[number] = parts.get(number, 0) + sound
        self.held[self._key(sum(sounds))] = parts

  def ablation(self, answer, conditionings=("examples",), batch=3, **grid):
    contenders = [Contender(name, name) for name in conditionings]
    return Ablation(
      arms=arms_of(small_grid(**grid), contenders),
      subjects=[
        Subject(
          contender,
          self.sources.class_names,
          Answerer(self._network(answer), self._read),
        )
        for contender in contenders
      ],
      sources=self.sources,
      readers=self.readers,
      seed=0,
      batch=batch,
      collapse_db=-30.0,
      mask_sizes=(64, 16),
    )

  def perfect(self, mixture, wanted):
    """All that the examples show of what sounds; without them, the mixture."""
    if not wanted.any():
      return mixture
    parts = self.held[self._key(mixture)]
    shown = np.flatnonzero(wanted > _MISTAKE * wanted.sum()).tolist()
    silence = np.zeros_like(mixture)
    return sum((parts[i] for i in shown if i in parts), silence)

  def silent(self, mixture, wanted):
    return np.zeros_like(mixture)

  def copying(self, mixture, wanted):
    return mixture

  def ignoring(self, mixture, wanted):
    """The first instrument, whatever is asked for."""
    return next(iter(self.held[self._key(mixture)].values()))

  def _network(self, answer):
    dim = len(self.names)

    def embed(clips):
      numbers = clips[:, 0].astype(int)
      assert (clips == numbers[:, None]).all()
      self.embedded += [(number, clips.shape[1]) for number in numbers.tolist()]
      return np.eye(dim, dtype=np.float32)[numbers]

    def combine(support):
      found = (support.positives * support.positive_mask[..., None]).sum(2)
      for number, name in enumerate(self.sources.class_names):
        found[support.class_id == number, self.names.index(name)] = 1
      return found.astype(np.float32)

    def separate(mixture, conditions):
      self.separated += 1
      return np.stack(
        [
          np.stack([answer(sound, wanted) for wanted in asked])
          for sound, asked in zip(mixture, conditions, strict=True)
        ]
      )

    return Network(dim, embed, combine, separate)

  def _read(self, clip):
    catalogue = self.sources.catalogues[clip.source]
    names = {
      catalogue.instruments[catalogue.instrument[row]] for row in clip.rows
    }
    (name,) = names
    number = self.names.index(name)
    return np.full(clip.num_samples, number, np.float32)

  @functools.cached_property
  def items(self):
    return some_items(self.sources)

  @staticmethod
  def _key(mixture):
    # Stems are added in one order here and another there.
    return np.round(mixture[:200] * 2**10).astype(int).tobytes()
