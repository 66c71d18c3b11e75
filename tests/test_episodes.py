"""Episodes: pure, without leaks, and of the shapes that were asked."""

import numpy as np

from episode_draws import (
  EVERYTHING,
  asked,
  draw,
  equal,
  queries,
  settings,
  there,
)
from fewshot_mss.data.catalogue import TEST, TRAIN
from fewshot_mss.data.episodes import (
  NO_RECORD,
  empty_spec,
  episode_spec,
)


def test_an_episode_depends_on_seed_and_index_alone(eight_songs, every_kind):
  # Out of order and alone.
  for index in (1999, 7, 0):
    again = episode_spec(3, index, eight_songs, settings(**EVERYTHING))
    assert again.index == index
    assert equal(again, every_kind[index])
  other_seed = episode_spec(4, 7, eight_songs, settings(**EVERYTHING))
  assert not equal(other_seed, every_kind[7])
  assert not equal(every_kind[8]._replace(index=7), every_kind[7])


def test_shapes_and_types_are_those_of_the_settings(every_kind):
  empty = empty_spec(0, sources=4, queries=2, positives=3, negatives=2)
  for spec in every_kind[:50]:
    # The first and the last are numbers.
    for value, like in zip(spec[1:-1], empty[1:-1], strict=True):
      assert value.shape == like.shape
      assert value.dtype == like.dtype


def test_examples_never_come_from_a_moment_of_the_mixture(
  eight_songs, every_kind
):
  for spec in every_kind:
    mixed = set(eight_songs.moment[there(spec.source_records)].tolist())
    for rows in (spec.positive_records, spec.negative_records):
      assert not mixed & set(eight_songs.moment[there(rows)].tolist())


def test_training_never_draws_unseen_unheard_or_other_songs(
  eight_songs, every_kind
):
  drawn = np.unique(
    np.concatenate(
      [
        np.concatenate([rows.ravel() for rows in (s[1], s[5], s[7])])
        for s in every_kind
      ]
    )
  )
  drawn = there(drawn)
  names = np.array(eight_songs.instruments)[eight_songs.instrument[drawn]]
  assert "lyre" not in names
  assert "old" not in np.array(eight_songs.patches)[eight_songs.patch[drawn]]
  assert (eight_songs.split[drawn] == TRAIN).all()
  # But all the rest of training is drawn.
  allowed = eight_songs.trainable & (eight_songs.split == TRAIN)
  assert set(drawn.tolist()) == set(np.flatnonzero(allowed).tolist())


def test_another_split_draws_its_own_songs(eight_songs):
  for spec in draw(eight_songs, 100, split=TEST):
    for rows in (s for s in (spec[1], spec[5], spec[7])):
      assert (eight_songs.split[there(rows)] == TEST).all()


def test_positives_show_what_is_asked_and_negatives_what_is_not(
  eight_songs, every_kind
):
  for spec, q in queries(every_kind):
    instruments = asked(eight_songs, spec, q)
    shown = eight_songs.instrument[there(spec.positive_records[q])]
    held = eight_songs.instrument[there(spec.source_records)]
    if instruments:
      assert set(shown.tolist()) == instruments
      # A target is all the stems of its instruments.
      count = np.isin(held, list(instruments)).sum()
      assert spec.target_sources[q].sum() == count
    else:
      assert not np.isin(shown, held).any()
    wrong = set(
      eight_songs.instrument[there(spec.negative_records[q])].tolist()
    )
    assert wrong <= set(held.tolist()) - set(shown.tolist())


def test_class_is_that_of_the_examples_and_none_for_several(
  eight_songs, every_kind
):
  for spec, q in queries(every_kind):
    shown = np.unique(eight_songs.instrument[there(spec.positive_records[q])])
    if len(shown) > 1:
      assert spec.class_id[q] == -1
    else:
      assert spec.class_id[q] == eight_songs.class_ids[shown[0]] >= 0


def test_queries_of_a_mixture_differ(eight_songs, every_kind):
  for spec in every_kind:
    assert spec.query_mask[0]
    if spec.query_mask.all():
      first, second = (
        set(eight_songs.instrument[there(rows)].tolist())
        for rows in spec.positive_records
      )
      assert first != second or len(first) == 2


def test_masked_queries_hold_nothing(eight_songs):
  specs = draw(eight_songs, 300, num_queries=4, max_sources=3)
  masked = [(s, q) for s in specs for q in np.flatnonzero(~s.query_mask)]
  assert masked
  for spec, q in masked:
    assert not spec.target_sources[q].any()
    assert spec.class_id[q] == -1
    assert (spec.positive_records[q] == NO_RECORD).all()
    assert (spec.negative_records[q] == NO_RECORD).all()


def test_places_without_a_record_are_last_and_zero(every_kind):
  for spec in every_kind[:300]:
    for rows in (
      spec.source_records,
      *spec.positive_records,
      *spec.negative_records,
    ):
      assert (np.diff((rows == NO_RECORD).astype(int)) >= 0).all()
      assert len(np.unique(there(rows))) == len(there(rows))
    absent = spec.source_records == NO_RECORD
    assert (spec.source_gains[absent] == 0).all()
    assert not spec.target_sources[:, absent].any()
