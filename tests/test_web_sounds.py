"""What is said of files that were handed in."""

import numpy as np
import pytest
import soundfile

from fewshot_mss.errors import InputError
from fewshot_mss.web.limits import Limits
from fewshot_mss.web.sounds import OUTLINE_STEPS, look_at

LIMITS = Limits(minutes=0.5, megabytes=1)


def write(path, samples, rate_hz=8000, **words):
  soundfile.write(path, samples, rate_hz, **words)
  return path


def test_the_outline_is_the_loudest_of_each_step(tmp_path):
  samples = np.zeros((8000, 2))
  samples[4000:, 1] = -0.5
  sound = look_at(write(tmp_path / "a.wav", samples), "song", LIMITS)
  assert sound.seconds == 1.0
  assert sound.media_type == "audio/wav"
  # A second has 100 looks, fewer than the page can draw.
  assert sound.outline.tolist() == [0.0] * 50 + [0.5] * 50
  samples = np.random.default_rng(0).uniform(-0.3, 0.3, 30 * 8000)
  samples[100] = 0.9
  sound = look_at(write(tmp_path / "b.wav", samples), "song", LIMITS)
  assert len(sound.outline) == OUTLINE_STEPS
  assert sound.outline.argmax() == 0
  assert sound.outline[1:].max() < 0.31


@pytest.mark.parametrize(
  ("kind", "seconds", "channels", "level", "says"),
  [
    ("song", 30.1, 1, 0.1, "longer than 0.5 minutes"),
    ("positive", 30.1, 1, 0.1, "longer than 0.5 minutes"),
    ("song", 1, 3, 0.1, "3 channels"),
    ("song", 1, 1, np.nan, "NaN or infinite"),
    ("negative", 1, 1, np.nan, "NaN or infinite"),
    ("positive", 0.1, 1, 0.1, "at least 0.25 s"),
    ("positive", 1, 1, 0.0, "is silent"),
    ("song", 30, 2, 0.0, None),
    ("positive", 30, 3, 0.1, None),
  ],
)
def test_what_each_kind_must_be(tmp_path, kind, seconds, channels, level, says):
  samples = np.full((round(8000 * seconds), channels), level)
  path = write(tmp_path / "a.wav", samples, subtype="FLOAT")
  if says is None:
    assert look_at(path, kind, LIMITS).seconds == seconds
  else:
    with pytest.raises(InputError, match=says):
      look_at(path, kind, LIMITS)


def test_a_header_that_does_not_know_the_length_is_not_believed(tmp_path):
  path = write(tmp_path / "a.flac", np.zeros(31 * 8000))
  content = bytearray(path.read_bytes())
  # The 36 bits of STREAMINFO that count the samples; 0 is "not known".
  content[21] &= 0xF0
  content[22:26] = bytes(4)
  path.write_bytes(content)
  with pytest.raises(InputError, match="longer than"):
    look_at(path, "song", LIMITS)


def test_a_header_that_tells_too_much_is_enough(tmp_path):
  noise = np.random.default_rng(0).uniform(-0.5, 0.5, 31 * 8000)
  path = write(tmp_path / "a.flac", noise)
  path.write_bytes(path.read_bytes()[:100_000])
  with pytest.raises(InputError, match="longer than"):
    look_at(path, "song", LIMITS)


def test_a_header_of_a_high_rate_makes_no_song_shorter(tmp_path):
  # 7 million samples: at 352 kHz 20 s, at 192 kHz 36 s.
  samples = np.zeros(7_000_000, np.int16)
  path = write(tmp_path / "a.wav", samples, 352_800)
  with pytest.raises(InputError, match="longer than"):
    look_at(path, "song", LIMITS)


def test_messages_name_sizes():
  LIMITS.check_bytes(1_000_000)
  with pytest.raises(InputError, match="larger than 1 MB"):
    LIMITS.check_bytes(1_000_001)


def test_a_full_disk_takes_nothing(tmp_path):
  LIMITS.check_room(tmp_path, 1)
  with pytest.raises(InputError, match="nearly full"):
    LIMITS.check_room(tmp_path, 2**60)
