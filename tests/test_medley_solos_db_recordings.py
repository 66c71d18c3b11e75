"""Clips of Medley-solos-DB that overlap become the recording of them."""

import csv
import random
import shutil
from pathlib import Path

import numpy as np
import pytest

from fewshot_mss.data.catalogue import load_catalogue
from fewshot_mss.data.episode_audio import read_episode
from fewshot_mss.data.episode_settings import EpisodeSettings
from fewshot_mss.data.episodes import episode_spec
from fewshot_mss.data.layouts.medley_solos_db import (
  join_clips,
  medley_solos_db,
)
from fewshot_mss.data.records import RecordReader
from fewshot_mss.data.splits import load_splits
from fewshot_mss.errors import InputError
from medley_solos_files import CLASSES, write_clip, write_table

SHARED = Path(__file__).parents[2] / "shared" / "data"


REAL_TABLE = (
  SHARED / "layout_examples/medley_solos_db/Medley-solos-DB_metadata.csv"
)


REAL_CLIPS = SHARED / "medley_solos_db_small"


def recording(length, seed=0):
  rng = np.random.default_rng(seed)
  return rng.uniform(-1, 1, (length, 1)).astype(np.float32)


def cut(sound, clip=100):
  return [
    sound[i : i + clip] for i in range(0, len(sound) - clip // 2, clip // 2)
  ]


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 1, 0, 2), (2, 3, 1, 0)])
def test_overlapping_clips_become_their_recording(order):
  sound = recording(250)
  clips = cut(sound)
  assert [len(clip) for clip in clips] == [100] * 4
  joined = join_clips([clips[i] for i in order], 0)
  np.testing.assert_array_equal(joined, sound)
  # The clips themselves are left alone.
  np.testing.assert_array_equal(clips[0], sound[:100])


def test_passages_follow_each_other_in_the_given_order():
  one, other = recording(200), recording(150, seed=1)
  clips = [*cut(other), *cut(one)]
  joined = join_clips([clips[i] for i in (3, 1, 4, 2, 0)], 10)
  # First of all comes the beginning of `one`, at place 3; `other` at 4.
  assert joined.shape == (350, 1)
  np.testing.assert_array_equal(joined[10:190], one[10:190])
  np.testing.assert_array_equal(joined[210:340], other[10:140])
  ramp = np.arange(10, dtype=np.float32)[:, np.newaxis] / 9
  np.testing.assert_allclose(joined[:10], one[:10] * ramp, rtol=1e-6)
  np.testing.assert_allclose(joined[190:200], one[190:] * ramp[::-1], rtol=1e-6)


def test_silence_joins_nothing():
  silence = np.zeros((100, 1), np.float32)
  fading = np.concatenate([recording(50), silence[:50]])
  rising = np.concatenate([silence[:50], recording(50, seed=1)])
  joined = join_clips([rising, fading, silence], 0)
  np.testing.assert_array_equal(
    joined, np.concatenate([rising, fading, silence])
  )


def test_a_loop_is_begun_once():
  a, b = recording(50), recording(50, seed=1)
  there, back = np.concatenate([a, b]), np.concatenate([b, a])
  joined = join_clips([there, back], 0)
  np.testing.assert_array_equal(joined, np.concatenate([a, b, a]))
  alone = np.concatenate([a, a])
  np.testing.assert_array_equal(join_clips([alone], 0), alone)


def test_clips_shorter_than_the_fades():
  clip = np.ones((6, 1), np.float32)
  joined = join_clips([clip], 10)
  assert joined.shape == (6, 1)
  assert (joined < 0.5).all()


def test_unseen_classes_are_drawn_as_the_file_says():
  families = {
    "clarinet": "reed",
    "flute": "pipe",
    "tenor saxophone": "reed",
    "trumpet": "brass",
    "violin": "strings",
  }
  order = sorted(families)
  random.Random(0).shuffle(order)
  first = order[0]
  second = next(n for n in order if families[n] != families[first])
  splits = load_splits("medley_solos_db")
  assert splits.unseen == tuple(sorted([first, second]))
  assert (splits.validation, splits.test) == ((), ())


