"""Files that are written: exact, whole or not there, however they end."""

import resource

import numpy as np
import pytest
import soundfile

from fewshot_mss.audio import files, writing
from fewshot_mss.errors import InputError

RATE_HZ = 8_000
STEP = {"PCM_U8": 2**-7, "PCM_16": 2**-15, "PCM_24": 2**-23, "PCM_32": 2**-24}


@pytest.fixture
def noise():
  rng = np.random.default_rng(0)
  return rng.uniform(-0.99, 0.99, (1_000, 2)).astype(np.float32)


@pytest.mark.parametrize("subtype", STEP)
def test_integers_are_rounded_to_the_nearest(tmp_path, noise, subtype):
  path = tmp_path / "a.wav"
  noise[:2] = [[1.0, -1.0], [0.0, 0.0]]
  assert writing.write_audio(path, noise, RATE_HZ, subtype) == subtype
  samples, rate_hz = files.read_audio(path)
  assert rate_hz == RATE_HZ
  assert files.audio_info(path).subtype == subtype
  # Plus full scale is one step above the largest integer.
  assert np.abs(samples[1:] - noise[1:]).max() <= 0.501 * STEP[subtype]
  np.testing.assert_allclose(samples[0], [1.0, -1.0], atol=STEP[subtype])
  assert samples[0, 1] == -1.0


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24"])
def test_what_was_read_is_written_back_bit_for_bit(tmp_path, noise, subtype):
  writing.write_audio(tmp_path / "a.wav", noise, RATE_HZ, subtype)
  samples, _ = files.read_audio(tmp_path / "a.wav")
  writing.write_audio(tmp_path / "b.wav", samples, RATE_HZ, subtype)
  first, second = (
    soundfile.read(tmp_path / name, dtype="int32")[0]
    for name in ("a.wav", "b.wav")
  )
  np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32"])
def test_above_full_scale_floats_are_written(tmp_path, noise, subtype):
  path = tmp_path / "loud.wav"
  noise[5, 1] = -1.001
  assert writing.write_audio(path, noise, RATE_HZ, subtype) == "FLOAT"
  assert files.audio_info(path).subtype == "FLOAT"
  np.testing.assert_array_equal(files.read_audio(path)[0], noise)


@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
def test_floats_are_kept_exactly_at_any_level(tmp_path, noise, subtype):
  path = tmp_path / "a.wav"
  assert writing.write_audio(path, 4 * noise, RATE_HZ, subtype) == subtype
  assert files.audio_info(path).subtype == subtype
  np.testing.assert_array_equal(files.read_audio(path)[0], 4 * noise)


def test_longer_than_a_wav_header_can_count_is_rf64(
  tmp_path, noise, monkeypatch
):
  # 1000 samples of 2 channels of 3 bytes.
  for limit, container in [(6_000, "WAV"), (5_999, "RF64")]:
    monkeypatch.setattr(writing, "MAX_WAV_BYTES", limit)
    writing.write_audio(tmp_path / "a.wav", noise, RATE_HZ, "PCM_24")
    assert files.audio_info(tmp_path / "a.wav").format == container


@pytest.mark.parametrize(
  ("subtype", "container", "wanted"),
  [
    ("PCM_16", "WAV", "PCM_16"),
    ("PCM_24", "FLAC", "PCM_24"),
    ("PCM_S8", "FLAC", "PCM_U8"),
    ("FLOAT", "WAV", "FLOAT"),
    ("DOUBLE", "WAV", "DOUBLE"),
    ("ALAC_20", "CAF", "PCM_24"),
    ("ALAC_32", "CAF", "PCM_32"),
    ("MPEG_LAYER_III", "MP3", "PCM_16"),
    ("VORBIS", "OGG", "PCM_16"),
    ("ULAW", "WAV", "PCM_16"),
  ],
)
def test_wav_keeps_the_precision_of_the_input(subtype, container, wanted):
  info = files.AudioInfo(44_100, 2, 1, subtype, container)
  assert writing.kept_subtype(info, "wav") == wanted


def test_writing_replaces_the_file_and_leaves_nothing_else(tmp_path, noise):
  path = tmp_path / "a.wav"
  path.write_text("old")
  (tmp_path / "old.wav").hardlink_to(path)
  writing.write_audio(path, noise, RATE_HZ, "FLOAT")
  assert files.audio_info(path).num_samples == 1_000
  assert sorted(tmp_path.iterdir()) == [path, tmp_path / "old.wav"]
  # Whoever has the old file open goes on reading it.
  assert (tmp_path / "old.wav").read_text() == "old"


def test_a_full_disk_leaves_the_old_file_and_no_half_of_the_new(tmp_path):
  path = tmp_path / "a.wav"
  path.write_text("old")
  soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
  resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
  try:
    with pytest.raises(InputError, match=r"a\.wav cannot be written"):
      writing.write_audio(
        path, np.zeros((100_000, 2), np.float32), RATE_HZ, "PCM_16"
      )
  finally:
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
  assert path.read_text() == "old"
  assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
  ("place", "reason"),
  [
    ("file/a.wav", "Not a directory"),
    ("nowhere/a.wav", "No such file or directory"),
    ("folder", "Is a directory"),
  ],
)
def test_where_nothing_can_be_written_is_named(tmp_path, noise, place, reason):
  (tmp_path / "file").touch()
  (tmp_path / "folder").mkdir()
  before = sorted(tmp_path.rglob("*"))
  with pytest.raises(
    InputError, match=rf"{place} cannot be written \({reason}"
  ):
    writing.write_audio(tmp_path / place, noise, RATE_HZ, "PCM_16")
  assert sorted(tmp_path.rglob("*")) == before


def test_a_subtype_that_wav_has_not_is_refused(tmp_path, noise):
  with pytest.raises(InputError, match=r"VORBIS.*a\.wav.*PCM_16"):
    writing.write_audio(tmp_path / "a.wav", noise, RATE_HZ, "VORBIS")
  assert not list(tmp_path.iterdir())


def test_writable_folder_is_made_and_left_empty(tmp_path):
  writing.check_writable(tmp_path / "a" / "b")
  writing.check_writable(tmp_path / "a" / "b")
  assert not list((tmp_path / "a" / "b").iterdir())


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_file_in_the_way_of_a_folder_is_named(tmp_path, place):
  (tmp_path / "file").touch()
  with pytest.raises(InputError, match=f"{place} cannot be written"):
    writing.check_writable(tmp_path / place)


def test_a_folder_that_is_there_and_cannot_be_written_is_found(tmp_path):
  # The super-user may write wherever permissions forbid it, but not here.
  link = tmp_path / "kernel"
  link.symlink_to("/proc")
  with pytest.raises(InputError, match="kernel cannot be written"):
    writing.check_writable(link)
