"""The sound of stems: at another rate, in all channels, added up."""

import numpy as np
import pytest

from fewshot_mss.audio.resampling import resample
from fewshot_mss.errors import InputError
from fewshot_mss.evaluation.song_sound import fit, read_clips, sum_of_stems
from made_songs import column, noise, song, stem

RATE_HZ = 1000


def test_stems_add_up_to_the_longest_and_widest():
  total = sum_of_stems(
    "a",
    [
      stem("bass", column(1, 2, 3)),
      stem("lead", np.float32([[10, 20], [30, 40]])),
      stem("horn", column(100)),
    ],
    RATE_HZ,
  )
  assert total.tolist() == [[111, 32, 3], [121, 42, 3]]


def test_another_rate_keeps_duration_and_channels():
  sound = noise(0, seconds=1.001, channels=2)
  total = sum_of_stems("a", [stem("bass", sound)], 400)
  assert total.shape == (2, 401)
  expected = resample(sound, RATE_HZ, 400).T
  count = min(401, expected.shape[1])
  np.testing.assert_array_equal(total[:, :count], expected[:, :count])


def test_fit_fills_up_and_doubles():
  sound = np.float32([[1, 2]])
  assert fit(sound, (2, 3)).tolist() == [[1, 2, 0], [1, 2, 0]]


@pytest.mark.parametrize(
  ("samples", "told"),
  [
    (np.zeros((5, 3), np.float32), "has 3 channels"),
    (np.zeros((0, 1), np.float32), "holds no samples"),
    (column(0, np.nan), "NaN or infinite"),
  ],
)
def test_a_stem_that_cannot_be_used_is_named(samples, told):
  with pytest.raises(InputError, match=f"stem bass of a .*{told}"):
    sum_of_stems("a", [stem("bass", samples)], RATE_HZ)


def test_clips_are_cut_mixed_down_and_read_once():
  sound = noise(0, channels=2)
  reads = []
  one = stem("bass", sound)
  counted = stem("bass", sound)
  object.__setattr__(counted, "read", lambda: (reads.append(1), one.read())[1])
  tracks = {"a": song("a", counted)}
  spans = [("a", "bass", 1.5), ("a", "bass", 0.25), ("a", "bass", 1.5)]
  found = dict(read_clips(tracks, spans, example_s=0.5, rate_hz=RATE_HZ))
  assert len(reads) == 1
  assert sorted(found) == [("a", "bass", 0.25), ("a", "bass", 1.5)]
  np.testing.assert_allclose(
    found["a", "bass", 1.5], sound[1500:2000].mean(axis=1), atol=1e-7
  )
  half = dict(read_clips(tracks, spans, example_s=0.5, rate_hz=500))
  assert half["a", "bass", 0.25].shape == (250,)


def test_a_clip_beyond_the_end_is_refused():
  tracks = {"a": song("a", stem("bass", noise(0, seconds=1.0)))}
  clips = read_clips(
    tracks, [("a", "bass", 0.75)], example_s=0.5, rate_hz=RATE_HZ
  )
  with pytest.raises(InputError, match=r"ends before the list's example at 0"):
    next(clips)