def test_the_real_table(tmp_path):
  if not REAL_TABLE.exists():
    pytest.skip("no shared data")
  with REAL_TABLE.open(encoding="utf-8", newline="") as file:
    rows = list(csv.DictReader(file))
  assert len(rows) == 21_571
  # One clip of each recording: 227 files instead of 21,571.
  first = {row["song_id"]: row for row in reversed(rows)}
  lines = [
    (r["subset"], int(r["instrument_id"]), r["song_id"], r["uuid4"])
    for r in first.values()
  ]
  write_table(tmp_path / "metadata.csv", lines)
  for line in lines:
    write_clip(tmp_path, line)
  tracks = medley_solos_db(tmp_path).tracks
  assert len(tracks) == 227
  assert {t.name for t in tracks} == {f"song_{i:03}" for i in range(227)}
  assert {t.stems[0].instrument for t in tracks} == set(CLASSES)
  # The real table against these files: all others are missing.
  shutil.copy(REAL_TABLE, tmp_path / REAL_TABLE.name)
  with pytest.raises(InputError, match="lacks 21344 of 21571 clips"):
    medley_solos_db(tmp_path)


@pytest.fixture(scope="module")
def real_set():
  if not REAL_CLIPS.is_dir():
    pytest.skip("no shared data")
  return medley_solos_db(REAL_CLIPS)


def test_real_clips_that_overlap_are_joined(real_set):
  assert len(real_set.tracks) == 52
  (song,) = [track for track in real_set.tracks if track.name == "song_145"]
  samples, rate_hz = song.stems[0].read()
  assert rate_hz == 44_100
  # Three clips, two of which share one half.
  assert samples.shape == (int(2.5 * 131_072), 1)


@pytest.fixture(scope="module")
def real_dataset(real_set, tmp_path_factory):
  # Here rather than above: TensorFlow costs seconds.
  from fewshot_mss.data.builder import build

  return build(
    real_set,
    tmp_path_factory.mktemp("medley_solos") / "dataset",
    sample_rate_hz=8_000,
    segment_s=2.0,
    progress=False,
  )


SETTINGS = EpisodeSettings(
  sample_rate_hz=8_000,
  mixture_samples=8_000,
  example_samples=8_000,
  num_queries=2,
  max_positives=3,
  max_negatives=2,
  min_sources=2,
  max_sources=3,
  # Songs are asked for, and there are none that hold two instruments.
  random_mix_share=0.0,
)


def test_episodes_mix_at_random_and_ask_other_performances(real_dataset):
  catalogue = load_catalogue(real_dataset)
  seen = {catalogue.instruments[i] for i in np.flatnonzero(catalogue.seen)}
  assert seen == set(CLASSES) - {"flute", "tenor saxophone"}
  asked = set()
  for index in range(200):
    spec = episode_spec(0, index, catalogue, SETTINGS)
    sources = spec.source_records[spec.source_records >= 0]
    assert 2 <= len(sources) <= 3
    assert len(np.unique(catalogue.instrument[sources])) == len(sources)
    assert len(np.unique(catalogue.track[sources])) == len(sources)
    assert spec.query_mask.all()
    for q in range(2):
      positives = spec.positive_records[q][spec.positive_records[q] >= 0]
      (instrument,) = set(catalogue.instrument[positives])
      asked.add(catalogue.instruments[instrument])
      assert not set(catalogue.track[positives]) & set(catalogue.track[sources])
  assert asked == seen


def test_a_real_episode_sounds(real_dataset):
  catalogue = load_catalogue(real_dataset)
  reader = RecordReader(real_dataset, catalogue)
  spec = episode_spec(0, 0, catalogue, SETTINGS)
  episode = read_episode(spec, reader, SETTINGS)
  assert (np.abs(episode.targets).max(axis=-1) > 1e-3).all()
  # Where there are two sources, both are asked for.
  specs = (episode_spec(0, i, catalogue, SETTINGS) for i in range(1, 50))
  spec = next(s for s in specs if (s.source_records >= 0).sum() == 2)
  episode = read_episode(spec, reader, SETTINGS)
  np.testing.assert_allclose(
    episode.targets.sum(axis=0), episode.mixture, atol=1e-5
  )
