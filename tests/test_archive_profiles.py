"""Profiles go with their archive; a person's among them are not lost."""

import hashlib
import json

import pytest

from fewshot_mss.errors import InputError
from fewshot_mss.export.archive import load_archive
from test_archive_card import write
from tiny_archive import random_params


def test_profiles_lie_beside_and_go_with_the_next_archive(tmp_path):
  params = random_params()
  files = {"violin.profile": b"1", "alto sax.profile": b"2"}
  path = write(tmp_path / "model", params, card="Hi.", profiles=files)
  for name, content in files.items():
    assert (path / "profiles" / name).read_bytes() == content
  config = json.loads((path / "config.json").read_text())
  assert config["profiles_sha256"] == {
    name: hashlib.sha256(held).hexdigest() for name, held in files.items()
  }
  load_archive(path)
  write(path, params, profiles={"cello.profile": b"3"})
  found = [place.name for place in (path / "profiles").iterdir()]
  assert found == ["cello.profile"]
  write(path, params)
  assert not (path / "profiles").exists()
  assert [place.name for place in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize(
  ("name", "content"),
  [("mine.profile", b"1"), ("violin.profile", b"2"), ("deep/x", b"1")],
)
def test_profiles_of_a_person_are_not_lost(tmp_path, name, content):
  params = random_params()
  path = write(tmp_path / "model", params, profiles={"violin.profile": b"1"})
  added = path / "profiles" / name
  added.parent.mkdir(exist_ok=True)
  added.write_bytes(content)
  with pytest.raises(InputError, match=name.split("/")[0]):
    write(path, params)
  assert added.read_bytes() == content


def test_a_model_without_profiles_that_was_given_some(tmp_path):
  path = write(tmp_path / "model", random_params())
  (path / "profiles").mkdir()
  write(path, random_params())
  (path / "profiles").write_text("a file")
  with pytest.raises(InputError, match="profiles is none of the profiles"):
    write(path, random_params())
