"""Better by more passes: the same each time, and never worse for the song."""

import numpy as np
import pytest

from fewshot_mss.errors import InputError
from fewshot_mss.inference.patches import Grid
from fewshot_mss.inference.quality import QUALITIES, Quality, find_quality
from fewshot_mss.inference.separator import Separator
from tiny_archive import write_archive

RATE_HZ = 8000


@pytest.fixture(scope="module")
def separator(tmp_path_factory):
  folder = tmp_path_factory.mktemp("model")
  return Separator.from_pretrained(write_archive(folder / "model"))


def test_names_stand_for_numbers_of_patches():
  patches = {
    name: quality.grid(1000).count(100_000)
    for name, quality in QUALITIES.items()
  }
  # The last begins at 99000. One each 875 samples before it; one each 500; and
  # three times more of these, from 125, 250 and 375 on.
  assert patches == {"fast": 115, "normal": 199, "best": 199 + 3 * 198}
  assert find_quality("normal") == Quality() == Quality(0.5, 1)
  assert find_quality(Quality(0.25, 2)).grid(1000) == Grid(1000, 250, 2)


@pytest.mark.parametrize(
  ("make", "message"),
  [
    (lambda: find_quality("superb"), "'superb' is none of fast, normal, best"),
    (lambda: Quality(0.6), "overlap_share 0.6 must be 0 to 0.5"),
    (lambda: Quality(-0.1), "overlap_share -0.1 must be 0 to 0.5"),
    (lambda: Quality(shifts=0), "shifts 0 must be 1 to 64"),
    (lambda: Quality(shifts=65), "shifts 65 must be 1 to 64"),
  ],
)
def test_what_is_no_quality_is_named(make, message):
  with pytest.raises(InputError, match=message):
    make()


def test_an_unknown_name_is_told_before_anything_is_computed(separator):
  song = np.ones(3000, np.float32)
  with pytest.raises(InputError, match="'superb'"):
    separator.stream(
      song, np.ones((1, 6), np.float32), rate_hz=RATE_HZ, quality="superb"
    )


def test_the_best_is_the_mean_of_its_passes(separator):
  rng = np.random.default_rng(0)
  song = rng.uniform(-0.5, 0.5, 5000).astype(np.float32)
  condition = np.array([1, -1, 0.5, 2, 0, -2], np.float32)

  def target(quality):
    return separator.separate_with(
      song, condition, rate_hz=RATE_HZ, quality=quality
    ).target

  normal, two = target("normal"), target(Quality(shifts=2))
  np.testing.assert_array_equal(two, target(Quality(shifts=2)))
  # Twice the mean less the first pass is the second; only its seams differ.
  second = 2 * two - normal
  differs = np.abs(second - normal).max(axis=1) > 1e-5
  # The first patch fades out where it does in the other pass; the last fades in
  # over the end of the one before: at 4608, and at 4864.
  assert not differs[:512].any() and not differs[4864:].any()
  assert differs[800:4200].mean() > 0.9
