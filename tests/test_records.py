"""Stored samples come back as they were, and episodes are sums of them."""

import dataclasses
import shutil

import numpy as np
import pytest

from fewshot_mss.data.builder import build
from fewshot_mss.data.catalogue import load_catalogue
from fewshot_mss.data.episode_audio import blank_episodes, read_episode
from fewshot_mss.data.episode_settings import EpisodeSettings
from fewshot_mss.data.episodes import empty_spec, episode_spec
from fewshot_mss.data.records import RecordReader
from fewshot_mss.data.segments import track_segments
from fewshot_mss.data.synth.toy import toy_track_set
from fewshot_mss.data.tracks import Stem, Track, TrackSet
from fewshot_mss.errors import InputError


@pytest.fixture(scope="module")
def toy(toy_dataset):
  catalogue = load_catalogue(toy_dataset)
  return catalogue, RecordReader(toy_dataset, catalogue)


def test_every_row_reads_the_samples_that_were_cut(toy):
  catalogue, reader = toy
  read = 0
  for track in toy_track_set().tracks:
    for segment in track_segments(
      track, sample_rate_hz=8000, segment_samples=8000
    ):
      stem = catalogue.stems.index(f"{track.name}/{segment.stem.name}")
      (row,) = np.flatnonzero(
        (catalogue.stem == stem)
        & (catalogue.start_samples == segment.start_samples)
      )
      samples = reader.read(row)
      assert samples.dtype == np.float32
      np.testing.assert_array_equal(samples * 32768, segment.pcm)
      read += 1
  assert read == len(catalogue)


@pytest.fixture(scope="module")
def ramps(tmp_path_factory):
  """One song of three stems, whose samples tell where they come from."""
  n = np.arange(16000) / 32767
  levels = {"violin": n * 0.5, "drums": n * -0.25, "horn": 0.9 - 0 * n}
  stems = tuple(
    Stem(name, name, "f", "p", lambda x=x: (x[:, None], 8000))
    for name, x in levels.items()
  )
  directory = build(
    TrackSet(tracks=(Track("song", "train", stems),)),
    tmp_path_factory.mktemp("ramps") / "dataset",
    sample_rate_hz=8000,
    segment_s=1.0,
    progress=False,
  )
  catalogue = load_catalogue(directory)
  return directory, catalogue, RecordReader(directory, catalogue)


def settings(mixture_samples, example_samples):
  return EpisodeSettings(
    sample_rate_hz=8000,
    mixture_samples=mixture_samples,
    example_samples=example_samples,
    num_queries=2,
    max_positives=2,
    max_negatives=1,
    min_sources=2,
    max_sources=3,
    random_mix_share=0.5,
    drop_negatives_share=0.25,
    gain_db=6.0,
  )


def test_an_episode_is_read_offset_by_offset(ramps):
  _, catalogue, reader = ramps

  def row(name, start):
    return np.flatnonzero(
      (catalogue.instrument == catalogue.instruments.index(name))
      & (catalogue.start_samples == start)
    )[0]

  spec = empty_spec(0, sources=3, queries=2, positives=2, negatives=1)
  spec.source_records[:2] = row("violin", 0), row("drums", 8000)
  spec.source_offsets_samples[:2] = 10, 20
  spec.source_gains[:2] = 2.0, 0.5
  spec.target_sources[0, 0] = True
  spec.query_mask[0] = True
  spec.class_id[0] = 2
  spec.positive_records[0, 0] = row("violin", 8000)
  spec.positive_offsets_samples[0, 0] = 30
  spec.negative_records[0, 0] = row("drums", 0)
  spec.negative_offsets_samples[0, 0] = 40
  episode = read_episode(spec, reader, settings(100, 50))

  def ramp(begin, length, slope):
    return np.rint((begin + np.arange(length)) * slope) / 32768

  violin = 2.0 * ramp(10, 100, 0.5)
  drums = 0.5 * ramp(8020, 100, -0.25)
  np.testing.assert_allclose(episode.mixture, violin + drums, atol=1e-6)
  np.testing.assert_allclose(episode.targets[0], violin, atol=1e-6)
  np.testing.assert_array_equal(episode.targets[1], np.zeros(100))
  support = episode.support
  np.testing.assert_array_equal(
    support.positives[0, 0], ramp(8030, 50, 0.5).astype(np.float32)
  )
  np.testing.assert_array_equal(
    support.negatives[0, 0], ramp(40, 50, -0.25).astype(np.float32)
  )
  # All else is padding.
  assert not support.positives[0, 1].any()
  assert not support.positives[1].any()
  np.testing.assert_array_equal(
    support.positive_mask, [[True, False], [False, False]]
  )
  np.testing.assert_array_equal(support.negative_mask, [[True], [False]])
  np.testing.assert_array_equal(support.class_id, [2, -1])
  np.testing.assert_array_equal(episode.query_mask, [True, False])


