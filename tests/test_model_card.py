"""What a model card tells, and that it tells it of the right numbers."""

import numpy as np
import pytest

from fewshot_mss.evaluation.summary import summarise, verdict
from fewshot_mss.export.archive import Archive
from fewshot_mss.training.card_scores import Evaluation
from fewshot_mss.training.model_card import model_card
from test_summary import table
from tiny_archive import MODEL, TRAINING

PARAMS = {
  "unet": {"kernel": np.zeros((30, 40), np.float16)},
  "encoder": {"kernel": np.zeros(34, np.float16)},
}


def archive(**changes):
  parts = {
    "params": PARAMS,
    "model": MODEL,
    "instruments": ("bass", "horn"),
    "training": TRAINING | {"data": ["Slakh2100-redux", "attic tapes"]},
    "content_hash": "0f" * 32,
    "dtype": "float16",
  }
  return Archive(**parts | changes)


def evaluation(groups=("seen",), **provenance):
  rows = []
  for group in groups:
    rows += table({5: [1.0, 2.0, 3.0]}, [-6.0] * 3, group=group)
  summary = summarise(rows, bootstrap_samples=50)
  content = {
    "provenance": provenance,
    "verdict": verdict(summary),
    "summary": summary,
  }
  return Evaluation("Test items", content)


def card(*evaluations, **changes):
  return model_card(archive(**changes), "horns", evaluations, "hf://me/horns")


def test_the_hub_can_read_its_head_and_no_licence_is_chosen():
  text = card()
  assert text.startswith("---\nlibrary_name: fewshot-mss\n")
  head = text.split("---\n")[1]
  assert "pipeline_tag: audio-to-audio" in head
  assert "license" not in head
  assert "None is chosen yet" in text.split("## Licence\n")[1]


def test_sizes_are_counted():
  text = card()
  assert "| parameters | 1,234 (encoder 34, unet 1,200) |" in text
  assert "| `model.safetensors` | float16, 0.0 MB |" in text
  assert f"`{'0f' * 32}`" in text
  assert "| `unet_channels` | 4, 8 |" in text
  assert "| `sample_rate_hz` | 8000 |" in text
  assert "| `steps` | 7 |" in text
  assert "above 4000 Hz stays" in text


def test_how_long_the_training_took_is_told_if_it_is_known():
  text = model_card(archive(), "horns", (), "here", (), "5 min on a desk")
  assert "| took | 5 min on a desk |" in text
  assert "| took |" not in card()


def test_datasets_are_credited_or_said_to_be_unknown():
  (line, unknown) = [
    line for line in card().splitlines() if line.startswith("- ")
  ][-2:]
  assert line.startswith("- Slakh2100-redux: E. Manilow")
  assert "CC BY 4.0" in line
  assert unknown.startswith("- attic tapes: not known to fewshot-mss: add")
  assert "- not stated: not known" in card(training=TRAINING)


def test_data_of_the_weights_that_a_training_began_from_are_told():
  begun = {
    "weights_sha256": "ab" * 32,
    "training": TRAINING
    | {
      "data": ["MoisesDB"],
      "begun_from": {
        "weights_sha256": "cd" * 32,
        "training": TRAINING | {"data": ["MedleyDB"]},
      },
    },
  }
  text = card(training=TRAINING | {"data": ["BabySlakh"], "begun_from": begun})
  places = [
    text.index(f"- {n}:") for n in ("BabySlakh", "MoisesDB", "MedleyDB")
  ]
  assert places == sorted(places)
  assert f"| begun from weights (SHA-256) | `{'ab' * 32}` |" in text
  assert text.count("has not been looked into") == 2
  assert "begun_from" not in text


def test_scores_stand_beside_baselines_with_their_n_and_intervals():
  text = card(evaluation(data="MoisesDB, test", machine="two cores"))
  assert "### Test items\n\nMoisesDB, test. Scored on two cores.\n" in text
  # Improvements over a mixture of -4 dB: 5, 6 and 7; of wrong queries -2. Two
  # songs, so each drawn mean lies between those of the songs.
  assert "Items: seen, 3 of 2 songs." in text
  (model,) = [x for x in text.splitlines() if x.startswith("| model | 5 |")]
  cells = [cell.strip() for cell in model.strip("|").split("|")]
  assert cells[2].startswith("+6.0 [+5.")
  assert cells[3:5] == ["+6.0", "+2.0"]
  assert cells[6:] == ["", "0 %", "3", "2"]
  (wrong,) = [x for x in text.splitlines() if x.startswith("| wrong query |")]
  assert "-2.0 [-2.0, -2.0]" in wrong
  (mixture,) = [x for x in text.splitlines() if x.startswith("| mixture |")]
  assert "| +0.0 [+0.0, +0.0] |" in mixture
  assert "before they were rounded to float16" in text
  assert "rounded" not in card(evaluation(data="x"), dtype="float32")
  assert "The query is obeyed" in text


def test_a_model_without_scores_says_so():
  assert "None: the model has not been evaluated." in card()


@pytest.mark.parametrize(
  ("conditioning", "asked", "call"),
  [
    ("examples", "by a few audio examples of it.", 'positives=["song.wav@1:'),
    ("examples_and_negatives", "and of what is not meant", 'negatives=["drum'),
    ("class", "its name, one of 2 that it knows", "instrument='bass'"),
  ],
)
def test_it_shows_how_the_model_is_asked(conditioning, asked, call):
  text = card(model=MODEL | {"conditioning": conditioning})
  assert asked in text
  code = text.split("```python\n")[1].split("```")[0]
  assert call in code
  assert "Separator.from_pretrained('hf://me/horns')" in code
  compile(code, "card", "exec")
