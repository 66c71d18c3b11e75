"""Episodes: pure, balanced, without leaks, in the shares that were asked."""

import jaxtyping
import numpy as np
import pytest

from fewshot_mss.data.catalogue import TEST, TRAIN
from fewshot_mss.data.episode_settings import EpisodeSettings, check_settings
from fewshot_mss.data.episodes import (
  NO_RECORD,
  EpisodeSpec,
  empty_spec,
  episode_spec,
)

SEEN = ("cello", "drums", "flute", "horn", "piano", "violin")


def _lines():
  """Eight songs of four of six instruments, two moments silent, two splits.

  The lyre is unseen, and song 0 has it; the old violin is an unheard timbre,
  and song 1 has it. Songs 1 and 5 have two drums.
  """
  lines = []
  for song in range(8):
    split = "test" if song > 5 else "train"
    for part in range(4):
      name = SEEN[(song + part) % len(SEEN)]
      for start in range(6):
        if (song + part + start) % 5:
          levels = "-20,-90,-20,-90" if part % 2 else "-20,-20,-20,-20"
          lines.append(f"{split} song{song} {name} {start} p {levels}")
    if song in (1, 5):
      lines += [f"{split} song{song} drums_2 {start}" for start in range(6)]
  lines += [f"train song0 lyre {start}" for start in range(6)]
  lines += [f"train song1 violin {start} old" for start in range(6)]
  return "\n".join(lines)


@pytest.fixture(scope="module")
def catalogue(catalogue_of):
  return catalogue_of(_lines(), unseen=("lyre",), unheard_patches=("old",))


def settings(**changes):
  defaults = EpisodeSettings(
    sample_rate_hz=16,
    mixture_samples=8,
    example_samples=8,
    num_queries=2,
    max_positives=3,
    max_negatives=2,
    min_sources=2,
    max_sources=4,
    random_mix_share=0.5,
    gain_db=6.0,
  )
  return defaults._replace(**changes)


def draw(catalogue, count=2000, seed=3, split=TRAIN, **changes):
  chosen = settings(**changes)
  check_settings(chosen, catalogue, split)
  specs = []
  for index in range(count):
    # Shapes are checked on the first ones; the check costs more than a draw.
    jaxtyping.config.update("jaxtyping_disable", index >= 20)
    specs.append(episode_spec(seed, index, catalogue, chosen, split))
  jaxtyping.config.update("jaxtyping_disable", False)
  return specs


EVERYTHING = {
  "random_mix_share": 0.4,
  "several_sources_share": 0.3,
  "absent_share": 0.2,
  "same_track_share": 0.7,
  "random_shots": True,
  "drop_negatives_share": 0.25,
}


@pytest.fixture(scope="module")
def everything(catalogue):
  """Two thousand episodes that draw all there is to draw."""
  return draw(catalogue, **EVERYTHING)


def there(rows):
  return rows[rows != NO_RECORD]


def queries(specs):
  """Yields (spec, q) of all queries that are asked."""
  for spec in specs:
    for q in np.flatnonzero(spec.query_mask):
      yield spec, q


def equal(one, other):
  return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def asked(catalogue, spec, q):
  """The instruments of the target, from its sources."""
  held = catalogue.instrument[spec.source_records]
  return set(held[spec.target_sources[q]].tolist())


def test_an_episode_depends_on_seed_and_index_alone(catalogue, everything):
  # Out of order and alone.
  for index in (1999, 7, 0):
    again = episode_spec(3, index, catalogue, settings(**EVERYTHING))
    assert again.index == index
    assert equal(again, everything[index])
  other_seed = episode_spec(4, 7, catalogue, settings(**EVERYTHING))
  assert not equal(other_seed, everything[7])
  assert not equal(everything[8]._replace(index=7), everything[7])


def test_shapes_and_types_are_those_of_the_settings(everything):
  empty = empty_spec(0, sources=4, queries=2, positives=3, negatives=2)
  for spec in everything[:50]:
    # The first and the last are numbers.
    for value, like in zip(spec[1:-1], empty[1:-1], strict=True):
      assert value.shape == like.shape
      assert value.dtype == like.dtype


def test_examples_never_come_from_a_moment_of_the_mixture(
  catalogue, everything
):
  for spec in everything:
    mixed = set(catalogue.moment[there(spec.source_records)].tolist())
    for rows in (spec.positive_records, spec.negative_records):
      assert not mixed & set(catalogue.moment[there(rows)].tolist())


