"""Which clips show an instrument to an item."""

import dataclasses

import numpy as np
import pytest

from ablation_songs import make_item, make_sources, rows_of
from fewshot_mss.evaluation.ablation.examples import ExampleFinder

HORNS = ("N horn 1", "O horn 5", "N horn 0", "O horn 0", "N horn 2")
BASSES = ("N bass 1", "N bass 0")


@pytest.fixture
def sources(catalogue_of):
  return make_sources(catalogue_of)


@pytest.fixture
def item(sources):
  return make_item(sources.catalogues[0], HORNS, BASSES)


@pytest.fixture
def named(sources):
  """The names of clips, of the dataset and of the other one."""
  names = [
    {row: name for name, row in rows_of(catalogue).items()}
    for catalogue in sources.catalogues
  ]
  return lambda clips: [names[c.source][c.rows[0]] for c in clips]


def test_other_songs_are_those_of_the_list(sources, item, named):
  finder = ExampleFinder(sources, 0, seed=0)
  clips = finder.clips(item, "horn", "another song", 16, 10)
  assert named(clips) == list(HORNS)
  assert named(finder.clips(item, "bass", "another song", 16, 10)) == [*BASSES]


def test_fewer_are_the_first_of_more(sources, item):
  finder = ExampleFinder(sources, 0, seed=5)
  for origin in ("same song", "another song", "another timbre"):
    five = finder.clips(item, "horn", origin, 7, 5)
    assert len(five) >= 2
    for count in range(6):
      fresh = ExampleFinder(sources, 0, seed=5)
      assert fresh.clips(item, "horn", origin, 7, count) == five[:count]


def test_where_the_list_took_the_own_song_there_is_no_other(sources, named):
  item = make_item(sources.catalogues[0], ("M horn 2", "M horn 3"), BASSES)
  finder = ExampleFinder(sources, 0, seed=0)
  assert finder.clips(item, "horn", "another song", 16, 5) == []


def test_the_same_song_elsewhere(sources, item, named):
  finder = ExampleFinder(sources, 0, seed=0)
  clips = finder.clips(item, "horn", "same song", 16, 10)
  assert sorted(named(clips)) == ["M horn 2", "M horn 3"]
  # The drum of the song sounds at the mixture's moment alone.
  assert finder.clips(item, "drum", "same song", 16, 10) == []


def test_another_timbre_is_in_no_patch_of_the_target(sources, item, named):
  def clips(instrument, seed=0):
    finder = ExampleFinder(sources, 0, seed)
    return named(finder.clips(item, instrument, "another timbre", 16, 9))

  assert sorted(clips("horn")) == ["N horn 1", "N horn 2", "O horn 0"]
  assert len({tuple(clips("horn", seed)) for seed in range(20)}) > 2
  assert clips("bass") == []
  # An instrument that is not there has no timbre to differ from.
  assert clips("flute") == []


def test_another_dataset_shows_the_instrument_in_its_test_songs(
  sources, item, named
):
  finder = ExampleFinder(sources, 0, seed=0)
  clips = finder.clips(item, "horn", "another dataset", 16, 9)
  assert {clip.source for clip in clips} == {1}
  assert sorted(named(clips)) == ["Q horn 0", "Q horn 1"]
  assert finder.clips(item, "bass", "another dataset", 16, 9) == []


def test_what_is_left_out_is_not_heard(catalogue_of, named):
  sources = make_sources(catalogue_of)
  catalogue = sources.catalogues[0]
  out = (catalogue.tracks.index("N"),)
  catalogues = (
    dataclasses.replace(catalogue, left_out=out),
    sources.catalogues[1],
  )
  sources = dataclasses.replace(sources, catalogues=catalogues)
  item = make_item(catalogue, HORNS[1:2], ())
  finder = ExampleFinder(sources, 0, seed=0)
  clips = finder.clips(item, "horn", "another timbre", 16, 9)
  assert named(clips) == ["O horn 0"]
  assert named(finder.clips(item, "flute", "another song", 16, 9)) == [
    "O flute 0"
  ]


def test_what_has_no_such_length_is_passed_over(sources, item, named):
  finder = ExampleFinder(sources, 0, seed=0)
  clips = finder.clips(item, "horn", "another song", 20, 2)
  # N has horns in a row; O horn 5 and O horn 0 stand alone.
  assert named(clips) == ["N horn 1"]
  assert all(len(clip.rows) == 2 for clip in clips)
  # Of the own song only what is not the mixture.
  own = finder.clips(item, "horn", "same song", 20, 5)
  assert named(own) == ["M horn 2"]


def test_long_examples_share_no_segment(sources, item, named):
  # N horn 0, 1 and 2 follow one another: any two long clips of them overlap.
  finder = ExampleFinder(sources, 0, seed=0)
  for samples, count in ((16, 3), (20, 1), (32, 1), (33, 1)):
    for origin, most in (("another song", 5), ("another timbre", 9)):
      clips = finder.clips(item, "horn", origin, samples, most)
      rows = [row for clip in clips for row in clip.rows]
      assert len(rows) == len(set(rows))
      of_n = [name for name in named(clips) if name.startswith("N")]
      assert len(of_n) <= count
  negatives = [clip for _, clip in finder.negatives(item, 0, 20)]
  rows = [row for clip in negatives for row in clip.rows]
  assert rows and len(rows) == len(set(rows))


def test_an_absent_instrument_is_of_the_kind_of_the_target(sources, item):
  finder = ExampleFinder(sources, 0, seed=0)
  # Of horn, bass and flute, which are seen, the flute is not in the mixture.
  assert finder.absent_instrument(item) == "flute"
  unseen = item._replace(group="unseen")
  assert finder.absent_instrument(unseen) == "bell"
  whole = make_item(
    sources.catalogues[0],
    HORNS,
    BASSES,
    sources=["N horn 0", "N bass 0", "N flute 0"],
  )
  assert finder.absent_instrument(whole) is None


def test_negatives_are_those_of_the_list_with_their_names(sources, item, named):
  finder = ExampleFinder(sources, 0, seed=0)
  names, clips = zip(*finder.negatives(item, 0, 4), strict=True)
  assert names == ("bass", "drum", "bass")
  assert named(clips) == ["N bass 1", "N drum 1", "N bass 0"]
  assert {clip.num_samples for clip in clips} == {4}
  names, clips = zip(*finder.negatives(item, 1, 16), strict=True)
  assert names == ("horn", "drum")


def test_what_is_held_and_its_family(sources, item):
  finder = ExampleFinder(sources, 0, seed=0)
  assert finder.held(item) == ("bass", "drum", "horn")
  assert finder.family("horn") == "family"


def test_unheard_timbres_are_shown_by_their_own_kind(catalogue_of, named):
  sources = make_sources(catalogue_of, unheard_patches=("new",))
  catalogue = sources.catalogues[0]
  assert catalogue.unheard.sum() == 1
  item = make_item(catalogue, HORNS, BASSES)
  heard = ExampleFinder(sources, 0, 0).clips(item, "horn", "same song", 16, 9)
  assert len(heard) == 2
  unheard = item._replace(group="seen, unheard timbre")
  finder = ExampleFinder(sources, 0, 0)
  assert finder.clips(unheard, "horn", "same song", 16, 9) == []
  assert np.isin("new", catalogue.patches)
