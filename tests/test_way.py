"""The share of the way from the mixture to the ideal mask, by hand."""

import numpy as np
import pytest

from fewshot_mss.evaluation.way import median_share, share_of_way


def test_by_hand():
  shares = share_of_way(
    np.array([0.0, 5.0, 12.0, -4.0]), np.array([10.0, 10.0, 10.0, 8.0])
  )
  assert shares.tolist() == [0.0, 0.5, 1.2, -0.5]


def test_without_a_way_there_is_no_share():
  shares = share_of_way(
    np.array([3.0, 3.0, np.nan, 3.0, 3.0]),
    np.array([0.99, -2.0, 10.0, np.nan, 1.0]),
  )
  assert np.isnan(shares[:4]).all()
  assert shares[4] == 3.0


def test_the_median_is_of_those_that_have_one():
  improvements = np.array([1.0, 2.0, 9.0, 100.0])
  assert median_share(
    improvements, np.array([10.0, 10.0, 10.0, 0.0])
  ) == pytest.approx(0.2)
  assert np.isnan(median_share(improvements, np.zeros(4)))
