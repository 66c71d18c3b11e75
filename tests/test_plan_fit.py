"""The search for the largest batch on memories that are known by formula."""

import pytest

from fewshot_mss.training.plan_fit import Fit, largest_fit


def line(mixtures):
  """100 bytes and 7 for each mixture; 1000 at most: 128 mixtures fit."""
  used = 100 + 7 * mixtures
  return used if used <= 1000 else None


def recorded(used_bytes):
  tried = []

  def attempt(mixtures):
    tried.append(mixtures)
    return used_bytes(mixtures)

  return attempt, tried


def test_on_a_line_the_first_guess_hits():
  attempt, tried = recorded(line)
  fit = largest_fit(attempt, 15, 1000)
  # Doubled until it fails; the line through 60 and 120 says 128. Beyond that it
  # says nothing: halfway to the failure, twice.
  assert tried == [15, 30, 60, 120, 240, 128, 184, 156]
  assert fit == Fit(128, 996, 156, 8)


def test_too_large_a_start_is_halved():
  attempt, tried = recorded(line)
  fit = largest_fit(attempt, 1000, 1000)
  assert tried[:4] == [1000, 500, 250, 125]
  assert fit.mixtures_per_chip in range(125, 129)
  assert line(fit.mixtures_per_chip) == fit.memory_bytes
  assert line(fit.too_many) is None


def test_nothing_fits():
  attempt, tried = recorded(lambda mixtures: None)
  assert largest_fit(attempt, 5, 1000) == Fit(0, 0, 1, 3)
  assert tried == [5, 2, 1]


def test_neighbours_end_the_search():
  attempt, tried = recorded(lambda mixtures: 600 if mixtures == 1 else None)
  assert largest_fit(attempt, 1, 1000) == Fit(1, 600, 2, 2)
  assert tried == [1, 2]


@pytest.mark.parametrize("start", [1, 3, 50, 128, 129, 5000])
def test_what_is_returned_was_seen_to_fit(start):
  attempt, tried = recorded(line)
  fit = largest_fit(attempt, start, 1000)
  assert len(tried) == len(set(tried)) == fit.tries
  assert fit.mixtures_per_chip in tried and fit.too_many in tried
  assert fit.mixtures_per_chip <= 128 < fit.too_many


def test_memory_that_does_not_grow_is_no_line():
  # As where XLA computes things twice rather than keep them.
  attempt, tried = recorded(lambda mixtures: 500 if mixtures < 100 else None)
  fit = largest_fit(attempt, 32, 1000)
  assert tried == [32, 64, 128, 96, 112, 104]
  assert fit == Fit(96, 500, 104, 6)


def test_a_line_beyond_what_does_not_fit_is_not_followed():
  # The line through 32 and 64 meets the limit at 1000, but 128 is too many.
  attempt, tried = recorded(
    lambda mixtures: mixtures if mixtures < 128 else None
  )
  assert largest_fit(attempt, 32, 1000) == Fit(120, 120, 128, 6)
  assert tried == [32, 64, 128, 96, 112, 120]
