"""Files that are written: exact, whole or not there, however they end."""

import resource
import shutil
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from fewshot_mss.audio import blocks, files, formats, writing
from fewshot_mss.audio.output_folders import WriteError
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
    ("MPEG_LAYER_III", "MP3", "FLOAT"),
    ("VORBIS", "OGG", "FLOAT"),
    ("ULAW", "WAV", "FLOAT"),
  ],
)
def test_wav_keeps_the_precision_of_the_input(subtype, container, wanted):
  info = blocks.AudioInfo(44_100, 2, 1, subtype, container)
  assert formats.kept_subtype(info, "wav") == wanted


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


# ---- Block by block.


def cut(samples, sizes=(1, 700, 0, 299)):
  """Cuts 1000 samples unevenly."""
  ends = np.cumsum(sizes)
  return [samples[end - size : end] for size, end in zip(sizes, ends, strict=1)]


@pytest.mark.parametrize("name", formats.FORMATS)
def test_blocks_are_one_file_of_any_format(tmp_path, noise, name):
  for subtype in formats.FORMATS[name]:
    path = tmp_path / f"{subtype}.{name}"
    form = formats.Form(name, subtype)
    whole = noise
    if form.bits:
      whole = formats.to_steps(noise, form.bits)
    with writing.BlockWriter(path, form, RATE_HZ, 2, 1_000) as writer:
      for block in cut(whole):
        writer.write(block)
      assert not path.exists()
      writer.finish()
      assert not path.exists()
      writer.publish()
    info = files.audio_info(path)
    assert info == (RATE_HZ, 2, 1_000, subtype, name.upper())
    read, _ = soundfile.read(path, dtype="float64")
    if name in formats.LOSSY_FORMATS:
      assert np.abs(read).max() > 0.3
    elif form.bits:
      np.testing.assert_array_equal(read * 2 ** (form.bits - 1), whole)
    else:
      np.testing.assert_array_equal(read, noise)
  assert len(list(tmp_path.iterdir())) == len(formats.FORMATS[name])


# Half of it fits, then nothing more does.
FULL = """
import sys
from pathlib import Path
import numpy as np
from fewshot_mss.audio.formats import Form
from fewshot_mss.audio.writing import BlockWriter
from fewshot_mss.errors import InputError
form = Form(sys.argv[1], sys.argv[2])
try:
  with BlockWriter(Path("a.wav"), form, 8000, 1, 100_000) as writer:
    noise = np.random.default_rng(0).integers(-9999, 9999, (100_000, 1))
    writer.write(noise if form.bits else noise.astype("float32") / 9999)
    writer.finish()
except InputError as error:
  print(error, [*Path().iterdir()])
"""


@pytest.mark.parametrize(
  ("name", "subtype"), [("wav", "PCM_16"), ("ogg", "VORBIS")]
)
def test_what_a_full_disk_is_called(tmp_path, name, subtype):
  alone = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-ec"]
  mount = f"mount -t tmpfs -o size=40k tmpfs {tmp_path} && cd {tmp_path}"
  if shutil.which("unshare") is None or subprocess.call([*alone, mount]):
    pytest.skip("no file system of its own may be mounted here")
  words = ["sh", sys.executable, "-c", FULL, name, subtype]
  done = subprocess.run(
    [*alone, f'{mount} && exec "$@"', *words],
    capture_output=True,
    text=True,
    check=False,
  )
  assert done.stdout == (
    "a.wav cannot be written (No space left on device): name another folder or "
    "make room []\n"
  ), done.stderr


def test_a_file_that_is_not_published_is_gone(tmp_path, noise):
  path = tmp_path / "a.wav"
  path.write_text("old")
  form = formats.Form("wav", "FLOAT")
  with (
    pytest.raises(KeyboardInterrupt),
    writing.BlockWriter(path, form, RATE_HZ, 2, 1_000) as writer,
  ):
    writer.write(noise)
    assert len(list(tmp_path.iterdir())) == 2
    raise KeyboardInterrupt
  assert list(tmp_path.iterdir()) == [path]
  assert path.read_text() == "old"


@pytest.mark.parametrize("name", formats.FORMATS)
def test_a_full_disk_is_noticed_wherever_the_file_is_cut(tmp_path, noise, name):
  form = formats.Form(name, formats.FORMATS[name][0])
  samples = formats.to_steps(noise, form.bits) if form.bits else noise
  path = tmp_path / f"a.{name}"

  def write():
    with writing.BlockWriter(path, form, RATE_HZ, 2, 1_000) as writer:
      for block in cut(samples):
        writer.write(block)
      writer.finish()
      writer.publish()

  write()
  size = path.stat().st_size
  path.unlink()
  soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
  for limit in (0, 40, size // 2, size - 200, size - 1):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
      with pytest.raises(WriteError, match=r"written \(File too large\)"):
        write()
    finally:
      resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == [], limit


def test_a_wav_that_grows_too_long_is_no_wrong_success(
  tmp_path, noise, monkeypatch
):
  # 1000 samples of 2 channels of 4 bytes, where the header said 500.
  monkeypatch.setattr(writing, "MAX_WAV_BYTES", 7_999)
  form = formats.Form("wav", "FLOAT")
  with (
    pytest.raises(WriteError, match="longer than wav can be"),
    writing.BlockWriter(tmp_path / "a.wav", form, RATE_HZ, 2, 500) as writer,
  ):
    for block in cut(noise):
      writer.write(block)
  assert list(tmp_path.iterdir()) == []


def test_two_writers_of_one_file_do_not_mix(tmp_path, noise):
  form = formats.Form("wav", "FLOAT")
  path = tmp_path / "a.wav"
  with writing.BlockWriter(path, form, RATE_HZ, 2, 1_000) as first:
    first.write(noise)
    with writing.BlockWriter(path, form, RATE_HZ, 2, 1_000) as second:
      second.write(-noise)
      first.finish()
      first.publish()
      np.testing.assert_array_equal(files.read_audio(path)[0], noise)
      second.finish()
      second.publish()
  np.testing.assert_array_equal(files.read_audio(path)[0], -noise)
  assert list(tmp_path.iterdir()) == [path]