def test_training_never_draws_unseen_unheard_or_other_songs(
  catalogue, everything
):
  drawn = np.unique(
    np.concatenate(
      [
        np.concatenate([rows.ravel() for rows in (s[1], s[5], s[7])])
        for s in everything
      ]
    )
  )
  drawn = there(drawn)
  names = np.array(catalogue.instruments)[catalogue.instrument[drawn]]
  assert "lyre" not in names
  assert "old" not in np.array(catalogue.patches)[catalogue.patch[drawn]]
  assert (catalogue.split[drawn] == TRAIN).all()
  # But all the rest of training is drawn.
  allowed = catalogue.trainable & (catalogue.split == TRAIN)
  assert set(drawn.tolist()) == set(np.flatnonzero(allowed).tolist())


def test_another_split_draws_its_own_songs(catalogue):
  for spec in draw(catalogue, 100, split=TEST):
    for rows in (s for s in (spec[1], spec[5], spec[7])):
      assert (catalogue.split[there(rows)] == TEST).all()


def test_positives_show_what_is_asked_and_negatives_what_is_not(
  catalogue, everything
):
  for spec, q in queries(everything):
    instruments = asked(catalogue, spec, q)
    shown = catalogue.instrument[there(spec.positive_records[q])]
    held = catalogue.instrument[there(spec.source_records)]
    if instruments:
      assert set(shown.tolist()) == instruments
      # A target is all the stems of its instruments.
      count = np.isin(held, list(instruments)).sum()
      assert spec.target_sources[q].sum() == count
    else:
      assert not np.isin(shown, held).any()
    wrong = set(catalogue.instrument[there(spec.negative_records[q])].tolist())
    assert wrong <= set(held.tolist()) - set(shown.tolist())


def test_class_is_that_of_the_examples_and_none_for_several(
  catalogue, everything
):
  for spec, q in queries(everything):
    shown = np.unique(catalogue.instrument[there(spec.positive_records[q])])
    if len(shown) > 1:
      assert spec.class_id[q] == -1
    else:
      assert spec.class_id[q] == catalogue.class_ids[shown[0]] >= 0


def test_queries_of_a_mixture_differ(catalogue, everything):
  for spec in everything:
    assert spec.query_mask[0]
    if spec.query_mask.all():
      first, second = (
        set(catalogue.instrument[there(rows)].tolist())
        for rows in spec.positive_records
      )
      assert first != second or len(first) == 2


def test_masked_queries_hold_nothing(catalogue):
  specs = draw(catalogue, 300, num_queries=4, max_sources=3)
  masked = [(s, q) for s in specs for q in np.flatnonzero(~s.query_mask)]
  assert masked
  for spec, q in masked:
    assert not spec.target_sources[q].any()
    assert spec.class_id[q] == -1
    assert (spec.positive_records[q] == NO_RECORD).all()
    assert (spec.negative_records[q] == NO_RECORD).all()


def test_places_without_a_record_are_last_and_zero(everything):
  for spec in everything[:300]:
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


def test_first_sources_are_balanced_over_instruments(catalogue, everything):
  held = catalogue.instrument[[spec.source_records[0] for spec in everything]]
  counts = np.bincount(held, minlength=len(catalogue.instruments))
  # Six seen instruments, 333 each; standard deviation 17. The drums have
  # twice the rows of others.
  seen = counts[catalogue.seen]
  assert len(seen) == 6
  assert np.abs(seen - 2000 / 6).max() < 85


def test_the_first_query_asks_for_the_first_source(catalogue):
  assert all(spec.target_sources[0, 0] for spec in draw(catalogue, 200))


def is_random_mix(catalogue, spec):
  return len(np.unique(catalogue.moment[there(spec.source_records)])) > 1


def test_share_of_random_mixes(catalogue, everything):
  random = [is_random_mix(catalogue, spec) for spec in everything]
  # Standard deviation 0.011; chance puts few random mixes into one moment.
  assert abs(np.mean(random) - 0.4) < 0.05


def test_sources_of_a_song_play_together(catalogue):
  for spec in draw(catalogue, 300, random_mix_share=0.0):
    rows = there(spec.source_records)
    assert len(np.unique(catalogue.moment[rows])) == 1
    assert len(np.unique(spec.source_offsets_samples[: len(rows)])) == 1
    assert len(np.unique(catalogue.instrument[rows])) > 1


