"""Mixtures of one family: whose instruments they are, and what gives way."""

import dataclasses
import random

import numpy as np
import pytest

from fewshot_mss.data.catalogue import TRAIN
from fewshot_mss.data.episode_settings import EpisodeSettings
from fewshot_mss.data.episodes import episode_spec
from fewshot_mss.data.mixtures import draw_mixture

FAMILIES = {
  "cello": "strings",
  "viola": "strings",
  "violin": "strings",
  "flute": "pipe",
  "recorder": "pipe",
  "drums": "drums",
  "noise": "unknown",
  "other": "unknown",
}


@pytest.fixture(scope="module")
def catalogue(catalogue_of):
  made = catalogue_of(
    "\n".join(
      f"train song{song} {name} {start}"
      for song in range(4)
      for name in FAMILIES
      for start in range(3)
    )
  )
  families = tuple(sorted(set(FAMILIES.values())))
  of_instrument = np.array(
    [families.index(FAMILIES[name]) for name in made.instruments], np.int32
  )
  return dataclasses.replace(
    made, families=families, family=of_instrument[made.instrument]
  )


def settings(**changes):
  return EpisodeSettings(
    sample_rate_hz=16,
    mixture_samples=8,
    example_samples=8,
    num_queries=2,
    max_positives=1,
    max_negatives=1,
    min_sources=2,
    max_sources=3,
  )._replace(**changes)


def families_of(catalogue, mixture):
  return {FAMILIES[catalogue.instruments[i]] for i in mixture.instruments}


def mixtures(catalogue, count=300, sounding=1, left_out=0, **changes):
  rng = random.Random(0)
  return [
    draw_mixture(
      rng,
      catalogue,
      settings(**changes),
      TRAIN,
      sounding=sounding,
      left_out=left_out,
    )
    for _ in range(count)
  ]


def test_all_sources_are_of_one_family_that_has_several(catalogue):
  drawn = mixtures(catalogue, same_family_share=1.0)
  assert all(len(families_of(catalogue, m)) == 1 for m in drawn)
  assert {f for m in drawn for f in families_of(catalogue, m)} == {
    "strings",
    "pipe",
  }
  for mixture in drawn:
    assert len(set(mixture.instruments)) == len(mixture.rows) >= 2
  # Evenly over the instruments: 3 of 5 begin with a string.
  strings = np.mean([families_of(catalogue, m) == {"strings"} for m in drawn])
  assert strings == pytest.approx(0.6, abs=0.08)
  # Of strings two or three; there are only two pipes.
  assert {len(m.rows) for m in drawn} == {2, 3}


def test_families_that_are_too_small_are_passed_over(catalogue):
  for changes in ({"min_sources": 3}, {"sounding": 3}):
    drawn = mixtures(catalogue, same_family_share=1.0, **changes)
    assert all(families_of(catalogue, m) == {"strings"} for m in drawn)
  drawn = mixtures(
    catalogue, same_family_share=1.0, min_sources=4, max_sources=4
  )
  assert all(len(families_of(catalogue, m)) > 1 for m in drawn)
  assert all(len(m.rows) == 4 for m in drawn)


def test_the_share_is_of_all_mixtures(catalogue):
  drawn = mixtures(catalogue, count=1000, same_family_share=0.4)
  from_songs = [
    len({catalogue.moment.item(row) for row in m.rows}) == 1 for m in drawn
  ]
  # Only those of a family are of different songs here, and few of one moment.
  assert np.mean(from_songs) == pytest.approx(0.6 + 0.4 / 12, abs=0.04)


def test_an_absent_instrument_is_asked_for_beside_them(catalogue):
  how = settings(same_family_share=1.0, absent_share=0.5)
  kinds = set()
  for index in range(100):
    spec = episode_spec(1, index, catalogue, how)
    rows = spec.source_records[spec.source_records >= 0]
    held = set(catalogue.instrument[rows].tolist())
    for q in np.flatnonzero(spec.query_mask):
      asked = catalogue.instrument[spec.positive_records[q, 0]].item()
      kinds.add(asked in held)
      assert (asked in held) == spec.target_sources[q].any()
  assert kinds == {True, False}


def test_without_the_share_nothing_is_drawn_otherwise(catalogue):
  for index in range(20):
    one = episode_spec(1, index, catalogue, settings())
    families = {
      FAMILIES[catalogue.instruments[i]]
      for i in catalogue.instrument[one.source_records[one.source_records >= 0]]
    }
    other = episode_spec(
      1, index, dataclasses.replace(catalogue, families=("x",) * 5), settings()
    )
    assert families
    np.testing.assert_array_equal(one.source_records, other.source_records)
