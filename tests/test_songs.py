import numpy as np
import pytest

from fewshot_mss.data.synth.drum_patterns import drum_hits
from fewshot_mss.data.synth.songs import compose

SONG_S = 24.0


def _songs(count, **kwargs):
  return [
    compose(
      np.random.default_rng(seed),
      **{"num_pitched": 4, "drums": True, "song_s": SONG_S, **kwargs},
    )
    for seed in range(count)
  ]


@pytest.fixture(scope="module")
def songs():
  return _songs(12)


def test_same_seed_same_song(songs):
  assert _songs(2) == songs[:2]
  assert songs[0] != songs[1]


def test_parts_are_as_many_as_asked_with_drums_last(songs):
  assert all(len(song) == 5 for song in songs)
  assert all(song[-1].role == "drums" for song in songs)
  (alone,) = _songs(1, num_pitched=2, drums=False)
  assert len(alone) == 2
  assert all(part.role != "drums" for part in alone)


def test_notes_end_in_time_to_ring_out(songs):
  for part in (part for song in songs for part in song):
    assert part.notes
    assert min(note.start_s for note in part.notes) >= 0
    assert min(note.length_s for note in part.notes) > 0
    assert (
      max(n.start_s + n.length_s for n in part.notes) <= SONG_S - 1.5 + 1e-9
    )


def test_parts_play_most_of_the_time_but_not_always(songs):
  shares = []
  for part in (part for song in songs for part in song):
    seconds = {int(note.start_s) for note in part.notes}
    seconds |= {int(note.start_s + note.length_s) for note in part.notes}
    shares.append(len(seconds) / (SONG_S - 1.5))
  assert min(shares) > 0.3
  assert np.mean(shares) > 0.75
  assert min(shares) < 0.9


def test_songs_differ_in_rhythm_level_and_articulation(songs):
  parts = [part for song in songs for part in song[:-1]]
  median_s = [np.median([n.length_s for n in part.notes]) for part in parts]
  velocity = [np.median([n.velocity for n in part.notes]) for part in parts]
  assert max(median_s) > 8 * min(median_s)
  assert max(velocity) - min(velocity) > 25
  assert all(1 <= n.velocity <= 127 for part in parts for n in part.notes)


def test_a_song_keeps_to_one_scale(songs):
  for song in songs:
    classes = [{n.pitch % 12 for n in part.notes} for part in song[:-1]]
    # Fifths of the bass may leave the scale by one note or two.
    assert len(set.union(*classes)) <= 9
  roots = {min(n.pitch for n in song[0].notes) % 12 for song in songs}
  assert len(roots) > 3


def test_bass_is_low_and_melody_is_not(songs):
  parts = [part for song in songs for part in song]
  mean = {
    role: np.mean([n.pitch for p in parts if p.role == role for n in p.notes])
    for role in ("bass", "chords", "melody")
  }
  assert mean["bass"] < 48 < mean["chords"] < mean["melody"]


def test_chords_sound_together_and_lines_do_not(songs):
  for part in (part for song in songs for part in song):
    starts = np.sort([note.start_s for note in part.notes])
    together = np.mean(np.diff(starts) < 0.02)
    if part.role == "chords":
      assert together > 0.5
    elif part.role in ("melody", "counter", "bass", "arpeggio"):
      assert together < 0.05


@pytest.mark.parametrize("bar_beats", [3, 4])
def test_drums_keep_to_the_grid_and_the_kit(bar_beats):
  starts = [float(bar_beats * i) for i in range(8)]
  hits = drum_hits(np.random.default_rng(3), starts, bar_beats=bar_beats)
  assert all(hit.start_s * 4 == round(hit.start_s * 4) for hit in hits)
  assert all(0 <= hit.start_s < 8 * bar_beats for hit in hits)
  keys = {hit.pitch for hit in hits}
  assert 36 in keys
  assert keys & {37, 38}
  assert all(35 <= key <= 81 for key in keys)


def test_very_short_song_has_notes():
  for song in _songs(5, song_s=2.0):
    assert all(part.notes for part in song)
    assert all(n.start_s < 1.5 for part in song for n in part.notes)