def test_random_mixes_hold_each_instrument_once(catalogue):
  for spec in draw(catalogue, 300, random_mix_share=1.0):
    held = catalogue.instrument[there(spec.source_records)]
    assert len(np.unique(held)) == len(held)


def test_numbers_of_sources_are_even_between_the_bounds(catalogue):
  specs = draw(catalogue, 500, random_mix_share=1.0)
  counts = np.bincount([len(there(spec.source_records)) for spec in specs])
  assert counts[:2].sum() == 0
  # 167 each, standard deviation 11.
  assert np.abs(counts[2:] - 500 / 3).max() < 55


def is_absent(spec, q):
  return not spec.target_sources[q].any()


def test_share_of_absent_targets(catalogue, everything):
  # The first query is always asked; standard deviation 0.009.
  absent = [is_absent(spec, 0) for spec in everything]
  assert abs(np.mean(absent) - 0.2) < 0.045
  assert not any(is_absent(s, q) for s, q in queries(draw(catalogue, 200)))
  only = draw(catalogue, 200, absent_share=1.0)
  assert all(is_absent(s, q) for s, q in queries(only))


def test_absent_targets_are_left_out_of_the_mixture_where_that_can_be(
  catalogue_of,
):
  catalogue = catalogue_of(
    "\n".join(
      f"train {song} {name} {start}"
      for song in "abc"
      for name in ("drums", "violin")
      for start in range(2)
    )
  )
  # Two sources are all there is: a present instrument is asked for.
  needed = draw(catalogue, 60, absent_share=1.0)
  assert all(spec.query_mask.all() for spec in needed)
  assert not any(is_absent(spec, q) for spec, q in queries(needed))
  spared = draw(catalogue, 60, absent_share=1.0, min_sources=1, num_queries=1)
  assert all(is_absent(spec, q) for spec, q in queries(spared))
  # Without a query that needs it, nothing is left out.
  free = draw(catalogue, 60, min_sources=1, num_queries=1)
  assert {len(there(spec.source_records)) for spec in free} == {1, 2}


def test_song_mixtures_may_hold_an_instrument_twice(catalogue_of):
  # More sources than instruments: nothing has to be left out.
  catalogue = catalogue_of(
    "\n".join(
      f"train {song} {name} 0"
      for song in "abc"
      for name in ("drums", "violin", "violin_2", "violin_3")
    )
  )
  specs = draw(catalogue, 60, random_mix_share=0.0)
  assert {len(there(spec.source_records)) for spec in specs} == {2, 3, 4}


def test_share_of_targets_of_several_sources(catalogue):
  changes = {"num_queries": 1, "random_mix_share": 1.0}
  specs = draw(catalogue, 500, several_sources_share=0.3, **changes)
  counts = [len(asked(catalogue, spec, 0)) for spec in specs]
  # Standard deviation 0.020.
  assert abs(np.mean(np.array(counts) == 2) - 0.3) < 0.09
  assert set(counts) == {1, 2}
  none = draw(catalogue, 200, **changes)
  assert all(len(asked(catalogue, spec, 0)) == 1 for spec in none)


def songs_of(catalogue_of, *stems):
  """Three songs of the given `name start patch levels`."""
  return catalogue_of(
    "\n".join(f"train {song} {stem}" for song in "abc" for stem in stems)
  )


