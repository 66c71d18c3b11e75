"""Committed splits are read as written, and damaged ones are refused."""

import json

import pytest

from fewshot_mss.data.labels import TABLES, UNKNOWN_FAMILY, all_labels
from fewshot_mss.data.splits import SPLITS_FOLDER, Splits, load_splits
from fewshot_mss.errors import InputError

COMMITTED = sorted(path.stem for path in SPLITS_FOLDER.glob("*.json"))
TABLE_OF = {
  "babyslakh": "slakh",
  "medley_solos_db": "medley_solos_db",
  "medleydb": "medleydb",
  "midi": "general_midi",
  "moisesdb": "moisesdb",
  "musdb18": "musdb",
  "slakh2100": "slakh",
}


def content_of(**changes):
  return {
    "dataset": "mine",
    "how": "by hand",
    "unseen": ["harp"],
    "unheard_patches": ["old.nkm"],
    "validation": ["b", "c"],
    "test": ["d"],
  } | changes


def written(tmp_path, content, name="mine"):
  (tmp_path / f"{name}.json").write_text(json.dumps(content), "utf-8")
  return tmp_path


def test_split_is_read_as_written(tmp_path):
  splits = load_splits("mine", written(tmp_path, content_of()))
  assert splits == Splits(
    dataset="mine",
    how="by hand",
    unseen=("harp",),
    unheard_patches=("old.nkm",),
    validation=("b", "c"),
    test=("d",),
  )


def test_song_in_no_list_is_for_training(tmp_path):
  splits = load_splits("mine", written(tmp_path, content_of()))
  assert [splits.split_of(name) for name in "abcd"] == [
    "train",
    "validation",
    "validation",
    "test",
  ]


def without(key):
  content = content_of()
  del content[key]
  return content


@pytest.mark.parametrize(
  ("content", "message"),
  [
    (without("test"), "exactly the keys dataset, how, test, unheard_patches"),
    (content_of(extra=[]), "exactly the keys"),
    ([1], "exactly the keys"),
    (content_of(dataset="yours"), "dataset is 'yours'; make it 'mine'"),
    (content_of(how=" "), "say in how"),
    (content_of(how=["drawn"]), "say in how"),
    (content_of(test="d"), "test must be a list of names"),
    (content_of(unseen=[3]), "unseen must be a list of names"),
    (content_of(unseen=[""]), "unseen must be a list of names"),
    (content_of(unheard_patches=["a", "a"]), "unheard_patches names something"),
    (content_of(test=["d", "c"]), "'c' is in both validation and test"),
  ],
)
def test_damaged_split_is_refused_in_one_line(tmp_path, content, message):
  with pytest.raises(InputError, match=message) as failure:
    load_splits("mine", written(tmp_path, content))
  assert str(tmp_path / "mine.json") in str(failure.value)
  assert "\n" not in str(failure.value)


def test_no_json_is_refused(tmp_path):
  (tmp_path / "mine.json").write_text("{", "utf-8")
  with pytest.raises(InputError, match=r"mine\.json cannot be read"):
    load_splits("mine", tmp_path)


def test_missing_split_names_those_there(tmp_path):
  with pytest.raises(InputError, match="there are none"):
    load_splits("mine", tmp_path)
  for name in "dbeac":
    written(tmp_path, content_of(), name)
  with pytest.raises(InputError, match="there are a, b, c, d, e in"):
    load_splits("mine", tmp_path)


def test_every_table_has_a_split():
  assert set(TABLE_OF) == set(COMMITTED)
  assert set(TABLE_OF.values()) == set(TABLES)


@pytest.mark.parametrize("dataset", COMMITTED)
def test_committed_split_holds_known_instruments(dataset):
  splits = load_splits(dataset)
  rows = [row for row in all_labels() if row.table == TABLE_OF[dataset]]
  families = {row.instrument: row.family for row in rows}
  # A name that nothing is called would be kept out of nothing.
  assert set(splits.unseen) <= set(families)
  of_unseen = {families[name] for name in splits.unseen}
  assert UNKNOWN_FAMILY not in of_unseen
  # Spread: few of one family, and most families are trained on, too.
  assert len(of_unseen) >= len(splits.unseen) / 3
  trained = {
    family
    for instrument, family in families.items()
    if instrument not in splits.unseen
  }
  assert len(trained) > len(set(families.values())) / 2
  everywhere = {"drums", "bass", "vocals", "guitar", "piano", "electric bass"}
  assert everywhere.isdisjoint(splits.unseen)
