"""What episodes mix and ask for, in the shares that were asked."""

import numpy as np

from episode_draws import (
  asked,
  draw,
  queries,
  there,
)
from fewshot_mss.data.episodes import (
  NO_RECORD,
)


def test_first_sources_are_balanced_over_instruments(eight_songs, every_kind):
  held = eight_songs.instrument[[spec.source_records[0] for spec in every_kind]]
  counts = np.bincount(held, minlength=len(eight_songs.instruments))
  # Six seen instruments, 333 each; standard deviation 17. The drums have
  # twice the rows of others.
  seen = counts[eight_songs.seen]
  assert len(seen) == 6
  assert np.abs(seen - 2000 / 6).max() < 85


def test_the_first_query_asks_for_the_first_source(eight_songs):
  assert all(spec.target_sources[0, 0] for spec in draw(eight_songs, 200))


def is_random_mix(catalogue, spec):
  return len(np.unique(catalogue.moment[there(spec.source_records)])) > 1


def test_share_of_random_mixes(eight_songs, every_kind):
  random = [is_random_mix(eight_songs, spec) for spec in every_kind]
  # Standard deviation 0.011; chance puts few random mixes into one moment.
  assert abs(np.mean(random) - 0.4) < 0.05


def test_sources_of_a_song_play_together(eight_songs):
  for spec in draw(eight_songs, 300, random_mix_share=0.0):
    rows = there(spec.source_records)
    assert len(np.unique(eight_songs.moment[rows])) == 1
    assert len(np.unique(spec.source_offsets_samples[: len(rows)])) == 1
    assert len(np.unique(eight_songs.instrument[rows])) > 1


def test_random_mixes_hold_each_instrument_once(eight_songs):
  for spec in draw(eight_songs, 300, random_mix_share=1.0):
    held = eight_songs.instrument[there(spec.source_records)]
    assert len(np.unique(held)) == len(held)


def test_numbers_of_sources_are_even_between_the_bounds(eight_songs):
  specs = draw(eight_songs, 500, random_mix_share=1.0)
  counts = np.bincount([len(there(spec.source_records)) for spec in specs])
  assert counts[:2].sum() == 0
  # 167 each, standard deviation 11.
  assert np.abs(counts[2:] - 500 / 3).max() < 55


def is_absent(spec, q):
  return not spec.target_sources[q].any()


def test_share_of_absent_targets(eight_songs, every_kind):
  # The first query is always asked; standard deviation 0.009.
  absent = [is_absent(spec, 0) for spec in every_kind]
  assert abs(np.mean(absent) - 0.2) < 0.045
  assert not any(is_absent(s, q) for s, q in queries(draw(eight_songs, 200)))
  only = draw(eight_songs, 200, absent_share=1.0)
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


def test_share_of_targets_of_several_sources(eight_songs):
  changes = {"num_queries": 1, "random_mix_share": 1.0}
  specs = draw(eight_songs, 500, several_sources_share=0.3, **changes)
  counts = [len(asked(eight_songs, spec, 0)) for spec in specs]
  # Standard deviation 0.020.
  assert abs(np.mean(np.array(counts) == 2) - 0.3) < 0.09
  assert set(counts) == {1, 2}
  none = draw(eight_songs, 200, **changes)
  assert all(len(asked(eight_songs, spec, 0)) == 1 for spec in none)


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


def test_a_target_is_never_the_whole_mixture(eight_songs, every_kind):
  for spec, q in queries(every_kind):
    present = spec.source_records != NO_RECORD
    assert not spec.target_sources[q][present].all()
