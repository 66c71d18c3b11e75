"""The made-up catalogue: what a build could have written, of any size."""

import numpy as np
import pytest

from fewshot_mss.data.catalogue import TRAIN, load_catalogue, save_catalogue
from fewshot_mss.data.synth.made_up_catalogue import made_up_catalogue


@pytest.fixture(scope="module")
def catalogue():
  return made_up_catalogue(20_000, sample_rate_hz=8000, segment_s=6.1, seed=3)


def test_it_has_the_asked_size(catalogue):
  assert len(catalogue) == 20_000
  assert catalogue.segment_samples == 48_800
  assert catalogue.block_samples == 2000
  assert catalogue.levels_db.shape == (20_000, 25)
  assert catalogue.levels_db.dtype == np.int8
  assert len(made_up_catalogue(1, sample_rate_hz=16, segment_s=1.0)) == 1


def test_rows_are_in_the_order_of_a_build(catalogue):
  keys = np.stack(
    [catalogue.split, catalogue.track, catalogue.start_samples, catalogue.stem]
  ).T
  # Different, and in order of the first column that differs.
  assert (np.lexsort(keys.T[::-1]) == np.arange(len(keys))).all()
  assert len(np.unique(keys, axis=0)) == len(keys)
  for split in range(3):
    records = catalogue.record[catalogue.split == split]
    np.testing.assert_array_equal(records, np.arange(len(records)))
  assert (catalogue.start_samples % catalogue.segment_samples == 0).all()


def test_names_and_numbers_belong_together(catalogue):
  # A stem is of one track, one instrument and one timbre.
  for name in ("track", "instrument", "patch", "split"):
    pairs = np.stack([catalogue.stem, getattr(catalogue, name)]).T
    different = np.unique(pairs, axis=0)
    assert len(different) == len(np.unique(catalogue.stem))
  for column, names in [
    (catalogue.track, catalogue.tracks),
    (catalogue.stem, catalogue.stems),
    (catalogue.instrument, catalogue.instruments),
    (catalogue.family, catalogue.families),
    (catalogue.patch, catalogue.patches),
  ]:
    assert column.min() >= 0
    assert column.max() < len(names) == len(set(names))
  stem = catalogue.stems[catalogue.stem[777]]
  assert stem.startswith(catalogue.tracks[catalogue.track[777]] + "/")


def test_it_looks_like_a_collection(catalogue):
  assert 50 < len(catalogue.tracks) < 100
  shares = np.bincount(catalogue.split) / len(catalogue)
  np.testing.assert_allclose(shares, [0.8, 0.1, 0.1], atol=0.05)
  _, sizes = np.unique(catalogue.moment, return_counts=True)
  assert 5 < sizes.mean() < 8
  assert 40 <= catalogue.seen.sum() <= 54
  heard = catalogue.trainable & (catalogue.split == TRAIN)
  assert set(catalogue.instrument[heard]) == set(np.flatnonzero(catalogue.seen))
  assert 0.8 < catalogue.active.mean() < 0.9


def test_it_depends_on_the_seed_and_can_be_stored(catalogue, tmp_path):
  again = made_up_catalogue(20_000, sample_rate_hz=8000, segment_s=6.1, seed=3)
  assert again.content_hash == catalogue.content_hash
  other = made_up_catalogue(20_000, sample_rate_hz=8000, segment_s=6.1)
  assert other.content_hash != catalogue.content_hash
  save_catalogue(catalogue, tmp_path)
  assert load_catalogue(tmp_path).content_hash == catalogue.content_hash
