"""What is done of an evaluation, kept line by line."""

import math

import pytest

from fewshot_mss.errors import InputError
from fewshot_mss.evaluation.finished_songs import (
  add_song,
  begin_file,
  read_finished,
)
from fewshot_mss.evaluation.scores import Score
from fewshot_mss.evaluation.song_evaluation import SongResult

KEY = {"list": "1f", "shots": [1, 3]}


def result(song, usdr_db=0.1):
  row = Score(
    item=3,
    group="seen",
    song=song,
    instrument="bass",
    wrong_instrument="lead",
    system="model",
    shots=1,
    examples=1,
    usdr_db=usdr_db,
    si_sdr_db=1 / 3,
    si_sdr_improvement_db=2.0,
    level_db=0.0,
    collapsed=False,
    family="strings",
    snr_db=-7.0,
    level_over_mixture_db=1.0,
  )
  baseline = row._replace(system="mixture", shots=None, examples=None)
  return SongResult(song, [row, baseline], {"bass": {"SDR": [0.1, -1e-9]}})


def test_songs_come_back_to_the_last_bit(tmp_path):
  path = begin_file(tmp_path / "new", 0, KEY, [])
  add_song(path, result("one ü\n", 0.1 + 0.2))
  add_song(path, result("two"))
  assert read_finished(tmp_path / "new", KEY) == [
    result("one ü\n", 0.1 + 0.2),
    result("two"),
  ]


def test_nan_comes_back(tmp_path):
  add_song(begin_file(tmp_path, 0, KEY, []), result("one", math.nan))
  (found,) = read_finished(tmp_path, KEY)
  assert math.isnan(found.scores[0].usdr_db)


def test_nothing_is_done_where_nothing_is(tmp_path):
  assert read_finished(tmp_path / "none", KEY) == []


def test_all_processes_are_read_and_a_song_counts_once(tmp_path):
  add_song(begin_file(tmp_path, 0, KEY, [result("one")]), result("two"))
  add_song(begin_file(tmp_path, 11, KEY, [result("one")]), result("three"))
  found = read_finished(tmp_path, KEY)
  assert [each.song for each in found] == ["one", "two", "three"]


def test_figures_of_something_else_do_not_count(tmp_path):
  path = begin_file(tmp_path, 0, KEY, [result("one")])
  other = KEY | {"shots": [1]}
  assert read_finished(tmp_path, other) == []
  assert begin_file(tmp_path, 0, other, []) == path
  assert read_finished(tmp_path, KEY) == []


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_line_that_was_cut_off_is_done_again(tmp_path, cut):
  path = begin_file(tmp_path, 0, KEY, [result("one")])
  add_song(path, result("two"))
  path.write_text(path.read_text("utf-8")[:-cut], "utf-8")
  found = read_finished(tmp_path, KEY)
  assert [each.song for each in found] == (["one", "two"][: 2 - (cut > 1)])
  add_song(begin_file(tmp_path, 0, KEY, found), result("three"))
  again = read_finished(tmp_path, KEY)
  assert [each.song for each in again] == [
    *(each.song for each in found),
    "three",
  ]


def test_a_file_cut_off_in_its_first_line_is_begun_anew(tmp_path):
  path = begin_file(tmp_path, 0, KEY, [])
  for text in ("", '{"list'):
    path.write_text(text)
    assert read_finished(tmp_path, KEY) == []


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
  (tmp_path / "file").write_text("")
  with pytest.raises(InputError, match=r"finished_0\.jsonl cannot be written"):
    begin_file(tmp_path / "file", 0, KEY, [])
  with pytest.raises(InputError, match=r"finished_0\.jsonl cannot be written"):
    add_song(tmp_path / "file" / "finished_0.jsonl", result("one"))
