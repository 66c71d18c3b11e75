"""Names of files that were handed in, and messages about them."""

from pathlib import Path

import pytest

from fewshot_mss.web.uploads import tidy_name, without_folders


@pytest.mark.parametrize(
  ("given", "kept"),
  [
    ("my song.wav", "my song.wav"),
    ("../../etc/passwd", "passwd"),
    ("C:\\music\\song.flac", "song.flac"),
    ("song\n\x00.wav", "song.wav"),
    ("song@1:02-1:09.wav", "song_1_02-1_09.wav"),
    (".wav", "sound.wav"),
    ("...", "sound."),
    ("..", "sound."),
    ("", "sound"),
    ("Füße 🎺.mp3", "Füße 🎺.mp3"),
    ("Fu\u0308ße.mp3", "Füße.mp3"),
    ("x" * 300 + ".wav", "x" * 116 + ".wav"),
    ("ß" * 300 + "." + "w" * 300, "ß" * 54 + "." + "w" * 10),
    ("<b>.wav", "_b_.wav"),
  ],
)
def test_a_name_stays_the_visitors_and_is_one_file(tmp_path, given, kept):
  name = tidy_name(given)
  assert name == kept
  (tmp_path / name).write_bytes(b"")
  assert [path.name for path in tmp_path.iterdir()] == [name]


def test_messages_tell_no_folder():
  folder = Path("/tmp/root/abc")
  message = f"{folder}/0123456789abcdef/a.wav and {folder}/b.wav: no"
  assert without_folders(message, folder) == "a.wav and b.wav: no"
