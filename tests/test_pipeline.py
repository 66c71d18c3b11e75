"""Batches: the same for any number of hosts and any step begun at."""

import dataclasses
import gc
import tracemalloc

import jax
import numpy as np
import pytest

from fewshot_mss.data.catalogue import VALIDATION, load_catalogue
from fewshot_mss.data.episode_audio import read_episode
from fewshot_mss.data.episode_settings import EpisodeSettings
from fewshot_mss.data.episodes import episode_spec
from fewshot_mss.data.pipeline import episode_batches, flatten, unflatten
from fewshot_mss.data.records import RecordReader
from fewshot_mss.data.sources import load_sources
from fewshot_mss.errors import InputError


def batches(config, directory, start, stop, **kwargs):
  return list(
    episode_batches(
      config,
      load_sources(str(directory)),
      start_step=start,
      stop_step=stop,
      **kwargs,
    )
  )


def assert_equal(one, other):
  for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
    assert a.dtype == b.dtype
    np.testing.assert_array_equal(a, b)


def test_batches_are_the_episodes_of_their_numbers(toy_config, toy_dataset):
  toy_config.train.global_batch = 3
  toy_config.seed = 5
  drawn = batches(toy_config, toy_dataset, 2, 4)
  assert len(drawn) == 2
  catalogue = load_catalogue(toy_dataset)
  reader = RecordReader(toy_dataset, catalogue)
  settings = EpisodeSettings.from_config(toy_config)
  for step, batch in zip([2, 3], drawn, strict=True):
    episodes = [
      read_episode(
        episode_spec(5, 3 * step + place, catalogue, settings),
        reader,
        settings,
      )
      for place in range(3)
    ]
    assert_equal(batch, jax.tree.map(lambda *x: np.stack(x), *episodes))


def test_shapes_are_those_of_the_configuration(toy_config, toy_dataset):
  (batch,) = batches(toy_config, toy_dataset, 0, 1)
  # 8 mixtures of 2 queries, 2 positives, 1 negative; 0.5 s of 8000 Hz.
  assert jax.tree.map(np.shape, batch) == type(batch)(
    mixture=(8, 4000),
    targets=(8, 2, 4000),
    support=type(batch.support)(
      positives=(8, 2, 2, 4000),
      positive_mask=(8, 2, 2),
      negatives=(8, 2, 1, 4000),
      negative_mask=(8, 2, 1),
      class_id=(8, 2),
    ),
    query_mask=(8, 2),
  )


def test_no_examples_leave_empty_places(toy_config, toy_dataset):
  toy_config.data.max_negatives = 0
  (batch,) = batches(toy_config, toy_dataset, 0, 1)
  assert batch.support.negatives.shape == (8, 2, 0, 4000)
  assert batch.support.negative_mask.shape == (8, 2, 0)


def test_hosts_share_out_the_batch_of_one_host(toy_config, toy_dataset):
  whole = batches(toy_config, toy_dataset, 1, 3)
  parts = [
    batches(toy_config, toy_dataset, 1, 3, shard_index=i, shard_count=4)
    for i in range(4)
  ]
  for step in range(2):
    joined = jax.tree.map(
      lambda *leaves: np.concatenate(leaves), *(part[step] for part in parts)
    )
    assert_equal(joined, whole[step])


def test_starting_later_is_skipping(toy_config, toy_dataset):
  toy_config.train.global_batch = 4
  skipped = batches(toy_config, toy_dataset, 0, 5)[3:]
  started = batches(toy_config, toy_dataset, 3, 5)
  assert len(started) == 2
  assert_equal(started, skipped)
  # And steps differ.
  assert not np.array_equal(started[0].mixture, started[1].mixture)


def test_the_number_of_threads_changes_nothing(toy_config, toy_dataset):
  toy_config.data.read_threads = 1
  one = batches(toy_config, toy_dataset, 0, 4)
  # More than a batch has episodes, so that batches are read side by side.
  toy_config.data.read_threads = 20
  many = batches(toy_config, toy_dataset, 0, 4)
  for a, b in zip(one, many, strict=True):
    assert_equal(a, b)


