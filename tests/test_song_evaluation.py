"""Whole songs through stand-ins whose figures are known."""

import math

import numpy as np
import pytest

from fewshot_mss.data.tracks import Stem, Track
from fewshot_mss.errors import InputError
from fewshot_mss.evaluation import metrics, scores
from fewshot_mss.evaluation.song_evaluation import (
  SongSettings,
  choose_song_items,
  evaluate_songs,
  song_families,
)
from fewshot_mss.evaluation.song_network import SongSystem
from fewshot_mss.evaluation.song_sound import fit, sum_of_stems
from plain_songs import PITCH_HZ, RATE_HZ, draw_list, read_tracks, write_songs

SETTINGS = SongSettings(
  dataset="folder",
  rate_hz=RATE_HZ,
  instruments=("bass", "lead"),
  shots=(1, 3),
  max_negatives=2,
  collapse_db=-30.0,
  n_fft=64,
  hop_samples=16,
)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
  return write_songs(tmp_path_factory.mktemp("songs") / "folder", channels=2)


@pytest.fixture(scope="module")
def tracks(root):
  return read_tracks(root)


@pytest.fixture(scope="module")
def songs_list(root):
  return draw_list(root)


def embed(clip):
  """Hears which instrument an example is of, by its pitch."""
  pitch_hz = np.argmax(np.abs(np.fft.rfft(clip))) * RATE_HZ / len(clip)
  return np.float32([pitch_hz, 1.0])


def make_truth(tracks):
  """Every song by its bytes, with its instruments by their pitch."""
  truth = {}
  for track in tracks.values():
    mixture = sum_of_stems(track.name, track.stems, RATE_HZ)
    truth[mixture.tobytes()] = {
      PITCH_HZ[name]: fit(
        sum_of_stems(
          track.name,
          [stem for stem in track.stems if stem.instrument == name],
          RATE_HZ,
        ),
        mixture.shape,
      )
      for name in {stem.instrument for stem in track.stems}
    }
  return truth


def make_system(answer, truth, shots=SETTINGS.shots):
  """Of a function of (mixture, truth, pitch of the query's examples)."""

  def separate(mixture, support):
    held = truth[mixture.tobytes()]
    outputs = []
    for k in shots:
      for query in range(2):
        vectors = support.positives[0, query][support.positive_mask[0, query]]
        (pitch_hz,) = set(vectors[:k, 0].tolist())
        outputs.append(answer(mixture, held, pitch_hz))
    return np.stack(outputs)

  return SongSystem(embed, separate)


ANSWERS = {
  "perfect": lambda mixture, held, pitch_hz: held[pitch_hz],
  "silent": lambda mixture, held, pitch_hz: np.zeros_like(mixture),
  "copying": lambda mixture, held, pitch_hz: mixture,
  # The bass, whatever it is asked for.
  "deaf": lambda mixture, held, pitch_hz: held[PITCH_HZ["bass"]],
}


@pytest.fixture(scope="module")
def run(songs_list, tracks):
  truth = make_truth(tracks)

  def run(answer, items=songs_list.items, **changes):
    system = make_system(ANSWERS[answer], truth)
    found = evaluate_songs(
      songs_list,
      items,
      tracks,
      system,
      SETTINGS._replace(**changes),
      progress=False,
    )
    return list(found)

  return run


@pytest.fixture(scope="module")
def perfect(run):
  return run("perfect")


def rows(results, system, shots=None):
  return [
    row
    for result in results
    for row in result.scores
    if (row.system, row.shots) == (system, shots)
  ]


def test_songs_come_one_by_one_with_all_their_items(perfect, songs_list):
  assert [result.song for result in perfect] == ["blue", "green", "red"]
  found = [(r.item, r.song, r.instrument) for r in rows(perfect, "model", 3)]
  assert found == [(i.index, i.song, i.instrument) for i in songs_list.items]
  assert len(found) == 7
  for row in rows(perfect, "wrong query", 3):
    assert row.dataset == "folder"
    assert row.group == ("unseen" if row.instrument == "horn" else "seen")
  assert all(not result.frames for result in perfect)


def test_a_perfect_system(perfect):
  for k in SETTINGS.shots:
    for row in rows(perfect, "model", k):
      assert row.si_sdr_db == metrics.SI_SDR_CEILING_DB
      assert row.snr_db == metrics.SNR_CEILING_DB
      assert row.level_db == 0 and not row.collapsed
      assert row.examples == k
    for row in rows(perfect, "wrong query", k):
      assert row.si_sdr_db < -20


