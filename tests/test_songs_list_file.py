"""The list as a file, and the folder that it is of."""

import hashlib
import json

import pytest

from fewshot_mss.errors import InputError
from fewshot_mss.evaluation.songs_list_file import (
  check_list_fits,
  parse_songs_list,
  read_list_file,
  write_list_text,
  write_songs_list,
)
from plain_songs import draw_list, read_tracks, tone, write_songs, write_stem


@pytest.fixture(scope="module")
def songs_list(tmp_path_factory):
  return draw_list(write_songs(tmp_path_factory.mktemp("list") / "songs"))


@pytest.fixture
def path(songs_list, tmp_path):
  write_songs_list(songs_list, tmp_path / "new" / "list.json")
  return tmp_path / "new" / "list.json"


def read(path):
  return parse_songs_list(read_list_file(path), path)


def test_a_list_comes_back_with_the_hash_of_its_file(songs_list, path):
  found, digest = read(path)
  assert found == songs_list
  assert digest == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_list_names_no_place_on_a_machine(path, tmp_path):
  text = path.read_text("utf-8")
  assert str(tmp_path) not in text and ".wav" not in text


def test_a_copy_is_the_same_to_the_byte(path, tmp_path):
  copy = tmp_path / "copy" / "list.json"
  write_list_text(read_list_file(path), copy)
  assert copy.read_bytes() == path.read_bytes()


def test_a_list_that_is_not_there_or_no_text_is_named(path, tmp_path):
  with pytest.raises(InputError, match=r"none\.json cannot be read \(No such"):
    read_list_file(tmp_path / "none.json")
  path.write_bytes(b"\xff")
  with pytest.raises(InputError, match=r"list\.json is damaged"):
    read_list_file(path)


def change(path, *keys, to):
  content = json.loads(path.read_text("utf-8"))
  place = content
  for key in keys[:-1]:
    place = place[key]
  place[keys[-1]] = to
  path.write_text(json.dumps(content))


@pytest.mark.parametrize(
  ("keys", "to"),
  [
    (("songs",), 3),
    (("songs", "blue"), [["bass", "bass"]]),
    (("example_s",), "long"),
    (("example_s",), 0),
    (("seed",), float("inf")),
    (("items", 0, "song"), "other"),
    (("items", 0, "song"), ["blue"]),
    (("items", 0, "instrument"), {}),
    (("items", 0, "instrument"), "other"),
    (("items", 0, "wrong_instrument"), "bass"),
    (("items", 0, "positives"), [[], []]),
    (("items", 0, "positives"), [[["green", "bass", 0.0]]]),
    (("items", 0, "positives", 0, 0), ["green", "bass", 2.6]),
    (("items", 0, "positives", 0, 0), ["green", "bass", -0.5]),
    (("items", 0, "positives", 0, 0), ["green", "horn", 0.0]),
    (("items", 0, "positives", 0, 0), ["other", "bass", 0.0]),
    (("items", 0, "negatives"), None),
    (("skipped",), None),
  ],
)
def test_a_damaged_list_is_refused(path, keys, to):
  assert json.loads(path.read_text("utf-8"))["items"][0]["instrument"] == "bass"
  change(path, *keys, to=to)
  with pytest.raises(InputError, match=r"list\.json is damaged"):
    read(path)


@pytest.mark.parametrize("text", ["{", "[]", "3", "{}"])
def test_what_is_no_list_is_refused(path, text):
  path.write_text(text)
  with pytest.raises(InputError, match=r"list\.json is damaged"):
    read(path)


def test_a_list_of_another_format_is_refused(path):
  change(path, "format_version", to=2)
  with pytest.raises(InputError, match="not of format version 1"):
    read(path)


@pytest.fixture
def folder(tmp_path):
  return write_songs(tmp_path / "songs")


def refused(songs_list, path, folder):
  tracks = list(read_tracks(folder).values())
  with pytest.raises(InputError) as caught:
    check_list_fits(songs_list, path, tracks, folder)
  message = str(caught.value)
  assert message.startswith(f"{path} is not the list of {folder}: ")
  assert "\n" not in message
  return message.removeprefix(f"{path} is not the list of {folder}: ")


def test_the_folder_of_a_list_fits(songs_list, path, folder):
  tracks = list(read_tracks(folder).values())
  check_list_fits(songs_list, path, tracks, folder)


def test_other_songs_are_refused(songs_list, path, folder):
  write_stem(folder / "violet" / "bass.wav", tone("violet", "bass"))
  told = refused(songs_list, path, folder)
  assert told.startswith("song violet is in the folder alone")
  (folder / "violet").rename(folder / ".hidden")
  (folder / "red").rename(folder / ".hidden too")
  told = refused(songs_list, path, folder)
  assert told.startswith("song red is in the list alone")


def test_other_stems_are_refused(songs_list, path, folder):
  (folder / "red" / "lead_2.wav").rename(folder / "red" / "lead_3.wav")
  told = refused(songs_list, path, folder)
  assert told.startswith("stem lead_2 of red is in the list alone")
  write_stem(folder / "red" / "lead_2.wav", tone("red", "lead_2"))
  told = refused(songs_list, path, folder)
  assert told.startswith("stem lead_3 of red is in the folder alone")


def test_another_instrument_is_refused(songs_list, path, folder):
  blue = list(songs_list.songs["blue"])
  blue[0] = blue[0]._replace(instrument="tuba")
  other = songs_list._replace(songs=songs_list.songs | {"blue": tuple(blue)})
  told = refused(other, path, folder)
  assert told.startswith(
    "stem bass of blue is tuba in the list and bass in the folder"
  )


def test_another_length_is_refused(songs_list, path, folder):
  write_stem(folder / "red" / "bass.wav", tone("red", "bass", seconds=2.998))
  told = refused(songs_list, path, folder)
  assert told.startswith(
    "stem bass of red is 3.000 s in the list and 2.998 s in the folder"
  )
