"""The fixed list: the same file again, and damage that is told."""

import json

import numpy as np
import pytest

from fewshot_mss.data.catalogue import TEST, load_catalogue, save_catalogue
from fewshot_mss.data.evaluation_items import evaluation_items
from fewshot_mss.data.evaluation_list import (
  list_hash,
  list_path,
  read_evaluation_list,
  whole_segment_settings,
  write_evaluation_lists,
)
from fewshot_mss.errors import InputError

LINES = "\n".join(
  f"{split} {split}{song} {name} {start}"
  for split in ("train", "test")
  for song in range(3)
  for name in ("violin", "drums", "horn")
  for start in range(2)
)


@pytest.fixture
def catalogue(catalogue_of):
  return catalogue_of(LINES, unseen=("horn",))


@pytest.fixture
def directory(catalogue, tmp_path):
  save_catalogue(catalogue, tmp_path)
  write_evaluation_lists(catalogue, tmp_path)
  return tmp_path


def test_items_read_back_as_they_were_drawn(directory, catalogue):
  read = read_evaluation_list(directory, "test")
  drawn = evaluation_items(catalogue, TEST)
  assert len(read) == len(drawn) == 18
  for one, other in zip(read, drawn, strict=True):
    assert one[1:] == other[1:]
    for a, b in zip(one.spec, other.spec, strict=True):
      np.testing.assert_array_equal(a, b)
      assert np.asarray(a).dtype == np.asarray(b).dtype


def test_only_splits_with_songs_have_a_list_and_training_has_none(directory):
  names = sorted(path.name for path in directory.glob("evaluation*"))
  assert names == ["evaluation_test.json"]


def test_the_same_catalogue_gives_the_same_file(directory, tmp_path):
  other = tmp_path / "other"
  other.mkdir()
  write_evaluation_lists(load_catalogue(directory), other)
  one, two = list_path(directory, "test"), list_path(other, "test")
  assert one.read_bytes() == two.read_bytes()
  assert list_hash(one) == list_hash(two)
  write_evaluation_lists(load_catalogue(directory), other, seed=1)
  assert list_hash(one) != list_hash(two)


def test_whole_segments_are_read(catalogue):
  settings = whole_segment_settings(catalogue)
  assert settings.mixture_samples == settings.example_samples == 16
  assert settings.sample_rate_hz == 16


def test_a_missing_list_is_named(directory):
  with pytest.raises(InputError, match=r"evaluation_validation\.json is miss"):
    read_evaluation_list(directory, "validation")


def test_a_list_of_another_catalogue_is_refused(directory, catalogue_of):
  save_catalogue(catalogue_of(LINES), directory)
  with pytest.raises(InputError, match="made for another dataset"):
    read_evaluation_list(directory, "test")


@pytest.mark.parametrize(
  "text", ["", "{", "[]", '{"format_version": 1, "items"']
)
def test_a_list_that_is_no_list_is_damaged(directory, text):
  list_path(directory, "test").write_text(text)
  with pytest.raises(InputError, match=r"evaluation_test\.json is damaged"):
    read_evaluation_list(directory, "test")


def test_a_list_of_another_version_is_refused(directory):
  list_path(directory, "test").write_text('{"format_version": 2}')
  with pytest.raises(InputError, match="not of format version 1"):
    read_evaluation_list(directory, "test")


def without(key):
  return lambda item: item.pop(key)


def put(key, value):
  return lambda item: item.update({key: value})


@pytest.mark.parametrize(
  "damage",
  [
    without("group"),
    without("sources"),
    without("class_id"),
    put("other", 1),
    put("sources", [0, 1, 2, 3, 4]),
    put("sources", ["violin", 1]),
    put("sources", None),
    put("positives", [[0]]),
    put("sources", [0, 36]),
    put("sources", [-2, 1]),
    put("positives", [[36], [0]]),
    put("negatives", [[0], [36]]),
  ],
)
def test_a_damaged_item_is_told(directory, damage):
  path = list_path(directory, "test")
  content = json.loads(path.read_text())
  item = content["items"][3]
  item["is_target"] = [True, False]
  item["sources"] = [0, 35]
  path.write_text(json.dumps(content))
  read_evaluation_list(directory, "test")
  damage(item)
  path.write_text(json.dumps(content))
  with pytest.raises(InputError, match=r"evaluation_test\.json .*build the"):
    read_evaluation_list(directory, "test")


def test_items_that_are_no_items_are_damage(directory):
  path = list_path(directory, "test")
  content = json.loads(path.read_text())
  for items in ([1], ["item"], None, 3):
    path.write_text(json.dumps({**content, "items": items}))
    with pytest.raises(InputError, match="damaged"):
      read_evaluation_list(directory, "test")
