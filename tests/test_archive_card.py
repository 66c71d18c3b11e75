"""An archive on the disk: with its card, in its type, where it may lie."""

import numpy as np
import pytest
from flax.traverse_util import flatten_dict, unflatten_dict

from fewshot_mss.errors import InputError
from fewshot_mss.export.archive import load_archive, save_archive
from tiny_archive import INSTRUMENTS, MODEL, TRAINING, random_params


def write(directory, params, **changes):
  save_archive(
    directory,
    params,
    model=MODEL,
    instruments=INSTRUMENTS,
    training=TRAINING,
    **changes,
  )
  return directory


def test_a_card_lies_beside_and_goes_with_the_next_archive(tmp_path):
  params = random_params()
  path = write(tmp_path / "model", params, card="Hörner.\n", dtype="float16")
  assert (path / "README.md").read_bytes() == "Hörner.\n".encode()
  archive = load_archive(path)
  assert archive.dtype == "float16"
  kernel = params["unet"]["down_0"]["kernel"].astype(np.float16)
  np.testing.assert_array_equal(
    archive.params["unet"]["down_0"]["kernel"], kernel.astype(np.float32)
  )
  assert archive.params["unet"]["down_0"]["kernel"].dtype == np.float32
  write(path, params)
  assert load_archive(path).dtype == "float32"
  assert not (path / "README.md").exists()
  (path / "README.md").write_text("of a person")
  with pytest.raises(InputError, match=r"README\.md has been changed since"):
    write(path, params)


def test_a_model_of_another_program_is_not_replaced(tmp_path):
  path = write(tmp_path / "model", random_params())
  (path / "config.json").write_text('{"architectures": ["BertModel"]}')
  with pytest.raises(InputError, match="holds a model of another program"):
    write(path, random_params())
  assert "Bert" in (path / "config.json").read_text()
  # One of ours that is damaged is what an export anew mends.
  (path / "config.json").write_text("{")
  load_archive(write(path, random_params()))


def test_a_failed_write_leaves_the_old_archive(tmp_path):
  path = write(tmp_path / "model", random_params())
  before = load_archive(path).content_hash
  broken = unflatten_dict(
    flatten_dict(random_params(), sep="/") | {"unet/extra": np.zeros(1)},
    sep="/",
  )
  with pytest.raises(InputError, match="unet/extra is unknown"):
    write(path, broken)
  assert load_archive(path).content_hash == before


def test_missing_parents_and_an_empty_folder_are_filled(tmp_path):
  params = random_params()
  (tmp_path / "empty").mkdir()
  load_archive(write(tmp_path / "empty", params))
  load_archive(write(tmp_path / "a" / "b", params))
