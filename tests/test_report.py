"""The files and the table that an evaluation leaves."""

import csv
import io
import itertools
import json
import os

import pytest
from rich.console import Console

from fewshot_mss.errors import InputError
from fewshot_mss.evaluation import scores as names
from fewshot_mss.evaluation.report import (
  machine_description,
  read_summary,
  summary_table,
  write_evaluation,
)
from fewshot_mss.evaluation.scores import Score
from fewshot_mss.evaluation.summary import summarise, verdict
from test_summary import score, table

PROVENANCE = {"data": "toy songs", "command": "fewshot-mss eval", "steps": 30}


@pytest.fixture(scope="module")
def rows():
  found = table(
    {1: [0.0, 0.0, 1.0], 5: [1.0, 2.0, 3.25]},
    [-6.0] * 3,
    family="all of them",
    snr_db=2.25,
  )
  for i in range(3):
    ideal = score(i, names.IDEAL_RATIO_MASK, None, 12.0)
    found += [ideal, score(i, names.SILENCE, None, -50.0, collapsed=True)]
  found += table({1: [0.0], 5: [float("nan")]}, [0.0], group="unseen")
  return found


@pytest.fixture(scope="module")
def summary(rows):
  return summarise(rows, bootstrap_samples=100)


@pytest.fixture
def written(tmp_path, rows, summary):
  directory = tmp_path / "new" / "evaluation"
  write_evaluation(directory, rows, summary, PROVENANCE)
  return directory


def test_three_files_and_nothing_else(written):
  assert sorted(p.name for p in written.iterdir()) == [
    "evaluation.json",
    "evaluation.md",
    "evaluation_items.csv",
  ]


def test_json_holds_summary_verdict_and_provenance(written, summary):
  text = (written / "evaluation.json").read_text()
  assert json.loads(text) == {
    "provenance": PROVENANCE,
    "verdict": verdict(summary),
    "summary": summary,
  }
  assert "NaN" not in text


def test_the_summary_can_be_read_back(written, summary):
  assert read_summary(written) == summary


@pytest.mark.parametrize("text", [None, "no json", "{}"])
def test_a_summary_that_cannot_be_read_is_named(tmp_path, text):
  if text is not None:
    (tmp_path / "evaluation.json").write_text(text)
  with pytest.raises(InputError, match=r"evaluation.json cannot be read"):
    read_summary(tmp_path)


def test_csv_holds_every_row(written, rows):
  with (written / "evaluation_items.csv").open(newline="") as file:
    read = list(csv.DictReader(file))
  assert len(read) == len(rows)
  assert tuple(read[0]) == Score._fields
  for line, row in zip(read, rows, strict=True):
    assert line["system"] == row.system
    assert line["shots"] == ("" if row.shots is None else str(row.shots))
    assert line["collapsed"] == str(row.collapsed)
    if row.si_sdr_db == row.si_sdr_db:
      assert float(line["si_sdr_db"]) == row.si_sdr_db
    else:
      assert line["si_sdr_db"] == ""


def test_markdown_has_verdict_provenance_and_baselines(written, summary):
  text = (written / "evaluation.md").read_text()
  for statement in verdict(summary).values():
    assert f"- {statement['statement']}\n" in text
  assert "- data: toy songs\n" in text
  assert "- steps: 30\n" in text
  assert "-50 dB" in text
  seen, unseen = text.split("## Items: ")[1:]
  assert seen.startswith("seen\n\n3 items of 2 songs.\n")
  assert unseen.startswith("unseen\n")
  # Songs of means 5.5 and 7.25, three items.
  usdr, snr = "+1.0 [+1.0, +1.0] | +1.0", "+2.2 [+2.2, +2.2] | +2.2"
  improved = "| model | 5 | +6.1 [+5.5, +7.2] | +6.0 | +2.1"
  assert f"{improved} | {usdr} | {snr} |" in seen
  for name in (names.MIXTURE, names.SILENCE, names.IDEAL_RATIO_MASK):
    assert f"| {name} |  |" in seen
  assert "| 5 | +8.1 [+7.5, +9.2] | 100 % | 3 |" in seen
  assert "| 5 | 1 | +1.8 [+1.5, +2.2] | 3 |" in seen
  # Improvement, mask's, mixture's SI-SDR; uSDR; SNR, its median, mixture's and
  # mask's; level.
  flute = "| flute | +6.0 | +6.0 | +16.0 | -4.0 | +1.0 | +2.2 | +2.2 | +2.2"
  assert f"{flute} |  | +0.0 | 0 % | 1 | 1 |" in seen
  assert "| all of them | +6.1 [+5.5, +7.2] | +6.0 |  | -4.0 |" in seen
  assert "By family, 5 shots" in seen and "By family" not in unseen
  # What does not exist is left empty, and one song has no interval.
  assert "| model | 5 |  |  |  | +1.0 |" in unseen
  assert "| mixture |  | +0.0 | +0.0 | -4.0 |" in unseen


