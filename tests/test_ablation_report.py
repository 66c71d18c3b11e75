"""The page, the table and the pictures that an ablation leaves."""

import csv
import itertools
import math

import pytest

from fewshot_mss.errors import InputError
from fewshot_mss.evaluation.ablation import report
from fewshot_mss.evaluation.ablation.report import write_report
from fewshot_mss.evaluation.bootstrap import Interval
from fewshot_mss.evaluation.cells import (
  format_db,
  format_interval,
  format_n,
  format_p,
  format_share,
  markdown_table,
)
from made_up_arms import NAN, REFERENCE, arm, scores, with_baselines

PROVENANCE = {"data": "made up", "weights (SHA-256)": "abc", "steps": 30}
WRONG = arm(query="wrong")


@pytest.fixture(scope="module")
def rows():
  found = scores(REFERENCE, [4.0, 6.0, 8.0, 2.0])
  found += scores(arm(shots=1), [3.0, 5.0, 4.0, 2.0], examples=1)
  found += scores(arm(target="several"), [1.0] * 4)
  found += scores(arm(target="absent"), [-30.0, -40.0] * 2)
  found += scores(arm(shots=2), [4.0] * 4)
  found += scores(arm(shots=1, negatives=1), [3.5] * 4)
  for asked in (REFERENCE, arm(shots=1)):
    found += scores(asked, [1.0, 0.96], 4, group="unseen")
  return with_baselines(found)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, rows):
  folder = tmp_path_factory.mktemp("ablation") / "new" / "report"
  write(folder, rows)
  return folder


def write(folder, rows, **changes):
  settings = {
    "reference": REFERENCE,
    "crossed": [("shots", "example_s")],
    "provenance": PROVENANCE,
    "bootstrap_samples": 99,
    "seed": 7,
  }
  write_report(folder, rows, **settings | changes)


@pytest.fixture(scope="module")
def sections(folder):
  text = (folder / "report.md").read_text()
  parts = text.split("\n## ")
  return dict(part.split("\n", 1) for part in ["head\n" + parts[0], *parts[1:]])


def test_the_files_and_nothing_else(folder):
  assert sorted(p.name for p in folder.iterdir()) == [
    "comparisons.csv",
    "gain_over_shots.png",
    "instruments.png",
    "report.md",
  ]


def test_the_head_has_provenance_method_and_what_is_ours(sections):
  head = sections["head"]
  assert head.startswith("# Ablation\n\n- data: made up\n")
  assert "- weights (SHA-256): abc\n- steps: 30\n" in head
  assert "5 shots of 2 s, 0 negatives, from another song" in head
  assert "-50 dB" in head
  assert "99 bootstrap draws" in head and "seed 7" in head
  assert "below m x 0.02." in head
  assert "Ours, and no figures of the paper" in head
  assert "oracle" in head
  assert "![Gain over shots](gain_over_shots.png)" in head


def test_an_axis_by_hand(sections):
  text = sections["Positive examples (shots)"]
  head, _, *lines = text.strip().split("\n\n")[0].split("\n")
  assert head == (
    "| items | arm | SI-SDR improvement, dB [95 %] | median | n (songs) | "
    "minus the reference, dB [95 %] | its median | n (songs) | Holm p | "
    "silent | examples |"
  )
  assert lines[0] == (
    "| seen | 1 | +3.5 [+3.0, +4.0] | +3.5 | 4 (2) | -1.5 [-2.0, -1.0] | "
    "-1.0 | 4 (2) | 1 | 0 % | 1.0 |"
  )
  assert lines[2] == (
    "| seen | 5 (reference) | +5.0 [+5.0, +5.0] | +5.0 | 4 (2) |  |  |  |  | "
    "0 % | 5.0 |"
  )
  # Baselines beside, of single targets, without a corrected p-value.
  assert lines[3:6] == [
    "| seen | *mixture* | +0.0 [+0.0, +0.0] | +0.0 | 4 (2) | "
    "-5.0 [-5.0, -5.0] | -5.0 | 4 (2) |  | 0 % |  |",
    "| seen | *silence* | -46.0 [-46.0, -46.0] | -46.0 | 4 (2) | "
    "-51.0 [-51.0, -51.0] | -51.0 | 4 (2) |  | 100 % |  |",
    "| seen | *ideal ratio mask* | +16.0 [+16.0, +16.0] | +16.0 | 4 (2) | "
    "+11.0 [+11.0, +11.0] | +11.0 | 4 (2) |  | 0 % |  |",
  ]
  # One song has no interval and no p-value.
  assert lines[6] == (
    "| unseen | 1 | +1.0 | +1.0 | 2 (1) | +0.0 | +0.0 | 2 (1) |  | 0 % | 1.0 |"
  )


def test_families_have_a_column_an_arm(sections):
  lines = (
    sections["Positive examples (shots)"].split("By family")[1].split("\n")
  )
  assert lines[2] == "| items | n (songs) | 1 | 2 |"
  # Of the flute: -1 and 0; -2 and +2.
  assert lines[4] == (
    "| seen: pipe | 2 (2) | -0.5 [-1.0, +0.0], p 1 | +0.0 [-2.0, +2.0], p 1 |"
  )
  assert lines[6] == "| unseen: pipe | 1 (1) | +0.0 |  |"


