"""What shows an episode's targets: how many examples, of where, and when."""

import numpy as np

from episode_draws import (
  asked,
  draw,
  equal,
  queries,
  settings,
  there,
)
from fewshot_mss.data.episodes import (
  NO_RECORD,
  EpisodeSpec,
  episode_spec,
)


def own_song_shares(catalogue, specs):
  """For each query of one present instrument, the positives of its songs."""
  shares = []
  for spec, q in queries(specs):
    if len(asked(catalogue, spec, q)) == 1:
      targets = spec.source_records[spec.target_sources[q]]
      tracks = catalogue.track[there(spec.positive_records[q])]
      shares.append(np.isin(tracks, catalogue.track[targets]).mean())
  return np.array(shares)


def test_share_of_positives_of_the_own_song(eight_songs, every_kind):
  shares = own_song_shares(eight_songs, every_kind)
  # All positives of a query are of one kind.
  assert set(shares.tolist()) == {0.0, 1.0}
  # About 2000 queries: standard deviation 0.010.
  assert abs(shares.mean() - 0.7) < 0.05
  assert (own_song_shares(eight_songs, draw(eight_songs, 200)) == 0).all()
  own = draw(eight_songs, 200, same_track_share=1.0)
  assert (own_song_shares(eight_songs, own) == 1).all()


def test_share_of_negatives_of_the_own_song(eight_songs, every_kind):
  def own(specs):
    found = []
    for spec, q in queries(specs):
      # A negative's own song is that of the source that it is of.
      for row in there(spec.negative_records[q]):
        sources = there(spec.source_records)
        mine = eight_songs.instrument[sources] == eight_songs.instrument[row]
        tracks = eight_songs.track[sources[mine]]
        found.append(eight_songs.track[row] in tracks)
    return np.mean(found)

  # Some 1500 queries with negatives, of one kind each: deviation 0.012.
  assert abs(own(every_kind) - 0.7) < 0.06
  assert own(draw(eight_songs, 200)) == 0
  assert own(draw(eight_songs, 200, same_track_share=1.0)) == 1


def test_shots_are_the_maximum_or_even_from_one(eight_songs):
  fixed = draw(eight_songs, 100)
  assert all(len(there(s.positive_records[q])) == 3 for s, q in queries(fixed))
  specs = draw(eight_songs, 400, random_shots=True)
  shots = [len(there(s.positive_records[q])) for s, q in queries(specs)]
  shares = np.bincount(shots, minlength=4) / len(shots)
  assert shares[0] == 0
  # About 800 queries: standard deviation 0.017.
  assert np.abs(shares[1:] - 1 / 3).max() < 0.08


def test_several_sources_get_an_example_each_however_few(eight_songs):
  specs = draw(
    eight_songs,
    200,
    several_sources_share=1.0,
    random_shots=True,
    max_positives=2,
  )
  several = [
    (s, q) for s, q in queries(specs) if len(asked(eight_songs, s, q)) == 2
  ]
  assert len(several) > 120
  for spec, q in several:
    shown = eight_songs.instrument[there(spec.positive_records[q])]
    assert set(shown.tolist()) == asked(eight_songs, spec, q)


def has_negatives(spec, q):
  return (spec.negative_records[q] != NO_RECORD).any()


def test_share_of_queries_without_negatives(eight_songs, every_kind):
  kept = [has_negatives(spec, q) for spec, q in queries(every_kind)]
  # Standard deviation 0.007.
  assert abs(np.mean(kept) - 0.75) < 0.035
  assert all(has_negatives(s, q) for s, q in queries(draw(eight_songs, 200)))
  dropped = draw(eight_songs, 200, drop_negatives_share=1.0)
  assert not any(has_negatives(s, q) for s, q in queries(dropped))


def test_gains_stay_within_bounds_and_fill_them(eight_songs):
  specs = draw(eight_songs, 200, random_mix_share=0.0, gain_db=6.0)
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


def test_excerpts_and_examples_show_their_instrument(eight_songs):
  # Odd parts sound in blocks 0 and 2 alone, so clips of 4 can miss them.
  specs = draw(
    eight_songs, 300, mixture_samples=4, example_samples=2, random_mix_share=1.0
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
        assert eight_songs.active[row, first : last + 1].any()


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


def test_negatives_change_nothing_else(eight_songs):
  with_them = draw(eight_songs, 100)
  without = draw(eight_songs, 100, max_negatives=0)
  for one, other in zip(with_them, without, strict=True):
    for field in EpisodeSpec._fields:
      if not field.startswith("negative_"):
        np.testing.assert_array_equal(
          getattr(one, field), getattr(other, field)
        )


def test_dropped_positives_change_nothing_else(eight_songs):
  with_them = draw(eight_songs, 300)
  without = draw(eight_songs, 300, drop_positives_share=0.3)
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


def test_seeds_and_indices_do_not_run_together(eight_songs):
  one = episode_spec(1, 23, eight_songs, settings())
  other = episode_spec(12, 3, eight_songs, settings())
  assert not equal(one._replace(index=3), other)


def test_what_is_dropped_has_nothing_to_do_with_what_is_asked(eight_songs):
  specs = draw(
    eight_songs,
    200,
    num_queries=1,
    several_sources_share=0.3,
    drop_positives_share=0.3,
    drop_negatives_share=0.3,
  )
  several = [spec for spec in specs if len(asked(eight_songs, spec, 0)) == 2]
  for field in ("positive_records", "negative_records"):
    kept = [(getattr(spec, field) >= 0).any() for spec in several]
    # About 60 queries: standard deviation 0.06.
    assert 0.4 < np.mean(kept) < 0.98
