"""Items of several songs: one family, random mixes of solos, fair examples."""

import dataclasses

import numpy as np
import pytest

from fewshot_mss.data.catalogue import TEST, load_catalogue, save_catalogue
from fewshot_mss.data.evaluation_items import evaluation_items
from fewshot_mss.data.evaluation_list import (
  read_evaluation_list,
  write_evaluation_lists,
)
from fewshot_mss.data.mixed_items import (
  RANDOM_MIX,
  SAME_FAMILY,
  mix_of,
  mixed_items,
)
from fewshot_mss.data.source_items import source_items
from fewshot_mss.data.sources import load_sources

FAMILIES = {
  "violin": "strings",
  "cello": "strings",
  "viola": "strings",
  "flute": "pipe",
  "drums": "drums",
}


def with_families(made):
  families = tuple(sorted(set(FAMILIES.values())))
  of_instrument = np.array(
    [families.index(FAMILIES[name]) for name in made.instruments], np.int32
  )
  return dataclasses.replace(
    made, families=families, family=of_instrument[made.instrument]
  )


@pytest.fixture(scope="module")
def songs(catalogue_of):
  """Songs of all instruments; the viola is unseen, a flute is kept out."""
  lines = []
  for split in ("train", "test"):
    for song in range(3):
      for start in range(2):
        level = -10 - 10 * song
        lines += [
          f"{split} {split}{song} {name} {start} p "
          + ",".join([str(level)] * 4)
          for name in ("violin", "cello", "drums", "flute")
        ]
  for song in range(3):
    lines.append(f"test test{song} viola 0")
    # Heard for a quarter of its segment alone: no target.
    lines.append(f"test test{song} violin 5 p -90,-90,-10,-90")
  lines += [f"test test{song} cello 7 new" for song in range(3)]
  return with_families(
    catalogue_of("\n".join(lines), unseen=("viola",), unheard_patches=("new",))
  )


@pytest.fixture(scope="module")
def solos(catalogue_of):
  """Each song is one instrument alone; of each there is one test song."""
  lines = []
  for name in FAMILIES:
    for start in range(2):
      lines += [f"train {name}{song} {name} {start}" for song in range(2)]
    lines.append(f"test {name}9 {name} 0")
  return with_families(catalogue_of("\n".join(lines), unseen=("viola",)))


def rows_of(item):
  return item.spec.source_records[item.spec.source_records >= 0]


def test_songs_give_mixtures_of_one_family_from_two_songs(songs):
  items = mixed_items(songs, TEST, 7)
  assert {item.group for item in items} == {
    "seen, same family",
    "unseen, same family",
  }
  assert [item.spec.index for item in items] == list(range(7, 7 + len(items)))
  for item in items:
    rows = rows_of(item)
    assert len(rows) == 2
    assert len(set(songs.track[rows])) == 2
    names = [songs.instruments[i] for i in songs.instrument[rows]]
    assert names == [item.instrument, item.wrong_instrument]
    assert {FAMILIES[name] for name in names} == {"strings"}
    assert item.song == songs.tracks[songs.track[rows[0]]]
    assert not songs.unheard[songs.patch[rows]].any()
    assert 5 * songs.segment_samples not in songs.start_samples[rows]
    assert item.group.startswith("un" if names[0] == "viola" else "seen")
  targets = [rows_of(item)[0] for item in items]
  # Six segments of violin and of cello, three of viola, each once.
  assert sorted(
    [item.instrument for item in items].count(name)
    for name in ("violin", "cello", "viola")
  ) == [3, 6, 6]
  assert len(set(targets)) == len(targets)


def test_sources_are_about_equally_loud_whatever_their_songs(songs):
  beside_db = []
  for item in mixed_items(songs, TEST, 0):
    rows = rows_of(item)
    gains_db = 20 * np.log10(item.spec.source_gains[: len(rows)])
    levels_db = songs.rms_db[rows] + gains_db
    assert levels_db[0] == pytest.approx(-23, abs=0.01)
    beside_db.append(levels_db[1] - levels_db[0])
  assert max(beside_db) <= 6.01
  assert min(beside_db) >= -6.01
  assert np.ptp(beside_db) > 6


