"""What was once exported loads for ever, and separates as it did.

`archives/` has one of each format version, written by the program of its time.
Never write one of them again: a change that breaks them needs another version,
and another folder beside them.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from fewshot_mss.export.archive import load_archive
from fewshot_mss.export.checks import FORMAT_VERSIONS
from fewshot_mss.inference.separator import Separator

FOLDER = Path(__file__).parent / "archives"
NAMES = sorted(path.name for path in FOLDER.iterdir() if path.is_dir())


def asked(name):
  """The condition, and what comes out of a chord, of one archive."""
  separator = Separator.from_pretrained(FOLDER / name)
  times = np.arange(3000, dtype=np.float32) / 8000
  high, low = (0.3 * np.sin(2 * np.pi * hz * times) for hz in (1100, 310))
  words = {
    "examples": {"positives": [high]},
    "examples_and_negatives": {"positives": [high], "negatives": [low]},
    "class": {"instrument": "horn"},
  }[separator.archive.model["conditioning"]]
  if "instrument" not in words:
    words["rate_hz"] = 8000
  condition = separator.condition(**words)
  separated = separator.separate_with(high + low, condition, rate_hz=8000)
  return condition, separated.target[::250, 0]


@pytest.mark.parametrize("name", NAMES)
def test_an_archive_of_each_time_gives_the_numbers_of_its_time(name):
  condition, target = asked(name)
  wanted = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
  np.testing.assert_allclose(condition, wanted["condition"], atol=1e-5)
  np.testing.assert_allclose(target, wanted["target"], atol=1e-5)


def test_there_is_one_of_each_format_version_and_type():
  kinds = set()
  for name in NAMES:
    config = json.loads((FOLDER / name / "config.json").read_text("utf-8"))
    kinds.add((config["format_version"], load_archive(FOLDER / name).dtype))
  assert {version for version, _ in kinds} == set(FORMAT_VERSIONS)
  assert kinds >= {(2, "float32"), (2, "float16"), (2, "bfloat16")}
