"""Lists for evaluation as a mix of datasets counts their items."""

import json

import numpy as np
import pytest

from fewshot_mss.data.catalogue import (
  VALIDATION,
  load_catalogue,
  save_catalogue,
)
from fewshot_mss.data.evaluation_list import (
  list_path,
  read_evaluation_list,
  write_evaluation_lists,
)
from fewshot_mss.data.source_items import source_items
from fewshot_mss.data.sources import load_sources
from fewshot_mss.errors import InputError

# Three songs of each kind, so that examples come from other songs than the
# mixture's; `oak` is a timbre of the flute.
A = "\n".join(
  f"{split} {split}{song} {name} {start} {patch}"
  for split in ("train", "validation", "test")
  for song in range(3)
  for name, patch in (("flute", "oak"), ("drums", "skin"), ("bass", "steel"))
  for start in range(2)
)
B = "train b1 zither 0\ntrain b1 bass 0\ntrain b2 drums 0\ntrain b2 flute 0"


@pytest.fixture
def folder_of(catalogue_of, tmp_path):
  def write(name, lines, **track_set):
    folder = tmp_path / name
    folder.mkdir()
    catalogue = catalogue_of(lines, **track_set)
    save_catalogue(catalogue, folder)
    write_evaluation_lists(catalogue, folder)
    return folder

  return write


def assert_same_items(one, other, but=()):
  assert len(one) == len(other) > 0
  for a, b in zip(one, other, strict=True):
    assert a._replace(spec=None, group="") == b._replace(spec=None, group="")
    for name in a.spec._fields:
      if name not in but:
        np.testing.assert_array_equal(
          getattr(a.spec, name), getattr(b.spec, name)
        )


def test_the_list_of_a_dataset_alone_is_as_it_is(folder_of):
  a = folder_of("a", A, unseen=("bass",))
  items = source_items(load_sources(str(a)), 0, "test")
  assert_same_items(items, read_evaluation_list(a, "test"))
  assert {item.group for item in items} == {"seen", "unseen"}


def test_a_mix_that_changes_nothing_changes_classes_alone(folder_of):
  a = folder_of("a", A.replace("flute", "alto"), unseen=("bass",))
  b = folder_of("b", "train b1 agogo 0\ntrain b2 viola 0")
  sources = load_sources(f"{b},{a}")
  alone = read_evaluation_list(a, "test")
  items = source_items(sources, 1, "test")
  assert_same_items(items, alone, but=("class_id",))
  assert [item.group for item in items] == [item.group for item in alone]
  ids = {"agogo": 0, "alto": 1, "drums": 2, "viola": 3, "bass": -1}
  for item in items:
    assert item.spec.class_id.tolist() == [
      ids[item.instrument],
      ids[item.wrong_instrument],
    ]


def test_groups_are_those_of_the_mix(folder_of):
  a = folder_of("a", A)
  b = folder_of("b", B, unseen=("drums",))
  c = folder_of(
    "c", "train c1 bass 0\ntest c2 x 0 oak", unheard_patches=("oak",)
  )
  alone = source_items(load_sources(str(a)), 0, "test")
  assert {item.group for item in alone} == {"seen"}
  items = source_items(load_sources(f"{a},{b},{c}"), 0, "test")
  assert_same_items(items, alone, but=("class_id",))
  groups = {item.instrument: item.group for item in items}
  assert groups == {
    "flute": "seen, unheard timbre",
    "drums": "unseen",
    "bass": "seen",
  }
  # What is only scored may hold what nothing trains.
  items = source_items(load_sources(f"{a}=0,{b}"), 0, "test")
  groups = {item.instrument: item.group for item in items}
  assert groups == {"flute": "seen", "drums": "unseen", "bass": "seen"}


def test_songs_that_are_left_out_are_in_no_item(folder_of):
  a = folder_of("a", A)
  b = folder_of("b", B + "\ntest Validation1 bass 0")
  sources = load_sources(f"{a},{b}")
  catalogue = sources.catalogues[0]
  before = read_evaluation_list(a, "validation")
  items = source_items(sources, 0, "validation")
  expected = [item for item in before if item.song != "validation1"]
  assert 0 < len(items) == len(expected) < len(before)
  out = catalogue.tracks.index("validation1")
  for item, was in zip(items, expected, strict=True):
    for name in ("source_records", "positive_records", "negative_records"):
      rows = getattr(item.spec, name)
      rows = rows[rows >= 0]
      assert (catalogue.split[rows] == VALIDATION).all()
      assert not (catalogue.track[rows] == out).any()
    # The others stay, those there first.
    for rows, were in (
      *zip(item.spec.positive_records, was.spec.positive_records, strict=True),
      *zip(item.spec.negative_records, was.spec.negative_records, strict=True),
    ):
      kept = [r for r in were if r >= 0 and catalogue.track[r] != out]
      assert rows[: len(kept)].tolist() == kept
      assert (rows[len(kept) :] == -1).all()
    np.testing.assert_array_equal(
      item.spec.target_sources, was.spec.target_sources
    )
  # The test list is whole: the test wins.
  assert_same_items(
    source_items(sources, 0, "test"), read_evaluation_list(a, "test")
  )


def test_without_examples_there_is_no_item(folder_of):
  a = folder_of("a", A)
  # One of three songs is left, and its examples are of the others.
  songs = "\ntest validation1 bass 0\ntest validation2 bass 0"
  sources = load_sources(f"{a},{folder_of('b', B + songs)}")
  before = read_evaluation_list(a, "validation")
  own = [
    item
    for item in before
    if item.song == "validation0"
    and all(
      (load_catalogue(a).track[rows[rows >= 0]] == 6).any()
      for rows in item.spec.positive_records
    )
  ]
  assert load_catalogue(a).tracks[6] == "validation0"
  assert len(own) < sum(item.song == "validation0" for item in before)
  assert len(source_items(sources, 0, "validation")) == len(own)


def test_no_list_has_no_items_and_a_damaged_one_is_named(folder_of):
  a, b = folder_of("a", A), folder_of("b", B)
  sources = load_sources(f"{a},{b}")
  assert source_items(sources, 1, "test") == []
  path = list_path(a, "test")
  content = json.loads(path.read_text("utf-8"))
  path.write_text(json.dumps(content | {"catalogue_hash": "other"}))
  with pytest.raises(InputError, match="made for another dataset"):
    source_items(sources, 0, "test")
