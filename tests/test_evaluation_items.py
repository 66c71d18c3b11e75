"""Evaluation items: audible targets, fair examples, a wrong query that is."""

import numpy as np
import pytest

from fewshot_mss.data import evaluation_items as module
from fewshot_mss.data.catalogue import TEST, TRAIN, load_catalogue
from fewshot_mss.data.episodes import NO_RECORD
from fewshot_mss.data.evaluation_items import evaluation_items, filled_spec
from fewshot_mss.data.records import RecordReader


def there(rows):
  return rows[rows != NO_RECORD]


@pytest.fixture(scope="module")
def catalogue(catalogue_of):
  """Test songs of seen, unseen and unheard; training songs besides."""
  lines = []
  for song in range(4):
    for start in range(3):
      lines += [
        f"train t{song} violin {start} oak",
        f"train t{song} drums {start} kit",
        f"test s{song} violin {start} oak",
        f"test s{song} drums {start} kit",
        f"test s{song} horn {start} brass",
        f"test s{song} piano {start} new",
        f"test s{song} tuba {start} new",
      ]
  return catalogue_of(
    "\n".join([*lines, "train t0 piano 9 grand"]),
    unseen=("horn", "tuba"),
    unheard_patches=("new",),
  )


@pytest.fixture(scope="module")
def items(catalogue):
  return evaluation_items(catalogue, TEST)


def test_groups_tell_seen_from_unseen_and_heard_from_unheard(items):
  assert {(item.instrument, item.group) for item in items} == {
    ("violin", "seen"),
    ("drums", "seen"),
    ("horn", "unseen"),
    ("piano", "seen, unheard timbre"),
    ("tuba", "unseen, unheard timbre"),
  }


def test_each_segment_is_a_target_once_at_most(items):
  # Of 4 songs of 3 segments and 5 instruments; dropped are those beside which
  # nothing of the same kind of timbre was drawn.
  rows = [item.spec.source_records[0] for item in items]
  assert 30 < len(rows) <= 60
  assert len(set(rows)) == len(rows)
  assert [item.spec.index for item in items] == list(range(len(rows)))


def test_instruments_of_a_group_take_turns(items):
  seen = [item.instrument for item in items if item.group == "seen"]
  assert len(seen) > 16
  for first, second in zip(seen[:16:2], seen[1:16:2], strict=True):
    assert {first, second} == {"violin", "drums"}


def test_sources_are_of_one_song_at_one_time(catalogue, items):
  for item in items:
    rows = there(item.spec.source_records)
    assert 2 <= len(rows) <= 4
    assert len(np.unique(catalogue.moment[rows])) == 1
    assert (catalogue.split[rows] == TEST).all()
    assert item.song == catalogue.tracks[catalogue.track[rows[0]]]
    np.testing.assert_array_equal(
      item.spec.source_gains, [1] * len(rows) + [0] * (4 - len(rows))
    )


def test_the_wrong_query_asks_for_another_instrument_of_the_mixture(
  catalogue, items
):
  for item in items:
    spec = item.spec
    names = np.array(catalogue.instruments)
    rows = there(spec.source_records)
    held = names[catalogue.instrument[rows]]
    assert item.wrong_instrument != item.instrument
    assert item.wrong_instrument in held
    # Both queries have the target of the right one.
    target = held == item.instrument
    np.testing.assert_array_equal(
      spec.target_sources[:, : len(rows)], [target, target]
    )
    assert 0 < target.sum() < len(rows)
    for q, name in enumerate((item.instrument, item.wrong_instrument)):
      shown = names[catalogue.instrument[there(spec.positive_records[q])]]
      assert len(shown) > 0
      assert set(shown) == {name}
      against = names[catalogue.instrument[there(spec.negative_records[q])]]
      assert set(against) <= set(held) - {name}
      number = catalogue.instruments.index(name)
      assert spec.class_id[q] == catalogue.class_ids[number]


def test_examples_are_of_other_test_songs_and_the_same_kind_of_timbre(
  catalogue, items
):
  for item in items:
    rows = there(item.spec.source_records)
    unheard = "unheard" in item.group
    for examples in (item.spec.positive_records, item.spec.negative_records):
      drawn = there(examples)
      assert (catalogue.split[drawn] == TEST).all()
      assert not np.isin(catalogue.track[drawn], catalogue.track[rows]).any()
      kinds = catalogue.unheard[catalogue.patch[drawn]]
      assert (kinds == unheard).all()


def test_ten_positives_are_drawn_or_all_there_are(items):
  # Nine segments in the three other songs.
  for item in items:
    counts = (item.spec.positive_records != NO_RECORD).sum(axis=1)
    assert counts.tolist() == [9, 9]


def test_items_depend_on_the_seed_alone(catalogue, items):
  again = evaluation_items(catalogue, TEST)
  assert len(again) == len(items)
  for one, other in zip(items, again, strict=True):
    assert one[1:] == other[1:]
    for a, b in zip(one.spec, other.spec, strict=True):
      np.testing.assert_array_equal(a, b)
  moved = evaluation_items(catalogue, TEST, seed=1)
  order = [item.spec.source_records[0] for item in items]
  assert order != [item.spec.source_records[0] for item in moved]


