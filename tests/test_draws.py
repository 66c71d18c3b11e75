"""Clips outside of a mixture, offsets and companions, by hand."""

import itertools
import random

import numpy as np
import pytest

from fewshot_mss.data.draws import (
  active_offset,
  draw_clips,
  draw_companions,
  draw_examples,
  drawn_order,
  is_active,
  shuffled,
)

# Rows 0-9. Violin is in a0 a1 a2 b0 b1 c0, the drums in a0 b0 c0, the horn
# in a0 alone.
LINES = """
train a violin 0
train a drums  0
train a horn   0
train a violin 1
train a violin 2
train b violin 0
train b drums  0
train b violin 1
train c violin 0
train c drums  0
"""
DRUMS, HORN, VIOLIN = range(3)


@pytest.fixture(scope="module")
def catalogue(catalogue_of):
  return catalogue_of(LINES)


def clips(catalogue, instrument, tracks, moments, same_track, count=99, seed=0):
  return draw_clips(
    random.Random(seed),
    catalogue,
    catalogue.view,
    instrument,
    count,
    tracks=set(tracks),
    moments=set(moments),
    same_track=same_track,
  )


# Moments: a0 a1 a2 b0 b1 c0 are 0 to 5; tracks a b c are 0 to 2.
@pytest.mark.parametrize(
  ("instrument", "tracks", "moments", "same_track", "expected"),
  [
    # Other songs; not the mixture's own.
    (VIOLIN, [0], [0], False, [5, 7, 8]),
    (VIOLIN, [1], [3], False, [0, 3, 4, 8]),
    # The own song, at other times of it.
    (VIOLIN, [0], [0], True, [3, 4]),
    (VIOLIN, [0], [1], True, [0, 4]),
    (VIOLIN, [0, 1], [1, 3], True, [0, 4, 7]),
    # A moment of another song in the mixture is left out too.
    (VIOLIN, [0], [0, 4], False, [5, 8]),
    (VIOLIN, [0], [0, 3, 5], False, [7]),
    # Nothing in other songs: other times of the own ones.
    (VIOLIN, [0, 1, 2], [0, 3], False, [3, 4, 7, 8]),
    # Nothing in the own song: other songs.
    (DRUMS, [0], [0], True, [6, 9]),
    # Nowhere but in the mixture.
    (HORN, [0], [0], False, []),
    (HORN, [0], [0], True, []),
  ],
)
def test_clips_that_may_show_an_instrument(
  catalogue, instrument, tracks, moments, same_track, expected
):
  drawn = clips(catalogue, instrument, tracks, moments, same_track)
  assert sorted(drawn) == expected


@pytest.mark.parametrize("same_track", [False, True])
def test_clips_are_different_and_even(catalogue, same_track):
  # The violin of b0 leaves 0 3 4 8 in other songs; that of a0 and of a song
  # more leaves 3 4 7 8 in its own.
  tracks, moments = ([0, 1, 2], [0, 3]) if same_track else ([1], [3])
  drawn = np.array(
    [
      clips(catalogue, VIOLIN, tracks, moments, same_track, 2, seed)
      for seed in range(4000)
    ]
  )
  assert (drawn[:, 0] != drawn[:, 1]).all()
  rows, counts = np.unique(drawn, return_counts=True)
  assert rows.tolist() == ([3, 4, 7, 8] if same_track else [0, 3, 4, 8])
  # 8000 draws over 4 rows: 2000 each, standard deviation about 32.
  assert np.abs(counts - 2000).max() < 150


def test_every_order_is_as_likely():
  rng = random.Random(0)
  orders = [tuple(drawn_order(rng, 3)) for _ in range(6000)]
  different, counts = np.unique(orders, axis=0, return_counts=True)
  assert different.tolist() == [
    list(order) for order in itertools.permutations(range(3))
  ]
  # 1000 each, standard deviation 29.
  assert np.abs(counts - 1000).max() < 130
  assert list(drawn_order(rng, 0)) == []
  assert sorted(drawn_order(rng, 500)) == list(range(500))


def test_shuffling_keeps_the_items():
  drawn = {
    tuple(shuffled(random.Random(seed), [7, 7, 5])) for seed in range(40)
  }
  assert drawn == {(7, 7, 5), (7, 5, 7), (5, 7, 7)}


def test_excerpts_are_active_where_they_touch_an_active_block(catalogue_of):
  # Active from sample 4 to 8 alone.
  catalogue = catalogue_of("train a violin 0 p -90,-20,-90,-90")
  shown = [is_active(catalogue, 0, offset, 4) for offset in (0, 1, 4, 7, 8, 12)]
  assert shown == [False, True, True, True, False, False]


def offsets(catalogue, row, length_samples, count):
  rng = random.Random(0)
  return [
    active_offset(rng, catalogue, row, length_samples) for _ in range(count)
  ]


@pytest.mark.parametrize("length_samples", [1, 3, 4, 11])
@pytest.mark.parametrize("row", [0, 1])
def test_clips_always_hold_something_active(catalogue_of, length_samples, row):
  catalogue = catalogue_of(
    "train a violin 0 p -90,-20,-90,-20\ntrain a drums 0 p -20,-90,-90,-90"
  )
  for offset in offsets(catalogue, row, length_samples, 1000):
    assert is_active(catalogue, row, offset, length_samples)
    assert 0 <= offset <= 16 - length_samples


