"""Clips of recordings: joined, kept apart by recording, mixed at random."""

import csv
import random
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from fewshot_mss.data.catalogue import load_catalogue
from fewshot_mss.data.episode_settings import EpisodeSettings
from fewshot_mss.data.episodes import episode_spec
from fewshot_mss.data.layouts.medley_solos_db import (
  join_clips,
  medley_solos_db,
)
from fewshot_mss.data.records import RecordReader, read_episode
from fewshot_mss.data.splits import load_splits
from fewshot_mss.errors import InputError

SHARED = Path(__file__).parents[2] / "shared" / "data"
REAL_TABLE = (
  SHARED / "layout_examples/medley_solos_db/Medley-solos-DB_metadata.csv"
)
REAL_CLIPS = SHARED / "medley_solos_db_small"
RATE_HZ = 8_000
CLASSES = (
  "clarinet", "distorted electric guitar", "female singer", "flute", "piano",
  "tenor saxophone", "trumpet", "violin",
)  # fmt: skip
# subset, class, song, uuid
LINES = (
  ("test", 0, "000", "aa"),
  ("training", 4, "007", "bb"),
  ("training", 4, "007", "cc"),
  ("validation", 7, "070", "dd"),
  ("training", 4, "7", "ee"),
)


def write_table(path, lines=LINES, song_column="song_id"):
  path.parent.mkdir(parents=True, exist_ok=True)
  with path.open("w", encoding="utf-8", newline="") as file:
    writer = csv.writer(file)
    writer.writerow(
      ["subset", "instrument", "instrument_id", song_column, "uuid4"]
    )
    for subset, number, song, uuid in lines:
      writer.writerow([subset, CLASSES[number], number, song, uuid])


def write_clip(folder, line, *, level=0.5, rate_hz=RATE_HZ, ending="wav"):
  subset, number, _, uuid = line
  folder.mkdir(parents=True, exist_ok=True)
  path = folder / f"Medley-solos-DB_{subset}-{number}_{uuid}.{ending}"
  soundfile.write(path, np.full(1_000, level), rate_hz, "PCM_16")
  return path


@pytest.fixture
def small(tmp_path):
  write_table(tmp_path / "annotation" / "Medley-solos-DB_metadata.csv")
  for i, line in enumerate(LINES):
    write_clip(tmp_path / "audio", line, level=(i + 1) / 8)
  return tmp_path


def test_a_recording_is_a_track_of_one_stem(small):
  track_set = medley_solos_db(small)
  # 007 and 7 are two recordings.
  assert [(t.name, t.split, t.stems[0].instrument) for t in track_set.tracks] \
    == [
      ("song_000", "test", "clarinet"),
      ("song_007", "train", "piano"),
      ("song_070", "validation", "violin"),
      ("song_7", "train", "piano"),
    ]  # fmt: skip
  assert all(len(track.stems) == 1 for track in track_set.tracks)
  assert track_set.tracks[0].stems[0].family == "reed"
  assert track_set.unseen == ("flute", "tenor saxophone")
  assert track_set.sources == ("Medley-solos-DB",)
  samples, rate_hz = track_set.tracks[1].stems[0].read()
  assert rate_hz == RATE_HZ
  # Two clips, faded over 80 samples at both ends.
  assert samples.shape == (2_000, 1)
  assert (samples[80:920] == 2 / 8).all()
  assert (samples[1_080:1_920] == 3 / 8).all()
  assert (samples[[0, 999, 1_000, 1_999]] == 0).all()


@pytest.mark.parametrize("song_column", ["song_id", "track_id"])
@pytest.mark.parametrize(
  "name", ["metadata.csv", "Medley-solos-DB_metadata.csv"]
)
def test_the_table_and_flac_beside_each_other(tmp_path, name, song_column):
  write_table(tmp_path / name, song_column=song_column)
  # As spreadsheets begin a file.
  text = (tmp_path / name).read_text(encoding="utf-8")
  (tmp_path / name).write_text(text, encoding="utf-8-sig")
  for line in LINES:
    write_clip(tmp_path, line, ending="flac")
  names = [track.name for track in medley_solos_db(tmp_path).tracks]
  assert names == ["song_000", "song_007", "song_070", "song_7"]


def test_missing_clips_are_counted_and_named(small):
  for uuid in ("4_cc", "7_dd"):
    next((small / "audio").glob(f"*{uuid}.wav")).unlink()
  with pytest.raises(
    InputError, match=r"lacks 2 of 5 clips.*training-4_cc\.wav .*line 4"
  ):
    medley_solos_db(small)


def test_a_clip_that_is_no_audio_is_named(small):
  write_clip(small / "audio", LINES[2]).write_text("no audio")
  (song,) = [t for t in medley_solos_db(small).tracks if t.name == "song_007"]
  with pytest.raises(InputError, match=r"training-4_cc\.wav cannot be read"):
    song.stems[0].read()
  names = [path.name.split("_")[-1] for path in song.stems[0].files]
  assert names == ["bb.wav", "cc.wav"]


def test_rates_within_a_recording_must_agree(small):
  write_clip(small / "audio", LINES[2], rate_hz=16_000)
  (song,) = [t for t in medley_solos_db(small).tracks if t.name == "song_007"]
  with pytest.raises(InputError, match=r"4_cc\.wav has 16000 Hz.* 8000 Hz"):
    song.stems[0].read()


@pytest.mark.parametrize("line", [("test", 4, "007", "ff"),
                                  ("training", 3, "007", "ff")])  # fmt: skip
def test_a_recording_has_one_subset_and_one_instrument(small, line):
  table = small / "annotation" / "Medley-solos-DB_metadata.csv"
  write_table(table, [*LINES, line])
  with pytest.raises(
    InputError, match=r"line 7: song 007 is .* training piano"
  ):
    medley_solos_db(small)


@pytest.mark.parametrize(
  ("old", "new", "message"),
  [
    ("song_id", "song", "lacks the column song_id"),
    ("uuid4", "uuid", "lacks the column uuid4"),
    ("validation", "valid", "line 5: fill every cell"),
    (",070", ",", "line 5: fill every cell"),
    ("violin,7,070,dd", "violin", "line 5: fill every cell"),
    ("4,007,cc", "4,007,bb", "line 4: .*training-4_bb is listed twice"),
    ("violin", "kazoo", "kazoo"),
  ],
)
def test_a_damaged_table_names_its_line(small, old, new, message):
  table = small / "annotation" / "Medley-solos-DB_metadata.csv"
  text = table.read_text(encoding="utf-8")
  assert old in text
  table.write_text(text.replace(old, new), encoding="utf-8")
  with pytest.raises(InputError, match=message):
    medley_solos_db(small)


def test_no_table_and_no_clip(tmp_path):
  with pytest.raises(InputError, match="holds none of annotation/"):
    medley_solos_db(tmp_path)
  write_table(tmp_path / "metadata.csv", [])
  with pytest.raises(InputError, match="lists no clip"):
    medley_solos_db(tmp_path)


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
