"""Songs in blocks: the same as at once, in little memory, and given up."""

import json
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import soundfile

from fewshot_mss.audio.files import read_audio
from fewshot_mss.audio.resampling import resample
from fewshot_mss.inference.inputs import open_song
from fewshot_mss.inference.overlap_add import overlap_add
from fewshot_mss.inference.patches import Grid
from fewshot_mss.inference.separator import Separator
from fewshot_mss.inference.stream import Network, stream_song
from tiny_archive import mask_of_ones, random_params, write_archive

RATE_HZ = 8000
PATCH = 64
RAMP = np.linspace(0, 1, 500, dtype=np.float32)


def noise(*shape, seed=0):
  rng = np.random.default_rng(seed)
  return rng.uniform(-0.5, 0.5, shape).astype(np.float32)


def identity(patches):
  return patches[:, None]


def shaped(patches):
  """Depends on where a sample lies in its patch; two targets."""
  return np.stack([patches * RAMP, patches * (0.5 - RAMP)], axis=1)


def join(blocks):
  blocks = list(blocks)
  return (
    np.concatenate([block.mixture for block in blocks]),
    np.concatenate([block.targets for block in blocks], axis=1),
  )


@pytest.mark.parametrize("batch_patches", [1, 3, 8])
@pytest.mark.parametrize("grid", [Grid(64, 32), Grid(64, 8), Grid(64, 32, 3)])
def test_identity_returns_its_input_to_the_last_bit(batch_patches, grid):
  network = Network(identity, RATE_HZ, 1, batch_patches)
  for samples in [*range(1, 9), *range(60, 3 * PATCH + 2, 7), 3 * PATCH + 1]:
    song = noise(samples, 2, seed=samples)
    blocks = list(stream_song(open_song(song, RATE_HZ), network, grid))
    mixture, targets = join(blocks)
    np.testing.assert_array_equal(mixture, song)
    np.testing.assert_array_equal(targets[0], song)
    assert not any(block.residual.any() for block in blocks)


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


@pytest.mark.parametrize("passes", [1, 3])
@pytest.mark.parametrize(
  "name", ["song.wav", "song.flac", "song.ogg", "song.mp3", "bare.mp3"]
)
def test_no_block_size_changes_a_bit(files, name, passes):
  network = Network(shaped, RATE_HZ, 2, 4)
  grid = Grid(500, 250, passes)
  results = [
    join(
      stream_song(
        open_song(files / name), network, grid, block_samples=block_samples
      )
    )
    for block_samples in (None, 1 << 20, 4096, 333)
  ]
  whole, _ = read_audio(files / name)
  for mixture, targets in results:
    np.testing.assert_array_equal(mixture, whole)
    assert targets.shape == (2, *whole.shape)
    np.testing.assert_array_equal(targets, results[0][1])
  # The same from an array, which is only looked at.
  mixture, targets = join(stream_song(open_song(whole, 44_100), network, grid))
  np.testing.assert_array_equal(targets, results[0][1])
  if passes == 1:
    np.testing.assert_array_equal(targets, _at_once(whole, 44_100))


def test_no_batch_size_changes_a_bit_where_the_network_has_none(files):
  song = open_song(files / "song.wav")
  results = [
    join(stream_song(song, Network(shaped, RATE_HZ, 2, batch), Grid(500, 250)))
    # The last batch may hold the last patch of one channel alone.
    for batch in (1, 3, 4, 1000)
  ]
  for mixture, targets in results:
    np.testing.assert_array_equal(mixture, results[0][0])
    np.testing.assert_array_equal(targets, results[0][1])


