"""Files as people have them: every format, damaged, mislabelled, in the way."""

import numpy as np
import pytest
import soundfile

from fewshot_mss.audio import files
from fewshot_mss.errors import InputError

RATE_HZ = 8_000
STEP = {"PCM_U8": 2**-7, "PCM_16": 2**-15, "PCM_24": 2**-23, "PCM_32": 2**-24}


@pytest.fixture
def noise():
  rng = np.random.default_rng(0)
  return rng.uniform(-0.99, 0.99, (1_000, 2)).astype(np.float32)


def test_info_says_what_the_file_is(tmp_path, noise):
  path = tmp_path / "a.flac"
  soundfile.write(path, noise, 44_100, subtype="PCM_24")
  assert files.audio_info(path) == (44_100, 2, 1_000, "PCM_24", "FLAC")


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_channels_are_read_as_they_are(tmp_path, noise, channels):
  wide = np.tile(noise[:, :1], channels) / np.arange(1, channels + 1)
  soundfile.write(tmp_path / "a.wav", wide, RATE_HZ, subtype="FLOAT")
  samples, _ = files.read_audio(tmp_path / "a.wav")
  assert samples.dtype == np.float32
  np.testing.assert_array_equal(samples, wide.astype(np.float32))


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3"])
def test_a_part_is_the_same_as_the_part_of_the_whole(tmp_path, name):
  rng = np.random.default_rng(1)
  sound = 0.1 * rng.standard_normal((40_000, 2))
  soundfile.write(tmp_path / name, sound, 44_100)
  whole, _ = files.read_audio(tmp_path / name)
  assert whole.shape == (40_000, 2)
  part, _ = files.read_audio(tmp_path / name, 20_001, 30_001)
  np.testing.assert_array_equal(part, whole[20_001:30_001])
  end, _ = files.read_audio(tmp_path / name, 39_000, 50_000)
  np.testing.assert_array_equal(end, whole[39_000:])
  assert files.read_audio(tmp_path / name, 40_001, 50_000)[0].shape == (0, 2)


@pytest.fixture(scope="module")
def unmeasured_mp3(tmp_path_factory):
  """A file of variable bit rate without the frame that states its length."""
  folder = tmp_path_factory.mktemp("mp3")
  rng = np.random.default_rng(2)
  sound = 0.2 * rng.standard_normal(44_100 * 8)
  # Quiet at first, so that the bit rate of the start misleads.
  sound[: 44_100 * 2] *= 1e-4
  soundfile.write(
    folder / "whole.mp3",
    sound,
    44_100,
    bitrate_mode="VARIABLE",
    compression_level=0.1,
  )
  content = (folder / "whole.mp3").read_bytes()
  second_frame = content.find(b"\xff\xfb", content.find(b"Xing"))
  (folder / "bare.mp3").write_bytes(content[second_frame:])
  # A picture of 200000 bytes in front, its length in 7 bits a byte.
  tag = b"ID3\x04\x00\x00" + bytes([0, 12, 26, 64]) + rng.bytes(200_000)
  (folder / "tagged.mp3").write_bytes(tag + content[second_frame:])
  return folder


@pytest.mark.parametrize("name", ["bare.mp3", "tagged.mp3"])
def test_mp3_without_stated_length_is_read_to_its_end(unmeasured_mp3, name):
  whole, _ = soundfile.read(unmeasured_mp3 / "whole.mp3", dtype="float32")
  samples, rate_hz = files.read_audio(unmeasured_mp3 / name)
  assert rate_hz == 44_100
  # Codec delay and padding stay where nothing states them.
  assert 0 <= len(samples) - len(whole) < 3 * 1152
  tail = samples[-44_100:, 0] ** 2
  assert tail.mean() == pytest.approx(0.04, rel=0.2)
  part, _ = files.read_audio(unmeasured_mp3 / name, 300_000, 301_000)
  np.testing.assert_array_equal(part, samples[300_000:301_000])


def test_mp3_with_stated_length_is_cut_to_it(unmeasured_mp3):
  samples, _ = files.read_audio(unmeasured_mp3 / "whole.mp3")
  assert samples.shape == (44_100 * 8, 1)


def test_loud_mp3_is_not_clipped(tmp_path):
  rng = np.random.default_rng(3)
  sound = np.sign(rng.standard_normal(20_000))
  soundfile.write(tmp_path / "a.mp3", sound, 44_100)
  assert np.abs(files.read_audio(tmp_path / "a.mp3")[0]).max() > 1.05


def broken(folder, name):
  """Makes one of the files that cannot be read."""
  path = folder / name
  if name == "folder.wav":
    path.mkdir()
  elif name == "bytes0.wav":
    path.touch()
  elif name == "samples0.wav":
    soundfile.write(path, np.zeros((0, 1)), RATE_HZ)
  elif name in ("text.wav", "text.raw"):
    path.write_text("This is no audio.")
  elif name == "cut.flac":
    rng = np.random.default_rng(4)
    soundfile.write(path, rng.uniform(-1, 1, 50_000), RATE_HZ)
    path.write_bytes(path.read_bytes()[:40_000])
  elif name == "cut.wav":
    soundfile.write(path, np.full(50_000, 0.5), RATE_HZ)
    path.write_bytes(path.read_bytes()[:-2])
  return path


@pytest.mark.parametrize(
  ("name", "reason"),
  [
    ("missing.wav", "no such file"),
    ("folder.wav", "is a folder"),
    ("bytes0.wav", "0 bytes"),
    ("samples0.wav", "no samples"),
    ("text.wav", "Format not recognised"),
    ("text.raw", "no header"),
    ("cut.flac", "ends before its header says"),
    ("cut.wav", "ends before its header says"),
  ],
)
def test_what_cannot_be_read_is_named_in_one_line(tmp_path, name, reason):
  path = broken(tmp_path, name)
  with pytest.raises(InputError) as raised:
    files.read_audio(path)
  message = str(raised.value)
  assert str(path) in message and reason in message
  assert "\n" not in message
  if name != "cut.flac":
    with pytest.raises(InputError, match=reason):
      files.audio_info(path)


@pytest.mark.parametrize("stated", [2**31 - 2**16, 2**32 - 1])
def test_a_wav_of_unknown_length_is_read_to_its_end(tmp_path, stated):
  path = tmp_path / "piped.wav"
  soundfile.write(path, np.full(1_000, 0.5), RATE_HZ)
  head, sound = path.read_bytes().split(b"data")
  path.write_bytes(head + b"data" + stated.to_bytes(4, "little") + sound[4:])
  assert len(files.read_audio(path)[0]) == 1_000
