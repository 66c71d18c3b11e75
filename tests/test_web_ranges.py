"""Parts of a song as people write them."""

import pytest

from fewshot_mss.errors import InputError
from fewshot_mss.web.ranges import parse_ranges


def test_lines_commas_and_any_dash():
  text = " 1:02-1:09\n\n62 \u2013 69.5, 0:01-0:02;1:00:00\u20141:00:01 \n"
  assert parse_ranges(text, "a@1-2.wav") == [
    "a@1-2.wav@1:02-1:09",
    "a@1-2.wav@62-69.5",
    "a@1-2.wav@0:01-0:02",
    "a@1-2.wav@1:00:00-1:00:01",
  ]
  assert parse_ranges("", "song.wav") == []


@pytest.mark.parametrize(
  ("text", "says"),
  [
    ("1:02", "'1:02' is no part of the song: write"),
    ("a-b", "is no part of the song: write"),
    ("1-2/../../etc/passwd", "is no part of the song: write"),
    ("\u0663-\u0664", "is no part of the song: write"),
    ("x" * 1000, "'x{40}' is no part of the song: write"),
    ("1-2-3", "is no part of the song: write"),
    ("0:61-1:70", "is no time range; write"),
    ("5-4", "the range must end after it starts; write"),
  ],
)
def test_all_else_is_refused(text, says):
  with pytest.raises(InputError, match=says):
    parse_ranges(f"1-2\n{text}", "song.wav")


def test_too_many_are_refused():
  text = "1-2\n" * 200
  assert len(parse_ranges(text, "song.wav")) == 200
  with pytest.raises(InputError, match="201 parts"):
    parse_ranges(text + "1-2", "song.wav")
