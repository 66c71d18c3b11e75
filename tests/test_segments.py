"""Songs cut into segments, and the catalogue of them, by hand."""

import numpy as np
import pytest

from fewshot_mss.data.segments import (
  cut_track,
  make_catalogue,
  track_segments,
)
from fewshot_mss.data.tracks import Stem, Track, TrackSet
from fewshot_mss.errors import InputError


def stem(name, samples, rate_hz=16, patch="p"):
  samples = np.asarray(samples, np.float64)
  if samples.ndim == 1:
    samples = samples[:, None]
  return Stem(name, name.split("_")[0], "f", patch, lambda: (samples, rate_hz))


def cut(*stems):
  return track_segments(
    Track("song", "train", stems), sample_rate_hz=16, segment_samples=8
  )


def test_segments_lie_on_one_grid_by_start_then_stem():
  segments = cut(
    stem("violin", np.full(20, 0.5)),
    stem("drums", np.concatenate([np.zeros(8), np.full(8, 0.25)])),
  )
  assert [(s.stem.name, s.start_samples) for s in segments] == [
    ("violin", 0),
    ("violin", 8),
    ("drums", 8),
    ("violin", 16),
  ]
  # The last is filled up with zeros; 0.5 of 32767 is rounded to even.
  expected = [16384, 16384, 16384, 16384, 0, 0, 0, 0]
  np.testing.assert_array_equal(segments[-1].pcm, expected)
  assert segments[-1].pcm.dtype == np.int16


def test_levels_are_in_db_below_full_scale():
  (segment,) = cut(stem("violin", [0.5] * 4 + [0.05] * 2 + [0.0] * 2))
  # Blocks of a quarter of a second are 4 samples: 0.5, and half of 0.05.
  np.testing.assert_array_equal(segment.levels_db, [-6, -29])
  expected = 10 * np.log10((4 * 0.25 + 2 * 0.0025) / 8)
  assert segment.rms_db == pytest.approx(expected, abs=1e-2)


def test_silent_blocks_are_at_the_bottom_of_the_scale():
  (segment,) = cut(stem("violin", [0.5] * 4 + [0.0] * 4))
  np.testing.assert_array_equal(segment.levels_db, [-6, -128])


def test_silence_is_below_60_db():
  assert len(cut(stem("violin", np.full(8, 0.00105)))) == 1
  assert cut(stem("violin", np.full(8, 0.0009))) == []


def test_one_gain_keeps_a_clipping_song_in_proportion():
  loud, quiet = cut(stem("violin", [2.0] * 8), stem("drums", [-0.5] * 8))
  np.testing.assert_array_equal(loud.pcm, np.full(8, 32767))
  # A quarter of the peak: -8191.75.
  np.testing.assert_array_equal(quiet.pcm, np.full(8, -8192))


def test_channels_are_averaged():
  (segment,) = cut(stem("violin", np.tile([0.5, 0.25], (8, 1))))
  np.testing.assert_array_equal(segment.pcm, np.full(8, round(0.375 * 32767)))


def test_other_rates_are_resampled():
  samples = 0.5 * np.sin(2 * np.pi * np.arange(3200) * 40 / 3200)
  segments = track_segments(
    Track("song", "train", (stem("violin", samples, 3200),)),
    sample_rate_hz=1600,
    segment_samples=1600,
  )
  (segment,) = segments
  expected = 0.5 * np.sin(2 * np.pi * np.arange(1600) * 40 / 1600)
  middle = slice(200, -200)
  np.testing.assert_allclose(
    segment.pcm[middle] / 32767, expected[middle], atol=1e-3
  )


def test_an_empty_stem_is_silent():
  assert cut(stem("violin", np.zeros((0, 1)))) == []
  assert cut() == []


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_stems_that_are_not_finite_are_named(bad):
  with pytest.raises(InputError, match="stem horn of track song holds NaN"):
    cut(stem("horn", [0.1, bad, 0.1]))


def test_catalogue_columns_follow_the_records():
  violin, drums = stem("violin_2", [0.5] * 8), stem("drums", [0.5] * 8)
  rows = {
    split: [cut_track(name, cut(*stems))]
    for split, name, stems in (
      ("train", "b", (violin, drums)),
      ("test", "a", (violin,)),
    )
  }
  catalogue = make_catalogue(
    rows,
    TrackSet(tracks=(), sources=("by hand",)),
    sample_rate_hz=16,
    segment_samples=8,
  )
  assert catalogue.tracks == ("a", "b")
  assert catalogue.stems == ("a/violin_2", "b/drums", "b/violin_2")
  assert catalogue.instruments == ("drums", "violin")
  assert catalogue.track.tolist() == [1, 1, 0]
  assert catalogue.stem.tolist() == [2, 1, 0]
  assert catalogue.instrument.tolist() == [1, 0, 1]
  assert catalogue.split.tolist() == [0, 0, 2]
  assert catalogue.record.tolist() == [0, 1, 0]
  assert catalogue.start_samples.tolist() == [0, 0, 0]
  assert catalogue.block_samples == 4
  assert catalogue.provenance == ("by hand",)
  assert not catalogue.unheard.any()


def test_seen_is_what_training_hears(catalogue_of):
  catalogue = catalogue_of(
    """
    train a declared 0
    train a heard    0
    train a muted    0 old
    train a both     0 old
    train b both     0 new
    test  c late     0
    test  c heard    0
    """,
    unseen=("declared",),
    unheard_patches=("old",),
  )
  seen = dict(zip(catalogue.instruments, catalogue.seen, strict=True))
  assert seen == {
    "declared": False,
    "heard": True,
    "muted": False,
    "both": True,
    "late": False,
  }
  assert catalogue.seen_instruments == ("both", "heard")
