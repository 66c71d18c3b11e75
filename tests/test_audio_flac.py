"""What the frames of FLAC files say of their rate and length."""

import numpy as np
import pytest
import soundfile

from fewshot_mss.audio.blocks import read_blocks
from fewshot_mss.audio.flac import length_fault, rate_fault
from fewshot_mss.errors import InputError


@pytest.mark.parametrize(
  "rate_hz", [3_000, 8_000, 22_050, 44_100, 48_000, 96_000, 192_000, 12_345]
)
def test_rates_and_lengths_of_real_files_fit(tmp_path, rate_hz):
  path = tmp_path / "a.flac"
  rng = np.random.default_rng(0)
  for samples in (1, 15, 16, 17, 4096, 4097, 30_001):
    for sound in (np.zeros((samples, 1)), rng.uniform(-1, 1, (samples, 2))):
      soundfile.write(path, sound, rate_hz, subtype="PCM_24")
      assert rate_fault(path, rate_hz) is None
      assert length_fault(path, samples) is None
      assert "goes on after" in length_fault(path, samples - 1)
      assert "ends before" in length_fault(path, samples + 1)
  # Odd rates are not among those that a frame can name in short.
  assert f"{rate_hz} Hz in its frames" in rate_fault(path, rate_hz + 1)


@pytest.fixture
def noise(tmp_path):
  path = tmp_path / "a.flac"
  sound = np.random.default_rng(1).uniform(-1, 1, (30_000, 2))
  soundfile.write(path, sound, 44_100)
  return path


def _last_frame(content):
  # The header of a frame: its first four bytes are those of the first frame.
  return content.rfind(content[content.find(b"\xff\xf8") :][:2])


def test_a_frame_with_a_wrong_checksum_does_not_count(noise):
  content = bytearray(noise.read_bytes())
  place = _last_frame(content)
  # 30000 samples end with a short frame, so its size is written, then the sum.
  number, size, checksum = content[place + 4], place + 5, place + 7
  assert number == 7
  assert int.from_bytes(content[size : size + 2], "big") + 1 == 30_000 % 4096
  content[checksum] ^= 1
  noise.write_bytes(content)
  assert "ends before its header says" in length_fault(noise, 30_000)


def test_a_tag_before_it_is_passed_over(noise):
  tag = b"ID3\x04\x00\x00" + bytes([0, 0, 2, 44]) + bytes(300)
  noise.write_bytes(tag + noise.read_bytes())
  assert rate_fault(noise, 44_100) is None
  assert "ends before" in length_fault(noise, 30_001)


def test_a_part_that_lies_behind_the_cut_is_no_success(noise):
  content = noise.read_bytes()
  noise.write_bytes(content[: _last_frame(content)])
  assert sum(map(len, read_blocks(noise, 0, 20_000))) == 20_000
  with pytest.raises(InputError, match="ends before its header says"):
    list(read_blocks(noise, 20_000, 30_000))


def test_what_is_no_flac_tells_nothing(tmp_path):
  path = tmp_path / "a.flac"
  for content in (b"", b"fLaC", b"fLaC\x84\x00", b"RIFF" * 100):
    path.write_bytes(content)
    assert rate_fault(path, 44_100) is None
    assert length_fault(path, 1) is None
