"""The model card and the type of the weights go with their archive."""

import numpy as np
import pytest

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
