"""Folders for audio files: proved before work, and clean after it."""

import numpy as np
import pytest

from fewshot_mss.audio.blocks import audio_info
from fewshot_mss.audio.formats import Form
from fewshot_mss.audio.output_folders import (
  WriteError,
  check_makeable,
  check_writable,
  remove_leftovers,
)
from fewshot_mss.audio.writing import BlockWriter
from fewshot_mss.errors import InputError


def test_writable_folder_is_made_and_left_empty(tmp_path):
  check_writable(tmp_path / "a" / "b")
  check_writable(tmp_path / "a" / "b")
  assert not list((tmp_path / "a" / "b").iterdir())


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_file_in_the_way_of_a_folder_is_named(tmp_path, place):
  (tmp_path / "file").touch()
  with pytest.raises(InputError, match=f"{place} cannot be written"):
    check_writable(tmp_path / place)


def test_a_folder_that_is_there_and_cannot_be_written_is_found(tmp_path):
  # The super-user may write wherever permissions forbid it, but not here.
  link = tmp_path / "kernel"
  link.symlink_to("/proc")
  with pytest.raises(InputError, match="kernel cannot be written"):
    check_writable(link)


@pytest.mark.parametrize("place", ["file/below", "x" * 300])
def test_a_folder_that_could_not_be_made_is_named(tmp_path, place):
  (tmp_path / "file").touch()
  with pytest.raises(WriteError, match="cannot be written"):
    check_makeable(tmp_path / place)
  check_makeable(tmp_path / "a" / "b")
  assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_leftovers_are_removed_and_files_at_work_stay(tmp_path):
  others = [".mine", "a.wav", ".a.writing", "b.1.writing", ".writing"]
  for name in (".a.wav.4194999.writing", ".b c.flac.1.writing", *others):
    (tmp_path / name).touch()
  path = tmp_path / "new.wav"
  with BlockWriter(path, Form("wav", "FLOAT"), 8_000, 2, 1_000) as writer:
    remove_leftovers(tmp_path)
    writer.write(np.zeros((1_000, 2), np.float32))
    writer.finish()
    remove_leftovers(tmp_path)
    writer.publish()
  assert audio_info(path).num_samples == 1_000
  assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
    [*others, "new.wav"]
  )
  remove_leftovers(tmp_path / "absent")
