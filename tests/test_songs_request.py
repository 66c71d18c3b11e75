"""Which songs are asked for, and by which list they are scored."""

import functools
import hashlib
import json
import os
import shutil

import pytest

from fewshot_mss import cli
from fewshot_mss.errors import InputError
from fewshot_mss.evaluation.songs_list_file import LIST_NAME
from fewshot_mss.training.songs_request import SongsRequest, read_tracks
from plain_songs import tone, write_songs, write_stem
from songs_run import (
  end_after,
  leave_archive,
  make_config,
  put_answers,
  read,
  run,
  shorten_examples,
)


@pytest.fixture(autouse=True)
def short_examples(monkeypatch):
  shorten_examples(monkeypatch)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
  return write_songs(tmp_path_factory.mktemp("songs") / "folder")


@pytest.fixture
def workdir(tmp_path):
  return leave_archive(tmp_path / "run")


@pytest.fixture
def config():
  return make_config()


@pytest.fixture
def answered(root, monkeypatch):
  return functools.partial(put_answers, monkeypatch, root)


@pytest.mark.parametrize(
  ("layout", "split", "songs"),
  [
    ("stem_folder", None, {"blue", "green", "red"}),
    ("stem_folder", "train", {"green"}),
    ("stem_folder", "test", {"blue", "red"}),
    ("musdb18_hq", None, {"M"}),
    ("musdb18_hq", "train", {"N"}),
    ("musdb18_hq", "all", {"M", "N"}),
  ],
)
def test_which_songs_are_scored(tmp_path, layout, split, songs):
  root = tmp_path / "folder"
  if layout == "stem_folder":
    for song in ("blue", "red", "green"):
      part = "train" if song == "green" else "test"
      write_stem(root / part / song / "bass.wav", tone(song, "bass"))
  else:
    for part, song in (("test", "M"), ("train", "N")):
      for stem in ("drums", "bass", "other", "vocals"):
        write_stem(root / part / song / f"{stem}.wav", tone(song, "bass"))
  request = SongsRequest(root, layout, split)
  found = read_tracks(request)
  assert {track.name for track in found} == songs


def test_a_split_without_songs_is_refused(root):
  with pytest.raises(InputError, match="has no validation songs"):
    read_tracks(SongsRequest(root, split="validation"))


@pytest.mark.parametrize(
  "word", ["--layout=musdb18_hq", "--split=all", "--list=x.json", "--museval"]
)
def test_words_for_songs_need_songs(word, capsys):
  words = ["evaluate", "--config=configs/tiny.py", "--workdir=x", word]
  assert cli.main(words) == 2
  name = word.split("=")[0]
  assert capsys.readouterr().err == (
    f"fewshot-mss: {name} is for songs: name a folder with --songs\n"
  )


def test_a_committed_list_is_taken_to_the_byte(
  config, workdir, root, answered, tmp_path
):
  answered("silent")
  folder = run(config, workdir, root)
  committed = tmp_path / "committed.json"
  shutil.copy(folder / LIST_NAME, committed)
  content = json.loads(committed.read_text("utf-8"))
  content["items"] = content["items"][2:4]
  committed.write_text(json.dumps(content))
  shutil.rmtree(folder)
  run(config, workdir, root, list_file=committed)
  assert (folder / LIST_NAME).read_bytes() == committed.read_bytes()
  told = read(folder)["provenance"]
  assert told["evaluation list (SHA-256)"] == (
    hashlib.sha256(committed.read_bytes()).hexdigest()
  )
  assert read(folder)["summary"]["groups"]["seen"]["num_items"] == 2


def test_a_list_of_another_folder_is_refused_in_a_line(
  config, workdir, root, answered, tmp_path, capsys
):
  answered("silent")
  folder = run(config, workdir, root)
  other = write_songs(tmp_path / "other", {"blue": ("bass", "lead")})
  words = ["evaluate", "--config=configs/tiny.py", f"--workdir={workdir}"]
  words += [f"--songs={other}", f"--list={folder / LIST_NAME}"]
  capsys.readouterr()
  assert cli.main(words) == 2
  told = capsys.readouterr().err
  assert told.count("\n") == 1
  assert "is not the list of" in told and "song green is in the list" in told
  assert not (workdir / "evaluation" / "songs_other").exists()


def test_the_list_of_a_folder_that_has_changed_is_refused(
  config, workdir, answered, root, tmp_path
):
  answered("silent")
  mine = tmp_path / "folder"
  shutil.copytree(root, mine)
  run(config, workdir, mine)
  write_stem(mine / "violet" / "bass.wav", tone("violet", "bass"))
  with pytest.raises(InputError, match="song violet is in the folder alone"):
    run(config, workdir, mine)


def test_a_folder_without_two_instruments_has_nothing_to_score(
  config, workdir, tmp_path
):
  alone = write_songs(tmp_path / "alone", {"blue": ("bass", "bass_2")})
  with pytest.raises(InputError, match=r"nothing to score; blue, bass: is the"):
    run(config, workdir, alone)


def test_a_damaged_file_is_named_before_anything_is_read(
  config, workdir, root, tmp_path
):
  mine = tmp_path / "mine"
  shutil.copytree(root, mine)
  (mine / "red" / "lead.wav").write_text("no sound")
  with pytest.raises(InputError, match=r"red/lead\.wav cannot be read"):
    run(config, workdir, mine)
  assert not (workdir / "evaluation").exists()


def test_a_stem_that_was_mixed_anew_is_scored_anew(
  config, workdir, tmp_path, monkeypatch, capsys
):
  root = write_songs(tmp_path / "own")
  put_answers(monkeypatch, root, "silent")
  with monkeypatch.context() as patched:
    end_after(patched, "green")
    with pytest.raises(KeyboardInterrupt):
      run(config, workdir, root)
  path = root / "blue" / "bass.wav"
  write_stem(path, tone("blue", "bass") / 2)
  # Written in the same instant or not: the clock's step is none of our matter.
  os.utime(path, ns=(0, 0))
  asked = put_answers(monkeypatch, root, "silent")
  run(config, workdir, root)
  assert "of another (files)" in capsys.readouterr().err
  assert len({mixture for mixture, _ in asked}) == 3


def test_a_seed_that_no_interval_can_be_drawn_with_is_named(
  config, workdir, root
):
  config.seed = -1
  with pytest.raises(InputError, match="seed is -1: give 0 or more"):
    run(config, workdir, root)
  assert not (workdir / "evaluation").exists()
