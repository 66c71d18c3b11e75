"""Examples: the time range means what it says, and bad ones are named."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from fewshot_mss.audio.examples import (
  MIN_EXAMPLE_S,
  ExampleSource,
  check_example_array,
  load_example,
  parse_example,
)
from fewshot_mss.audio.writing import write_audio
from fewshot_mss.errors import InputError

RATE_HZ = 8_000


@pytest.mark.parametrize(
  ("text", "start_s", "end_s"),
  [
    ("song.wav@1:02-1:09", 62, 69),
    ("song.wav@62-69", 62, 69),
    ("song.wav@1:02.5-1:09", 62.5, 69),
    ("song.wav@1:00:02-1:00:09.25", 3602, 3609.25),
    ("song.wav@0-75", 0, 75),
    ("song.wav@0:59-90:00", 59, 5400),
    ("song.wav@2:59:59-100:00:00", 10799, 360000),
  ],
)
def test_times(text, start_s, end_s):
  assert parse_example(text) == (Path("song.wav"), start_s, end_s)


def test_without_a_range_the_whole_file_is_meant():
  assert parse_example("a/horn.wav") == (Path("a/horn.wav"), None, None)


def test_an_at_sign_in_the_name_of_a_file(tmp_path):
  path = tmp_path / "live@1-2"
  path.touch()
  assert parse_example(str(path)) == (path, None, None)
  assert parse_example(f"{path}@3-4") == (path, 3, 4)
  with pytest.raises(InputError, match=r"no such file, and 'home\.wav'"):
    parse_example(str(tmp_path / "me@home.wav"))


@pytest.mark.parametrize(
  "span",
  [
    "", "5", "5-", "-5", "1:2:3:4-5:0:0:0", "1:60-3:00", "1:60:00-3:00:00",
    "a-b", "1-2-3", "1.-2", "1e1-20", "-1-5", " 1-2", "1:-2:", "٣-٤",
  ],
)  # fmt: skip
def test_malformed_ranges_show_the_right_form(span):
  with pytest.raises(
    InputError, match=r"no time range; write song\.wav@1:02-1:09"
  ) as raised:
    parse_example(f"horn.wav@{span}")
  assert f"horn.wav@{span}" in str(raised.value)


@pytest.mark.parametrize("text", ["a.wav@5-5", "a.wav@1:09-1:02"])
def test_a_range_ends_after_it_starts(text):
  with pytest.raises(InputError, match=r"must end after .*song\.wav@1:02"):
    parse_example(text)


def test_a_range_needs_a_file():
  with pytest.raises(InputError, match=r"song\.wav@1:02-1:09"):
    parse_example("@1-2")


@pytest.mark.parametrize(
  ("start_s", "end_s", "shown"),
  [
    (62.0, 69.0, "a.wav@1:02-1:09"),
    (0.0, 10.25, "a.wav@0:00-0:10.25"),
    (59.9999, 3600.0, "a.wav@1:00-60:00"),
  ],
)
def test_a_source_is_shown_as_one_writes_it(start_s, end_s, shown):
  assert str(ExampleSource(Path("a.wav"), start_s, end_s)) == shown
  assert str(ExampleSource(Path("a.wav"))) == "a.wav"


@pytest.fixture(scope="module")
def steps(tmp_path_factory):
  """Three seconds of stereo, the level of each sample is its time in s / 4."""
  path = tmp_path_factory.mktemp("audio") / "steps.wav"
  times_s = np.arange(3 * RATE_HZ, dtype=np.float32) / RATE_HZ
  samples = np.stack([times_s / 2, np.zeros_like(times_s)], axis=1)
  write_audio(path, samples, RATE_HZ, "FLOAT")
  return path


def test_a_range_is_that_part_in_mono(steps):
  samples = load_example(ExampleSource(steps, 1.0, 2.5), RATE_HZ)
  wanted = np.arange(RATE_HZ, 2.5 * RATE_HZ) / RATE_HZ / 4
  np.testing.assert_allclose(samples, wanted, atol=1e-6)


def test_the_whole_file_at_the_rate_of_the_model(steps):
  samples = load_example(ExampleSource(steps), 16_000)
  assert samples.dtype == np.float32
  assert samples.shape == (48_000,)
  wanted = np.arange(48_000) / 16_000 / 4
  np.testing.assert_allclose(samples[500:-500], wanted[500:-500], atol=1e-3)


def test_the_rest_of_the_file_is_not_read(tmp_path):
  rng = np.random.default_rng(0)
  sound = rng.uniform(-1, 1, 20 * RATE_HZ)
  path = tmp_path / "cut.flac"
  soundfile.write(path, sound, RATE_HZ)
  content = path.read_bytes()
  path.write_bytes(content[: len(content) // 2])
  samples = load_example(ExampleSource(path, 1.0, 2.0), RATE_HZ)
  np.testing.assert_allclose(samples, sound[RATE_HZ : 2 * RATE_HZ], atol=2**-15)
  with pytest.raises(InputError, match=r"cut\.flac ends before its header"):
    load_example(ExampleSource(path), RATE_HZ)


def test_a_range_may_end_with_the_file_and_no_later(steps):
  assert len(load_example(ExampleSource(steps, 2.0, 3.0), RATE_HZ)) == RATE_HZ
  with pytest.raises(
    InputError, match=r"steps\.wav@0:02-0:03.001: the file ends at 0:03;"
  ):
    load_example(ExampleSource(steps, 2.0, 3.001), RATE_HZ)
  with pytest.raises(InputError, match=r"@1:00-1:10: the file ends at 0:03;"):
    load_example(ExampleSource(steps, 60.0, 70.0), RATE_HZ)


def test_the_end_that_is_shown_lies_in_the_file(tmp_path):
  path = tmp_path / "a.wav"
  write_audio(path, np.full((8_001, 1), 0.5, np.float32), RATE_HZ, "FLOAT")
  with pytest.raises(InputError, match=r"the file ends at 0:01;"):
    load_example(ExampleSource(path, 0.0, 2.0), RATE_HZ)


def test_short_ranges_are_refused_and_just_long_enough_ones_are_not(steps):
  end_s = 1 + MIN_EXAMPLE_S
  assert len(load_example(ExampleSource(steps, 1.0, end_s), RATE_HZ)) == 2_000
  with pytest.raises(
    InputError, match=r"steps\.wav@0:01-0:01\.249 is 0\.249 s"
  ):
    load_example(ExampleSource(steps, 1.0, end_s - 0.001), RATE_HZ)


def test_missing_files_are_named(tmp_path):
  for span in [(None, None), (1.0, 2.0)]:
    with pytest.raises(InputError, match=r"gone\.wav: no such file"):
      load_example(ExampleSource(tmp_path / "gone.wav", *span), RATE_HZ)


def tone(level_db, duration_s=0.5):
  """A square wave, whose RMS is its peak."""
  square = np.where(np.arange(round(duration_s * RATE_HZ)) % 20 < 10, 1, -1)
  return (square * 10 ** (level_db / 20)).astype(np.float32)


def test_silence_begins_below_60_db(tmp_path):
  check_example_array(tone(-59.9), RATE_HZ, "example")
  with pytest.raises(InputError, match=r"example is silent \(-61 dBFS"):
    check_example_array(tone(-60.6), RATE_HZ, "example")
  write_audio(tmp_path / "a.wav", np.zeros((4_000, 2), np.float32), 8_000,
    "PCM_16")  # fmt: skip
  with pytest.raises(InputError, match=r"a\.wav is silent"):
    load_example(ExampleSource(tmp_path / "a.wav"), RATE_HZ)


def test_channels_that_cancel_in_mono_are_silent():
  opposite = np.stack([tone(-6), -tone(-6)], axis=1)
  with pytest.raises(InputError, match=r"is silent .*in mono"):
    check_example_array(opposite, RATE_HZ, "example")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_numbers_are_refused(tmp_path, value):
  samples = np.stack([tone(-6), tone(-6)], axis=1)
  samples[100, 1] = value
  with pytest.raises(InputError, match="example holds NaN or infinite"):
    check_example_array(samples, RATE_HZ, "example")
  write_audio(tmp_path / "a.wav", samples, RATE_HZ, "FLOAT")
  with pytest.raises(InputError, match=r"a\.wav holds NaN or infinite"):
    load_example(ExampleSource(tmp_path / "a.wav"), RATE_HZ)


def test_an_example_too_loud_to_be_heard_is_refused():
  sound = tone(-6)
  loudest = sound / np.abs(sound).max() * np.float32(1e6)
  assert np.isfinite(check_example_array(loudest, RATE_HZ, "example")).all()
  for factor in (1.01, 1e30):
    with pytest.raises(InputError, match=r"example reaches .* full scale is 1"):
      check_example_array(loudest * np.float32(factor), RATE_HZ, "example")


def test_arrays_become_mono_at_their_own_rate():
  left, right = tone(-6), tone(-20)
  mono = check_example_array(np.stack([left, right], axis=1), RATE_HZ, "a")
  np.testing.assert_allclose(mono, (left + right) / 2, atol=1e-7)
  same = check_example_array(left.astype(np.float64), RATE_HZ, "a")
  np.testing.assert_array_equal(same, left)
  assert same.dtype == np.float32


@pytest.mark.parametrize(
  ("samples", "reason"),
  [
    (np.ones((2, 8_000), np.float32), r"shape \(2, 8000\): give \[samples\]"),
    (np.ones((8_000, 1, 1), np.float32), r"shape \(8000, 1, 1\)"),
    (np.ones((), np.float32), r"shape \(\)"),
    (np.ones(8_000, np.int16), "int16: give floats"),
    (np.ones(1_999, np.float32), r"horn 3 is 0\.250 s long"),
    (np.ones(0, np.float32), r"horn 3 is 0\.000 s long"),
  ],
)
def test_other_arrays_are_refused(samples, reason):
  with pytest.raises(InputError, match=reason) as raised:
    check_example_array(samples, RATE_HZ, "horn 3")
  assert "horn 3" in str(raised.value)
