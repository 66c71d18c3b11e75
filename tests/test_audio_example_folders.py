"""Folders of examples: which files they stand for, and in which order."""

from pathlib import Path

import pytest

from fewshot_mss.audio.example_folders import expand_examples
from fewshot_mss.audio.formats import FORMATS
from fewshot_mss.errors import InputError


def test_a_folder_is_its_audio_files_in_order(tmp_path):
  horns = tmp_path / "my horns@0:01-0:02"
  (horns / "more.wav").mkdir(parents=True)
  for name in ("b.wav", "a 2.FLAC", "é.mp3", "c.m4a", ".hidden.wav", "me.jpg"):
    (horns / name).touch()
  (horns / "more.wav" / "deep.wav").touch()
  folder = str(horns)
  assert expand_examples(["x.wav@1-2", folder, "y.txt"]) == [
    "x.wav@1-2",
    *(f"{folder}/{name}" for name in ("a 2.FLAC", "b.wav", "c.m4a", "é.mp3")),
    "y.txt",
  ]
  assert expand_examples([]) == []


def test_whatever_separate_writes_is_found_in_a_folder(tmp_path):
  names = sorted(f"a.{ending}" for ending in (*FORMATS, "rf64", "caf", "aifc"))
  for name in names:
    (tmp_path / name).touch()
  found = expand_examples([str(tmp_path)])
  assert found == [f"{tmp_path}/{name}" for name in names]


def test_folders_that_show_nothing_are_named(tmp_path):
  with pytest.raises(InputError, match=f"{tmp_path} holds no audio file"):
    expand_examples(["a.wav", str(tmp_path)])
  # Path("") is the folder that the program runs in.
  with pytest.raises(InputError, match="empty name"):
    expand_examples(["a.wav", " "])


def test_a_folder_that_cannot_be_read(tmp_path, monkeypatch):
  def refuse(folder):
    raise PermissionError(13, "Permission denied", folder)

  # Rights would not do: root reads every folder.
  monkeypatch.setattr(Path, "iterdir", refuse)
  with pytest.raises(InputError, match=r"cannot be read \(Permission denied"):
    expand_examples([str(tmp_path)])