def test_three_instruments_sound_around_a_target_of_several(catalogue_of):
  # Excerpts of half a segment hold all three only around the middle.
  catalogue = songs_of(
    catalogue_of,
    "violin 0",
    "drums 0 p -20,-20,-90,-90",
    "horn 0 p -90,-90,-20,-20",
  )
  specs = draw(catalogue, 200, random_mix_share=0.0, several_sources_share=1.0)
  found = 0
  for spec in specs:
    rows = there(spec.source_records)
    offsets = spec.source_offsets_samples[: len(rows)]
    sounding = [
      catalogue.active[row, offset // 4 : (offset + 7) // 4 + 1].any()
      for row, offset in zip(rows, offsets, strict=True)
    ]
    assert sum(sounding) == 3
    found += not is_random_mix(catalogue, spec) and len(set(offsets)) == 1
  # A single look finds it in half of the songs.
  assert found > 190


def test_three_instruments_are_found_among_doubled_stems(catalogue_of):
  violins = [f"violin_{i} 0" for i in range(6)]
  catalogue = songs_of(catalogue_of, "drums 0", "horn 0", *violins)
  specs = draw(
    catalogue,
    200,
    random_mix_share=0.0,
    several_sources_share=1.0,
    max_sources=3,
  )
  assert not any(is_random_mix(catalogue, spec) for spec in specs)


def test_a_song_is_mixed_where_another_instrument_is(catalogue_of):
  catalogue = songs_of(catalogue_of, "violin 0", "drums 0", "violin 1")
  specs = draw(catalogue, 100, random_mix_share=0.0, min_sources=1)
  rows = np.concatenate([there(spec.source_records) for spec in specs])
  assert (catalogue.start_samples[rows] == 0).all()


def test_a_target_is_never_the_whole_mixture(catalogue, everything):
  for spec, q in queries(everything):
    present = spec.source_records != NO_RECORD
    assert not spec.target_sources[q][present].all()


def own_song_shares(catalogue, specs):
  """For each query of one present instrument, the positives of its songs."""
  shares = []
  for spec, q in queries(specs):
    if len(asked(catalogue, spec, q)) == 1:
      targets = spec.source_records[spec.target_sources[q]]
      tracks = catalogue.track[there(spec.positive_records[q])]
      shares.append(np.isin(tracks, catalogue.track[targets]).mean())
  return np.array(shares)


def test_share_of_positives_of_the_own_song(catalogue, everything):
  shares = own_song_shares(catalogue, everything)
  # All positives of a query are of one kind.
  assert set(shares.tolist()) == {0.0, 1.0}
  # About 2000 queries: standard deviation 0.010.
  assert abs(shares.mean() - 0.7) < 0.05
  assert (own_song_shares(catalogue, draw(catalogue, 200)) == 0).all()
  own = draw(catalogue, 200, same_track_share=1.0)
  assert (own_song_shares(catalogue, own) == 1).all()


def test_shots_are_the_maximum_or_even_from_one(catalogue):
  fixed = draw(catalogue, 100)
  assert all(len(there(s.positive_records[q])) == 3 for s, q in queries(fixed))
  specs = draw(catalogue, 400, random_shots=True)
  shots = [len(there(s.positive_records[q])) for s, q in queries(specs)]
  shares = np.bincount(shots, minlength=4) / len(shots)
  assert shares[0] == 0
  # About 800 queries: standard deviation 0.017.
  assert np.abs(shares[1:] - 1 / 3).max() < 0.08


def test_several_sources_get_an_example_each_however_few(catalogue):
  specs = draw(
    catalogue,
    200,
    several_sources_share=1.0,
    random_shots=True,
    max_positives=2,
  )
  several = [
    (s, q) for s, q in queries(specs) if len(asked(catalogue, s, q)) == 2
  ]
  assert len(several) > 120
  for spec, q in several:
    shown = catalogue.instrument[there(spec.positive_records[q])]
    assert set(shown.tolist()) == asked(catalogue, spec, q)


def has_negatives(spec, q):
  return (spec.negative_records[q] != NO_RECORD).any()


def test_share_of_queries_without_negatives(catalogue, everything):
  kept = [has_negatives(spec, q) for spec, q in queries(everything)]
  # Standard deviation 0.007.
  assert abs(np.mean(kept) - 0.75) < 0.035
  assert all(has_negatives(s, q) for s, q in queries(draw(catalogue, 200)))
  dropped = draw(catalogue, 200, drop_negatives_share=1.0)
  assert not any(has_negatives(s, q) for s, q in queries(dropped))


def test_gains_stay_within_bounds_and_fill_them(catalogue):
  specs = draw(catalogue, 200, random_mix_share=0.0, gain_db=6.0)
  gains = np.concatenate(
    [s.source_gains[s.source_records != NO_RECORD] for s in specs]
  )
  gains_db = 20 * np.log10(gains)
  assert -6.001 < gains_db.min() < -5.9
  assert 5.9 < gains_db.max() < 6.001
  # Standard deviation 0.15.
  assert abs(gains_db.mean()) < 0.6


def test_random_mixes_start_from_the_level_of_the_first_source(catalogue_of):
  catalogue = catalogue_of(
    "train a violin 0 p -10,-10,-10,-10\ntrain b drums 0 p -30,-30,-30,-30\n"
    "train c violin 0 p -10,-10,-10,-10\ntrain d drums 0 p -30,-30,-30,-30\n"
  )
  for spec in draw(catalogue, 20, random_mix_share=1.0, gain_db=0.0):
    first = catalogue.rms_db[spec.source_records[0]]
    expected = 10 if first == -10 else 0.1
    np.testing.assert_allclose(spec.source_gains[:2], [1, expected], rtol=1e-5)


def test_excerpts_and_examples_show_their_instrument(catalogue):
  # Odd parts sound in blocks 0 and 2 alone, so clips of 4 can miss them.
  specs = draw(
    catalogue, 300, mixture_samples=4, example_samples=2, random_mix_share=1.0
  )
  for spec in specs:
    for rows, offsets, length in [
      (spec.source_records, spec.source_offsets_samples, 4),
      (spec.positive_records, spec.positive_offsets_samples, 2),
      (spec.negative_records, spec.negative_offsets_samples, 2),
    ]:
      mask = rows != NO_RECORD
      for row, offset in zip(rows[mask], offsets[mask], strict=True):
        first, last = offset // 4, (offset + length - 1) // 4
        assert catalogue.active[row, first : last + 1].any()


def test_what_does_not_sound_in_the_excerpt_is_not_asked_for(catalogue_of):
  # Drums in the first half, horn in the second, violin throughout.
  lines = []
  for song in "abc":
    lines += [
      f"train {song} violin 0",
      f"train {song} drums 0 p -20,-20,-90,-90",
      f"train {song} horn 0 p -90,-90,-20,-20",
    ]
  catalogue = catalogue_of("\n".join(lines))
  specs = draw(
    catalogue, 300, mixture_samples=4, random_mix_share=0.0, num_queries=3
  )
  for spec, q in queries(specs):
    (row,) = spec.source_records[spec.target_sources[q]]
    offset = spec.source_offsets_samples[0]
    first, last = offset // 4, (offset + 3) // 4
    assert catalogue.active[row, first : last + 1].any()


def test_a_query_that_no_example_shows_is_not_asked(catalogue_of):
  # The horn sounds once: there is nothing to show it with.
  catalogue = catalogue_of(
    "train a horn 0\ntrain a drums 0\ntrain b drums 0\ntrain b violin 0\n"
    "train c violin 0"
  )
  horn = catalogue.instruments.index("horn")
  specs = draw(catalogue, 300)
  seen = [(catalogue.instrument[s.source_records[0]] == horn) for s in specs]
  assert any(seen)
  for spec, q in queries(specs):
    assert len(there(spec.positive_records[q])) > 0
    assert asked(catalogue, spec, q) != {horn}
  # Without examples, the class alone can ask for it.
  specs = draw(catalogue, 100, max_positives=0)
  assert any(asked(catalogue, s, q) == {horn} for s, q in queries(specs))


def test_negatives_change_nothing_else(catalogue):
  with_them = draw(catalogue, 100)
  without = draw(catalogue, 100, max_negatives=0)
  for one, other in zip(with_them, without, strict=True):
    for field in EpisodeSpec._fields:
      if not field.startswith("negative_"):
        np.testing.assert_array_equal(
          getattr(one, field), getattr(other, field)
        )


def test_dropped_positives_change_nothing_else(catalogue):
  with_them = draw(catalogue, 300)
  without = draw(catalogue, 300, drop_positives_share=0.3)
  kept = []
  for one, other in zip(with_them, without, strict=True):
    for field in EpisodeSpec._fields:
      if not field.startswith("positive_"):
        np.testing.assert_array_equal(
          getattr(one, field), getattr(other, field)
        )
    for q in np.flatnonzero(other.query_mask):
      has_any = (other.positive_records[q] != NO_RECORD).any()
      if has_any:
        np.testing.assert_array_equal(
          one.positive_records[q], other.positive_records[q]
        )
      kept.append(has_any)
  assert 0.63 < np.mean(kept) < 0.77


def test_seeds_and_indices_do_not_run_together(catalogue):
  one = episode_spec(1, 23, catalogue, settings())
  other = episode_spec(12, 3, catalogue, settings())
  assert not equal(one._replace(index=3), other)


def test_what_is_dropped_has_nothing_to_do_with_what_is_asked(catalogue):
  specs = draw(
    catalogue,
    200,
    num_queries=1,
    several_sources_share=0.3,
    drop_positives_share=0.3,
    drop_negatives_share=0.3,
  )
  several = [spec for spec in specs if len(asked(catalogue, spec, 0)) == 2]
  for field in ("positive_records", "negative_records"):
    kept = [(getattr(spec, field) >= 0).any() for spec in several]
    # About 60 queries: standard deviation 0.06.
    assert 0.4 < np.mean(kept) < 0.98
