"""Where targets are heard: by hand, whatever the blocks, and nothing lost."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fewshot_mss.errors import InputError
from fewshot_mss.inference.calibration import (
  DEFAULT,
  Calibration,
  Line,
  calibration_of,
)
from fewshot_mss.inference.presence import Presence, PresenceMeter
from fewshot_mss.inference.presence_page import presence_json, presence_line
from fewshot_mss.inference.stream import Block

RATE_HZ = 100
FRAME = 10
# Certain: likely above -20 dB, steep.
SURE = Calibration(Line(40, 2), Line(40, 2))


def song(seconds, *heard, channels=2, seed=0):
  """Noise; a target is a tenth of its power where it is heard, and -60 dB."""
  rng = np.random.default_rng(seed)
  mixture = rng.normal(0, 0.1, (seconds * RATE_HZ, channels))
  targets = []
  for spans in heard:
    factor = np.full((len(mixture), 1), 1e-3)
    for begin, end in spans:
      factor[begin * RATE_HZ : end * RATE_HZ] = 0.1**0.5
    targets.append(mixture * factor)
  return Block(mixture.astype(np.float32), np.float32(targets))


def cut(whole, sizes):
  begin = 0
  for size in (*sizes, len(whole.mixture)):
    end = min(begin + size, len(whole.mixture))
    yield Block(whole.mixture[begin:end], whole.targets[:, begin:end])
    begin = end


def joined(blocks):
  mixtures, targets = zip(*blocks, strict=True)
  return Block(np.concatenate(mixtures), np.concatenate(targets, axis=1))


def gate(whole, sizes=(), calibration=SURE):
  meter = PresenceMeter(len(whole.targets), RATE_HZ, calibration)
  result = joined(meter.gated(cut(whole, sizes)))
  return result, meter.presences()


def test_the_line_is_a_logistic_curve():
  line = Line(1.0, 0.5)
  assert line.probability(-2.0) == 0.5
  assert line.probability(0.0) == pytest.approx(1 / (1 + np.exp(-1)))
  assert line.probability(1e9) == 1.0
  assert line.probability(-1e9) == pytest.approx(0, abs=1e-200)


def test_spans_are_where_it_is_heard():
  whole = song(30, [(5, 10), (20, 25)], [])
  meter = PresenceMeter(2, RATE_HZ, SURE)
  passed = joined(meter.watched(cut(whole, [123, 456])))
  np.testing.assert_array_equal(passed.targets, whole.targets)
  here, nowhere = meter.presences()
  # 1.1 s are judged together, so that it is found up to half a second early.
  np.testing.assert_allclose(here.spans_s, [(5, 10), (20, 25)], atol=0.55)
  assert here.probability > 0.99
  assert here.moment_probability > 0.9
  assert not here.is_absent
  # It starts as if there; a second tells that it is not.
  assert nowhere.spans_s == ()
  assert nowhere.is_absent
  assert nowhere.probability < 0.01
  assert nowhere.moment_probability == 0


def test_levels_are_those_of_eleven_frames():
  # One loud frame of eleven: its power counts as an eleventh. The mixture has
  # power 1 everywhere, the target 0.11 in frame 20.
  mixture = np.ones((40 * FRAME, 1), np.float32)
  target = np.zeros_like(mixture)
  target[20 * FRAME : 21 * FRAME] = 0.11**0.5
  # Opens from -20 dB on: to the bit it would be -20, so a little less.
  line = Line(20.001, 1.0)
  meter = PresenceMeter(1, RATE_HZ, Calibration(line, line))
  list(meter.watched([Block(mixture, target[None])]))
  (presence,) = meter.presences()
  np.testing.assert_allclose(presence.spans_s, [(1.5, 2.6)])
  assert presence.moment_probability == pytest.approx(0.5, abs=0.01)


def test_what_is_in_doubt_stays_as_it_was():
  # -20 dB is 0.35 likely: neither below 0.25 nor above 0.5.
  doubt = Line(np.log(0.35 / 0.65) + 20, 1.0)
  mixture = np.ones((60 * FRAME, 1), np.float32)
  target = np.full_like(mixture, 0.1)
  target[20 * FRAME : 40 * FRAME] = 0.01
  meter = PresenceMeter(1, RATE_HZ, Calibration(doubt, doubt))
  list(meter.watched([Block(mixture, target[None])]))
  # Open from the start; closed by two quiet frames of eleven, which take off
  # 0.8 dB, one only 0.4; and not opened by doubt again.
  assert meter.presences()[0].spans_s == ((0.0, 1.6),)


def test_the_gate_mutes_and_keeps_to_the_bit():
  whole = song(30, [(5, 10)], [(12, 14)])
  result, (first, _) = gate(whole)
  np.testing.assert_array_equal(result.mixture, whole.mixture)
  (begin, end), *_ = first.spans_s
  inside = slice(round(begin * RATE_HZ), round(end * RATE_HZ))
  np.testing.assert_array_equal(
    result.targets[0, inside], whole.targets[0, inside]
  )
  assert not result.targets[0, : inside.start - FRAME].any()
  assert not result.targets[0, inside.stop + FRAME :].any()
  # Fades lie in the frame before and the one after, and are straight.
  fade = slice(inside.start - FRAME, inside.start)
  gain = result.targets[0, fade, 0] / whole.targets[0, fade, 0]
  np.testing.assert_allclose(gain, np.arange(FRAME) / FRAME, atol=1e-6)
  fade = slice(inside.stop, inside.stop + FRAME)
  gain = result.targets[0, fade, 1] / whole.targets[0, fade, 1]
  np.testing.assert_allclose(gain, 1 - np.arange(FRAME) / FRAME, atol=1e-6)
  # What was muted is in the residual: its definition sees to it.
  rest = whole.mixture - result.targets[0] - result.targets[1]
  np.testing.assert_array_equal(result.residual, rest)


def test_a_target_that_is_there_all_along_is_not_touched():
  whole = song(7, [(0, 7)])
  result, (presence,) = gate(whole, [50])
  np.testing.assert_array_equal(result.targets, whole.targets)
  assert presence.spans_s == ((0.0, 7.0),)


@settings(max_examples=30, deadline=None)
@given(
  st.lists(st.integers(0, 300), max_size=12),
  st.integers(1, 800),
  st.integers(1, 2),
)
def test_block_sizes_change_no_bit(sizes, length, channels):
  whole = song(8, [(2, 4)], [(0, 1), (5, 7)], channels=channels)
  whole = Block(whole.mixture[:length], whole.targets[:, :length])
  expected, heard = gate(whole)
  result, presences = gate(whole, sizes)
  assert presences == heard
  assert len(result.mixture) == length
  np.testing.assert_array_equal(result.mixture, whole.mixture)
  np.testing.assert_array_equal(result.targets, expected.targets)
  meter = PresenceMeter(2, RATE_HZ, SURE)
  list(meter.watched(cut(whole, sizes)))
  assert meter.presences() == heard


@pytest.mark.parametrize("size", [1, FRAME, FRAME + 1])
def test_a_fade_waits_for_the_frame_after_it(size):
  # Each opening lies at the end of what is known for a moment.
  whole = song(8, [(3, 5)], [(1, 2), (6, 7)])
  expected, _ = gate(whole)
  result, _ = gate(whole, [size] * (len(whole.mixture) // size))
  np.testing.assert_array_equal(result.targets, expected.targets)


def test_in_silence_nothing_is_heard_however_much_of_it_it_is():
  whole = song(12, [(0, 12)], channels=1)
  whole.mixture[400:800] *= 1e-4
  whole = Block(whole.mixture, whole.mixture[None] * np.float32(0.9))
  _, (presence,) = gate(whole)
  (first, second) = presence.spans_s
  assert (first[0], second[1]) == (0.0, 12.0)
  np.testing.assert_allclose((first[1], second[0]), (4, 8), atol=0.55)


def test_little_is_held_back():
  whole = song(20, [(5, 10)])
  meter = PresenceMeter(1, RATE_HZ, SURE)
  given_samples = taken = 0

  def blocks():
    nonlocal given_samples
    for block in cut(whole, [37] * 60):
      given_samples += len(block.mixture)
      yield block

  for block in meter.gated(blocks()):
    taken += len(block.mixture)
    # Context, the frame that fades, the rest of a frame, and a block.
    assert given_samples - taken <= 7 * FRAME + 37 or given_samples == 2000
  assert taken == 2000


def test_silence_holds_nothing():
  silence = Block(np.zeros((300, 1), np.float32), np.zeros((1, 300, 1), "f4"))
  result, (presence,) = gate(silence, calibration=DEFAULT)
  assert not result.targets.any()
  assert presence.spans_s == ()
  assert presence.is_absent
  # As quiet as it gets, though of a mixture that is so as well.
  assert presence.probability == DEFAULT.song.probability(-60.0)
  # As does no song at all.
  meter = PresenceMeter(1, RATE_HZ)
  assert list(meter.gated([])) == []
  assert meter.presences() == (presence,)


def test_the_calibration_of_a_model():
  assert calibration_of({"steps": 1}) is DEFAULT
  own = {"presence": {"moment": [1, 0.5], "song": [2.5, 0.25]}}
  expected = Calibration(Line(1.0, 0.5), Line(2.5, 0.25))
  assert calibration_of(own) == expected


@pytest.mark.parametrize(
  "presence",
  [
    None,
    [],
    {"moment": [1, 2]},
    {"moment": [1, 2], "song": [1]},
    {"moment": [1, 2], "song": [1, "x"]},
    {"moment": [1, 2], "song": [1, float("nan")]},
    {"moment": 1, "song": [1, 2]},
  ],
)
def test_a_calibration_that_cannot_be_read(presence):
  with pytest.raises(InputError, match=r"training\.presence"):
    calibration_of({"presence": presence})


def test_in_words_and_json():
  here = Presence(0.934, ((12.0, 47.26), (3603.0, 3605.5)), 0.876)
  assert presence_line("sax", here) == (
    "sax: heard 0:12-0:47.3, 60:03-60:05.5 (88 % sure); in the song, 93 % sure"
  )
  away = Presence(0.2, ((1.0, 2.0),), 0.6)
  assert presence_line("sax", away) == (
    "sax: absent from the whole song, 80 % sure"
  )
  assert presence_line("sax", Presence(0.0, (), 0.0)).endswith("100 % sure")
  doubtful = Presence(0.48, ((0.0, 24.0),), 0.47)
  assert presence_line("sax", doubtful) == (
    "sax: not sure that the song holds it (48 %); if it does, 0:00-0:24"
  )
  many = Presence(0.9, ((1.0, 2.0),) * 30, 0.9)
  assert "and 20 more" in presence_line("sax", many)
  assert presence_json(away) == {
    "absent": True,
    "probability": 0.2,
    "spans_s": [[1.0, 2.0]],
    "moment_probability": 0.6,
  }
