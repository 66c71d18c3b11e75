"""What ten thousand episodes draw, against the settings that say so.

Seeds are fixed; bounds are five standard deviations, or a chi-square that one
honest sample of ten thousand exceeds.
"""

import numpy as np
import pytest

from episode_samples import (
  CASES,
  asked,
  check_share,
  chi_square,
  column,
  draw,
  examples,
  held,
  is_one_moment,
)
from fewshot_mss.data.catalogue import TRAIN
from fewshot_mss.data.episodes import NO_RECORD
from toy_catalogue import BLOCK, SEGMENT


@pytest.fixture(scope="module")
def plain():
  return draw("plain")


@pytest.fixture(scope="module")
def everything():
  return draw("everything")


@pytest.fixture(scope="module")
def of_four():
  return draw("of four")


@pytest.fixture(params=CASES)
def drawn(request):
  return request.getfixturevalue(request.param.replace(" ", "_"))


def test_no_example_comes_from_a_time_of_the_mixture(drawn):
  sources = drawn.spec.source_records[:, None, None, :]
  for rows, _ in examples(drawn.spec):
    rows = rows[..., None]
    there = (rows != NO_RECORD) & (sources != NO_RECORD)
    same = (column("track", drawn, rows) == column("track", drawn, sources)) & (
      column("start_samples", drawn, rows)
      == column("start_samples", drawn, sources)
    )
    assert there.any()
    assert not (there & same).any()


def test_positives_show_what_is_asked_and_nothing_else(drawn):
  spec = drawn.spec
  target, shown = asked(drawn), held(drawn, spec.positive_records)
  mixed = held(drawn, spec.source_records)[:, None]
  has_any = shown.any(axis=-1)
  absent = spec.query_mask & ~target.any(axis=-1)
  present = spec.query_mask & ~absent
  np.testing.assert_array_equal(
    shown[present & has_any], target[present & has_any]
  )
  assert (shown[absent & has_any].sum(axis=-1) == 1).all()
  assert not (shown & mixed)[absent].any()
  # The class is said where there is one, also if the positives are dropped.
  single = has_any & (shown.sum(axis=-1) == 1)
  np.testing.assert_array_equal(
    spec.class_id[single], drawn.catalogue.class_ids[shown[single].argmax(-1)]
  )
  several = target.sum(axis=-1) > 1
  assert (spec.class_id[several] == -1).all()


def test_a_target_is_every_stem_of_its_instruments_and_never_all(drawn):
  spec, target = drawn.spec, asked(drawn)
  instrument = column("instrument", drawn, spec.source_records)
  there = instrument >= 0
  for q in range(drawn.settings.num_queries):
    wanted = np.take_along_axis(target[:, q], instrument, axis=1) & there
    np.testing.assert_array_equal(spec.target_sources[:, q], wanted)
    assert (wanted.sum(axis=1) < there.sum(axis=1)).all()


def test_negatives_show_the_rest_of_the_mixture(drawn):
  wrong = held(drawn, drawn.spec.negative_records)
  mixed = held(drawn, drawn.spec.source_records)[:, None]
  shown = held(drawn, drawn.spec.positive_records)
  assert wrong.any()
  assert not (wrong & (asked(drawn) | shown | ~mixed)).any()


def test_examples_of_a_query_are_different_clips(drawn):
  for rows, _ in examples(drawn.spec):
    ordered = np.sort(rows, axis=-1)
    assert ((np.diff(ordered) > 0) | (ordered[..., 1:] == NO_RECORD)).all()


def test_offsets_keep_clips_inside_their_segments(drawn):
  spec, settings = drawn.spec, drawn.settings
  for offsets, length in [
    (spec.source_offsets_samples, settings.mixture_samples),
    (spec.positive_offsets_samples, settings.example_samples),
    (spec.negative_offsets_samples, settings.example_samples),
  ]:
    assert offsets.min() == 0
    # The whole room is used.
    assert offsets.max() == SEGMENT - length


