"""Someone else's program: JAX and numpy, and nothing of this package.

`python stablehlo_reader.py JOBS.npz ANSWERS.npz FOLDER...`: of each folder, the
conditions and songs of the jobs that begin with its name.
"""

import json
import sys
from pathlib import Path

# As on a machine that has neither.
sys.modules["fewshot_mss"] = None
sys.modules["flax"] = None

import jax  # noqa: E402
import numpy as np  # noqa: E402

_BATCH = 16


def load(folder):
  config = json.loads((folder / "config.json").read_text())["functions"]
  for name in ("condition", "separate_patch"):
    serialized = (folder / config[name]["file"]).read_bytes()
    config[name]["call"] = jax.jit(jax.export.deserialize(serialized).call)
  return config


def separate(config, song, condition):
  """Patches that overlap, each faded into the next."""
  patch, overlap = config["mixture_samples"], config["overlap_samples"]
  channels, samples = song.shape
  last = max(0, samples - patch)
  starts = [*range(0, last, patch - overlap), last]
  padded = np.pad(song, [(0, 0), (0, max(0, patch - samples))])
  patches = np.concatenate([padded[:, s : s + patch] for s in starts])
  call = config["separate_patch"]["call"]
  separated = []
  for begin in range(0, len(patches), _BATCH):
    some = patches[begin : begin + _BATCH]
    filled = np.pad(some, [(0, _BATCH - len(some)), (0, 0)])
    asked = np.broadcast_to(condition, (_BATCH, 1, len(condition)))
    separated.append(np.asarray(call(filled, asked))[: len(some), 0])
  separated = np.concatenate(separated).reshape(len(starts), channels, patch)
  result = np.zeros_like(padded)
  result[:, :patch] = separated[0]
  fade = (np.arange(overlap, dtype=np.float32) + 0.5) / overlap
  for before, start, new in zip(
    starts, starts[1:], separated[1:], strict=False
  ):
    done = before + patch
    shared = slice(done - overlap, done)
    old = result[:, shared]
    result[:, shared] = old + fade * (
      new[:, shared.start - start : done - start] - old
    )
    result[:, done : start + patch] = new[:, done - start :]
  return result[:, :samples]


def main(jobs_path, answers_path, *folders):
  jobs = dict(np.load(jobs_path))
  answers = {}
  for folder in map(Path, folders):
    config = load(folder)
    names = [tensor["name"] for tensor in config["condition"]["inputs"]]
    cases = [key for key in jobs if key.startswith(f"{folder.name}/case/")]
    for case in sorted({key.rpartition("/")[0] for key in cases}):
      given = [jobs[f"{case}/{name}"] for name in names]
      answers[case] = config["condition"]["call"](*given)
    condition = jobs[f"{folder.name}/condition"]
    for name in [key for key in jobs if key.startswith("song/")]:
      answers[f"{folder.name}/{name}"] = separate(config, jobs[name], condition)
    answers[f"{folder.name}/queries"] = config["separate_patch"]["call"](
      jobs["mixtures"], jobs[f"{folder.name}/conditions"]
    )
  np.savez(answers_path, **answers)


if __name__ == "__main__":
  main(*sys.argv[1:])
