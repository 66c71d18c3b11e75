"""The command `ablate`, from a trained folder to a report, and `--compare`."""

import json
import shutil
import subprocess
import sys

import pytest

from fewshot_mss import cli
from fewshot_mss.data.sources import load_sources
from fewshot_mss.evaluation.ablation.conditions import read_conditions
from fewshot_mss.evaluation.ablation.table import read_table
from test_multihost import environment, start_both
from tiny_archive import MODEL, random_params, write_archive

WORDS = (
  "--config=configs/ablation.py",
  "--config.ablation.max_items=2",
  "--config.ablation.bootstrap_samples=50",
  "--config.ablation.outputs=4",
  "--config.ablation.reference.example_s=1.0",
  "--config.ablation.axes.example_s=(1.0,)",
  "--config.ablation.long_examples_s=(2.0,)",
  "--config.ablation.crossed=('shots,negatives',)",
)


def make_run(folder, sources):
  write_archive(
    folder / "model",
    random_params(MODEL | {"num_classes": len(sources.class_names)}),
    num_classes=len(sources.class_names),
  )
  text = json.dumps({"data_hash": sources.content_hash})
  (folder / "config.json").write_text(text)
  return folder


@pytest.fixture(scope="module")
def ablated(toy_dataset, tmp_path_factory):
  run = tmp_path_factory.mktemp("ablated") / "run"
  run.mkdir()
  make_run(run, load_sources(str(toy_dataset)))
  words = [f"--workdir={run}", f"--config.data.sources={toy_dataset}"]
  assert cli.main(["ablate", *WORDS, *words]) == 0
  return run


def test_all_is_written_and_nothing_is_left_over(ablated):
  names = {path.name for path in (ablated / "ablation").iterdir()}
  assert names >= {
    "ablation.csv",
    "ablation.json",
    "comparisons.csv",
    "conditions.safetensors",
    "report.md",
    "gain_over_shots.png",
    "instruments.png",
    "conditions.png",
  }
  assert not [name for name in names if name.startswith((".", "unfinished"))]
  rows = read_table(ablated / "ablation" / "ablation.csv")
  assert {row.arm.shots for row in rows if row.arm.model == "examples"} == {
    *(0, 1, 2, 3, 5, 10)
  }
  vectors = read_conditions(ablated / "ablation/conditions.safetensors")
  assert len(vectors.vectors) == len({row.place for row in rows})


def test_the_report_says_where_its_figures_are_from(ablated):
  page = (ablated / "ablation" / "report.md").read_text(encoding="utf-8")
  record = json.loads((ablated / "ablation" / "ablation.json").read_text())
  lists = record["depends on"]["evaluation lists (SHA-256)"]
  for text in (*lists.values(), record["provenance"]["Machine"]):
    assert text in page
  # There is but one dataset.
  assert "serve: origin another dataset" in page
  for title in ("Positive examples", "Query", "Target", "by instrument"):
    assert title in page
  for line in page.splitlines():
    if line.startswith("!["):
      name = line.partition("(")[2].rstrip(")")
      assert (ablated / "ablation" / name).exists()


def test_a_run_compared_with_itself_differs_in_nothing(ablated, tmp_path):
  words = ["--compare", str(ablated), str(ablated / "ablation")]
  assert cli.main(["ablate", *words, f"--output={tmp_path / 'out'}"]) == 0
  page = (tmp_path / "out" / "compare.md").read_text(encoding="utf-8")
  assert (tmp_path / "out" / "compare.png").exists()
  cells = [
    line.split(" | ") for line in page.splitlines() if "| seen |" in line
  ]
  assert len(cells) > 20
  for line in cells:
    assert line[2:4] == line[4:6]
    assert line[6].startswith("+0.0") or line[6] == ""


def test_two_processes_ablate_as_one_does(ablated, toy_dataset, tmp_path):
  # One device instead of eight: with figures of its own in the last digits.
  words = [*WORDS, f"--workdir={ablated}"]
  words.append(f"--config.data.sources={toy_dataset}")
  # A few arms: the whole grid is asked above.
  words += ["--config.ablation.crossed=()", "--config.ablation.axes.shots=(1,)"]
  words.append("--config.ablation.axes.quality=('reverberant',)")
  one, two = (tmp_path / name for name in ("one", "two"))
  program = [sys.executable, "-m", "fewshot_mss.cli", "ablate", *words]
  subprocess.run([*program, f"--output={one}"], env=environment(), check=True)
  both = start_both(*program[1:], f"--output={two}")
  try:
    said = [process.communicate(timeout=300) for process in both]
  finally:
    for process in both:
      process.kill()
  assert [process.returncode for process in both] == [0, 0], said
  assert (one / "ablation.csv").read_bytes() == (
    two / "ablation.csv"
  ).read_bytes()
  assert {p.name for p in one.iterdir()} == {p.name for p in two.iterdir()}


def refused(capsys, words):
  assert cli.main(["ablate", *map(str, words)]) == 2
  return capsys.readouterr().err


def test_what_cannot_be_compared_is_refused(ablated, tmp_path, capsys):
  out = f"--output={tmp_path / 'out'}"
  compare = ["--compare", ablated, tmp_path / "other"]
  assert "--output" in refused(capsys, compare)
  assert "leave out" in refused(capsys, [*compare, out, "--workdir=x"])
  assert "holds no finished ablation" in refused(capsys, [*compare, out])
  shutil.copytree(ablated / "ablation", tmp_path / "other")
  record = tmp_path / "other" / "ablation.json"
  known = json.loads(record.read_text())
  lists = known["depends on"]["evaluation lists (SHA-256)"]
  known["depends on"]["evaluation lists (SHA-256)"] = dict.fromkeys(lists, "0")
  record.write_text(json.dumps(known))
  assert "another list" in refused(capsys, [*compare, out])
  known["depends on"]["examples"] -= 1
  record.write_text(json.dumps(known))
  assert "with examples 1, " in refused(capsys, [*compare, out])
  known["depends on"]["seed"] = 1
  record.write_text(json.dumps(known))
  assert "ablated with seed 1, " in refused(capsys, [*compare, out])
  table = tmp_path / "other" / "ablation.csv"
  table.write_text(table.read_text().replace("seen", "unseen", 1))
  assert "not what was written" in refused(capsys, [*compare, out])
  assert not (tmp_path / "out").exists()


def test_a_reference_that_no_item_serves_is_refused_before_the_work(
  ablated, toy_dataset, capsys, tmp_path
):
  words = [*WORDS, f"--workdir={ablated}", f"--output={tmp_path / 'out'}"]
  words.append(f"--config.data.sources={toy_dataset}")
  words.append("--config.ablation.reference.origin=another dataset")
  told = refused(capsys, words)
  assert "can serve the arm" in told and "ablate:" not in told
  assert not (tmp_path / "out").exists()


def test_what_cannot_be_asked_is_refused(ablated, toy_dataset, capsys):
  assert "--workdir" in refused(capsys, WORDS)
  words = [*WORDS, f"--workdir={ablated}"]
  words.append(f"--config.data.sources={toy_dataset}")
  for word, reason in (
    ("max_items=0", "ablation.max_items is 0"),
    ("reference.query=left", "there are right, wrong, random"),
    ("axes.shots=(1,11)", "0 to 10 examples"),
    ("crossed=('shots,shots',)", "give two of"),
    ("models=x=nowhere", "names no folder"),
    ("reference.origin=another dataset", "can serve the arm"),
  ):
    assert reason in refused(capsys, [*words, f"--config.ablation.{word}"])