def test_a_group_is_cut_off_evenly(catalogue, monkeypatch):
  monkeypatch.setattr(module, "MAX_ITEMS_A_GROUP", 5)
  items = evaluation_items(catalogue, TEST)
  seen = [item.instrument for item in items if item.group == "seen"]
  assert sorted(np.unique(seen, return_counts=True)[1].tolist()) == [2, 3]
  groups = [item.group for item in items]
  assert np.unique(groups, return_counts=True)[1].max() == 5


def test_training_songs_and_lone_instruments_give_no_items(catalogue_of):
  catalogue = catalogue_of(
    "train a violin 0\ntrain b violin 0\ntest c violin 0\ntest d violin 0"
  )
  assert evaluation_items(catalogue, TEST) == []
  assert evaluation_items(catalogue, 1) == []


def levelled(catalogue_of, target_db, rest_db):
  level = ",".join([str(target_db)] * 4)
  rest = ",".join([str(rest_db)] * 4)
  songs = "\n".join(
    f"test {song} violin 0 p {level}\ntest {song} drums 0 p {rest}"
    for song in "ab"
  )
  catalogue = catalogue_of(f"train t violin 0\ntrain t drums 0\n{songs}")
  return sorted({i.instrument for i in evaluation_items(catalogue, TEST)})


@pytest.mark.parametrize(
  ("target_db", "rest_db", "expected"),
  [
    (-20, -20, ["drums", "violin"]),
    # 30 dB below the rest is the least.
    (-45, -15, ["drums", "violin"]),
    (-46, -15, ["drums"]),
    # And -50 dB of full scale is too little.
    (-49, -45, ["drums", "violin"]),
    (-50, -45, ["drums"]),
  ],
)
def test_targets_that_cannot_be_heard_are_left_out(
  catalogue_of, target_db, rest_db, expected
):
  assert levelled(catalogue_of, target_db, rest_db) == expected


def test_an_instrument_without_other_clips_is_no_target(catalogue_of):
  catalogue = catalogue_of(
    "train t violin 0\ntrain t drums 0\n"
    "test a violin 0\ntest a drums 0\ntest a horn 0\n"
    "test b violin 0\ntest b drums 0"
  )
  items = evaluation_items(catalogue, TEST)
  assert {item.instrument for item in items} == {"violin", "drums"}
  assert {item.wrong_instrument for item in items} == {"violin", "drums"}


def test_a_target_of_both_kinds_of_timbre_is_left_out(catalogue_of):
  lines = ["train t violin 0 oak", "train t drums 0 oak"]
  for song in "ab":
    lines += [
      f"test {song} violin 0 oak",
      f"test {song} violin_2 0 new",
      f"test {song} drums 0 oak",
    ]
  catalogue = catalogue_of("\n".join(lines), unheard_patches=("new",))
  violin = catalogue.instruments.index("violin")
  for item in evaluation_items(catalogue, TEST):
    spec = item.spec
    targets = spec.source_records[spec.target_sources[0]]
    kinds = catalogue.unheard[catalogue.patch[targets]]
    assert len(np.unique(kinds)) == 1
    assert ("unheard" in item.group) == kinds[0]
    if item.instrument == "violin":
      held = catalogue.instrument[there(spec.source_records)]
      assert (held == violin).sum() == 1


def test_targets_of_real_sound_are_there(toy_dataset):
  catalogue = load_catalogue(toy_dataset)
  reader = RecordReader(toy_dataset, catalogue)
  items = evaluation_items(catalogue, TEST)
  assert {item.group for item in items} == {"seen", "unseen"}
  for item in items:
    spec = item.spec
    rows = spec.source_records[spec.target_sources[0]]
    target = sum(reader.read(row) for row in rows)
    assert 10 * np.log10(np.mean(target**2)) > -50
    assert (catalogue.split[there(spec.positive_records)] != TRAIN).all()


def test_a_filled_spec_is_padded():
  spec = filled_spec(
    3,
    sources=[5, 6],
    is_target=[False, True],
    positives=[[7], [8, 9]],
    negatives=[[], [1]],
    class_id=[2, -1],
  )
  assert spec.index == 3
  assert spec.source_records.tolist() == [5, 6, -1, -1]
  assert spec.source_offsets_samples.tolist() == [0, 0, 0, 0]
  assert spec.source_gains.tolist() == [1, 1, 0, 0]
  assert spec.target_sources.tolist() == [[False, True, False, False]] * 2
  assert spec.positive_records[0].tolist() == [7] + [-1] * 9
  assert spec.positive_records[1].tolist() == [8, 9] + [-1] * 8
  assert spec.negative_records.tolist() == [[-1] * 5, [1, -1, -1, -1, -1]]
  assert spec.class_id.tolist() == [2, -1]
  assert spec.query_mask.all()
