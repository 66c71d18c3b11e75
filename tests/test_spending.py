"""The time that a run takes is kept over its starts."""

import json

import pytest

from fewshot_mss.training import checkpoint, spending
from fewshot_mss.training.spending import (
  Spending,
  describe_spent,
  read_spent_s,
)
from tiny_checkpoints import make_state


def test_starts_add_up_and_machines_stay_apart(monkeypatch):
  times = iter([100.0, 160.0, 400.0, 430.0])
  names = iter(["desk", "desk"])
  monkeypatch.setattr(spending, "machine_description", lambda: next(names))
  first = Spending({}, lambda: next(times)).so_far_s()
  assert first == {"desk": 60.0}
  earlier_s = {"attic": 7.0} | first
  second = Spending(earlier_s, lambda: next(times)).so_far_s()
  assert second == {"attic": 7.0, "desk": 90.0}


def test_it_lies_beside_a_checkpoint_and_is_read_back(tmp_path):
  with checkpoint.open_manager(tmp_path, 3) as manager:
    checkpoint.save(manager, make_state(1), 1, None, (), {"desk": 60.5})
    checkpoint.save(manager, make_state(2), 2, None)
    manager.wait_until_finished()
  folder = tmp_path / "checkpoints"
  assert read_spent_s(folder / "1") == {"desk": 60.5}
  assert read_spent_s(folder / "2") == {}
  assert read_spent_s(folder / "3") == {}


@pytest.mark.parametrize("text", ["", "{}", '{"custom_metadata": {"w": 1}}'])
def test_what_does_not_tell_is_not_known(tmp_path, text):
  (tmp_path / "_CHECKPOINT_METADATA").write_text(text)
  assert read_spent_s(tmp_path) == {}
  described = {"custom_metadata": {"spent_s": ["desk"]}}
  (tmp_path / "_CHECKPOINT_METADATA").write_text(json.dumps(described))
  assert read_spent_s(tmp_path) == {}


def test_in_words():
  assert describe_spent({}) == ""
  words = describe_spent({"a desk": 9000.0, "an attic": 29.0})
  assert words == "150 min on a desk; 0 min on an attic"
