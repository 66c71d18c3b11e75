"""Example clips of any length and quality."""

import numpy as np
import pytest

from fewshot_mss.data.records import RecordReader
from fewshot_mss.evaluation.ablation.clips import (
  REVERBERATION_S,
  Clip,
  ClipCutter,
  add_bleed,
  read_clip,
  reverberant,
)

LINES = """
train A horn 0 p -99,-20,-99,-99
train A horn 1
train A horn 2
train A horn 4
train A drum 1
train A horn_2 1
train B horn 3
"""
# 16 Hz and segments of 16 samples; the rows are in this order.
A0, A1, A2, A4, DRUM, SECOND, B3 = range(7)


@pytest.fixture
def catalogue(catalogue_of):
  found = catalogue_of(LINES)
  names = [found.stems[i] for i in found.stem]
  # Rows are in the order of the lines, a song after the other.
  assert names[DRUM] == "A/drum" and names[B3] == "B/horn"
  return found


@pytest.fixture
def cutter(catalogue):
  return ClipCutter(catalogue, 0, seed=0)


def level_db(sound):
  return 10 * np.log10(np.sum(sound.astype(np.float64) ** 2))


class Rows(RecordReader):
  """A reader whose row r holds r + 1, but for silent ones."""

  def __init__(self, silent=()):
    self.silent = silent

  def read(self, row):
    value = 0 if row in self.silent else row + 1
    return np.full(16, value, np.float32) * (1 + np.arange(16, dtype="f") / 16)


def test_a_clip_of_a_segment_is_the_segment(cutter):
  assert cutter.cut(A1, 16) == Clip(0, (A1,), 0, 16)


def test_shorter_clips_lie_inside_of_longer_ones(catalogue):
  offsets = set()
  for seed in range(30):
    cutter = ClipCutter(catalogue, 0, seed)
    short, long = cutter.cut(A0, 3), cutter.cut(A0, 9)
    assert long.offset_samples <= short.offset_samples
    assert short.offset_samples + 3 <= long.offset_samples + 9 <= 16
    # It shows the one block that is active.
    assert short.offset_samples < 8 and short.offset_samples + 3 > 4
    offsets.add(short.offset_samples)
  assert len(offsets) > 2


def test_a_clip_depends_on_its_row_and_the_seed_alone(catalogue):
  one, other = ClipCutter(catalogue, 0, 1), ClipCutter(catalogue, 0, 1)
  other.cut(A1, 5)
  assert one.cut(A2, 5) == other.cut(A2, 5)


def test_long_clips_join_neighbours_of_the_stem(cutter):
  # Later neighbours first.
  assert cutter.cut(A0, 32) == Clip(0, (A0, A1), 0, 32)
  assert cutter.cut(A1, 32).rows == (A1, A2)
  assert cutter.cut(A2, 32).rows == (A1, A2)
  assert cutter.cut(A1, 48).rows == (A0, A1, A2)
  # One is missing in between, and nothing is before the song's begin.
  assert cutter.cut(A4, 32) is None
  assert cutter.cut(A0, 64) is None
  assert cutter.cut(SECOND, 17) is None
  assert cutter.cut(B3, 32) is None


def test_long_clips_keep_out_of_the_mixture(cutter):
  a = 0
  assert cutter.cut(A1, 32, avoid=(a, 32)).rows == (A0, A1)
  assert cutter.cut(A1, 48, avoid=(a, 0)) is None
  # The same start in another song is no matter.
  assert cutter.cut(A1, 32, avoid=(1, 32)).rows == (A1, A2)


def test_a_long_clip_shows_what_is_active_in_its_own_row(catalogue):
  offsets = set()
  for seed in range(30):
    clip = ClipCutter(catalogue, 0, seed).cut(A0, 20)
    assert clip.rows == (A0, A1) and 0 <= clip.offset_samples <= 12
    # Samples 4 to 7 of the first row are active.
    assert clip.offset_samples < 8
    offsets.add(clip.offset_samples)
  assert len(offsets) > 2


def test_joined_segments_sound_one_after_the_other():
  clip = Clip(1, (2, 5), 10, 12)
  rows = Rows()
  expected = np.concatenate([rows.read(2)[10:], rows.read(5)[:6]])
  sound = read_clip(clip, [Rows(), rows], 16)
  np.testing.assert_array_equal(sound, expected)


def test_bleed_is_what_sounded_beside(cutter):
  clip = cutter.cut(A1, 16)
  bled = cutter.with_bleed(clip, "bleed -10 dB")
  # Neither the stem itself nor another one of the instrument.
  assert bled == clip._replace(quality="bleed -10 dB", bled=((DRUM,),))
  assert cutter.with_bleed(cutter.cut(A4, 16), "bleed -10 dB") is None
  long = cutter.with_bleed(cutter.cut(A1, 32), "bleed 0 dB")
  assert long.bled == ((DRUM,), ())


@pytest.mark.parametrize("db", [-20, -10, 0])
def test_bleed_has_its_level_over_the_clip(db):
  clip = Clip(0, (1, 2), 8, 16)
  bled = clip._replace(quality=f"bleed {db} dB", bled=((3, 5), ()))
  rows = Rows()
  dry, wet = (read_clip(each, [rows], 16) for each in (clip, bled))
  added = wet - dry
  assert level_db(added) - level_db(dry) == pytest.approx(db, abs=1e-3)
  # In the shape of the two stems while they sound, nothing after.
  both = (rows.read(3) + rows.read(5))[8:]
  np.testing.assert_allclose(added[:8] / both, added[0] / both[0], rtol=1e-3)
  np.testing.assert_array_equal(added[8:], 0)


def test_silence_bleeds_nothing():
  clip = Clip(0, (1,), 0, 16, "bleed 0 dB", ((3,),))
  rows = Rows(silent=(3,))
  np.testing.assert_array_equal(read_clip(clip, [rows], 16), rows.read(1))
  quiet = np.zeros(4, np.float32)
  np.testing.assert_array_equal(add_bleed(quiet, quiet + 1, 0.0), quiet)


def test_a_room_answers_an_impulse_by_a_decaying_tail():
  rate_hz = 800
  impulse = np.zeros(rate_hz, np.float32)
  impulse[0] = 1

  class Impulse(Rows):
    def read(self, row):
      return impulse

  wet = read_clip(
    Clip(0, (0,), 0, rate_hz, "reverberant"), [Impulse()], rate_hz
  )
  assert wet.dtype == np.float32 and len(wet) == rate_hz
  assert wet[0] == pytest.approx(1, abs=1e-5)
  assert level_db(wet[1:]) == pytest.approx(0, abs=0.01)
  end = round(REVERBERATION_S * rate_hz)
  np.testing.assert_allclose(wet[end:], 0, atol=1e-6)
  # 60 dB over its length: 30 over half of it.
  lost = level_db(wet[1:81]) - level_db(wet[241:321])
  assert lost == pytest.approx(30, abs=3)


def test_reverberation_is_linear_convolution_cut_to_length():
  rng = np.random.default_rng(0)
  sound, response = rng.normal(size=(2, 50)).astype(np.float32)
  found = reverberant(sound, response[:20])
  expected = np.convolve(sound, response[:20])[:50]
  np.testing.assert_allclose(found, expected, atol=1e-5)
