"""The fitted curve: against its own conditions, and on levels known."""

import numpy as np
import pytest

from fewshot_mss.inference.calibration import fit_line


def test_a_known_curve_is_found_again():
  rng = np.random.default_rng(0)
  levels = rng.uniform(-40, 0, 20000)
  there = rng.random(20000) < 1 / (1 + np.exp(-(4 + 0.25 * levels)))
  line = fit_line(levels, there)
  # Both kinds weigh the same, which moves the offset by their log-odds alone.
  offset = 4 - np.log(there.mean() / (1 - there.mean()))
  assert line.slope == pytest.approx(0.25, rel=0.05)
  assert line.offset == pytest.approx(offset, abs=0.2)


def test_how_many_there_are_of_a_kind_does_not_matter():
  levels = np.array([-30.0, -20, -10, -18, -8, -2])
  there = np.array([False] * 3 + [True] * 3)
  many = np.concatenate([levels, np.tile(levels[3:], 50)])
  line = fit_line(many, np.concatenate([there, np.ones(150, np.bool_)]))
  # In the middle between two mirrored groups, either is as likely.
  assert line.probability(-14.67) == pytest.approx(0.5, abs=0.03)


def test_levels_that_part_cleanly_or_tell_nothing():
  levels = np.array([-50.0] * 20 + [-10.0] * 20)
  there = levels > -30
  clean = fit_line(levels, there)
  assert np.isfinite(clean).all()
  assert clean.probability(-30.0) == pytest.approx(0.5)
  assert 0.9 < clean.probability(-10.0) < 1
  flat = fit_line(np.full(40, -20.0), there)
  assert flat.probability(-20.0) == pytest.approx(0.5)
  mixed = fit_line(np.tile([-20.0, -10.0], 20), there)
  assert mixed.slope == pytest.approx(0, abs=1e-9)
