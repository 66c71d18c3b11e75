"""Clips outside of a mixture, offsets and companions, by hand."""

import numpy as np
import pytest

from fewshot_mss.data.draws import (
  active_offsets,
  clip_intervals,
  draw_companions,
  draw_examples,
  draw_positions,
  is_active,
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


def rows_of(catalogue, intervals):
  return [
    int(row)
    for low, high in intervals
    for row in catalogue.view.group_rows[low:high]
  ]


def clips(catalogue, instrument, tracks, moments, same_track):
  return rows_of(
    catalogue,
    clip_intervals(
      catalogue.view,
      instrument,
      tracks=np.array(tracks),
      moments=np.array(moments),
      same_track=same_track,
    ),
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
  assert clips(catalogue, instrument, tracks, moments, same_track) == expected


def test_positions_are_different_even_and_inside():
  rng = np.random.default_rng(0)
  intervals = [(2, 4), (7, 7), (9, 12)]
  drawn = np.stack([draw_positions(rng, intervals, 2) for _ in range(4000)])
  assert (drawn[:, 0] != drawn[:, 1]).all()
  values, counts = np.unique(drawn, return_counts=True)
  assert values.tolist() == [2, 3, 9, 10, 11]
  # 8000 draws over 5 positions: 1600 each, standard deviation about 31.
  assert np.abs(counts - 1600).max() < 150


@pytest.mark.parametrize(
  ("intervals", "count", "expected"),
  [([(3, 5)], 5, [3, 4]), ([], 3, []), ([(1, 1)], 1, []), ([(0, 9)], 0, [])],
)
def test_positions_where_there_are_too_few(intervals, count, expected):
  drawn = draw_positions(np.random.default_rng(0), intervals, count)
  assert sorted(drawn.tolist()) == expected


def test_excerpts_are_active_where_they_touch_an_active_block(catalogue_of):
  # Active from sample 4 to 8 alone.
  catalogue = catalogue_of("train a violin 0 p -90,-20,-90,-90")
  rows = np.zeros(6, np.int64)
  offsets = np.array([0, 1, 4, 7, 8, 12])
  np.testing.assert_array_equal(
    is_active(catalogue, rows, offsets, 4),
    [False, True, True, True, False, False],
  )


@pytest.mark.parametrize("length_samples", [1, 3, 4, 11])
def test_clips_always_hold_something_active(catalogue_of, length_samples):
  catalogue = catalogue_of(
    "train a violin 0 p -90,-20,-90,-20\ntrain a drums 0 p -20,-90,-90,-90"
  )
  rows = np.arange(4000) % 2
  offsets = active_offsets(
    np.random.default_rng(0), catalogue, rows, length_samples
  )
  assert is_active(catalogue, rows, offsets, length_samples).all()
  assert offsets.min() >= 0
  assert offsets.max() <= 16 - length_samples


def test_single_samples_are_drawn_evenly_from_active_blocks(catalogue_of):
  catalogue = catalogue_of("train a violin 0 p -90,-20,-90,-20")
  rows = np.zeros(8000, np.int64)
  offsets = active_offsets(np.random.default_rng(0), catalogue, rows, 1)
  counts = np.bincount(offsets, minlength=16)
  expected = 1000 * np.array([0, 0, 0, 0, 1, 1, 1, 1] * 2)
  # Standard deviation about 30.
  assert np.abs(counts - expected).max() < 150


def test_a_moment_is_anywhere_in_its_clip(catalogue_of):
  # One active block, from 8 to 12, in clips of 4: offsets 5 to 11.
  catalogue = catalogue_of("train a violin 0 p -90,-90,-20,-90")
  rows = np.zeros(2000, np.int64)
  offsets = active_offsets(np.random.default_rng(0), catalogue, rows, 4)
  assert np.unique(offsets).tolist() == [5, 6, 7, 8, 9, 10, 11]


def test_whole_segments_begin_at_zero(catalogue):
  rows = np.array([3, 1])
  rng = np.random.default_rng(0)
  np.testing.assert_array_equal(
    active_offsets(rng, catalogue, rows, 16), [0, 0]
  )


COMPANIONS = """
train a violin   0
train a violin_2 0
train a violin_3 0
train a drums    0
train a horn     0 p -90,-90,-20,-20
train a violin   1
train b flute    0
"""


def companions(catalogue, wanted, offset_samples, seed):
  return draw_companions(
    np.random.default_rng(seed),
    catalogue,
    catalogue.view,
    0,
    wanted,
    offset_samples,
    8,
  ).tolist()


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


def test_companions_where_all_are_of_one_instrument(catalogue_of):
  catalogue = catalogue_of("train a violin 0\ntrain a violin_2 0")
  assert companions(catalogue, 3, 0, 0) == [0, 1]


def examples(catalogue, sources, instruments, count, **kwargs):
  return draw_examples(
    np.random.default_rng(1),
    catalogue,
    catalogue.view,
    np.array(sources),
    instruments,
    count,
    **kwargs,
  ).tolist()


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