def _at_once(whole, rate_hz):
  """The plain way: resample all, overlap-add all, resample all back."""
  low = resample(whole, rate_hz, RATE_HZ)
  length = -(-len(whole) * RATE_HZ // rate_hz)
  low = np.pad(low, [(0, length - len(low)), (0, 0)])
  targets = overlap_add(
    np.ascontiguousarray(low.T),
    shaped,
    num_targets=2,
    patch_samples=500,
    overlap_samples=250,
    batch_patches=4,
  )
  back = [resample(target.T, RATE_HZ, rate_hz) for target in targets]
  return np.stack([sound[: len(whole)] for sound in back])


@pytest.mark.parametrize("rate_hz", [3000, 8000, 11_025, 48_000, 192_000])
@pytest.mark.parametrize("samples", [1, 2, 7, 1000, 9001])
def test_any_rate_keeps_its_length(rate_hz, samples):
  song = noise(samples, 1, seed=samples)
  mixture, targets = join(
    stream_song(
      open_song(song, rate_hz), Network(shaped, RATE_HZ, 2, 4), Grid(500, 250)
    )
  )
  np.testing.assert_array_equal(mixture, song)
  assert targets.shape == (2, samples, 1)


def test_constant_and_square_songs_come_back_through_another_rate():
  square = np.sign(np.sin(np.arange(30_000) / 400))[:, None].astype(np.float32)
  network = Network(identity, RATE_HZ, 1, 4)
  for song in (np.ones((30_000, 1), np.float32), square):
    _, targets = join(
      stream_song(open_song(song, 44_100), network, Grid(500, 250))
    )
    # Apart from the edges of the square, which 8 kHz cannot hold.
    error = np.abs(targets[0] - song)[2000:-2000]
    assert np.median(error) < 1e-3
    assert np.isfinite(targets).all()


@pytest.fixture(scope="module")
def separator(tmp_path_factory):
  folder = tmp_path_factory.mktemp("model")
  return Separator.from_pretrained(write_archive(folder / "model"))


CONDITIONS = np.array([[1, -1, 0.5, 2, 0, -2], [0, 1, 2, 0, 0, 1]], np.float32)


def test_separate_is_all_blocks_of_stream(separator, files):
  song = files / "song.flac"
  blocks = list(separator.stream(song, CONDITIONS[:1]))
  assert len(blocks) > 1
  separation = separator.separate_with(song, CONDITIONS[0])
  assert separation.rate_hz == 44_100
  mixture, targets = join(blocks)
  np.testing.assert_array_equal(separation.mixture, mixture)
  np.testing.assert_array_equal(separation.target, targets[0])
  np.testing.assert_array_equal(
    separation.residual, np.concatenate([block.residual for block in blocks])
  )


def test_several_targets_in_one_pass_are_those_of_one_each(separator, files):
  song = files / "song.wav"
  both = list(separator.stream(song, CONDITIONS))
  _, targets = join(both)
  for condition, target in zip(CONDITIONS, targets, strict=True):
    alone = separator.separate_with(song, condition).target
    np.testing.assert_allclose(target, alone, atol=1e-6)
  assert np.abs(targets[0] - targets[1]).max() > 1e-3
  for block in both:
    np.testing.assert_array_equal(
      block.residual, block.mixture - block.targets[0] - block.targets[1]
    )


def test_progress_tells_patches_even_where_the_length_is_a_guess(
  separator, files
):
  for name in ("song.wav", "bare.mp3"):
    calls = []
    for _ in separator.stream(
      files / name,
      CONDITIONS,
      progress=lambda done, total, calls=calls: calls.append((done, total)),
    ):
      pass
    done, totals = zip(*calls, strict=True)
    assert list(done) == sorted(done)
    assert all(d <= t for d, t in calls)
    assert done[-1] == totals[-1] >= 2 * 17
    if name == "song.wav":
      assert set(totals) == {2 * 17}


def test_memory_does_not_grow_with_the_song(tmp_path):
  write_archive(tmp_path / "model", mask_of_ones(random_params()))
  np.save(tmp_path / "one.npy", noise(60 * RATE_HZ, 2))
  program = textwrap.dedent(f"""
    import json, os, re
    import numpy as np, soundfile
    from fewshot_mss.inference.separator import Separator

    os.chdir({str(tmp_path)!r})
    separator = Separator.from_pretrained("model")
    condition = np.ones((1, 6), np.float32)
    peaks = []
    for minutes in (1, 10):
      with soundfile.SoundFile("song.wav", "w", {RATE_HZ}, 2) as song:
        for _ in range(minutes):
          song.write(np.load("one.npy"))
      with soundfile.SoundFile("out.wav", "w", {RATE_HZ}, 2) as out:
        for block in separator.stream("song.wav", condition):
          out.write(block.targets[0])
      with open("/proc/self/status") as status:
        peaks.append(int(re.search(r"VmHWM:\\s+(\\d+) kB", status.read())[1]))
    print(json.dumps(peaks))
  """)
  done = subprocess.run(
    [sys.executable, "-c", program], capture_output=True, text=True, check=False
  )
  assert done.returncode == 0, done.stderr
  short_kb, long_kb = json.loads(done.stdout)
  # Nine minutes more are 35 MB of floats, each for song and target.
  assert long_kb - short_kb < 12_000
  assert soundfile.info(tmp_path / "out.wav").frames == 600 * RATE_HZ