def test_every_clip_holds_some_of_its_instrument(drawn):
  catalogue, length = drawn.catalogue, drawn.settings.example_samples
  for rows, offsets in examples(drawn.spec):
    begin = np.arange(SEGMENT // BLOCK) * BLOCK
    inside = (begin < offsets[..., None] + length) & (
      begin + BLOCK > offsets[..., None]
    )
    sounds = (catalogue.active[rows] & inside).any(axis=-1)
    assert (sounds | (rows == NO_RECORD)).all()


def test_mixtures_are_of_one_moment_or_of_different_instruments(drawn):
  instrument = np.sort(
    column("instrument", drawn, drawn.spec.source_records), axis=1
  )
  different = (np.diff(instrument) > 0) | (instrument[:, 1:] == -1)
  assert (is_one_moment(drawn) | different.all(axis=1)).all()


def test_nothing_unseen_unheard_or_of_another_split_is_drawn(drawn):
  catalogue, spec = drawn.catalogue, drawn.spec
  fields = (spec.source_records, spec.positive_records, spec.negative_records)
  rows = np.unique(np.concatenate([field.ravel() for field in fields]))
  rows = rows[rows != NO_RECORD]
  allowed = catalogue.seen[catalogue.instrument]
  allowed &= ~catalogue.unheard[catalogue.patch]
  allowed &= catalogue.split == TRAIN
  # And all that may be drawn is.
  np.testing.assert_array_equal(rows, np.flatnonzero(allowed))


def test_first_sources_are_even_over_instruments(drawn):
  first = drawn.catalogue.instrument[drawn.spec.source_records[:, 0]]
  counts = np.bincount(first, minlength=len(drawn.catalogue.instruments))
  # Seven degrees of freedom at most.
  assert chi_square(counts[drawn.catalogue.seen]) < 30


def test_numbers_of_sources_are_even(plain):
  counts = np.bincount((plain.spec.source_records != NO_RECORD).sum(axis=1))
  assert counts[:2].sum() == 0
  assert len(counts) == 5
  # Two degrees of freedom.
  assert chi_square(counts[2:]) < 19


def test_numbers_of_sources_around_several_targets_are_even(everything):
  several = (asked(everything).sum(axis=-1) > 1).any(axis=-1)
  rows = everything.spec.source_records[several]
  counts = np.bincount((rows != NO_RECORD).sum(axis=1))
  assert counts[:3].sum() == 0
  assert chi_square(counts[3:]) < 16


def test_share_of_random_mixes(drawn):
  check_share(~is_one_moment(drawn), drawn.settings.random_mix_share)


def test_shares_of_kinds_of_queries(drawn):
  count = asked(drawn).sum(axis=-1)
  settings, mask = drawn.settings, drawn.spec.query_mask
  check_share((count > 1).ravel(), settings.several_sources_share)
  check_share(((count == 0) & mask).ravel(), settings.absent_share)
  assert mask[:, 0].all()


def own_tracks(drawn):
  """The share of positives of the target's tracks, a query: [queries].

  Of queries for one instrument that the mixture holds, but the lute.
  """
  spec, catalogue = drawn.spec, drawn.catalogue
  target = np.where(
    spec.target_sources,
    column("track", drawn, spec.source_records)[:, None],
    -2,
  )
  positive = column("track", drawn, spec.positive_records)
  of_own = (positive[..., None] == target[..., None, :]).any(axis=-1)
  single = (asked(drawn).sum(axis=-1) == 1) & (positive[..., 0] >= 0)
  if "lute" in catalogue.instruments:
    single &= ~asked(drawn)[..., catalogue.instruments.index("lute")]
  return (of_own.sum(axis=-1) / np.maximum(1, (positive >= 0).sum(axis=-1)))[
    single
  ]


def test_share_of_positives_of_the_own_song(drawn):
  shares = own_tracks(drawn)
  # All positives of a query are of one kind.
  assert np.isin(shares, (0.0, 1.0)).all()
  check_share(shares, drawn.settings.same_track_share)


def test_an_instrument_of_one_song_is_shown_by_other_moments_of_it(plain):
  lute = plain.catalogue.instruments.index("lute")
  of_lute = asked(plain)[..., lute]
  rows = plain.spec.positive_records[of_lute]
  assert of_lute.sum() > 500
  # It is asked for wherever it is the first source: nothing is masked.
  first = column("instrument", plain, plain.spec.source_records)[:, 0] == lute
  assert of_lute[first, 0].all()
  assert (plain.catalogue.track[rows] == 0).all()
  assert len(np.unique(rows)) == 12


def test_share_of_queries_without_positives(drawn):
  rows = drawn.spec.positive_records[drawn.spec.query_mask]
  check_share(
    (rows == NO_RECORD).all(axis=-1), drawn.settings.drop_positives_share
  )


def test_share_of_queries_without_negatives(drawn):
  rows = drawn.spec.negative_records[drawn.spec.query_mask]
  check_share(
    (rows == NO_RECORD).all(axis=-1), drawn.settings.drop_negatives_share
  )


def test_examples_that_are_not_dropped_are_as_many_as_asked(plain):
  mask = plain.spec.query_mask
  assert (plain.spec.positive_records[mask] != NO_RECORD).all()
  assert (plain.spec.negative_records[mask] != NO_RECORD).all()


def test_random_shots_are_even(everything, of_four):
  for drawn in (everything, of_four):
    shots = (drawn.spec.positive_records != NO_RECORD).sum(axis=-1)
    instruments = asked(drawn).sum(axis=-1)
    for number, fewest in ((0, 1), (1, 1), (2, 2)):
      chosen = drawn.spec.query_mask & (instruments == number) & (shots > 0)
      counts = np.bincount(shots[chosen])
      assert len(counts) == 4
      assert counts[:fewest].sum() == 0
      assert chi_square(counts[fewest:]) < 19


def test_gains_are_even_in_db(drawn):
  spec = drawn.spec
  there = spec.source_records != NO_RECORD
  level_db = drawn.catalogue.rms_db[spec.source_records]
  # Sources of different songs start from the level of the first.
  start_db = np.where(
    is_one_moment(drawn)[:, None], 0, level_db[:, :1] - level_db
  )
  gains_db = 20 * np.log10(spec.source_gains[there]) - start_db[there]
  bound = drawn.settings.gain_db + 1e-4
  # Chance puts few random mixes into one moment.
  assert np.mean(np.abs(gains_db) > bound) < 3e-4
  counts, _ = np.histogram(gains_db, 12, (-bound, bound))
  # Eleven degrees of freedom.
  assert chi_square(counts) < 38


def test_clips_of_an_instrument_are_even(plain):
  # Of an instrument that is first, in songs that are as crowded everywhere.
  horn = plain.catalogue.instruments.index("horn")
  rows = plain.spec.positive_records[asked(plain)[..., horn]]
  counts = np.bincount(rows.ravel(), minlength=len(plain.catalogue))
  allowed = plain.catalogue.trainable & (plain.catalogue.split == TRAIN)
  counts = counts[allowed & (plain.catalogue.instrument == horn)]
  # Each clip is left out of the songs of its own; about 100 clips.
  assert counts.min() > 0
  assert chi_square(counts) < 1.5 * len(counts)