def test_a_silent_system_is_collapsed(run):
  for row in rows(run("silent"), "model", 3):
    assert row.usdr_db == row.snr_db == 0
    assert row.collapsed and row.si_sdr_improvement_db < -20


def test_a_system_that_copies_the_song_improves_nothing(run):
  found = run("copying")
  for copy, mixture in zip(
    rows(found, "model", 3), rows(found, "mixture"), strict=True
  ):
    assert copy.si_sdr_improvement_db == 0
    assert copy.usdr_db == mixture.usdr_db


def test_a_system_that_ignores_its_query_loses_nothing_by_a_wrong_one(run):
  found = run("deaf")
  for right, wrong in zip(
    rows(found, "model", 3), rows(found, "wrong query", 3), strict=True
  ):
    assert right.si_sdr_db == wrong.si_sdr_db
    assert (right.si_sdr_db == 100) == (right.instrument == "bass")


def test_baselines_know_the_number_of_stems(perfect):
  for row in rows(perfect, scores.MIXTURE_BY_SOURCES):
    stems = {"blue": 3, "green": 2, "red": 3}[row.song]
    assert row.level_over_mixture_db == pytest.approx(-20 * math.log10(stems))
  for row in rows(perfect, scores.IDEAL_RATIO_MASK):
    assert row.si_sdr_improvement_db > 5


def test_some_songs_alone_score_as_they_do_among_all(run, perfect, songs_list):
  items = [item for item in songs_list.items if item.song == "red"]
  assert run("perfect", items) == [perfect[2]]
  assert run("perfect", []) == []


def test_what_a_system_is_given(songs_list, tracks):
  met = []

  def separate(mixture, support):
    met.append((mixture, support))
    return np.stack([mixture] * 2)

  settings = SETTINGS._replace(shots=(2,), max_negatives=1)
  list(
    evaluate_songs(
      songs_list,
      songs_list.items,
      tracks,
      SongSystem(embed, separate),
      settings,
      progress=False,
    )
  )
  assert len(met) == len(songs_list.items)
  classes = {"bass": 0, "lead": 1, "horn": -1}
  for (mixture, support), item in zip(met, songs_list.items, strict=True):
    assert mixture.shape == (2, 3 * RATE_HZ)
    assert support.positives.shape == (1, 2, 2, 2)
    assert support.negatives.shape == (1, 2, 1, 2)
    asked = (item.instrument, item.wrong_instrument)
    assert support.class_id.tolist() == [[classes[name] for name in asked]]
    for query, name in enumerate(asked):
      pitches = support.positives[0, query, :, 0]
      assert support.positive_mask[0, query].all()
      assert pitches.tolist() == [PITCH_HZ[name]] * 2
      assert support.negatives[0, query, 0, 0] != PITCH_HZ[name]


def test_a_system_that_embeds_nothing_is_given_classes(songs_list, tracks):
  def separate(mixture, support):
    assert not support.positive_mask.any()
    return np.stack([mixture] * 2)

  (green,) = evaluate_songs(
    songs_list,
    songs_list.items[3:5],
    tracks,
    SongSystem(None, separate),
    SETTINGS._replace(shots=(0,), max_negatives=0),
    progress=False,
  )
  assert green.song == "green"
  assert {row.examples for row in green.scores} == {None, 0}


def test_a_song_of_another_length_is_refused(songs_list, tracks, root):
  shorter = songs_list.songs["red"][0]._replace(duration_s=2.9)
  other = songs_list._replace(
    songs=songs_list.songs | {"red": (shorter,)},
  )
  system = make_system(ANSWERS["silent"], make_truth(tracks))
  with pytest.raises(InputError, match=r"red is 3\.000 s long and 2\.900 s"):
    list(
      evaluate_songs(
        other, other.items[-1:], tracks, system, SETTINGS, progress=False
      )
    )


def test_the_first_items_of_each_group_are_chosen(songs_list):
  chosen = choose_song_items(songs_list, ("bass", "lead"), 2)
  assert [(i.song, i.instrument) for i in chosen] == [
    ("blue", "bass"),
    ("blue", "horn"),
    ("blue", "lead"),
  ]
  chosen = choose_song_items(songs_list, (), 2)
  assert [i.index for i in chosen] == [0, 1]


def test_families_are_the_folders_or_else_the_tables():
  def stem(instrument, family):
    return Stem(instrument, instrument, family, "", lambda: None)

  stems = (
    stem("violin", "unknown"),
    stem("viola", "own family"),
    stem("nose whistle", "unknown"),
  )
  assert song_families(Track("song", "test", stems)) == {
    "violin": "strings",
    "viola": "own family",
    "nose whistle": "unknown",
  }
