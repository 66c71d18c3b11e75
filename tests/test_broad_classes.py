"""The table of broad classes is complete, and says where it is damaged."""

import collections

import pytest

from fewshot_mss.data.broad_classes import (
  EFFECTS,
  BroadClass,
  all_broad_classes,
  broad_class,
)
from fewshot_mss.data.labels import all_labels, look_up
from fewshot_mss.data.synth.general_midi import PROGRAMS
from fewshot_mss.errors import InputError

HEAD = "label,class,family,effects\n"


def test_every_program_has_a_class_and_they_are_about_65():
  classes = [
    broad_class(look_up("general_midi", program.name).instrument)
    for program in PROGRAMS
  ]
  assert len(classes) == 128
  assert 60 <= len({item.name for item in classes}) <= 70
  counts = collections.Counter(item.name for item in classes)
  assert counts["electric guitar"] == 6
  assert counts["saxophone"] == 4
  assert counts["electric bass"] == 5


def test_what_is_in_the_table_of_labels_is_here():
  for row in all_labels():
    if row.table in ("general_midi", "medley_solos_db"):
      assert broad_class(row.instrument).family


def test_spelling_does_not_matter():
  guitar = BroadClass("electric guitar", "guitar", EFFECTS)
  assert broad_class("Guitar-Electric") == guitar
  assert broad_class("distorted electric guitar") == guitar


def test_a_class_has_one_family_which_its_name_has_elsewhere():
  families = {row.instrument: row.family for row in all_labels()}
  for item in all_broad_classes().values():
    assert families.get(item.name, item.family) == item.family


@pytest.mark.parametrize(
  ("lines", "message"),
  [
    ("x,y,z\n", "line 2: write label,class,family,effects"),
    ("x,y,,\n", "line 2: write"),
    ("x,y,z,\nX,y,z,\n", "line 3: 'X' is there twice"),
    ("x,y,z,\nw,y,other,\n", "line 3: 'y' has another family"),
    ("x,y,z,drive\nw,y,z,\n", "line 3: 'y' has another family or other eff"),
    ("x,y,z,wah\n", "line 2: the effects are drive, chorus, tremolo"),
  ],
)
def test_damage_is_named(tmp_path, lines, message):
  path = tmp_path / "broad_classes.csv"
  path.write_text(HEAD + lines)
  with pytest.raises(InputError, match=message):
    all_broad_classes(path)


def test_what_is_missing_is_named(tmp_path):
  with pytest.raises(InputError, match=r"'theorbo' is in no line of .*\.csv"):
    broad_class("theorbo")
  with pytest.raises(InputError, match="cannot be read"):
    broad_class("x", path=tmp_path / "none.csv")
  empty = tmp_path / "empty.csv"
  empty.write_text("")
  with pytest.raises(InputError, match="line 1: the head must be"):
    broad_class("x", path=empty)
