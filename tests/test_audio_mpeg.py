"""MP3 files that end before they say."""

import numpy as np
import pytest
import soundfile

from fewshot_mss.audio import files
from fewshot_mss.audio.mpeg import frames_samples, states_length
from fewshot_mss.errors import InputError


def test_an_mp3_may_lack_its_last_frame_but_no_more(tmp_path):
  path = tmp_path / "a.mp3"
  soundfile.write(path, np.random.default_rng(5).normal(0, 0.1, 50_000), 16_000)
  content = path.read_bytes()
  path.write_bytes(content[:-1])
  assert 48_400 <= len(files.read_audio(path)[0]) < 50_000
  path.write_bytes(content[: len(content) * 9 // 10])
  with pytest.raises(InputError, match=r"a\.mp3 ends before its header says"):
    files.read_audio(path)


@pytest.mark.parametrize("tag_bytes", [None, 300])
def test_the_first_frame_is_found_behind_a_tag(tmp_path, tag_bytes):
  path = tmp_path / "a.mp3"
  soundfile.write(path, np.full(20_000, 0.1), 16_000)
  tag = b""
  if tag_bytes is not None:
    # Its length in 7 bits a byte: 300 is 2 * 128 + 44.
    tag = b"ID3\x04\x00\x00" + bytes([0, 0, 2, 44]) + bytes(tag_bytes)
  content = path.read_bytes()
  path.write_bytes(tag + content)
  assert states_length(path)
  path.write_bytes(
    tag + content.replace(b"Info", b"none", 1).replace(b"Xing", b"none", 1)
  )
  assert not states_length(path)


def test_frames_are_counted_without_decoding_through_what_is_none(tmp_path):
  path = tmp_path / "a.mp3"
  noise = np.random.default_rng(6).normal(0, 0.1, (700_000, 2))
  soundfile.write(
    path, noise, 44_100, bitrate_mode="CONSTANT", compression_level=0.0
  )
  content = path.read_bytes()
  # More than is held of a file at a time.
  assert len(content) > 2 * 2**18
  found = frames_samples(path)
  # The frame that states the length, delay and padding besides.
  assert found % 1152 == 0
  assert 700_000 + 1152 <= found <= 700_000 + 4 * 1152
  # Without that frame, all that are counted are decoded.
  second = content.find(content[:2], max(content.find(b"Xing"), 100))
  bare = content[second:]
  path.write_bytes(bare)
  assert frames_samples(path) == found - 1152
  assert len(files.read_audio(path)[0]) == found - 1152
  # Between two frames, and cut in the middle of the last.
  third = bare.find(bare[:3], 100_000)
  junk = b"\xff" * 300_000 + b"TAG" + bytes(100)
  path.write_bytes(bare[:third] + junk + bare[third:-10])
  assert frames_samples(path) == found - 2 * 1152


def test_what_is_no_mp3_has_no_frames(tmp_path):
  path = tmp_path / "a.mp3"
  for content in (b"", b"\xff", b"\xff\xfb", b"no frames" * 100_000):
    path.write_bytes(content)
    assert frames_samples(path) is None
