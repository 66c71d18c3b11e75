"""Loops are found whatever their level and place; other notes are not."""

import numpy as np
import pytest

from fewshot_mss.data.builder import build
from fewshot_mss.data.catalogue import TEST, load_catalogue
from fewshot_mss.data.copies import MAX_CORRELATION, drop_copies, likeness
from fewshot_mss.data.evaluation_items import evaluation_items
from fewshot_mss.data.evaluation_list import read_evaluation_list
from fewshot_mss.data.records import RecordReader
from fewshot_mss.data.tracks import Stem, Track, TrackSet

RATE_HZ = 4000


def noise(seed, length_s=2.0):
  rng = np.random.default_rng(seed)
  return rng.standard_normal(round(length_s * RATE_HZ)).astype(np.float32)


def test_a_sound_is_like_itself_later_and_louder():
  target = noise(0)
  example = np.concatenate([noise(1, 0.7), 3 * target[:5000]])
  assert likeness(target, example, RATE_HZ) > 0.99
  assert likeness(target, target, RATE_HZ) == pytest.approx(1, abs=1e-6)


def test_other_sounds_are_not_alike():
  assert likeness(noise(0), noise(1), RATE_HZ) < 0.3
  assert likeness(noise(0), -noise(0), RATE_HZ) < 0.3


def test_half_the_energy_of_something_else_is_no_copy():
  # 1 / sqrt(2) of the correlation is left.
  mixed = noise(0) + noise(1)
  assert likeness(noise(0), mixed, RATE_HZ) == pytest.approx(0.71, abs=0.08)


def test_what_only_the_highs_differ_in_is_a_copy():
  time = np.arange(2 * RATE_HZ)
  high = 2 * np.sin(2 * np.pi * 1900 / RATE_HZ * time).astype(np.float32)
  assert likeness(noise(0), noise(0) + high, RATE_HZ) > 0.99


def test_silence_and_short_sounds_are_like_nothing():
  silence = np.zeros(8000, np.float32)
  assert likeness(noise(0), silence, RATE_HZ) == 0
  assert likeness(silence, noise(0), RATE_HZ) == 0
  assert likeness(noise(0, 0.5), noise(0), RATE_HZ) == 0
  assert likeness(noise(0), noise(0, 0.5), RATE_HZ) == 0


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
  """One song: drums of one loop, a violin that never repeats itself."""
  loop = 0.1 * np.tile(noise(1), 6)[:, None]
  free = 0.1 * np.concatenate([noise(seed) for seed in range(2, 8)])[:, None]
  # A horn whose second half is its first.
  half = (
    0.1
    * np.tile(np.concatenate([noise(seed) for seed in (20, 21, 22)]), 2)[
      :, None
    ]
  )
  stems = tuple(
    Stem(name, name, "f", "p", lambda x=x: (x, RATE_HZ))
    for name, x in (("drums", loop), ("violin", free), ("horn", half))
  )
  return build(
    TrackSet((Track("song", "test", stems),)),
    tmp_path_factory.mktemp("loops") / "data",
    sample_rate_hz=RATE_HZ,
    segment_s=2.0,
    progress=False,
    drop_copies=True,
  )


def test_examples_that_copy_are_left_out_and_items_without_any(directory):
  catalogue = load_catalogue(directory)
  items = evaluation_items(catalogue, TEST)
  assert {item.instrument for item in items} == {"drums", "violin", "horn"}
  kept = drop_copies(items, catalogue, RecordReader(directory, catalogue))
  # Drums have no example but the loop, as right or as wrong query.
  for item in kept:
    assert item.instrument in ("violin", "horn")
    assert item.wrong_instrument in ("violin", "horn")
  assert {item.instrument for item in kept} == {"violin", "horn"}
  assert [item.spec.index for item in kept] == list(range(len(kept)))
  for item in kept:
    for q, name in enumerate((item.instrument, item.wrong_instrument)):
      rows = item.spec.positive_records[q]
      start = catalogue.start_samples[rows[rows >= 0]] // 8000
      own = catalogue.start_samples[item.spec.source_records[0]] // 8000
      assert not (rows[(rows >= 0).sum() :] >= 0).any()
      if name == "horn":
        assert len(start) == 4
        assert (own + 3) % 6 not in start
      else:
        assert len(start) == 5


def test_a_build_writes_such_a_list(directory):
  catalogue = load_catalogue(directory)
  listed = read_evaluation_list(directory, "test")
  kept = drop_copies(
    evaluation_items(catalogue, TEST),
    catalogue,
    RecordReader(directory, catalogue),
  )
  assert [i.instrument for i in listed] == [i.instrument for i in kept]
  for one, other in zip(listed, kept, strict=True):
    np.testing.assert_array_equal(
      one.spec.positive_records, other.spec.positive_records
    )
  assert MAX_CORRELATION == 0.9