def test_single_samples_are_drawn_evenly_from_active_blocks(catalogue_of):
  catalogue = catalogue_of("train a violin 0 p -90,-20,-90,-20")
  counts = np.bincount(offsets(catalogue, 0, 1, 8000), minlength=16)
  expected = 1000 * np.array([0, 0, 0, 0, 1, 1, 1, 1] * 2)
  # Standard deviation about 30.
  assert np.abs(counts - expected).max() < 150


def test_a_row_without_an_active_block_is_drawn_from_anywhere(catalogue_of):
  # The second segment is far below the first of its stem.
  catalogue = catalogue_of(
    "train a violin 0\ntrain a violin 1 p -90,-90,-90,-90"
  )
  assert not catalogue.active[1].any()
  counts = np.bincount(offsets(catalogue, 1, 1, 8000), minlength=16)
  # 500 each, standard deviation about 22.
  assert np.abs(counts - 500).max() < 110


def test_a_moment_is_anywhere_in_its_clip(catalogue_of):
  # One active block, from 8 to 12, in clips of 4: offsets 5 to 11.
  catalogue = catalogue_of("train a violin 0 p -90,-90,-20,-90")
  drawn = np.unique(offsets(catalogue, 0, 4, 2000))
  assert drawn.tolist() == [5, 6, 7, 8, 9, 10, 11]


def test_whole_segments_begin_at_zero(catalogue):
  assert offsets(catalogue, 3, 16, 5) == [0] * 5


COMPANIONS = """
train a violin   0
train a violin_2 0
train a violin_3 0
train a drums    0
train a horn     0 p -90,-90,-20,-20
train a violin   1
train b flute    0
"""


def companions(catalogue, wanted, offset_samples, seed, **kwargs):
  return draw_companions(
    random.Random(seed),
    catalogue,
    catalogue.view,
    0,
    wanted,
    offset_samples,
    8,
    **kwargs,
  )


def test_a_second_source_is_another_instrument(catalogue_of):
  catalogue = catalogue_of(COMPANIONS)
  drawn = {tuple(companions(catalogue, 2, 8, seed)) for seed in range(40)}
  assert drawn == {(0, 3), (0, 4)}
  # The horn is silent in the first half.
  drawn = {tuple(companions(catalogue, 2, 0, seed)) for seed in range(40)}
  assert drawn == {(0, 3)}


def test_companions_are_of_the_same_time_and_different(catalogue_of):
  catalogue = catalogue_of(COMPANIONS)
  for seed in range(20):
    assert sorted(companions(catalogue, 9, 0, seed)) == [0, 1, 2, 3, 4]
    # All but the silent horn come first.
    assert sorted(companions(catalogue, 4, 0, seed)) == [0, 1, 2, 3]


def test_the_first_companions_are_of_as_many_instruments_as_asked(catalogue_of):
  catalogue = catalogue_of(COMPANIONS)
  for seed in range(40):
    assert set(companions(catalogue, 3, 8, seed, different=3)) == {0, 3, 4}
    # In the first half there are two that sound, but three are wanted.
    assert set(companions(catalogue, 3, 0, seed, different=3)) == {0, 3, 4}
    assert 3 in companions(catalogue, 3, 0, seed)
  two = {tuple(sorted(companions(catalogue, 3, 0, s))) for s in range(40)}
  assert two == {(0, 1, 3), (0, 2, 3)}


def test_companions_where_all_are_of_one_instrument(catalogue_of):
  catalogue = catalogue_of("train a violin 0\ntrain a violin_2 0")
  assert companions(catalogue, 3, 0, 0) == [0, 1]


def examples(catalogue, sources, instruments, count, **kwargs):
  return draw_examples(
    random.Random(1),
    catalogue,
    catalogue.view,
    sources,
    instruments,
    count,
    **kwargs,
  )


def test_examples_alternate_between_instruments(catalogue):
  # The mixture is a0; violin may come from 5 7 8, drums from 6 9.
  drawn = examples(catalogue, [0, 1, 2], [VIOLIN, DRUMS], 5)
  assert sorted(drawn) == [5, 6, 7, 8, 9]
  held = catalogue.instrument[drawn].tolist()
  assert held == [VIOLIN, DRUMS, VIOLIN, DRUMS, VIOLIN]
  drawn = examples(catalogue, [0, 1, 2], [DRUMS, VIOLIN], 3)
  held = catalogue.instrument[drawn].tolist()
  assert held == [DRUMS, VIOLIN, DRUMS]


def test_examples_run_out_without_repeating(catalogue):
  drawn = examples(catalogue, [0, 1, 2], [DRUMS, HORN], 6)
  assert sorted(drawn) == [6, 9]


def test_examples_of_the_own_song_are_of_the_target_s_song(catalogue):
  # Random mix: violin of a1, drums of b0. The violin's own song is a.
  drawn = examples(catalogue, [3, 6], [VIOLIN], 9, same_track=True)
  assert sorted(drawn) == [0, 4]
  # By default all other songs than a serve, but not the moment b0.
  assert sorted(examples(catalogue, [3, 6], [VIOLIN], 9)) == [7, 8]


def test_an_absent_instrument_is_shown_by_songs_outside_the_mixture(catalogue):
  # Drums are not in the mixture a1, a2: its song a does not serve.
  assert sorted(examples(catalogue, [3], [DRUMS], 9)) == [6, 9]
  assert examples(catalogue, [3], [DRUMS], 9, same_track=True) == [1]


def test_no_example_where_none_is_wanted(catalogue):
  assert examples(catalogue, [0, 1], [VIOLIN], 0) == []
  assert examples(catalogue, [0, 1], [], 3) == []
