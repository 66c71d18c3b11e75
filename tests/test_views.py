"""Sorted views, entry by entry, of a catalogue of seven rows."""

import numpy as np
import pytest

from fewshot_mss.data.views import make_view

# Instruments by name: drums 0, horn 1, violin 2. Moments: a0, a1, b0.
LINES = """
train a violin   0
train a drums    1
train a violin   1
train a violin_2 1 p -90,-90,-90,-90
train a violin_3 1
test  b horn     0
test  b drums    0
"""


@pytest.fixture(scope="module")
def catalogue(catalogue_of):
  catalogue = catalogue_of(LINES, unseen=("horn",))
  # violin_2 is silent beside a louder row of its own stem that is not there.
  np.testing.assert_array_equal(catalogue.moment, [0, 1, 1, 1, 1, 2, 2])
  catalogue.active[3] = False
  return catalogue


def test_rows_of_each_moment_are_together(catalogue):
  view = catalogue.view_of(np.ones(7, np.bool_))
  np.testing.assert_array_equal(view.moment_rows, [0, 1, 2, 3, 4, 5, 6])
  np.testing.assert_array_equal(view.moment_begin, [0, 1, 5, 7])
  np.testing.assert_array_equal(view.track_begin, [0, 2, 3])


def test_groups_hold_active_rows_by_split_then_instrument(catalogue):
  view = catalogue.view_of(np.ones(7, np.bool_))
  # train drums, horn, violin; validation: nothing; test drums, horn, violin.
  np.testing.assert_array_equal(
    view.group_begin, [0, 1, 1, 4, 4, 4, 4, 5, 6, 6]
  )
  np.testing.assert_array_equal(view.group_rows, [1, 0, 2, 4, 6, 5])
  np.testing.assert_array_equal(view.group_moment, [1, 0, 1, 1, 2, 2])
  assert [held.tolist() for held in view.split_instruments] == [
    [0, 2],
    [],
    [0, 1],
  ]


def test_crowds_count_different_instruments_most_first(catalogue):
  view = catalogue.view_of(np.ones(7, np.bool_))
  # violin sounds alone in a0 and with drums in a1, three violins or not.
  np.testing.assert_array_equal(view.crowded_rows, [1, 2, 4, 0, 6, 5])
  np.testing.assert_array_equal(view.crowd, [-2, -2, -2, -1, -2, -2])


def test_a_view_of_some_rows_knows_no_others(catalogue):
  view = catalogue.view
  # The horn is unseen: the drums of b are alone.
  np.testing.assert_array_equal(view.moment_rows, [0, 1, 2, 3, 4, 6])
  np.testing.assert_array_equal(view.moment_begin, [0, 1, 5, 6])
  np.testing.assert_array_equal(view.group_rows, [1, 0, 2, 4, 6])
  np.testing.assert_array_equal(view.crowd, [-2, -2, -2, -1, -1])
  assert view.split_instruments[2].tolist() == [0]


def test_a_view_of_no_rows_is_empty(catalogue):
  view = catalogue.view_of(np.zeros(7, np.bool_))
  assert len(view.moment_rows) == len(view.group_rows) == 0
  assert all(len(held) == 0 for held in view.split_instruments)


def test_crowds_of_many_moments_of_many_instruments_are_counted():
  # 29,999 * 100,000 + 99,999 does not fit in 32 bits.
  view = make_view(
    np.arange(4, dtype=np.int32),
    track=np.array([0, 0, 0, 0], np.int32),
    moment=np.array([0, 29_999, 29_999, 29_999], np.int32),
    split=np.array([0, 0, 0, 2], np.int32),
    instrument=np.array([99_999, 99_999, 0, 99_999], np.int32),
    active=np.ones(4, np.bool_),
    num_tracks=1,
    num_splits=3,
    num_instruments=100_000,
  )
  np.testing.assert_array_equal(view.crowded_rows, [2, 1, 0, 3])
  np.testing.assert_array_equal(view.crowd, [-2, -2, -1, -2])
