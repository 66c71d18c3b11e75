"""The list of a folder: whose examples serve whom."""

import itertools

import pytest

from fewshot_mss.evaluation.song_survey import SongSurvey, StemSurvey
from fewshot_mss.evaluation.songs_list import Span, draw_songs_list
from plain_songs import EXAMPLE_S, draw_list, write_songs


def draw(songs, seed=0):
  """Songs of stems with the levels of their slots of 1 s."""
  surveys = [
    SongSurvey(
      name,
      tuple(
        StemSurvey(stem, stem.split("_")[0], float(len(levels)), levels)
        for stem, levels in stems.items()
      ),
    )
    for name, stems in songs.items()
  ]
  return draw_songs_list(
    surveys, layout="l", split="all", seed=seed, example_s=1.0
  )


LOUD = (-20.0,) * 8
TWO = {
  "a": {"bass": LOUD, "lead": LOUD},
  "b": {"bass": LOUD, "lead": LOUD, "horn": LOUD},
}


def items_of(found):
  return {(item.song, item.instrument): item for item in found.items}


def test_every_instrument_of_every_song_is_asked_for_once():
  found = draw(TWO)
  assert [(i.index, i.song, i.instrument) for i in found.items] == [
    (0, "a", "bass"),
    (1, "a", "lead"),
    (2, "b", "bass"),
    (3, "b", "horn"),
    (4, "b", "lead"),
  ]
  assert found.skipped == ()


@pytest.mark.parametrize("seed", range(5))
def test_examples_show_the_instrument_in_another_song(seed):
  for item in draw(TWO, seed).items:
    asked = (item.instrument, item.wrong_instrument)
    assert asked[0] != asked[1]
    for query, instrument in enumerate(asked):
      positives, negatives = item.positives[query], item.negatives[query]
      assert positives and len(set(positives)) == len(positives)
      assert {span.stem for span in positives} == {instrument}
      assert instrument not in {span.stem for span in negatives}
      for span in positives + negatives:
        assert (span.song == item.song) == (span.stem == "horn")


def test_as_many_examples_as_there_are_up_to_ten_and_five():
  long = {"bass": (-20.0,) * 30, "lead": (-20.0,) * 30}
  item = items_of(draw({"a": long, "b": TWO["b"], "c": long}))["b", "bass"]
  assert len(item.positives[0]) == 10
  assert {span.song for span in item.positives[0]} == {"a", "c"}
  item = items_of(draw(TWO))["b", "bass"]
  assert len(item.positives[0]) == 8
  # Two kinds in turn: three of the one and two of the other.
  kinds = [span.stem for span in item.negatives[0]]
  assert len(kinds) == 5
  assert kinds[0] == kinds[2] == kinds[4] != kinds[1] == kinds[3]


@pytest.mark.parametrize("seed", range(5))
def test_examples_of_the_song_itself_are_of_one_half_and_left_out(seed):
  found = items_of(draw(TWO, seed))
  own = {
    span.start_s
    for item in found.values()
    for span in item.spans
    if span.song == item.song
  }
  assert 1 <= len(own) <= 4
  horn = found["b", "horn"]
  assert len(horn.positives[0]) == 4
  starts = {span.start_s for span in horn.positives[0]}
  assert horn.left_out_s == tuple(sorted(starts))
  assert found["a", "bass"].left_out_s == ()
  lead = found["b", "lead"]
  shown = {span.start_s for span in lead.spans if span.stem == "horn"}
  assert shown and set(lead.left_out_s) == shown


def test_silent_slots_are_no_examples():
  quiet = (-20.0, -50.0, -20.0, -130.0)
  found = draw({"a": {"bass": quiet, "lead": LOUD}, "b": TWO["b"]})
  shown = {
    span.start_s
    for item in found.items
    for span in item.spans
    if (span.song, span.stem) == ("a", "bass")
  }
  assert shown == {0.0, 2.0}


def skipped(songs):
  return dict(line.split(": ", 1) for line in draw(songs).skipped)


def test_what_cannot_be_asked_says_why():
  silent, short = (-130.0,) * 8, (-20.0,)
  found = skipped(
    {
      "alone": {"bass": LOUD, "bass_2": LOUD},
      "silent": {"bass": LOUD, "lead": LOUD, "horn": silent},
      "short": {"bell": short, "bass": short},
      "tiny": {"lead": (), "bass": ()},
    }
  )
  assert found == {
    "alone, bass": "is the only instrument of its song",
    "silent, horn": "in no span of 1 s as loud as -50 dBFS",
    "short, bell": (
      "no example of it: in no other song, nor in the half of this one that "
      "examples may be of"
    ),
    "short, bass": (
      "no example of another instrument of its song for the wrong query"
    ),
    "tiny, bass": "its song is shorter than an example, 1 s",
    "tiny, lead": "its song is shorter than an example, 1 s",
  }


def test_an_instrument_that_only_its_examples_show_is_not_asked():
  once = (-20.0, *[-130.0] * 7)
  outcomes = set()
  for seed in range(8):
    songs = {"a": {"bass": once, "lead": LOUD}, "b": {"lead": LOUD}}
    outcomes |= {
      line for line in draw(songs, seed).skipped if "a, bass" in line
    }
    asked = [i for i in draw(songs, seed).items if i.instrument == "bass"]
    assert not asked
  assert outcomes == {
    "a, bass: no example of it: in no other song, nor in the half of this one "
    "that examples may be of",
    "a, bass: plays only where the examples are from",
  }


def test_the_seed_and_nothing_else_changes_the_list(tmp_path):
  root = write_songs(tmp_path / "songs")
  first = draw_list(root)
  assert draw_list(root) == first
  other = draw_list(root, seed=1)
  assert other.items != first.items and other.songs == first.songs


def test_a_folder_is_listed_with_its_stems_and_lengths(tmp_path):
  found = draw_list(write_songs(tmp_path / "songs"))
  assert found.songs["red"] == (
    ("bass", "bass", 3.0),
    ("lead", "lead", 3.0),
    ("lead_2", "lead", 3.0),
  )
  spans = list(itertools.chain(*(item.spans for item in found.items)))
  assert all(isinstance(span, Span) for span in spans)
  assert all(span.start_s + EXAMPLE_S <= 3.0 for span in spans)
