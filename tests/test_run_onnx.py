"""The runner separates as the package does, and needs none of it."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("onnx", reason="the extra [onnx] is not installed")

from exported_forms import KINDS, RATE_HZ, make_archives
from fewshot_mss.export import run_onnx
from fewshot_mss.export.onnx import export_onnx
from fewshot_mss.inference import inputs
from fewshot_mss.inference.separator import Separator
from tiny_onnx import make_archive

BLOCKED = """
import runpy, sys

class Block:
  def find_spec(self, name, path=None, target=None):
    if name.split(".")[0] in ("fewshot_mss", "jax", "flax", "onnx", "scipy"):
      raise ImportError(name)

sys.meta_path.insert(0, Block())
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture(scope="module", params=KINDS)
def both(request, tmp_path_factory):
  """A separator and a runner of the same weights; patches of 4096 samples."""
  root = tmp_path_factory.mktemp("onnx")
  archive, plain = make_archives(root, request.param)
  export_onnx(archive, root / "model")
  return Separator(plain), run_onnx.Model(root / "model")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
  folder = tmp_path_factory.mktemp("onnx") / "model"
  export_onnx(make_archive(conditioning="examples_and_negatives"), folder)
  return folder


def tones(samples, channels, seed=0):
  rng = np.random.default_rng(seed)
  times = np.arange(samples)[:, None] / RATE_HZ
  swell = 0.5 + 0.5 * np.sin(2 * np.pi * 1.3 * times)
  hz = rng.uniform(100, 3000, (6, channels))
  sound = sum(np.sin(2 * np.pi * row * times) for row in hz)
  return (0.1 * swell * sound).astype(np.float32)


def clips(count, seed):
  """Examples shorter than a piece, of one, and of some with a pause."""
  rng = np.random.default_rng(seed)
  found = []
  for i in range(count):
    clip = tones((2010, 2048, 6000, 9000)[i % 4], 1, int(rng.integers(999)))
    if i % 4 == 3:
      clip[2500:6500] = 0
    found.append(clip[:, 0])
  return found


def conditions(separator, model, positives, negatives):
  kind = separator.archive.model["conditioning"]
  if kind == "class":
    return separator.condition(instrument="horn"), model.condition(class_id=1)
  words = {"positives": clips(positives, 1)}
  if kind == "examples_and_negatives":
    words["negatives"] = clips(negatives, 2)
  return separator.condition(**words, rate_hz=RATE_HZ), model.condition(**words)


@pytest.mark.parametrize(
  ("positives", "negatives"), [(1, 0), (1, 1), (5, 0), (5, 5), (10, 3)]
)
def test_examples_are_heard_alike(both, positives, negatives):
  wanted, found = conditions(*both, positives, negatives)
  np.testing.assert_allclose(found[0], wanted, atol=1e-5)


def test_no_example_is_the_learned_vector(both):
  separator, model = both
  conditioner = separator.archive.params["conditioner"]
  found = model.condition()[0]
  if "empty" in conditioner:
    np.testing.assert_array_equal(found, conditioner["empty"])
  elif "table" in conditioner:
    np.testing.assert_array_equal(found, conditioner["table"]["embedding"][-1])
  else:
    means = [conditioner["no_positive"], conditioner["no_negative"]]
    dense = conditioner["combine"]
    wanted = np.concatenate(means) @ dense["kernel"] + dense["bias"]
    np.testing.assert_allclose(found, np.maximum(wanted, 0), atol=1e-6)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("samples", [1, 4096, 4097, 8000, 4 * 8000, 61 * 8000])
def test_songs_of_any_length_come_out_alike(both, samples, channels):
  separator, model = both
  condition, _ = conditions(separator, model, 2, 1)
  song = tones(samples, channels)
  wanted = separator.separate_with(song, condition, rate_hz=RATE_HZ).target
  found = model.separate(song, condition[None])
  assert found.shape == song.shape
  np.testing.assert_allclose(found, wanted, atol=1e-4)
  # Any number of patches a call, which differs between the channels.
  if samples < 9000 and channels == 2:
    one = model.separate(song, condition[None], batch_patches=1)
    np.testing.assert_allclose(found, one, atol=1e-6)


def test_pieces_are_cut_as_the_package_cuts_them():
  for clip in clips(4, 3):
    wanted = inputs.cut_pieces(clip, 2048)
    np.testing.assert_array_equal(
      run_onnx.cut_pieces(clip, 2048, -40.0), wanted
    )


