"""Files block by block: the same as at once, and what is wrong with them."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from fewshot_mss.audio.blocks import audio_info, read_blocks
from fewshot_mss.audio.files import read_audio
from fewshot_mss.errors import InputError

RATE_HZ = 22_050
SAMPLES = 30_001
KINDS = ("wav", "flac", "ogg", "mp3", "bare.mp3")


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
  """Noise in every format, and an MP3 that does not state its length."""
  folder = tmp_path_factory.mktemp("sounds")
  noise = np.random.default_rng(0).uniform(-0.5, 0.5, (SAMPLES, 2))
  for kind in ("wav", "flac", "ogg", "mp3"):
    soundfile.write(folder / f"a.{kind}", noise, RATE_HZ)
  content = (folder / "a.mp3").read_bytes()
  second = content.find(content[:2], content.find(b"Xing"))
  (folder / "a.bare.mp3").write_bytes(content[second:])
  return folder


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("block_samples", [1000, 4096, 1 << 20])
def test_blocks_are_the_file_whatever_their_length(sounds, kind, block_samples):
  path = sounds / f"a.{kind}"
  blocks = list(read_blocks(path, block_samples=block_samples))
  assert all(len(block) == block_samples for block in blocks[:-1])
  joined = np.concatenate(blocks)
  np.testing.assert_array_equal(joined, np.concatenate([*read_blocks(path)]))
  if kind != "bare.mp3":
    # As libsndfile reads it at once.
    expected = soundfile.read(path, dtype="float32")[0]
    np.testing.assert_array_equal(joined, expected)
  for start, stop in ((0, 10), (999, 12_345), (20_000, None), (40_000, None)):
    part = [
      np.zeros((0, 2), np.float32),
      *read_blocks(path, start, stop, block_samples),
    ]
    # The sums of an MP3 decoder depend on where it began, by their last bit.
    np.testing.assert_allclose(
      np.concatenate(part),
      joined[start:stop],
      rtol=0,
      atol=2e-7 if kind == "mp3" else 0,
    )


def test_a_block_of_many_channels_is_not_larger(tmp_path):
  path = tmp_path / "wide.wav"
  soundfile.write(path, np.zeros((3000, 512), np.float32), RATE_HZ)
  blocks = list(read_blocks(path))
  assert max(block.size for block in blocks) == 1 << 17
  assert sum(map(len, blocks)) == 3000


def test_a_flac_of_unknown_length_is_read_to_its_end(sounds, tmp_path):
  content = bytearray((sounds / "a.flac").read_bytes())
  # The last 36 bits before the checksum of the sound.
  content[21] &= 0xF0
  content[22:26] = bytes(4)
  path = tmp_path / "piped.flac"
  path.write_bytes(content)
  assert 1000 < audio_info(path).num_samples < 10 * SAMPLES
  np.testing.assert_array_equal(
    read_audio(path)[0], read_audio(sounds / "a.flac")[0]
  )


def test_what_lies_before_the_first_frame_of_an_mp3_is_passed_over(
  sounds, tmp_path
):
  path = tmp_path / "a.mp3"
  path.write_bytes(b"\xff\xfbjunk" + (sounds / "a.bare.mp3").read_bytes())
  np.testing.assert_array_equal(
    read_audio(path)[0], read_audio(sounds / "a.bare.mp3")[0]
  )


def test_content_counts_and_not_the_name(sounds, tmp_path):
  names = [
    "mp3.wav",
    "no ending",
    "-p",
    "--model",
    "-",
    'it\'s "so"; $(x) & *.wav',
    "\U0001f3ba trumpet\u2028.flac",
    "line\nbreak.wav",
    "@1:02-1:09.wav",
  ]
  expected = read_audio(sounds / "a.mp3")[0]
  for name in names:
    path = tmp_path / name
    path.write_bytes((sounds / "a.mp3").read_bytes())
    assert audio_info(path).format == "MP3"
    np.testing.assert_array_equal(read_audio(path)[0], expected)


def test_a_dash_in_the_working_folder_is_no_standard_input(
  sounds, tmp_path, monkeypatch
):
  (tmp_path / "-").write_bytes((sounds / "a.wav").read_bytes())
  monkeypatch.chdir(tmp_path)
  dash = tmp_path.relative_to(tmp_path) / "-"
  assert str(dash) == "-"
  assert audio_info(dash).num_samples == SAMPLES


def _damaged(sounds, tmp_path, kind):
  content = bytearray((sounds / f"a.{kind}").read_bytes())
  middle = len(content) // 2
  content[middle : middle + 3000] = bytes(3000)
  path = tmp_path / f"damaged.{kind}"
  path.write_bytes(content)
  return path


def test_damage_on_the_way_is_told_with_its_time(sounds, tmp_path):
  path = _damaged(sounds, tmp_path, "flac")
  read = []
  with pytest.raises(InputError) as caught:
    read.extend(read_blocks(path, block_samples=1000))
  message = str(caught.value)
  # Half of 1.36 s, in blocks of 45 ms and frames of 186 ms.
  assert f"{path} cannot be read as audio after 0:00." in message
  assert 0.4 < float(message.split("after 0:")[1].split(" ")[0]) < 0.7
  assert "\n" not in message
  assert 8 <= len(read) <= 16


@pytest.mark.parametrize("kind", ["wav", "flac", "mp3", "bare.mp3"])
def test_a_file_that_was_cut_off_is_named(sounds, tmp_path, kind):
  content = (sounds / f"a.{kind}").read_bytes()
  path = tmp_path / f"cut.{kind}"
  path.write_bytes(content[: len(content) * 2 // 3])
  if kind == "bare.mp3":
    # Nothing in it says that there was more.
    assert len(read_audio(path)[0]) < SAMPLES * 3 // 4
    return
  with pytest.raises(InputError, match="ends before its header says"):
    read_audio(path)


@pytest.mark.parametrize("kind", ["aiff", "au", "w64", "rf64", "caf"])
def test_other_containers_are_not_cut_silently_either(tmp_path, kind):
  path = tmp_path / f"cut.{kind}"
  soundfile.write(path, np.full((9000, 2), 0.1), RATE_HZ)
  assert len(read_audio(path)[0]) == 9000
  path.write_bytes(path.read_bytes()[:20_000])
  with pytest.raises(InputError, match="cut"):
    audio_info(path)


def test_a_reader_that_is_given_up_closes_its_file(sounds):
  def open_files():
    return len([*Path("/proc/self/fd").iterdir()])

  before = open_files()
  for kind in KINDS:
    blocks = read_blocks(sounds / f"a.{kind}", block_samples=100)
    next(blocks)
    assert open_files() > before
    blocks.close()
    assert open_files() == before


def test_a_name_that_cannot_be_opened_is_told(tmp_path):
  with pytest.raises(InputError, match="cannot be read"):
    audio_info(tmp_path / ("x" * 300))
