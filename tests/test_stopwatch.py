"""Shares of time, by hand on a clock of our own."""

import pytest

from fewshot_mss.training.stopwatch import (
  COMPUTING,
  DISPATCHING,
  WAITING,
  Stopwatch,
)


class Clock:
  def __init__(self):
    self.now_s = 100.0

  def __call__(self):
    return self.now_s


@pytest.fixture
def clock():
  return Clock()


def spend(stopwatch, clock, part, seconds):
  with stopwatch.part(part):
    clock.now_s += seconds


def test_a_lap_has_each_parts_share_of_its_own_time(clock):
  stopwatch = Stopwatch(clock)
  spend(stopwatch, clock, WAITING, 1.0)
  spend(stopwatch, clock, COMPUTING, 5.0)
  spend(stopwatch, clock, WAITING, 1.0)
  clock.now_s += 1.0
  first = {WAITING: 0.25, DISPATCHING: 0.0, COMPUTING: 0.625}
  assert stopwatch.lap() == pytest.approx(first)
  spend(stopwatch, clock, DISPATCHING, 2.0)
  second = {WAITING: 0.0, DISPATCHING: 1.0, COMPUTING: 0.0}
  assert stopwatch.lap() == pytest.approx(second)
  assert stopwatch.lap() == dict.fromkeys(second, 0.0)


def test_the_summary_is_of_all_laps_and_names_the_rest(clock):
  stopwatch = Stopwatch(clock)
  spend(stopwatch, clock, WAITING, 10.0)
  stopwatch.lap()
  spend(stopwatch, clock, DISPATCHING, 20.0)
  spend(stopwatch, clock, COMPUTING, 130.0)
  clock.now_s += 40.0
  assert stopwatch.summary() == (
    "200 s: 5% waiting for data, 10% dispatching, 65% computing, 20% scoring, "
    "saving and the rest"
  )


def test_a_part_that_fails_took_its_time(clock):
  stopwatch = Stopwatch(clock)
  with pytest.raises(ValueError), stopwatch.part(WAITING):
    clock.now_s += 3.0
    raise ValueError
  clock.now_s += 1.0
  assert stopwatch.lap()[WAITING] == pytest.approx(0.75)