def test_examples_are_of_other_songs_and_of_what_is_asked(songs):
  for item in mixed_items(songs, TEST, 0):
    tracks = set(songs.track[rows_of(item)])
    for q, name in enumerate((item.instrument, item.wrong_instrument)):
      examples = item.spec.positive_records[q]
      examples = examples[examples >= 0]
      assert len(examples)
      assert {songs.instruments[i] for i in songs.instrument[examples]} == {
        name
      }
      assert not set(songs.track[examples]) & tracks
      assert (songs.split[examples] == TEST).all()
      assert not songs.unheard[songs.patch[examples]].any()
    negatives = item.spec.negative_records[0]
    names = songs.instrument[negatives[negatives >= 0]]
    assert {songs.instruments[i] for i in names} == {item.wrong_instrument}


def test_solos_are_mixed_at_random_with_examples_of_training(solos):
  assert evaluation_items(solos, TEST) == []
  items = mixed_items(solos, TEST, 0)
  groups = {item.group for item in items}
  # The viola, unseen, is in no training song that could show it.
  assert groups == {
    "seen, same family",
    "unseen, same family",
    "seen, random mix",
    "unseen, random mix",
  }
  mixed = [item for item in items if item.group.endswith(RANDOM_MIX)]
  sets = set()
  for item in mixed:
    rows = rows_of(item)
    assert 2 <= len(rows) <= 4
    assert len(set(solos.track[rows])) == len(rows)
    assert len(set(solos.instrument[rows])) == len(rows)
    examples = item.spec.positive_records[0]
    examples = examples[examples >= 0]
    assert (solos.split[examples] != TEST).all()
    assert len(examples) == 4
    # The same mixture is not asked for the same target twice.
    asked = (rows[0], frozenset(rows.tolist()))
    assert asked not in sets
    sets.add(asked)
  assert {len(rows_of(item)) for item in mixed} == {2, 3, 4}
  assert len(mixed) > 5 * 4


def test_songs_that_hold_mixtures_are_not_mixed_at_random(songs):
  assert not any(RANDOM_MIX in i.group for i in mixed_items(songs, TEST, 0))


def test_items_depend_on_the_seed_alone(songs):
  one, again = mixed_items(songs, TEST, 0), mixed_items(songs, TEST, 0)
  other = mixed_items(songs, TEST, 0, seed=1)
  assert [rows_of(i).tolist() for i in one] == [
    rows_of(i).tolist() for i in again
  ]
  assert [rows_of(i).tolist() for i in one] != [
    rows_of(i).tolist() for i in other
  ]


def test_the_words_of_a_group_are_found():
  assert mix_of("seen, same family") == SAME_FAMILY
  assert mix_of("unseen, unheard timbre, random mix") == RANDOM_MIX
  assert mix_of("seen, unheard timbre") == ""


def test_lists_hold_them_with_their_gains_only_if_asked(songs, tmp_path):
  save_catalogue(songs, tmp_path)
  write_evaluation_lists(load_catalogue(tmp_path), tmp_path)
  plain = read_evaluation_list(tmp_path, "test")
  assert not any(mix_of(item.group) for item in plain)
  assert "gains" not in (tmp_path / "evaluation_test.json").read_text()
  write_evaluation_lists(songs, tmp_path, with_mixed=True)
  items = read_evaluation_list(tmp_path, "test")
  assert [i.group for i in items[: len(plain)]] == [i.group for i in plain]
  mixed = items[len(plain) :]
  drawn = mixed_items(songs, TEST, len(plain))
  assert len(mixed) == len(drawn)
  for one, other in zip(mixed, drawn, strict=True):
    assert one[1:] == other[1:]
    for a, b in zip(one.spec, other.spec, strict=True):
      np.testing.assert_array_equal(a, b)
  # A run counts them as it counts all, and leaves gains and groups.
  counted = source_items(load_sources(str(tmp_path)), 0, "test")
  assert [item.group for item in counted] == [item.group for item in items]
  np.testing.assert_array_equal(
    counted[-1].spec.source_gains, items[-1].spec.source_gains
  )
