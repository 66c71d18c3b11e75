"""What a person is told stays on one line."""

import pytest

from fewshot_mss import cli
from fewshot_mss.errors import one_line


@pytest.mark.parametrize(
  ("text", "line"),
  [
    ("a\nb", r"a\nb"),
    ("a\r\tb\x1b[2J", r"a\r\tb\x1b[2J"),
    ("a\u2028b\x85", r"a\u2028b\x85"),
    ("Blåkläder \U0001f3ba 'a\"b", "Blåkläder \U0001f3ba 'a\"b"),
  ],
)
def test_control_characters_become_escapes(text, line):
  assert one_line(text) == line


def test_a_name_with_a_line_break_is_told_in_one_line(tmp_path, capsys):
  song = str(tmp_path / "my\nsong.wav")
  words = ["separate", song, "-p", song, "--model", str(tmp_path)]
  assert cli.main([*words, "-o", str(tmp_path / "out")]) == 2
  told = capsys.readouterr().err
  assert told.count("\n") == 1
  assert "my\\nsong.wav: no such file" in told