def test_fewer_examples_than_shots_are_told(tmp_path):
  found = table({1: [0.0, 1.0], 5: [0.0, 1.0]}, [-6.0] * 2)
  found = [
    row._replace(examples=4) if row.shots == 5 and row.item else row
    for row in found
  ]
  write_evaluation(tmp_path, found, summarise(found, bootstrap_samples=9), {})
  text = (tmp_path / "evaluation.md").read_text()
  assert "| model | 5 (4.5 given) |" in text
  assert "| model | 1 |" in text


def test_parts_of_one_of_several_datasets_are_in_the_json_alone(tmp_path):
  found = [
    row
    for name in ("one", "two")
    for row in table({1: [0.0, 1.0]}, [-6.0] * 2, dataset=name)
  ]
  summary = summarise(found, bootstrap_samples=9)
  write_evaluation(tmp_path, found, summary, {})
  text = (tmp_path / "evaluation.md").read_text()
  assert text.count("By instrument") == 1
  assert summary["groups"]["seen, of one"]["instruments"]


def test_markdown_tables_are_whole(written):
  lines = (written / "evaluation.md").read_text().splitlines()
  for previous, line in itertools.pairwise(lines):
    if previous.startswith("|") and line.startswith("|"):
      assert previous.count("|") == line.count("|")


def test_a_bar_in_a_name_is_no_column(tmp_path):
  found = table({1: [0.0, 1.0]}, [-6.0] * 2, instrument="a|b")
  write_evaluation(tmp_path, found, summarise(found, bootstrap_samples=9), {})
  text = (tmp_path / "evaluation.md").read_text()
  assert "| a\\|b | +4.5 | +4.5 |" in text


def test_a_second_writing_replaces_the_first(written, rows, summary):
  write_evaluation(written, rows[:3], summary, {"data": "other"})
  content = json.loads((written / "evaluation.json").read_text())
  assert content["provenance"] == {"data": "other"}
  lines = (written / "evaluation_items.csv").read_text().splitlines()
  assert len(lines) == 4


def test_a_folder_that_cannot_be_is_named(tmp_path, rows, summary):
  (tmp_path / "file").write_text("")
  with pytest.raises(InputError, match=r"file/below cannot be written"):
    write_evaluation(tmp_path / "file" / "below", rows, summary, {})


def test_terminal_table_fits_80_columns_with_all_baselines(summary):
  console = Console(width=80, record=True, file=io.StringIO())
  console.print(summary_table(summary))
  text = console.export_text()
  assert "5 shots" in text
  assert "…" not in text
  for figure in ("-4.0", "+6.1", "[5.5, 7.2]", "-2.0", "+8.1", "+16.0", "0 %"):
    assert figure in text
  for title in ("mixture", "model", "wrong", "cost", "ideal", "silent"):
    assert title in text


def test_terminal_table_without_scores_of_a_network():
  rows = [score(i, names.MIXTURE, None, -4.0) for i in range(2)]
  table_of = summary_table(summarise(rows, bootstrap_samples=9))
  assert table_of.row_count == 1


def test_machine_description_names_parts_and_no_host():
  text = machine_description()
  assert "CPU core" in text and "8 x cpu" in text
  assert "GiB memory" in text
  assert os.uname().nodename not in text
