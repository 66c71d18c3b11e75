"""M4A files as any other: their length, their place in time, their faults."""

import sys

import numpy as np
import pytest

from fewshot_mss.audio.blocks import audio_info, read_blocks
from fewshot_mss.audio.examples import load_example, parse_example
from fewshot_mss.audio.files import read_audio
from fewshot_mss.audio.formats import kept_subtype
from fewshot_mss.errors import InputError
from mp4_files import write_mp4

RATE_HZ = 44_100


def tones(samples, channels=2):
  times_s = np.arange(samples) / RATE_HZ
  left, right = (
    0.4 * np.sin(2 * np.pi * hz * times_s) for hz in (440.0, 3000.0)
  )
  return np.stack([left, right], axis=1)[:, :channels].astype(np.float32)


@pytest.mark.parametrize("samples", [100, 1000, 1024, 50_000])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("codec", ["aac", "alac"])
def test_length_and_channels_come_back(tmp_path, codec, channels, samples):
  path = write_mp4(tmp_path / "a.m4a", tones(samples, channels), RATE_HZ, codec)
  sound, rate_hz = read_audio(path)
  assert rate_hz == RATE_HZ
  assert sound.shape == (samples, channels)
  info = audio_info(path)
  assert (info.rate_hz, info.channels, info.format) == (44_100, channels, "MP4")
  # The container counts milliseconds.
  assert abs(info.num_samples - samples) <= 45


def test_alac_is_exact_and_aac_in_time(tmp_path):
  wanted = tones(50_000)
  sound, _ = read_audio(
    write_mp4(tmp_path / "a.m4a", wanted, RATE_HZ, codec="alac")
  )
  assert np.abs(sound - wanted).max() < 2**-15
  sound, _ = read_audio(write_mp4(tmp_path / "b.m4a", wanted, RATE_HZ))
  error = (sound - wanted)[2000:-2000]
  # A delay of one sample would be an error of 0.17 in the right channel.
  assert np.sqrt(np.mean(error**2)) < 0.01


def test_what_is_written_of_it_keeps_its_precision(tmp_path):
  for codec, subtype in (("aac", "FLOAT"), ("alac", "PCM_24")):
    path = write_mp4(tmp_path / f"{codec}.m4a", tones(2000), RATE_HZ, codec)
    assert kept_subtype(audio_info(path), "wav") == subtype


def test_it_is_known_by_its_content_and_read_in_parts(tmp_path):
  path = write_mp4(tmp_path / "a.wav", tones(50_000), RATE_HZ)
  whole, _ = read_audio(path)
  blocks = list(read_blocks(path, block_samples=7001))
  assert {len(block) for block in blocks[:-1]} == {7001}
  np.testing.assert_array_equal(np.concatenate(blocks), whole)
  for start, stop in ((0, 1), (1023, 30_001), (49_000, 60_000), (60_000, None)):
    part, _ = read_audio(path, start, stop)
    np.testing.assert_array_equal(part, whole[start:stop])


def test_a_range_of_it_is_an_example(tmp_path):
  path = write_mp4(tmp_path / "a.m4a", tones(50_000), RATE_HZ)
  whole, _ = read_audio(path)
  example = load_example(parse_example(f"{path}@0.5-1"), RATE_HZ)
  np.testing.assert_array_equal(example, whole[22_050:44_100].mean(axis=1))
  with pytest.raises(InputError, match=r"the file ends at 0:01\.13"):
    load_example(parse_example(f"{path}@0.5-2"), RATE_HZ)


def test_what_is_damaged_is_named(tmp_path):
  path = write_mp4(tmp_path / "a.m4a", tones(150_000), RATE_HZ)
  content = path.read_bytes()
  # Its table of contents lies at the end.
  path.write_bytes(content[: len(content) // 2])
  for read in (audio_info, read_audio):
    with pytest.raises(InputError, match=r"a\.m4a cannot be read as mp4"):
      read(path)
  path.write_bytes(content[:28])
  with pytest.raises(InputError, match=r"a\.m4a"):
    audio_info(path)


def test_without_pyav_the_extra_is_named(tmp_path, monkeypatch):
  path = write_mp4(tmp_path / "a.m4a", tones(5000), RATE_HZ)
  monkeypatch.setitem(sys.modules, "av", None)
  for read in (audio_info, read_audio):
    with pytest.raises(InputError) as caught:
      read(path)
    assert "pip install 'fewshot-mss[mp4]'" in str(caught.value)
    assert "\n" not in str(caught.value)
