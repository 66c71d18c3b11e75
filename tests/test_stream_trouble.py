"""Songs in blocks that cannot be gone through, or are given up."""

import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile

from fewshot_mss.errors import InputError
from fewshot_mss.inference.inputs import open_song
from fewshot_mss.inference.patches import Grid
from fewshot_mss.inference.separator import Separator
from fewshot_mss.inference.stream import Network, stream_song
from tiny_archive import write_archive

RATE_HZ = 8000
CONDITIONS = np.array([[1, -1, 0.5, 2, 0, -2], [0, 1, 2, 0, 0, 1]], np.float32)


def noise(*shape, seed=0):
  rng = np.random.default_rng(seed)
  return rng.uniform(-0.5, 0.5, shape).astype(np.float32)


def identity(patches):
  return patches[:, None]


def join(blocks):
  blocks = list(blocks)
  return (
    np.concatenate([block.mixture for block in blocks]),
    np.concatenate([block.targets for block in blocks], axis=1),
  )


@pytest.fixture(scope="module")
def files(tmp_path_factory):
  """A song of 44.1 kHz in every format."""
  folder = tmp_path_factory.mktemp("songs")
  sound = noise(50_001, 2)
  for kind in ("wav", "flac", "ogg", "mp3"):
    soundfile.write(folder / f"song.{kind}", sound, 44_100)
  content = (folder / "song.mp3").read_bytes()
  second = content.find(content[:2], content.find(b"Xing"))
  (folder / "bare.mp3").write_bytes(content[second:])
  return folder


@pytest.fixture(scope="module")
def separator(tmp_path_factory):
  folder = tmp_path_factory.mktemp("model")
  return Separator.from_pretrained(write_archive(folder / "model"))


def test_what_is_wrong_with_a_song_is_told_at_once(separator, tmp_path):
  path = tmp_path / "six.wav"
  soundfile.write(path, noise(100, 6), RATE_HZ)
  with pytest.raises(InputError, match=r"six\.wav has 6 channels"):
    separator.stream(path, CONDITIONS)
  with pytest.raises(InputError, match="no such file"):
    separator.stream(tmp_path / "none.wav", CONDITIONS)


@pytest.mark.parametrize(
  ("conditions", "said"),
  [
    (CONDITIONS[:0], r"shape \(0, 6\)"),
    (CONDITIONS[:, :-1], r"shape \(2, 5\)"),
    (CONDITIONS * np.float32(np.nan), "hold NaN"),
  ],
)
def test_conditions_of_another_form_are_refused(separator, conditions, said):
  with pytest.raises(InputError, match=said):
    separator.stream(noise(100, 1), conditions, rate_hz=RATE_HZ)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_sample_that_is_no_number_is_told_with_its_time(
  separator, tmp_path, bad
):
  sound = noise(60_000, 2)
  sound[50_000, 1] = bad
  path = tmp_path / "bad.wav"
  soundfile.write(path, sound, RATE_HZ, subtype="FLOAT")
  seen = []
  with pytest.raises(
    InputError, match=r"bad\.wav holds NaN or infinite samples at 0:06\.25"
  ):
    seen.extend(separator.stream(path, CONDITIONS))
  with pytest.raises(InputError, match=r"the song holds NaN .* at 0:06\.25"):
    list(separator.stream(sound, CONDITIONS, rate_hz=RATE_HZ))


def test_the_loudest_song_comes_out_as_numbers(separator):
  song = (
    np.float32(1e6) * noise(5000, 1) / np.float32(np.abs(noise(5000, 1)).max())
  )
  blocks = list(separator.stream(song, CONDITIONS, rate_hz=RATE_HZ))
  assert sum(len(block.mixture) for block in blocks) == 5000
  assert all(np.isfinite(block.targets).all() for block in blocks)


@pytest.mark.parametrize("loud", [1.1e6, -3e38])
def test_what_the_network_would_overflow_at_is_refused(separator, loud):
  song = noise(5000, 1)
  song[4000] = loud
  with pytest.raises(InputError, match=r"the song reaches .* full scale is 1"):
    list(separator.stream(song, CONDITIONS, rate_hz=RATE_HZ))


def _open_files():
  return len([*Path("/proc/self/fd").iterdir()])


@pytest.mark.parametrize("name", ["song.wav", "song.mp3", "bare.mp3"])
def test_giving_up_leaves_neither_threads_nor_files(separator, files, name):
  list(separator.stream(files / name, CONDITIONS))
  before = threading.active_count(), _open_files()
  blocks = separator.stream(files / name, CONDITIONS)
  next(blocks)
  assert threading.active_count() > before[0]
  blocks.close()
  assert (threading.active_count(), _open_files()) == before
  # Nor does what was never begun.
  separator.stream(files / name, CONDITIONS)
  assert (threading.active_count(), _open_files()) == before


def test_an_error_of_the_network_reaches_the_caller(files):
  def broken(patches):
    raise ZeroDivisionError("here")

  before = threading.active_count()
  with pytest.raises(ZeroDivisionError, match="here"):
    list(
      stream_song(
        open_song(files / "song.wav"),
        Network(broken, RATE_HZ, 1, 4),
        Grid(500, 250),
      )
    )
  assert threading.active_count() == before
