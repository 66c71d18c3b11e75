"""What a card tells of an evaluation and of an ablation, from made-up rows."""

import json

import numpy as np
import pytest

from fewshot_mss.errors import InputError
from fewshot_mss.evaluation import scores as names
from fewshot_mss.evaluation.ablation.runs import file_hash
from fewshot_mss.evaluation.ablation.table import write_table
from fewshot_mss.evaluation.summary import summarise, verdict
from fewshot_mss.training.card_scores import (
  Evaluation,
  ablation_parts,
  evaluation_parts,
)
from made_up_arms import REFERENCE, arm, scores, with_baselines
from test_summary import score, table

HASH = "0f" * 32


def cells(line):
  return [cell.strip() for cell in line.strip("|").split("|")]


@pytest.fixture(scope="module")
def page():
  # Improvements over -4 dB: with 10 shots 6, 7, 8, 9, with one of them worse
  # than its wrong query; the masks gain 12.
  rows = table({1: [0.0] * 4, 10: [2.0, 3.0, 4.0, 5.0]}, [-6.0, -6, -6, 9.0])
  rows += [score(i, names.IDEAL_RATIO_MASK, None, 8.0) for i in range(4)]
  summary = summarise(rows, bootstrap_samples=20)
  known = {
    "data": "tapes",
    "machine": "two cores",
    "evaluation list (SHA-256)": "aa",
    "validation list (SHA-256)": "bb",
  }
  content = {
    "provenance": known,
    "verdict": verdict(summary),
    "summary": summary,
  }
  return "\n".join(evaluation_parts(Evaluation("Test items", content)))


def test_lists_are_named(page):
  assert "### Test items\n\ntapes. Scored on two cores.\n" in page
  assert "- evaluation list (SHA-256): aa\n" in page
  assert "- validation list (SHA-256): bb\n" in page


def test_right_and_wrong_queries_and_the_way_to_the_mask(page):
  assert "wrong one in 75 % of them." in page
  (model,) = [x for x in page.splitlines() if x.startswith("| model | 10 |")]
  # The median of 6, 7, 8 and 9 twelfths.
  assert cells(model)[6] == "62 %"
  (mask,) = [x for x in page.splitlines() if x.startswith("| ideal ratio")]
  assert cells(mask)[6] == ""


def test_each_instrument_has_all_numbers_of_shots(page):
  assert "| instrument | 1 shots | 10 shots | way to the mask |" in page
  (bass,) = [x for x in page.splitlines() if x.startswith("| bass |")]
  # Items 0 and 2: 4 dB with one example, 6 and 8 with ten.
  assert cells(bass) == ["bass", "+4.0", "+7.0", "58 %", "0 %", "2", "2"]


def write_ablation(folder, weights=HASH):
  rows = scores(REFERENCE, np.linspace(1.0, 3.0, 16))
  rows += scores(arm(shots=1), np.linspace(0.0, 2.0, 16))
  rows += scores(arm(target="absent"), [-40.0] * 12 + [-20.0] * 4)
  rows += scores(arm(quality="reverberant"), [0.0] * 16)
  rows += scores(arm(model="other"), [9.0] * 16)
  rows = [
    row._replace(collapsed=row.level_over_mixture_db <= -30.0) for row in rows
  ]
  folder.mkdir(parents=True)
  write_table(folder / "ablation.csv", with_baselines(rows))
  record = {
    "depends on": {"weights (SHA-256)": {"demo": weights, "other": "x"}},
    "reference": REFERENCE._asdict(),
    "draws": [50, 0],
    "table (SHA-256)": file_hash(folder / "ablation.csv"),
  }
  (folder / "ablation.json").write_text(json.dumps(record))
  return folder


def test_an_ablation_tells_of_absent_targets_and_shots(tmp_path):
  folder = write_ablation(tmp_path / "ablation")
  text = "\n".join(ablation_parts(folder, HASH))
  (absent,) = [x for x in text.splitlines() if "| absent (level) |" in x]
  assert cells(absent)[:3] == ["target", "seen", "absent (level)"]
  assert cells(absent)[3].startswith("-35.0 [")
  assert cells(absent)[4:] == ["-40.0", "75 %", "16 (8)"]
  shots = [x for x in text.splitlines() if x.startswith("| positive examples")]
  assert [cells(x)[2:4][1][:4] for x in shots] == ["+1.0", "+2.0"]
  # Neither what few ask of a card nor another model.
  assert "reverberant" not in text and "+9.0" not in text


def test_an_ablation_of_other_weights_or_changed_is_refused(tmp_path):
  assert ablation_parts(tmp_path / "none", HASH) == []
  folder = write_ablation(tmp_path / "ablation")
  with pytest.raises(InputError, match="is of other weights"):
    ablation_parts(folder, "ab" * 32)
  path = folder / "ablation.csv"
  path.write_text(path.read_text().replace("seen", "unseen", 1))
  with pytest.raises(InputError, match="is not what was written"):
    ablation_parts(folder, HASH)
  (folder / "ablation.json").write_text("{}")
  with pytest.raises(InputError, match="cannot be read"):
    ablation_parts(folder, HASH)