def write(path, samples, rate_hz=RATE_HZ):
  soundfile.write(path, samples, rate_hz, subtype="FLOAT")
  return str(path)


def run(folder, *words):
  return subprocess.run(
    [sys.executable, "-c", BLOCKED, str(folder / "run_onnx.py"), *words],
    capture_output=True,
    text=True,
    check=False,
  )


def test_a_file_is_separated_end_to_end_without_this_package(folder, tmp_path):
  song = tones(5000, 2)
  shown, hidden = [*clips(3, 1), tones(2500, 2, 5)], clips(1, 2)
  words = [write(tmp_path / "song.wav", song), "-o", str(tmp_path / "out")]
  for i, clip in enumerate(shown):
    words += ["-p", write(tmp_path / f"p{i}.wav", clip)]
  words += ["-n", write(tmp_path / "n.wav", hidden[0])]
  done = run(folder, *words)
  assert (done.returncode, done.stderr) == (0, "")
  target, residual = (
    soundfile.read(tmp_path / "out/song" / name, dtype="float32")[0]
    for name in ("target.wav", "residual.wav")
  )
  separator = Separator(make_archive(conditioning="examples_and_negatives"))
  wanted = separator.separate(
    song, positives=shown, negatives=hidden, rate_hz=RATE_HZ
  ).target
  np.testing.assert_allclose(target, wanted, atol=1e-4)
  np.testing.assert_allclose(target + residual, song, atol=1e-7)


@pytest.mark.parametrize(
  ("changes", "message"),
  [
    ({"rate_hz": 44100}, "is at 44100 Hz: resample it to 8000 Hz first"),
    ({"rate_hz": 4000}, "is at 4000 Hz: resample it to 8000 Hz first"),
    ({"song": np.zeros(500)}, "song.wav is silent"),
    ({"song": np.full(500, np.nan)}, "song.wav is silent, or holds"),
    ({"words": []}, "give at least one with -p"),
    (
      {"words": ["-p=x.wav", "--instrument=horn"]},
      "this model is asked by examples",
    ),
    ({"kind": "class", "words": []}, "by --instrument=bass|horn alone"),
    (
      {"kind": "class", "words": ["--instrument=oboe"]},
      "by --instrument=bass|horn alone",
    ),
    ({"kind": "class"}, "by --instrument=bass|horn alone"),
    ({"kind": "examples", "words": ["-n=x.wav"]}, "takes no negative examples"),
    ({"kind": "class", "words": ["-n=x.wav"]}, "takes no negative examples"),
  ],
)
def test_what_cannot_be_done_is_said_in_a_line(
  folder, tmp_path, monkeypatch, changes, message
):
  if "kind" in changes:
    folder = tmp_path / "other"
    export_onnx(make_archive(conditioning=changes["kind"]), folder)
  monkeypatch.setattr(run_onnx, "__file__", str(folder / "run_onnx.py"))
  song = changes.get("song", tones(500, 1))
  path = write(tmp_path / "song.wav", song, changes.get("rate_hz", RATE_HZ))
  words = changes.get("words", [f"-p={path}"])
  out = tmp_path / "out"
  monkeypatch.setattr(sys, "argv", ["run_onnx.py", path, f"-o={out}", *words])
  with pytest.raises(SystemExit, match=message.replace("|", r"\|")):
    run_onnx.main()
  assert not out.exists()


@pytest.mark.parametrize(
  ("words", "message"),
  [
    (["none.wav", "-p=song.wav", "-o=out"], "Error opening 'none.wav': "),
    (["song.wav", "-p=text.wav", "-o=out"], "Error opening 'text.wav': "),
    (["song.wav", "-p=song.wav", "-o=song.wav"], "Not a directory: 'song.wav/"),
  ],
)
def test_what_cannot_be_read_or_written_is_said_in_a_line(
  folder, tmp_path, monkeypatch, words, message
):
  monkeypatch.chdir(tmp_path)
  write(tmp_path / "song.wav", tones(500, 1))
  (tmp_path / "text.wav").write_text("no sound")
  done = run(folder, *words)
  assert done.returncode == 1
  assert message in done.stderr
  assert len(done.stderr.splitlines()) == 1
  assert not (tmp_path / "out").exists()


def test_the_runner_is_short():
  text = Path(run_onnx.__file__).read_text()
  assert len(text.splitlines()) < 120
