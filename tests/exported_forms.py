"""What is asked of the exported forms, and what JAX says to it.

Songs of 1, 4 and 61 s in mono and stereo, no example to ten of them, with and
without negatives, the three conditionings, and weights of half precision.
"""

import dataclasses

import jax
import numpy as np

from fewshot_mss.episode import Support
from fewshot_mss.export.archive import load_archive
from fewshot_mss.inference.inputs import cut_pieces
from fewshot_mss.inference.listener import apply_model
from tiny_archive import TRAINING, write_archive

RATE_HZ = 8000
PIECE, PATCH = 2048, 4096
KINDS = ("examples", "examples_and_negatives", "class", "float16")
SHOTS = {
  "examples": [(0, 0), (1, 0), (5, 0), (10, 0)],
  "float16": [(5, 0)],
  "examples_and_negatives": [(k, n) for k in (0, 1, 5, 10) for n in (0, 3)],
}
SECONDS = (1, 4, 61)


def noise(seed, *shape):
  rng = np.random.default_rng(seed)
  return rng.uniform(-0.5, 0.5, shape).astype(np.float32)


def clips(seed, number):
  """Short ones, those of a piece's length, and long ones."""
  lengths = [PIECE, 3 * PIECE + 17, 2001, PIECE + 1]
  return [noise((seed, i), lengths[i % 4]) for i in range(number)]


def examples_of(k, n):
  """What is shown; where no positives are, negatives of one piece each."""
  return clips(1, k), clips(2, n) if k else list(noise(2, n, PIECE))


def as_pieces(examples):
  """Their pieces and weights; a piece of NaN that weighs nothing follows."""
  cut = [cut_pieces(example, PIECE) for example in examples]
  weights = [np.full(len(p), 1 / len(p), np.float32) for p in cut]
  nothing = np.full((1, PIECE), np.nan, np.float32)
  return (
    np.concatenate([*cut, nothing])[None],
    np.concatenate([*weights, np.zeros(1, np.float32)])[None],
  )


def make_archives(root, kind):
  """What is exported, and in float32 what it says: the same numbers."""
  conditioning = "examples" if kind == "float16" else kind
  archive = load_archive(write_archive(root / kind, conditioning=conditioning))
  # The longest song is some 240 patches, not a thousand.
  archive = dataclasses.replace(
    archive, training=TRAINING | {"mixture_s": PATCH / RATE_HZ}
  )
  if kind != "float16":
    return archive, archive
  halves = jax.tree.map(lambda leaf: leaf.astype(np.float16), archive.params)
  rounded = jax.tree.map(lambda leaf: leaf.astype(np.float32), halves)
  return (
    dataclasses.replace(archive, params=halves, dtype="float16"),
    dataclasses.replace(archive, params=rounded),
  )


def make_songs():
  return {
    f"song/{seconds}/{channels}": noise(
      (seconds, channels), channels, seconds * RATE_HZ
    )
    for seconds in SECONDS
    for channels in (1, 2)
  }


def make_jobs(songs):
  found = {"mixtures": noise(3, 2, PATCH), **songs}
  for number, kind in enumerate(KINDS):
    found[f"{kind}/condition"] = 4 * noise((4, number), 6)
    found[f"{kind}/conditions"] = 4 * noise((5, number), 2, 3, 6)
    for k, n in SHOTS.get(kind, ()):
      case = f"{kind}/case/{k},{n}"
      for word, examples in zip(
        ("positive", "negative"), examples_of(k, n), strict=True
      ):
        pieces, weights = as_pieces(examples)
        found[f"{case}/{word}s"] = pieces
        found[f"{case}/{word}_weights"] = weights
  found["class/case/ids/class_id"] = np.array([0, 1, -1], np.int32)
  # Another batch, whose rows have examples of their own.
  several = "examples_and_negatives/case/several"
  for word, seed in (("positive", 6), ("negative", 7)):
    found[f"{several}/{word}s"] = noise(seed, 3, 2, PIECE)
    weights = np.array([[1, 1], [1, 0], [0, 0]], np.float32)
    found[f"{several}/{word}_weights"] = weights[:: 1 if seed == 6 else -1]
  return found


def network(separator, method, *inputs):
  return np.asarray(
    apply_model(separator._model, method, separator._params, *inputs)
  )


def expected_condition(separator, k, n):
  positives, negatives = examples_of(k, n)
  if k:
    return separator.condition(
      positives=positives, negatives=negatives, rate_hz=RATE_HZ
    )
  # A person must show something; the network need not be shown anything.
  nothing = np.zeros((1, 1, 1, PIECE), np.float32)
  no_mask = np.zeros((1, 1, 1), np.bool_)
  support = Support(
    nothing,
    no_mask,
    np.stack(negatives)[None, None] if n else nothing,
    np.ones((1, 1, n), np.bool_) if n else no_mask,
    np.full((1, 1), -1, np.int32),
  )
  return network(separator, "condition", support)[0, 0]
