"""Stand-ins for a network in an ablation whose figures are known.

They go by the truth: what each clip shows, and what each mixture holds.
"""

import numpy as np

from fewshot_mss.data.evaluation_items import MAX_NEGATIVES, MAX_POSITIVES
from fewshot_mss.data.records import RecordReader
from fewshot_mss.evaluation.ablation.ablate import Ablation, Subject
from fewshot_mss.evaluation.ablation.answers import Answerer
from fewshot_mss.evaluation.ablation.clips import read_clip
from fewshot_mss.evaluation.ablation.grid import Contender
from fewshot_mss.evaluation.ablation.network import Network


class Truth:
  """The stems of some items' mixtures, and what the clips show."""

  def __init__(self, sources, items):
    self.catalogue = sources.catalogues[0]
    self.readers = [
      RecordReader(folder, catalogue)
      for folder, catalogue in zip(
        sources.folders, sources.catalogues, strict=True
      )
    ]
    self._shown = {}
    self._stems = {}
    self.count = len(self.catalogue.instruments)
    for item in items:
      rows = item.spec.source_records
      rows = rows[rows >= 0].tolist()
      stems = np.zeros((self.count, self.catalogue.segment_samples), np.float32)
      for row in rows:
        stems[self.catalogue.instrument[row]] += self.readers[0].read(row)
      mixture = np.zeros_like(stems[0])
      for row in rows:
        mixture += self.readers[0].read(row)
      scale = 1 / max(1, np.abs(mixture).max())
      asked = self.catalogue.instruments.index(item.instrument)
      key = (mixture * np.float32(scale)).tobytes()
      self._stems[key] = (stems * np.float32(scale), asked)

  def read(self, clip):
    sound = read_clip(clip, self.readers, self.catalogue.sample_rate_hz)
    self._shown[sound.tobytes()] = self.catalogue.instrument[clip.rows[0]]
    return sound

  def embed(self, clips):
    shown = [self._shown[clip.tobytes()] for clip in clips]
    return np.eye(self.count, dtype=np.float32)[shown]

  def combine(self, support):
    batch, arms = support.class_id.shape
    assert support.positives.shape == (batch, arms, MAX_POSITIVES, self.count)
    assert support.negatives.shape == (batch, arms, MAX_NEGATIVES, self.count)
    total = np.sum(support.positives * support.positive_mask[..., None], axis=2)
    return total / np.maximum(1, total.sum(axis=-1, keepdims=True))

  def stems(self, mixture):
    """The stem of each instrument, and the number of the target."""
    silence = np.zeros((self.count, len(mixture)), np.float32)
    return self._stems.get(mixture.tobytes(), (silence, 0))

  def subject(self, answer, name="own", conditioning="examples"):
    """A model whose output is `answer(mixture, stems, asked, condition)`."""

    def separate(mixtures, conditions):
      return np.stack(
        [
          np.stack(
            [answer(mixture, *self.stems(mixture), each) for each in of_item]
          )
          for mixture, of_item in zip(mixtures, conditions, strict=True)
        ]
      )

    network = Network(self.count, self.embed, self.combine, separate)
    contender = Contender(name, conditioning)
    return Subject(contender, (), Answerer(network, self.read))


def perfect(mixture, stems, asked, condition):
  # A fifth of the examples may show something else.
  return np.sum(stems[condition > 0.3], axis=0)


def silent(mixture, stems, asked, condition):
  return np.zeros_like(mixture)


def copying(mixture, stems, asked, condition):
  return mixture


def ignorant(mixture, stems, asked, condition):
  """Whatever it is asked, half of what is not the target stays."""
  return (mixture + stems[asked]) / 2


def make_ablation(sources, truth, arms, subject, batch=4, seed=0):
  return Ablation(
    arms=arms,
    subjects=[subject],
    sources=sources,
    readers=truth.readers,
    seed=seed,
    batch=batch,
    collapse_db=-30.0,
    mask_sizes=(64, 16),
  )
