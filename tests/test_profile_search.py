"""Profiles by name: the right one, the nearest ones, never another folder's."""

import pytest

from fewshot_mss.errors import InputError
from fewshot_mss.inference.profile_search import (
  find_profile,
  model_profiles,
  profile_file_name,
)


@pytest.fixture
def model(tmp_path, monkeypatch):
  folder = tmp_path / "model" / "profiles"
  folder.mkdir(parents=True)
  for name in ("violin", "viola", "alto sax", "tenor sax", "overdriven guitar"):
    (folder / f"{name}.profile").touch()
  (folder / ".hidden.profile").touch()
  (folder / "violin.txt").touch()
  (tmp_path / "secret.profile").touch()
  monkeypatch.chdir(tmp_path)
  return tmp_path / "model"


def test_names_and_paths(model, tmp_path):
  violin = model / "profiles" / "violin.profile"
  assert find_profile("violin", model) == violin
  assert find_profile("Violin", model) == violin
  sax = model / "profiles" / "alto sax.profile"
  for word in ("alto sax", "alto_sax", "Alto-Sax"):
    assert find_profile(word, model) == sax
  # A path is one even where nothing is.
  for word in ("violin.profile", "./violin", "../model/profiles/x", "/etc/x"):
    assert str(find_profile(word, model)) == word.removeprefix("./")
  # A file comes before a name, a folder does not.
  (tmp_path / "violin").mkdir()
  assert find_profile("violin", model) == violin
  (tmp_path / "viola").touch()
  assert find_profile("viola", model).resolve() == tmp_path / "viola"


def test_unknown_names_are_told_the_nearest(model):
  with pytest.raises(InputError, match="nearest are: violin, viola"):
    find_profile("violn", model)
  with pytest.raises(InputError, match="nearest are: overdriven guitar"):
    find_profile("guitar", model)
  with pytest.raises(InputError, match="see its 5 with"):
    find_profile("xyzzy", model)
  for word in ("", "..", "~", "*", "vi*"):
    with pytest.raises(InputError, match="is no file and no profile"):
      find_profile(word, model)
  (model / "empty").mkdir()
  with pytest.raises(InputError, match="comes without profiles"):
    find_profile("violin", model / "empty")


def test_two_that_differ_in_a_hyphen_are_told_apart(model):
  (model / "profiles" / "alto-sax.profile").touch()
  assert find_profile("alto-sax", model).name == "alto-sax.profile"
  with pytest.raises(InputError, match="nearest are"):
    find_profile("ALTO SAX", model)


def test_profiles_of_a_model_or_of_any_folder(model):
  names = [path.name for path in model_profiles(model)]
  assert names == sorted(names)
  assert len(names) == 5
  assert model_profiles(model / "profiles") == model_profiles(model)
  with pytest.raises(InputError, match="cannot be read"):
    model_profiles(model / "nowhere")


def test_names_of_files():
  assert profile_file_name("electric piano 1") == "electric piano 1.profile"
  assert profile_file_name("../a/b:c") == "-a-b-c.profile"
  assert profile_file_name("..") == "unnamed.profile"
  assert profile_file_name("häng\ndrum") == "häng-drum.profile"