def test_columns_of_families_tell_levels_apart(sections):
  lines = sections["Target"].split("By family")[1].split("\n")
  assert lines[2] == "| items | n (songs) | several | absent, level |"


def test_absent_targets_have_a_table_of_their_own(sections):
  present, absent, _ = sections["Target"].strip().split("\n\n", 2)
  assert "| seen | several | +1.0 [+1.0, +1.0] |" in present
  assert "| seen | *mixture*, target one | +0.0" in present
  assert "| seen | *mixture*, target several | +0.0" in present
  assert "absent" not in present
  head, _, *lines = absent.split("\n")
  assert "level of an absent target's output over the mixture, dB" in head
  assert lines[0].startswith("| seen | one (reference) | -6.0 [-6.0, -6.0] |")
  assert lines[1].startswith(
    "| seen | absent | -35.0 [-35.0, -35.0] | -35.0 | 4 (2) | "
    "-29.0 [-29.0, -29.0] |"
  )
  assert lines[2].startswith("| seen | *mixture* | +0.0")
  assert lines[3].startswith("| seen | *silence* | -120.0")
  assert len(lines) == 5


def test_equal_totals_are_to_positives_alone(sections):
  text = sections["Positives and negatives at equal totals"]
  assert "minus positives alone, dB [95 %]" in text
  assert (
    "| 1 positive, 1 negative | +3.5 [+3.5, +3.5] | +3.5 | 4 (2) | -0.5"
    in (text)
  )
  # Baselines are compared with another arm: no difference here.
  assert "| *mixture* | +0.0 [+0.0, +0.0] | +0.0 | 4 (2) |  |  |  |  |" in text


def test_instruments_of_the_reference(sections):
  text = sections["The reference arm by instrument"]
  assert "| seen | bass | strings | +6.0 [+4.0, +8.0] | +6.0 | 2 (2) |" in text


def test_tables_are_whole(folder):
  lines = (folder / "report.md").read_text().splitlines()
  for previous, line in itertools.pairwise(lines):
    if previous.startswith("|") and line.startswith("|"):
      assert previous.count("|") == line.count("|")


def test_the_csv_holds_every_comparison(folder):
  with (folder / "comparisons.csv").open(newline="") as file:
    read = list(csv.DictReader(file))
  assert None not in read[0] and len(read[0]) == len(report._COLUMNS)
  (row,) = [
    r
    for r in read
    if (r["axis"], r["items"], r["value"]) == ("shots", "seen", "1")
  ]
  expected = {
    "model": "demo",
    "shots": "1",
    "measure": "si_sdr_improvement_db",
    "mean_db": "3.5",
    "low_db": "3.0",
    "high_db": "4.0",
    "median_db": "3.5",
    "items_n": "4",
    "songs_n": "2",
    "examples": "1.0",
    "collapsed_share": "0.0",
    "difference_db": "-1.5",
    "difference_low_db": "-2.0",
    "difference_high_db": "-1.0",
    "difference_median_db": "-1.0",
    "paired_items_n": "4",
    "paired_songs_n": "2",
    "p_value": "0.5",
    "holm_p_value": "1.0",
  }
  assert {name: row[name] for name in expected} == expected
  assert {r["items"] for r in read} >= {"unseen", "seen: pipe"}
  assert {r["value"] for r in read if r["axis"] == "baseline"} == {
    "mixture",
    "silence",
    "ideal ratio mask",
  }
  (reference,) = [
    r
    for r in read
    if (r["axis"], r["items"], r["value"]) == ("shots", "unseen", "5")
  ]
  assert reference["p_value"] == reference["low_db"] == ""


def test_the_second_writing_replaces_the_first(tmp_path, rows):
  write(tmp_path, rows[:4])
  write(tmp_path, rows[:3], provenance={"data": "other"})
  text = (tmp_path / "report.md").read_text()
  assert "- data: other\n" in text and "made up" not in text


def test_a_folder_that_cannot_be_is_named(tmp_path, rows):
  (tmp_path / "file").write_text("")
  with pytest.raises(InputError, match=r"file/below cannot be written"):
    write(tmp_path / "file" / "below", rows)


def test_cells():
  assert [format_db(v) for v in (1.26, -0.04, NAN)] == ["+1.3", "+0.0", ""]
  assert format_interval(Interval(NAN, NAN, NAN, 0, 0)) == ""
  assert format_interval(Interval(-2.0, NAN, NAN, 3, 1)) == "-2.0"
  assert format_interval(Interval(1.0, -0.5, 2.5, 3, 2)) == "+1.0 [-0.5, +2.5]"
  assert format_n(Interval(1.0, 0.0, 2.0, 30, 4)) == "30 (4)"
  assert format_n(Interval(NAN, NAN, NAN, 0, 0)) == ""
  assert [format_p(v) for v in (0.0314, 1.0, math.nan)] == ["0.031", "1", ""]
  assert [format_share(v) for v in (0.256, NAN)] == ["26 %", ""]
  assert markdown_table(["a", "b"], [["x|y", "1"]], words=1) == (
    "| a | b |\n| --- | ---: |\n| x\\|y | 1 |\n"
  )
