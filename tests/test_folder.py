"""A folder of a few files is there whole or not at all."""

from pathlib import Path

import pytest

from fewshot_mss.errors import InputError
from fewshot_mss.export.folder import check_replaceable, write_folder

NAMES = ("config.json", "a.bin", "b.bin")


def contents(folder):
  return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_what_was_there_is_replaced_and_nothing_stays_beside(tmp_path):
  folder = tmp_path / "deep" / "out"
  write_folder(folder, {"config.json": b"1", "a.bin": b"1", "b.bin": b"1"})
  new = {"config.json": b"2", "a.bin": b"2"}
  write_folder(folder, new)
  assert contents(folder) == new
  assert list(folder.parent.iterdir()) == [folder]


def test_a_relative_folder_is_one_of_here(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  write_folder(Path("out"), {"config.json": b"1"})
  assert contents(tmp_path / "out") == {"config.json": b"1"}


def test_a_write_that_fails_half_way_leaves_the_old(tmp_path):
  folder = tmp_path / "out"
  old = {"config.json": b"1", "a.bin": b"1"}
  write_folder(folder, old)
  with pytest.raises(InputError, match="out cannot be written"):
    write_folder(folder, {"config.json": b"2", "absent/deep/a.bin": b"2"})
  assert contents(folder) == old
  assert list(tmp_path.iterdir()) == [folder]


def test_only_what_an_export_left_may_be_replaced(tmp_path):
  folder = tmp_path / "out"
  check_replaceable(folder, NAMES)
  folder.mkdir()
  check_replaceable(folder, NAMES)
  (folder / "config.json").write_bytes(b"")
  with pytest.raises(InputError, match=r"holds config\.json and is no model"):
    check_replaceable(folder, NAMES)
  (folder / "a.bin").write_bytes(b"")
  check_replaceable(folder, NAMES)
  (folder / "song.wav").write_bytes(b"")
  with pytest.raises(InputError, match=r"holds song\.wav and is no model"):
    check_replaceable(folder, NAMES)
  with pytest.raises(InputError, match="is a file"):
    check_replaceable(folder / "song.wav", NAMES)


def test_an_interrupt_between_old_and_new_leaves_the_old(tmp_path, monkeypatch):
  folder = tmp_path / "out"
  old = {"config.json": b"1", "a.bin": b"1"}
  write_folder(folder, old)
  rename = Path.rename

  def interrupted(path, target):
    if path.name == "new":
      raise KeyboardInterrupt
    return rename(path, target)

  monkeypatch.setattr(Path, "rename", interrupted)
  with pytest.raises(KeyboardInterrupt):
    write_folder(folder, {"config.json": b"2"})
  assert contents(folder) == old
  assert list(tmp_path.iterdir()) == [folder]


def test_a_link_to_a_folder_stays_one(tmp_path):
  (tmp_path / "disk").mkdir()
  (tmp_path / "out").symlink_to("disk")
  for content in (b"1", b"2"):
    write_folder(tmp_path / "out", {"config.json": content})
    assert (tmp_path / "out").is_symlink()
    assert (tmp_path / "disk" / "config.json").read_bytes() == content
  assert len(list(tmp_path.iterdir())) == 2
