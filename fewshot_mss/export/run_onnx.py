"""Separates a song with the ONNX files beside this one.

  python run_onnx.py song.wav -p horn.wav -p horn2.wav [-n drums.wav] -o out

Needs numpy, onnxruntime and soundfile, nothing else. It does not resample: all
files have the rate of `functions.sample_rate_hz` in config.json. What is asked
for goes to out/song/target.wav, the rest to out/song/residual.wav, as float32;
they sum to the song.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import soundfile


def read(path: str, rate_hz: int) -> np.ndarray:
  """Returns [samples, channels] of a file of this rate."""
  samples, found_hz = soundfile.read(path, dtype="float32", always_2d=True)
  if found_hz != rate_hz:
    sys.exit(f"{path} is at {found_hz} Hz: resample it to {rate_hz} Hz first")
  if not len(samples) or not np.isfinite(samples).all():
    sys.exit(f"{path} holds no samples, or some that are not finite")
  return samples


def cut_pieces(clip: np.ndarray, piece: int, pause_db: float) -> np.ndarray:
  """Returns [pieces, piece] of a clip [samples], pauses left out."""
  spare = len(clip) - piece
  if spare <= 0:
    return np.pad(clip, (0, -spare), mode="symmetric")[None]
  starts = np.rint(np.linspace(0, spare, -(-len(clip) // piece))).astype(int)
  pieces = np.stack([clip[start : start + piece] for start in starts])
  power = np.mean(np.square(pieces, dtype=np.float64), axis=1)
  return pieces[power >= power.max() * 10 ** (pause_db / 10)]


class Model:
  """The two graphs in a folder, and its config.json."""

  def __init__(self, folder: Path):
    """Loads them."""
    self.config = json.loads((folder / "config.json").read_text("utf-8"))
    self.sizes = self.config["functions"]
    files = [folder / f"{n}.onnx" for n in ("condition", "separate_patch")]
    self._condition, self._separate = (
      onnxruntime.InferenceSession(f, providers=["CPUExecutionProvider"])
      for f in map(str, files)
    )

  def condition(self, positives=(), negatives=(), instrument=None):
    """Returns [1, D] of clips [samples], or of an instrument's name."""
    inputs, size = {}, self.sizes["example_samples"]
    for kind, clips in (("positive", positives), ("negative", negatives)):
      cut = [cut_pieces(c, size, self.sizes["pause_db"]) for c in clips]
      # The pieces of a clip weigh 1 together; no clip is one that weighs 0.
      weights = [np.full(len(p), 1 / len(p)) for p in cut] or [np.zeros(1)]
      cut = cut or [np.zeros((1, size), np.float32)]
      inputs[f"{kind}s"] = np.concatenate(cut)[None]
      inputs[f"{kind}_weights"] = np.concatenate(weights)[None].astype("f")
    if instrument is not None:
      row = self.config["instruments"].index(instrument)
      inputs["class_id"] = np.array([row], np.int32)
    wanted = {i.name: inputs[i.name] for i in self._condition.get_inputs()}
    return self._condition.run(None, wanted)[0]

  def separate(self, song, condition, batch_patches=8):
    """Returns the target in a song [samples, channels], patch by patch."""
    samples, patch = len(song), self.sizes["mixture_samples"]
    overlap = self.sizes["overlap_samples"]
    fade = ((np.arange(overlap) + 0.5) / max(1, overlap))[:, None].astype("f")
    last = max(0, samples - patch)
    places = [*range(0, last, patch - overlap), last]
    padded = np.pad(song, [(0, max(0, patch - samples)), (0, 0)])
    target, done = np.zeros_like(song), 0
    for begin in range(0, len(places), batch_patches):
      some = places[begin : begin + batch_patches]
      mixture = np.concatenate([padded[s : s + patch].T for s in some])
      asked = np.tile(condition[None], (len(mixture), 1, 1))
      inputs = {"mixture": mixture, "condition": asked}
      found = self._separate.run(None, inputs)[0].reshape(len(some), -1, patch)
      for start, new in zip(some, found.transpose(0, 2, 1), strict=True):
        if done:  # Fade over the end of what is there.
          old = target[done - overlap : done]
          old += fade * (new[done - overlap - start : done - start] - old)
        end = min(samples, start + patch)
        target[done:end] = new[done - start : end - start]
        done = end
    return target


def main() -> None:
  """Reads the words of the command and writes the two files."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument("song")
  parser.add_argument("-p", "--positive", action="append", default=[])
  parser.add_argument("-n", "--negative", action="append", default=[])
  parser.add_argument("--instrument", help="for a model asked by name")
  parser.add_argument("-o", "--output", type=Path, required=True)
  words = parser.parse_args()
  model = Model(Path(__file__).parent)
  kind, known = (
    model.config["model"]["conditioning"],
    model.config["instruments"],
  )
  if kind == "class":
    if words.positive or words.negative or words.instrument not in known:
      sys.exit(f"this model takes no examples: --instrument={'|'.join(known)}")
  elif words.instrument or not words.positive:
    sys.exit("this model is asked by examples: give at least one with -p")
  if words.negative and kind != "examples_and_negatives":
    sys.exit("this model takes no negative examples: leave out -n")
  rate_hz, paths = (
    model.sizes["sample_rate_hz"],
    (words.positive, words.negative),
  )
  song = read(words.song, rate_hz)
  clips = [[read(p, rate_hz).mean(axis=1) for p in some] for some in paths]
  if not all(clip.any() for some in clips for clip in some):
    sys.exit("an example is silent: give another")
  output = words.output / Path(words.song).stem
  output.mkdir(parents=True, exist_ok=True)
  target = model.separate(song, model.condition(*clips, words.instrument))
  for name, part in (("target", target), ("residual", song - target)):
    soundfile.write(output / f"{name}.wav", part, rate_hz, subtype="FLOAT")


if __name__ == "__main__":
  main()