def test_after_an_error_there_is_no_batch_with_holes(toy_config, toy_dataset):
  toy_config.data.read_threads = 2
  sources = load_sources(str(toy_dataset))
  (catalogue,) = sources.catalogues
  settings = EpisodeSettings.from_config(toy_config)
  first = episode_spec(toy_config.seed, 0, catalogue, settings)
  record = catalogue.record.copy()
  record[first.source_records[0]] = 10**6
  damaged = dataclasses.replace(
    sources, catalogues=(dataclasses.replace(catalogue, record=record),)
  )
  drawn = episode_batches(toy_config, damaged, start_step=0, stop_step=40)
  with pytest.raises(Exception, match="Record key"):
    next(drawn)
  assert list(drawn) == []


def test_batches_that_were_handed_over_are_kept_by_nobody(
  toy_config, toy_dataset
):
  toy_config.train.global_batch = 2
  sources = load_sources(str(toy_dataset))
  sizes = []
  tracemalloc.start()
  try:
    drawn = episode_batches(toy_config, sources, start_step=0, stop_step=200)
    for step, batch in enumerate(drawn):
      del batch
      if step in (20, 180):
        gc.collect()
        sizes.append(tracemalloc.get_traced_memory()[0])
  finally:
    tracemalloc.stop()
  # Of 160 batches, each 2 x 9 sounds of 4000 float32, a quarter at most.
  assert sizes[1] - sizes[0] < 40 * 2 * 9 * 16_000


def test_another_split_has_other_songs(toy_config, toy_dataset):
  (train,) = batches(toy_config, toy_dataset, 0, 1)
  (other,) = batches(toy_config, toy_dataset, 0, 1, split=VALIDATION)
  assert not np.array_equal(train.mixture, other.mixture)
  # Two seen instruments are in the validation songs: flute 1 and kick 3.
  catalogue = load_catalogue(toy_dataset)
  held = catalogue.view.split_instruments[VALIDATION]
  allowed = {*catalogue.class_ids[held].tolist(), -1}
  assert set(other.support.class_id.ravel().tolist()) <= allowed


def test_flattening_keeps_every_leaf_in_its_place(toy_config, toy_dataset):
  (batch,) = batches(toy_config, toy_dataset, 0, 1)
  again = unflatten(tuple(flatten(batch)))
  for name in ("mixture", "targets", "query_mask"):
    assert getattr(again, name) is getattr(batch, name)
  for name in batch.support._fields:
    assert getattr(again.support, name) is getattr(batch.support, name)


@pytest.mark.parametrize(
  ("changes", "kwargs", "message"),
  [
    ({}, {"shard_count": 3}, "global_batch is 8: give a multiple of the 3"),
    ({"train.global_batch": 0}, {}, "train.global_batch is 0"),
    ({"seed": -1}, {}, "seed is -1"),
    ({"model.sample_rate_hz": 16000}, {}, "model.sample_rate_hz is 16000"),
    ({"data.mixture_s": 1.5}, {}, "data.mixture_s is longer"),
  ],
)
def test_what_cannot_be_served_is_refused_before_the_first_batch(
  toy_config, toy_dataset, changes, kwargs, message
):
  toy_config.update_from_flattened_dict(changes)
  with pytest.raises(InputError, match=message):
    episode_batches(
      toy_config,
      load_sources(str(toy_dataset)),
      start_step=0,
      stop_step=1,
      **kwargs,
    )


def test_a_damaged_record_is_told_in_one_line(toy_config, toy_dataset):
  sources = load_sources(str(toy_dataset))
  (catalogue,) = sources.catalogues
  # Records of another length than the catalogue says.
  other = dataclasses.replace(
    catalogue, segment_samples=catalogue.segment_samples - 1
  )
  damaged = dataclasses.replace(sources, catalogues=(other,))
  drawn = episode_batches(toy_config, damaged, start_step=0, stop_step=4)
  with pytest.raises(InputError, match="build the dataset again"):
    next(drawn)
