"""The catalogue: derived columns by hand, round trip, damage."""

import dataclasses
import json

import numpy as np
import pytest

from fewshot_mss.data.catalogue import (
  Catalogue,
  load_catalogue,
  save_catalogue,
)
from fewshot_mss.errors import InputError


def make(**changes) -> Catalogue:
  """Two songs: violin and drums in both, a horn (unseen) in the second."""
  columns = {
    "track": np.array([0, 0, 0, 1, 1], np.int32),
    "stem": np.array([0, 0, 1, 2, 3], np.int32),
    "instrument": np.array([2, 2, 0, 1, 2], np.int32),
    "family": np.array([0, 0, 1, 0, 0], np.int32),
    "patch": np.array([0, 0, 1, 2, 3], np.int32),
    "split": np.array([0, 0, 0, 2, 2], np.int32),
    "start_samples": np.array([0, 8, 8, 0, 0], np.int64),
    "record": np.array([0, 1, 2, 0, 1], np.int32),
    "rms_db": np.array([-10, -40, -20, -30, -30], np.float32),
    "levels_db": np.array(
      [[-10, -35], [-36, -128], [-20, -21], [-30, -55], [-56, -30]], np.int8
    ),
    "tracks": ("a", "b"),
    "stems": ("a/violin", "a/drums", "b/horn", "b/violin"),
    "instruments": ("drums", "horn", "violin"),
    "families": ("strings", "percussion"),
    "patches": ("v1", "d1", "h1", "v2"),
    "seen": np.array([True, False, True]),
    "unheard": np.array([False, False, False, True]),
    "sample_rate_hz": 8,
    "segment_samples": 8,
    "block_samples": 4,
    "provenance": ("by hand",),
  }
  return Catalogue(**{**columns, **changes})


def test_active_blocks_lie_within_25_db_of_the_stem_s_loudest_segment():
  expected = [
    [True, True],  # -10 is the loudest of its stem: -35 is just inside
    [False, False],  # the same stem, so -36 is not
    [True, True],
    [True, True],  # -55 is just inside -30 - 25
    [False, True],
  ]
  np.testing.assert_array_equal(make().active, expected)


def test_moments_number_songs_and_starts_in_order():
  np.testing.assert_array_equal(make().moment, [0, 1, 1, 2, 2])


def test_moments_of_long_collections_stay_in_order_of_song():
  # 2 * 1.5e9 does not fit in 32 bits.
  catalogue = make(
    track=np.array([0, 0, 1, 2, 2], np.int32),
    tracks=("a", "b", "c"),
    start_samples=np.array([0, 1_500_000_000, 0, 0, 8], np.int64),
  )
  np.testing.assert_array_equal(catalogue.moment, [0, 1, 2, 3, 4])


def test_trainable_rows_are_seen_and_heard():
  np.testing.assert_array_equal(
    make().trainable, [True, True, True, False, False]
  )


def test_class_ids_count_seen_instruments_by_name():
  np.testing.assert_array_equal(make().class_ids, [0, -1, 1])
  shuffled = make(instruments=("violin", "horn", "drums"))
  np.testing.assert_array_equal(shuffled.class_ids, [1, -1, 0])
  assert shuffled.seen_instruments == ("drums", "violin")


@pytest.mark.parametrize(
  "change",
  [
    {"rms_db": np.array([-10, -40, -20, -30, -31], np.float32)},
    {"record": np.array([1, 0, 2, 0, 1], np.int32)},
    {"levels_db": np.full((5, 2), -20, np.int8)},
    {"seen": np.array([True, True, True])},
    {"unheard": np.zeros(4, np.bool_)},
    {"instruments": ("drums", "horn", "viola")},
    {"block_samples": 5},
    {"provenance": ()},
  ],
)
def test_hash_changes_with_every_kind_of_content(change):
  assert make().content_hash == make().content_hash
  assert make(**change).content_hash != make().content_hash


def test_saved_catalogue_reads_back_the_same(tmp_path):
  saved = make()
  save_catalogue(saved, tmp_path)
  assert sorted(p.name for p in tmp_path.iterdir()) == [
    "catalogue.json",
    "catalogue.npz",
  ]
  loaded = load_catalogue(tmp_path)
  for field in dataclasses.fields(Catalogue):
    before, after = getattr(saved, field.name), getattr(loaded, field.name)
    np.testing.assert_array_equal(after, before)
    assert isinstance(after, type(before))
  assert loaded.content_hash == saved.content_hash


def test_folder_without_a_catalogue_is_named(tmp_path):
  with pytest.raises(InputError, match=r"catalogue\.json is missing"):
    load_catalogue(tmp_path)


def test_catalogue_without_columns_is_named(tmp_path):
  save_catalogue(make(), tmp_path)
  (tmp_path / "catalogue.npz").unlink()
  with pytest.raises(InputError, match=r"catalogue\.npz is missing"):
    load_catalogue(tmp_path)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_cut_off_columns_are_damage(tmp_path, share):
  save_catalogue(make(), tmp_path)
  path = tmp_path / "catalogue.npz"
  content = path.read_bytes()
  path.write_bytes(content[: int(share * len(content))])
  with pytest.raises(InputError, match=r"catalogue\.npz is damaged"):
    load_catalogue(tmp_path)


def test_exchanged_columns_are_damage(tmp_path):
  save_catalogue(make(), tmp_path)
  other = tmp_path / "other"
  other.mkdir()
  save_catalogue(make(record=np.array([2, 1, 0, 0, 1], np.int32)), other)
  (other / "catalogue.npz").replace(tmp_path / "catalogue.npz")
  with pytest.raises(InputError, match="damaged"):
    load_catalogue(tmp_path)


@pytest.mark.parametrize(
  ("key", "value"),
  [
    ("unseen", []),
    ("unseen", None),
    ("tracks", ["a", "c"]),
    ("segment_samples", 16),
    ("content_hash", "0"),
  ],
)
def test_edited_description_is_damage(tmp_path, key, value):
  save_catalogue(make(), tmp_path)
  path = tmp_path / "catalogue.json"
  described = json.loads(path.read_text())
  described[key] = value
  path.write_text(json.dumps(described))
  with pytest.raises(InputError, match="damaged"):
    load_catalogue(tmp_path)


@pytest.mark.parametrize(
  ("text", "message"),
  [
    ("{", "cannot be read as JSON"),
    ("[1]", "is no catalogue"),
    ("{}", "not of format version 1"),
  ],
)
def test_description_of_another_kind_is_refused(tmp_path, text, message):
  save_catalogue(make(), tmp_path)
  (tmp_path / "catalogue.json").write_text(text)
  with pytest.raises(InputError, match=message):
    load_catalogue(tmp_path)
