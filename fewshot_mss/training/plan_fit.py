"""The largest batch that fits in a chip's memory, with few tries."""

from collections.abc import Callable
from typing import NamedTuple

_REFINEMENTS = 3


class Fit(NamedTuple):
  """What was found.

  Attributes:
    mixtures_per_chip: The most that was seen to fit; 0 if not even one does.
    memory_bytes: That it takes on a chip.
    too_many: The fewest that were seen not to fit; None if all did.
    tries: How many batches were compiled.
  """

  mixtures_per_chip: int
  memory_bytes: int
  too_many: int | None
  tries: int


def largest_fit(
  used_bytes: Callable[[int], int | None], start: int, limit_bytes: int
) -> Fit:
  """Looks for the largest batch that fits.

  From `start` by doubling or halving to one that fits and one that does not;
  then at most 3 tries between, each where a straight line through the two
  largest that fit meets the limit. What is returned was itself compiled. The
  line can fall short of the truth: near the limit, XLA computes things twice
  rather than keep them.

  Args:
    used_bytes: Of a batch on one chip; None if it does not fit. Costs minutes.
    start: Mixtures of the first try, at least 1.
    limit_bytes: What a chip has.

  Returns:
    What was found.
  """
  fitting: dict[int, int] = {}
  too_many: int | None = None
  tries = 0

  def attempt(mixtures: int) -> None:
    nonlocal too_many, tries
    tries += 1
    used = used_bytes(mixtures)
    if used is None:
      too_many = mixtures
    else:
      fitting[mixtures] = used

  mixtures = start
  attempt(mixtures)
  while not fitting and mixtures > 1:
    mixtures //= 2
    attempt(mixtures)
  while fitting and too_many is None:
    mixtures *= 2
    attempt(mixtures)
  for _ in range(_REFINEMENTS):
    if not fitting or too_many - max(fitting) <= 1:
      break
    attempt(_between(fitting, too_many, limit_bytes))
  most = max(fitting, default=0)
  return Fit(most, fitting.get(most, 0), too_many, tries)


def _between(fitting: dict[int, int], too_many: int, limit_bytes: int) -> int:
  """Returns the next number to try, above all that fit and below too_many."""
  most = max(fitting)
  middle = (most + too_many) // 2
  if len(fitting) == 1:
    return middle
  before = sorted(fitting)[-2]
  slope = (fitting[most] - fitting[before]) / (most - before)
  if slope <= 0:
    return middle
  guess = most + int((limit_bytes - fitting[most]) / slope)
  return guess if most < guess < too_many else middle
