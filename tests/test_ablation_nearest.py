"""The seen class of its family that an instrument sounds most like."""

import dataclasses

import numpy as np
import pytest

from ablation_songs import make_sources, rows_of
from fewshot_mss.data.records import RecordReader
from fewshot_mss.evaluation.ablation.clips import Clip
from fewshot_mss.evaluation.ablation.nearest import NearestClass, colour_db

RATE_HZ = 8000
# What each instrument is a tone of.
TONES_HZ = {
  "horn": 200,
  "bass": 90,
  "flute": 1500,
  "bell": 1400,
  "drum": 100,
}


def tone(hz, amplitude=0.5, samples=4096):
  return (
    amplitude * np.sin(2 * np.pi * hz * np.arange(samples) / RATE_HZ)
  ).astype(np.float32)


class Tones(RecordReader):
  def __init__(self, catalogue):
    self.names = [catalogue.instruments[i] for i in catalogue.instrument]
    self.read_rows = []

  def read(self, row):
    self.read_rows.append(row)
    return tone(TONES_HZ[self.names[row]])


@pytest.fixture
def sources(catalogue_of):
  sources = make_sources(catalogue_of)
  at_rate = [
    dataclasses.replace(catalogue, sample_rate_hz=RATE_HZ)
    for catalogue in sources.catalogues
  ]
  return dataclasses.replace(sources, catalogues=tuple(at_rate))


def families(catalogue, **names):
  """The catalogue with other families than the one that all are of."""
  held = sorted(set(names.values()))
  of_rows = [
    held.index(names[catalogue.instruments[i]]) for i in catalogue.instrument
  ]
  return dataclasses.replace(
    catalogue, families=tuple(held), family=np.array(of_rows)
  )


@pytest.fixture
def nearest(sources):
  def nearest(sources, classes=("bass", "flute", "horn")):
    readers = [Tones(catalogue) for catalogue in sources.catalogues]
    return NearestClass(sources, readers, classes), readers

  return nearest


def clip_of(sources, name):
  return [Clip(0, (rows_of(sources.catalogues[0])[name],), 0, 4096)]


def test_the_most_alike_class_is_nearest(sources, nearest):
  find, readers = nearest(sources)
  assert find("bell", clip_of(sources, "O bell 0")) == 1
  assert find("drum", clip_of(sources, "M drum 0")) == 0
  # Classes are heard in training songs alone.
  train = [
    r for r in readers[0].read_rows if sources.catalogues[0].split[r] == 0
  ]
  assert len(train) == len(readers[0].read_rows) - 2
  before = len(readers[0].read_rows)
  find("bell", clip_of(sources, "O bell 1"))
  assert len(readers[0].read_rows) == before + 1


def test_only_classes_of_the_family_count(sources, nearest):
  one = families(
    sources.catalogues[0],
    horn="brass", bass="strings", flute="reed", bell="brass", drum="drums",
  )  # fmt: skip
  sources = dataclasses.replace(
    sources, catalogues=(one, sources.catalogues[1])
  )
  find, _ = nearest(sources)
  assert find("bell", clip_of(sources, "O bell 0")) == 2
  assert find("drum", clip_of(sources, "M drum 0")) is None


def test_what_nothing_shows_has_no_nearest(sources, nearest):
  find, _ = nearest(sources)
  assert find("bell", []) is None
  assert find("harp", clip_of(sources, "O bell 0")) is None
  # A class that no training song has is not heard.
  find, _ = nearest(sources, ("organ", "drum", "bass"))
  assert find("bell", clip_of(sources, "O bell 0")) == 2


def test_colour_is_of_the_spectrum_not_of_the_level():
  loud = colour_db(tone(440)[None], RATE_HZ)
  quiet = colour_db(tone(440, amplitude=0.01)[None], RATE_HZ)
  np.testing.assert_allclose(loud, quiet, atol=1e-3)
  assert loud.shape == (32,) and loud.max() == 0 and loud.min() >= -60
  # Band 32 log(440 / 50) / log(4000 / 50).
  assert int(np.argmax(loud)) == 15
  both = colour_db(np.stack([tone(440), tone(1800)]), RATE_HZ)
  assert both[15] == pytest.approx(0, abs=0.5)
  assert both[26] == pytest.approx(0, abs=0.5)


def test_short_and_silent_sounds_have_a_colour():
  assert np.isfinite(colour_db(tone(440, samples=100)[None], RATE_HZ)).all()
  silence = np.zeros((1, 2048), np.float32)
  np.testing.assert_array_equal(colour_db(silence, RATE_HZ), -60)
