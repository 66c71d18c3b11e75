"""Ten thousand episodes of each kind as arrays, and what they hold."""

from typing import NamedTuple

import jaxtyping
import numpy as np

from episode_draws import settings
from fewshot_mss.data.catalogue import Catalogue
from fewshot_mss.data.episode_settings import EpisodeSettings, check_settings
from fewshot_mss.data.episodes import NO_RECORD, EpisodeSpec, episode_spec
from toy_catalogue import RATE_HZ, SEGMENT, orchestra, quartets

NUM_EPISODES = 10_000
PLAIN = settings(
  sample_rate_hz=RATE_HZ, mixture_samples=600, example_samples=400
)
EVERYTHING = PLAIN._replace(
  random_mix_share=0.35,
  several_sources_share=0.3,
  absent_share=0.2,
  same_track_share=0.7,
  random_shots=True,
  drop_positives_share=0.1,
  drop_negatives_share=0.25,
)
# All four instruments sound all the time: leaving one out must be on purpose.
OF_FOUR = EVERYTHING._replace(random_mix_share=0.0, mixture_samples=SEGMENT)
CASES = {
  "plain": (orchestra, PLAIN),
  "everything": (orchestra, EVERYTHING),
  "of four": (quartets, OF_FOUR),
}


class Drawn(NamedTuple):
  catalogue: Catalogue
  settings: EpisodeSettings
  # One more axis in front than of one episode.
  spec: EpisodeSpec


def draw(case):
  make_catalogue, how = CASES[case]
  catalogue = make_catalogue()
  check_settings(how, catalogue)
  # Checking shapes costs many times what drawing does.
  jaxtyping.config.update("jaxtyping_disable", True)
  try:
    specs = [
      episode_spec(1, index, catalogue, how) for index in range(NUM_EPISODES)
    ]
  finally:
    jaxtyping.config.update("jaxtyping_disable", False)
  fields = (np.array(field) for field in zip(*specs, strict=True))
  return Drawn(catalogue, how, EpisodeSpec(*fields))


def held(drawn, rows):
  """Which instruments some rows hold, along the last axis: [..., I]."""
  instrument = np.where(
    rows == NO_RECORD, NO_RECORD, drawn.catalogue.instrument[rows]
  )
  numbers = np.arange(len(drawn.catalogue.instruments))
  return (instrument[..., None] == numbers).any(axis=-2)


def asked(drawn):
  """The instruments of the targets; none for an absent one: [n, Q, I]."""
  rows = drawn.spec.source_records[:, None]
  return held(drawn, np.where(drawn.spec.target_sources, rows, NO_RECORD))


def column(name, drawn, rows):
  """A column of the catalogue at some rows; -1 where there is none."""
  return np.where(rows == NO_RECORD, -1, getattr(drawn.catalogue, name)[rows])


def is_one_moment(drawn):
  """Which mixtures are of one track at one time."""
  spec = drawn.spec
  none = spec.source_records == NO_RECORD
  same = np.ones(len(none), np.bool_)
  for values in (
    column("track", drawn, spec.source_records),
    column("start_samples", drawn, spec.source_records),
    spec.source_offsets_samples,
  ):
    same &= (none | (values == values[:, :1])).all(axis=1)
  return same


def chi_square(counts):
  """Distance of counts from even ones."""
  expected = np.sum(counts) / len(counts)
  return np.sum((np.array(counts) - expected) ** 2) / expected


def check_share(hits, share):
  """Checks a share to five standard deviations."""
  deviation = np.sqrt(share * (1 - share) / len(hits))
  assert abs(np.mean(hits) - share) <= 5 * deviation


def examples(spec):
  return [
    (spec.positive_records, spec.positive_offsets_samples),
    (spec.negative_records, spec.negative_offsets_samples),
  ]