def test_a_mixture_beyond_full_scale_is_scaled_with_its_targets(ramps):
  _, catalogue, reader = ramps
  horn = catalogue.instruments.index("horn")
  rows = np.flatnonzero(catalogue.instrument == horn)
  spec = empty_spec(0, sources=2, queries=1, positives=0, negatives=0)
  spec.source_records[:] = rows[:2]
  spec.source_gains[:] = 2.0, 1.0
  spec.target_sources[0, 0] = True
  episode = read_episode(spec, reader, settings(10, 10))
  # 1.8 + 0.9, down to 1: two thirds of it are the target.
  np.testing.assert_allclose(episode.mixture, np.ones(10), rtol=1e-6)
  np.testing.assert_allclose(episode.targets[0], np.full(10, 2 / 3), rtol=1e-6)


def test_mixtures_are_the_sum_of_targets_of_all_instruments(toy):
  catalogue, reader = toy
  chosen = settings(4000, 2000)._replace(num_queries=3, max_sources=3)
  full = 0
  for index in range(20):
    spec = episode_spec(0, index, catalogue, chosen)
    episode = read_episode(spec, reader, chosen)
    assert np.abs(episode.mixture).max() <= 1
    if (spec.target_sources.sum(axis=0)[spec.source_records >= 0] == 1).all():
      total = episode.targets.sum(axis=0)
      np.testing.assert_allclose(total, episode.mixture, atol=1e-6)
      full += 1
  assert full > 10


def slow_episode(spec, reader, chosen):
  """The same episode in the plainest way: every sum and factor of its own."""
  length = chosen.mixture_samples
  sources = np.zeros((len(spec.source_records), length), np.float32)
  for i, row in enumerate(spec.source_records):
    if row >= 0:
      begin = spec.source_offsets_samples[i]
      sound = reader.pcm(row)[begin : begin + length].astype(np.float32) / 32768
      sources[i] = sound * spec.source_gains[i]
  mixture = sources.sum(axis=0)
  targets = [sources[asked].sum(axis=0) for asked in spec.target_sources]
  scale = np.float32(1 / max(1.0, np.abs(mixture).max()))
  clips = []
  for rows, offsets in (
    (spec.positive_records, spec.positive_offsets_samples),
    (spec.negative_records, spec.negative_offsets_samples),
  ):
    clip = np.zeros((*rows.shape, chosen.example_samples), np.float32)
    for place in zip(*np.nonzero(rows >= 0), strict=True):
      end = offsets[place] + chosen.example_samples
      clip[place] = reader.read(rows[place])[offsets[place] : end]
    clips.append(clip)
  return mixture * scale, np.stack(targets) * scale, *clips


def test_episodes_are_those_of_the_plain_way_bit_for_bit(toy):
  catalogue, reader = toy
  chosen = settings(4000, 2000)._replace(
    several_sources_share=0.4, absent_share=0.2, gain_db=20.0
  )
  loud = 0
  for index in range(30):
    spec = episode_spec(1, index, catalogue, chosen)
    episode = read_episode(spec, reader, chosen)
    mixture, targets, positives, negatives = slow_episode(spec, reader, chosen)
    np.testing.assert_array_equal(episode.mixture, mixture)
    np.testing.assert_array_equal(episode.targets, targets)
    np.testing.assert_array_equal(episode.support.positives, positives)
    np.testing.assert_array_equal(episode.support.negatives, negatives)
    loud += np.abs(mixture).max() > 0.999
  # With and without being scaled down.
  assert 0 < loud < 30


def test_blank_episodes_are_silent_and_lie_where_no_one_copies_them():
  blank = blank_episodes(3, settings(101, 50))
  assert blank.mixture.shape == (3, 101)
  assert blank.targets.shape == (3, 2, 101)
  assert blank.support.positives.shape == (3, 2, 2, 50)
  assert blank.support.negatives.shape == (3, 2, 1, 50)
  for sound in (blank.mixture, blank.targets, blank.support.positives):
    assert sound.dtype == np.float32 and not sound.any()
    assert sound.ctypes.data % 64 == 0
  assert not blank.query_mask.any()
  assert (blank.support.class_id == -1).all()


def test_records_of_another_length_are_refused(ramps):
  directory, catalogue, _ = ramps
  other = dataclasses.replace(catalogue, segment_samples=4000)
  with pytest.raises(InputError, match="does not hold 4000 samples"):
    RecordReader(directory, other).read(0)


@pytest.fixture
def copied(ramps, tmp_path):
  directory, catalogue, _ = ramps
  copy = tmp_path / "copy"
  shutil.copytree(directory, copy)
  (path,) = copy.glob("*.array_record*")
  return copy, catalogue, path


def test_missing_records_are_named(copied):
  directory, catalogue, path = copied
  path.unlink()
  with pytest.raises(InputError, match=r"train.* holds 0 of 6 records"):
    RecordReader(directory, catalogue)


def test_records_of_another_dataset_are_refused(copied, toy_dataset):
  directory, catalogue, path = copied
  (other,) = toy_dataset.glob("*validation.array_record*")
  shutil.copy(other, path)
  with pytest.raises(InputError, match="holds 24 of 6 records"):
    RecordReader(directory, catalogue)


@pytest.mark.parametrize("length", [0, 100, 70000])
def test_cut_off_records_are_refused(copied, length):
  directory, catalogue, path = copied
  path.write_bytes(path.read_bytes()[:length])
  with pytest.raises(InputError, match="build the dataset again"):
    RecordReader(directory, catalogue)
