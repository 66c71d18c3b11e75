"""Twenty real `kill -9` in one run, and it ends as if nobody had touched it."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from processes import xla_flags
from tiny_run import SIZES, assert_same, saved_states, saved_steps, tiny_config

STEPS = 36
CHANGES = {
  "train.steps": STEPS,
  "train.global_batch": 2,
  "train.log_every_steps": 3,
  "train.checkpoint_every_steps": 2,
  "train.eval_every_steps": 1000,
  "eval.max_items": 1,
  "eval.shots": (1,),
}


def drawn_moments():
  """Returns (from, operation, delay) of 20 lives, from a fixed seed.

  A life that goes on from a checkpoint makes about 18 operations before its
  first step and 35 for each two steps with their save; after the last save
  there are 20 more.
  """
  draw = random.Random(6)
  middle = [("start", draw.randint(1, 90)) for _ in range(16)]
  # From the second on, a life finds the last step saved when it begins.
  end = [("end", draw.randint(1, 18))]
  end += [("end", draw.randint(15, 34)) for _ in range(3)]
  # Half of them in the middle of an operation rather than before it.
  return [
    (start, operation, draw.choice((0.0, draw.uniform(0.0005, 0.01))))
    for start, operation in middle + end
  ]


@pytest.fixture(scope="module")
def lives(toy_dataset, tmp_path_factory):
  """Runs one run undisturbed and one with 20 kills; returns their folder."""
  folder = tmp_path_factory.mktemp("lives")
  settings = SIZES | CHANGES | {"data.sources": str(toy_dataset)}
  environment = os.environ | {
    "XLA_FLAGS": xla_flags(devices=1),
  }
  server = subprocess.Popen(
    [
      sys.executable,
      Path(__file__).parent / "killed_lives.py",
      json.dumps(settings),
    ],
    env=environment,
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
    text=True,
  )

  def live(name, start="start", operation=0, delay_s=0.0):
    words = f"{folder / name} {start} {operation} {delay_s}\n"
    server.stdin.write(words)
    server.stdin.flush()
    return server.stdout.readline().strip()

  try:
    assert live("full") == "0", (folder / "full.log").read_text("utf-8")
    for moment in drawn_moments():
      assert live("killed", *moment) == "-9", (
        moment,
        (folder / "killed.log").read_text("utf-8"),
      )
      print("killed at", moment, "with", saved_steps(folder / "killed"))
    assert live("killed") == "0", (folder / "killed.log").read_text("utf-8")
  finally:
    server.kill()
    server.communicate()
  return folder


def test_killed_20_times_it_ends_in_the_same_bits(lives, toy_dataset):
  config = tiny_config(
    toy_dataset, **{k.replace(".", "__"): v for k, v in CHANGES.items()}
  )
  full, killed = lives / "full", lives / "killed"
  # Parameters, their average and the optimiser's state.
  assert_same(
    saved_states(killed, config, [STEPS]), saved_states(full, config, [STEPS])
  )
  for name in ("metrics.jsonl", "config.json", "model/model.safetensors"):
    assert (killed / name).read_bytes() == (full / name).read_bytes()


def test_nothing_is_left_behind_by_what_was_killed(lives):
  full, killed = lives / "full", lives / "killed"
  assert saved_steps(killed) == saved_steps(full) == [STEPS - 2, STEPS]
  for folder in ("", "checkpoints", "evaluation", "model"):
    assert {path.name for path in (killed / folder).iterdir()} == {
      path.name for path in (full / folder).iterdir()
    }


def test_the_kills_hit_saves_and_the_end_too(lives):
  said = (lives / "killed.log").read_text("utf-8")
  assert said.count("training goes on after step") > 10
  assert "is damaged" not in said
