"""A real `kill -9` of `evaluate`, and it ends as if undisturbed."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from test_multihost import start_both
from test_scoring import leave_run
from tiny_run import tiny_config

ROOT = Path(__file__).parent.parent
CHANGES = {"eval.max_items": 5, "eval.batch": 2, "eval.shots": (1,)}


def words(dataset, workdir):
  return [
    "evaluate",
    f"--config={ROOT / 'configs' / 'tiny.py'}",
    f"--config.data.sources={dataset}",
    *(f"--config.{key}={value}" for key, value in CHANGES.items()),
    f"--workdir={workdir}",
  ]


@pytest.fixture(scope="module")
def lives(toy_dataset, toy_sources, tmp_path_factory):
  """Returns a folder with the run `full` and `killed`, and what was said."""
  folder = tmp_path_factory.mktemp("lives")
  leave_run(folder / "full", tiny_config(toy_dataset), toy_sources)
  shutil.copytree(folder / "full", folder / "killed")
  environment = os.environ | {
    "XLA_FLAGS": "--xla_force_host_platform_device_count=1",
    "JAX_COMPILATION_CACHE_DIR": str(folder / "compiled"),
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
  }

  def live(name, signal="SIGKILL", batch=0):
    return subprocess.run(
      [
        sys.executable,
        ROOT / "tests" / "killed_evaluation.py",
        signal,
        str(batch),
        *words(toy_dataset, folder / name),
      ],
      env=environment,
      capture_output=True,
      text=True,
      check=False,
    )

  done = [
    live("full"),
    live("killed", "SIGKILL", 3),
    live("killed", "SIGINT", 2),
  ]
  left = sorted(p.name for p in (folder / "killed" / "evaluation").iterdir())
  return folder, [*done, live("killed")], left


def scored(life):
  lines = [line.split() for line in life.stdout.splitlines()]
  return [int(i) for words in lines if words[0] == "scored" for i in words[1:]]


def test_the_lives_end_as_they_should(lives):
  _, found, left = lives
  said = [life.stderr for life in found]
  assert [life.returncode for life in found] == [0, -9, 130, 0], said
  assert left == ["unfinished_0_of_1.jsonl"]


def test_what_was_done_is_not_done_again(lives):
  _, (full, *killed), _ = lives
  items = scored(full)
  assert len(items) > 7 and len(set(items)) == len(items)
  assert [len(scored(life)) for life in killed] == [4, 4, len(items) - 8]
  assert [i for life in killed for i in scored(life)] == items


def test_it_says_that_it_goes_on(lives):
  _, (full, first, second, third), _ = lives
  assert "goes on" not in full.stderr + first.stderr
  assert "the evaluation goes on, 4 items are done" in second.stderr
  last = second.stderr.splitlines()[-1]
  assert "interrupted; started again" in last and "an evaluation" in last
  assert "Traceback" not in second.stderr
  assert "the evaluation goes on, 8 items are done" in third.stderr
  # Ctrl-C lets the batch in hand be scored.
  # The bar begins where it was, and tells the time left of the rest.
  assert f"8/{len(scored(full))} [00:00<" in third.stderr


def test_the_results_are_those_of_an_undisturbed_evaluation(lives):
  folder, _, _ = lives
  full, killed = (folder / name / "evaluation" for name in ("full", "killed"))
  names = ["evaluation.json", "evaluation.md", "evaluation_items.csv"]
  for results in (full, killed):
    assert sorted(path.name for path in results.iterdir()) == names
  table = (full / names[2]).read_bytes()
  assert (killed / names[2]).read_bytes() == table
  one, other = (
    json.loads((path / names[0]).read_text("utf-8")) for path in (full, killed)
  )
  assert one["summary"] == other["summary"]
  del one["provenance"]["command"], other["provenance"]["command"]
  assert one == other


def test_two_processes_evaluate_as_one_does(lives, toy_dataset):
  folder, _, _ = lives
  workdir = folder / "two"
  shutil.copytree(
    folder / "full", workdir, ignore=shutil.ignore_patterns("evaluation")
  )
  both = start_both(*("-m", "fewshot_mss.cli"), *words(toy_dataset, workdir))
  try:
    said = [process.communicate(timeout=300) for process in both]
  finally:
    for process in both:
      process.kill()
  assert [process.returncode for process in both] == [0, 0], said
  name = "evaluation/evaluation_items.csv"
  assert (workdir / name).read_bytes() == (folder / "full" / name).read_bytes()
  assert len(list((workdir / "evaluation").iterdir())) == 3
