"""Separates a song at the model's own rate with the ONNX files beside this one.

`python run_onnx.py song.wav -p horn.wav -p horn2.wav [-n drums.wav] -o out`
writes float32 out/song/target.wav and residual.wav, which sum to the song.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime as ort
import soundfile


def read(path: str | Path, rate_hz: int) -> np.ndarray:
  """Returns [samples, channels] of a file of this rate."""
  samples, found_hz = soundfile.read(path, dtype="float32", always_2d=True)
  if found_hz != rate_hz:
    sys.exit(f"{path} is at {found_hz} Hz: resample it to {rate_hz} Hz first")
  if not samples.any() or not np.isfinite(samples).all():
    sys.exit(f"{path} is silent, or holds samples that are not finite")
  return samples


def cut_pieces(clip: np.ndarray, piece: int, pause_db: float) -> np.ndarray:
  """Returns [pieces, piece] of a clip [samples], pauses left out."""
  if (spare := len(clip) - piece) <= 0:
    return np.pad(clip, (0, -spare), mode="symmetric")[None]
  starts = np.rint(np.linspace(0, spare, -(-len(clip) // piece))).astype(int)
  pieces = np.stack([clip[start : start + piece] for start in starts])
  power = np.mean(np.square(pieces, dtype=np.float64), axis=1)
  return pieces[power >= power.max() * 10 ** (pause_db / 10)]


class Model:
  """The two graphs in a folder, and its config.json."""

  def __init__(self, folder: Path):
    self.config = json.loads((folder / "config.json").read_text("utf-8"))
    self.sizes = self.config["functions"]
    self._condition, self._separate = (
      ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
      for path in (folder / "condition.onnx", folder / "separate_patch.onnx")
    )

  def condition(self, positives=(), negatives=(), class_id=-1):
    """Returns [1, D] of clips [samples], or of an instrument's place."""
    inputs = {"class_id": np.array([class_id], np.int32)}
    size = self.sizes["example_samples"]
    for kind, clips in (("positive", positives), ("negative", negatives)):
      cut = [cut_pieces(c, size, self.sizes["pause_db"]) for c in clips]
      # The pieces of a clip weigh 1 together; no clip is one that weighs 0.
      weights = [np.full(len(p), 1 / len(p)) for p in cut] or [np.zeros(1)]
      cut = cut or [np.zeros((1, size), np.float32)]
      inputs[f"{kind}s"] = np.concatenate(cut)[None]
      inputs[f"{kind}_weights"] = np.concatenate(weights)[None].astype("f")
    wanted = {i.name: inputs[i.name] for i in self._condition.get_inputs()}
    return self._condition.run(None, wanted)[0]

  def separate(self, song, condition, batch_patches=8):
    """Returns the target in a song [samples, channels], patch by patch."""
    samples, patch = len(song), self.sizes["mixture_samples"]
    overlap = self.sizes["overlap_samples"]
    fade = ((np.arange(overlap) + 0.5) / max(1, overlap))[:, None].astype("f")
    song = np.pad(song, [(0, max(0, patch - samples)), (0, 0)])
    places = [*range(0, len(song) - patch, patch - overlap), len(song) - patch]
    target, done = np.zeros_like(song), 0
    for begin in range(0, len(places), batch_patches):
      some = places[begin : begin + batch_patches]
      mixture = np.concatenate([song[s : s + patch].T for s in some])
      asked = np.tile(condition[None], (len(mixture), 1, 1))
      inputs = {"mixture": mixture, "condition": asked}
      found = self._separate.run(None, inputs)[0].reshape(len(some), -1, patch)
      for start, new in zip(some, found.transpose(0, 2, 1), strict=True):
        if done:  # Fade over the end of what is there.
          old = target[done - overlap : done]
          old += fade * (new[done - overlap - start : done - start] - old)
        target[done : start + patch] = new[done - start :]
        done = start + patch
    return target[:samples]


def main() -> None:
  """Reads the words of the command and writes the two files."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument("song", type=Path)
  parser.add_argument("-p", "--positive", action="append", default=[])
  parser.add_argument("-n", "--negative", action="append", default=[])
  parser.add_argument("--instrument", help="for a model asked by name")
  parser.add_argument("-o", "--output", type=Path, required=True)
  words = parser.parse_args()
  model = Model(Path(__file__).parent)
  kind = model.config["model"]["conditioning"]
  rate_hz, class_id = model.sizes["sample_rate_hz"], -1
  paths = (words.positive, words.negative)
  if words.negative and kind != "examples_and_negatives":
    sys.exit("this model takes no negative examples: leave out -n")
  if kind == "class":
    known = model.config["instruments"]
    if words.positive or words.instrument not in known:
      sys.exit(f"this model is asked by --instrument={'|'.join(known)} alone")
    class_id = known.index(words.instrument)
  elif words.instrument or not words.positive:
    sys.exit("this model is asked by examples: give at least one with -p")
  song = read(words.song, rate_hz)
  clips = [[read(p, rate_hz).mean(axis=1) for p in some] for some in paths]
  (out := words.output / words.song.stem).mkdir(parents=True, exist_ok=True)
  target = model.separate(song, model.condition(*clips, class_id))
  for name, part in (("target", target), ("residual", song - target)):
    soundfile.write(out / f"{name}.wav", part, rate_hz, subtype="FLOAT")


if __name__ == "__main__":
  try:
    main()
  except (OSError, soundfile.LibsndfileError) as error:
    sys.exit(str(error))
