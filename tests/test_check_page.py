"""What a check prints, for people and for programs."""

import json

import numpy as np
import pytest
from rich.console import Console

from fewshot_mss.data.check import CheckReport
from fewshot_mss.data.check_page import page, show_check
from fewshot_mss.data.check_summary import summary
from fewshot_mss.errors import RunError
from made_songs import broken, check, noise, reads, song, stem


@pytest.fixture(scope="module")
def report():
  """Two good songs and a bad one; 4 h of stems in all."""
  hour = np.zeros((3600, 1), np.float32)
  hours = [hour + np.float32(0.1 + 0.01 * i) for i in range(4)]
  tracks = (
    song(
      "one",
      stem("horn", hours[0], 1, bleed=True),
      stem("flute_1", hours[1], 1, bleed=False),
      mixture=reads(hours[0] + hours[1], 1),
    ),
    song("[two]", stem("flute", hours[2], 1, bleed=False), split="test"),
    song(
      "three", *(broken(f"b{i}") for i in range(12)), stem("horn", hours[3], 1)
    ),
  )
  return check(
    *tracks,
    sources=("by [hand]",),
    skipped=(
      "s/1: has bleed",
      "t: no audio: none",
      *(f"s/{i}: has bleed" for i in range(2, 6)),
    ),
  )


def test_the_summary_counts(report):
  found = summary(report, "set")
  assert found["songs"]["train"] == {
    "songs": 2,
    "stems": 15,
    "song_hours": 2.0,
    "stem_hours": 3.0,
  }
  assert found["songs"]["validation"]["songs"] == 0
  assert found["songs"]["all"]["stem_hours"] == 4.0
  by_name = {row["instrument"]: row for row in found["instruments"]}
  assert by_name["flute"] == {
    "instrument": "flute",
    "family": "family",
    "stems": 2,
    "songs": 2,
    "hours": 2.0,
  }
  assert by_name["b3"]["hours"] == 0
  # Those of most stems first, then by name.
  assert list(by_name)[:3] == ["flute", "horn", "b0"]
  assert found["formats"] == [
    {"rate_hz": 1, "channels": 1, "stems": 4, "songs": 3}
  ]
  assert found["bleed"] == {"yes": 1, "no": 2, "unknown": 13}
  assert found["skipped"] == [
    {"reason": "has bleed", "names": [f"s/{i}" for i in range(1, 6)]},
    {"reason": "no audio: none", "names": ["t"]},
  ]
  assert (found["errors"], found["warnings"]) == (12, 0)
  assert found["findings"][0] == {
    "severity": "error",
    "kind": "unreadable",
    "where": "three/b0",
    "what": "b0.wav is no sound",
  }


def shown(report, width=80):
  console = Console(width=width)
  with console.capture() as capture:
    console.print(page(summary(report, "set")))
  return capture.get()


def row_of(text, name):
  (line,) = [x for x in text.split("\n") if x.startswith(f"│ {name} ")]
  return [cell.strip() for cell in line.strip("│").split("│")]


def test_the_page_shows_all_of_it_in_80_columns(report):
  text = shown(report)
  assert "…" not in text
  assert text.startswith("set (by [hand])\n")
  assert row_of(text, "train")[1:] == ["2", "15", "2:00:00", "3:00:00"]
  assert row_of(text, "flute")[1:] == ["family", "2", "2", "2:00:00"]
  facts = " ".join(text.replace("│", " ").split())
  assert "1 Hz, 1 channel: 4 stems of 3 songs" in facts
  assert "1 song compared" in facts
  assert "the worst: one -" in facts
  assert "yes 1, no 2, unknown 13" in facts
  assert "5: has bleed (s/1, s/2, s/3, ...)" in facts
  assert "1: no audio: none (t)" in facts
  assert "ERROR (12) stems that cannot be read" in text
  assert "\n  three/b0: b0.wav is no sound\n" in text
  assert "three/b9" in text
  assert "three/b10" not in text
  assert "and 2 more (--json lists all)" in text
  assert text.endswith("\n12 errors, 0 warnings\n")


def test_warnings_follow_errors_and_long_names_are_whole():
  name = "[a] " + 40 * "long "
  clipped = np.clip(20 * noise(0), -1, 1)
  text = shown(check(song(name, stem("x", clipped), broken("y"))), 60)
  assert text.index("ERROR (1)") < text.index("WARNING (1) clipped")
  assert " ".join(text.split()).count("[a] long long") == 2
  assert "no mixture beside the stems" in text
  assert "nothing" in text
  assert "1 error, 1 warning" in text
  assert "no stem can be read" in shown(check(song("a", broken("y"))))


def test_times_are_rounded_to_seconds():
  text = shown(check(song("a", stem("x", noise(0, 3599.6)))))
  assert row_of(text, "train")[3:] == ["1:00:00", "1:00:00"]
  text = shown(check(song("a", stem("x", noise(0, 61.4)))))
  assert row_of(text, "train")[3] == "0:01:01"


def test_errors_are_raised_after_all_is_printed(report, capsys):
  with pytest.raises(RunError, match=r"^12 errors in set: "):
    show_check(report, "set", as_json=False)
  assert "12 errors, 0 warnings" in capsys.readouterr().out
  with pytest.raises(RunError):
    show_check(report, "set", as_json=True)
  assert json.loads(capsys.readouterr().out) == summary(report, "set")
  good = CheckReport(report.tracks[:2], (), ())
  show_check(good, "set", as_json=True)
  assert json.loads(capsys.readouterr().out)["errors"] == 0
