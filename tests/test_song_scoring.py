"""`evaluate --songs` from its words to its files."""

import csv
import dataclasses
import functools
import hashlib
import json
import shutil

import jax
import pytest

from fewshot_mss import cli
from fewshot_mss.errors import InputError
from fewshot_mss.evaluation.journal import remove_journals
from fewshot_mss.evaluation.songs_list import SongsList
from fewshot_mss.evaluation.songs_list_file import LIST_NAME
from fewshot_mss.export.archive import load_archive
from fewshot_mss.training import song_provenance, song_scoring
from fewshot_mss.training.song_scoring import evaluate_songs_run
from fewshot_mss.training.songs_request import SongsRequest
from fewshot_mss.training.weights import Weights
from plain_songs import write_songs
from songs_run import (
  end_after,
  leave_archive,
  make_config,
  put_answers,
  read,
  run,
  shorten_examples,
  systems,
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


def test_a_perfect_system(config, workdir, root, answered):
  answered("perfect")
  folder = run(config, workdir, root)
  assert folder == workdir / "evaluation" / "songs_folder"
  for group, count in (("seen", 6), ("unseen", 1)):
    row = systems(folder, group)["model", 3]
    assert row["si_sdr_mean_db"] == 100.0
    assert row["collapse_share"] == 0.0
    assert row["num_items"] == count
  said = read(folder)["verdict"]
  assert said["improves_on_mixture"]["shown"]
  assert said["obeys_query"]["shown"]


def test_a_silent_system(config, workdir, root, answered):
  answered("silent")
  folder = run(config, workdir, root)
  row = systems(folder)["model", 3]
  assert row["usdr_db"]["mean"] == 0.0 and row["collapse_share"] == 1.0
  assert not read(folder)["verdict"]["improves_on_mixture"]["shown"]


def test_a_system_that_ignores_its_query(config, workdir, root, answered):
  answered("deaf")
  folder = run(config, workdir, root)
  costs = read(folder)["summary"]["groups"]["seen"]["wrong_query_cost"]
  assert [row["cost_db"]["mean"] for row in costs] == [0.0, 0.0]
  assert not read(folder)["verdict"]["obeys_query"]["shown"]


def test_a_network_that_copies_the_song(config, workdir, root, capsys):
  words = ["evaluate", f"--workdir={workdir}", f"--songs={root}"]
  words += ["--config=configs/tiny.py", "--config.eval.shots=(1, 3)"]
  words += ["--config.eval.max_items=200"]
  assert cli.main(words) == 0
  folder = workdir / "evaluation" / "songs_folder"
  assert capsys.readouterr().out == f"wrote {folder}\n"
  for system in (("model", 1), ("model", 3), ("wrong query", 3)):
    row = systems(folder)[system]
    improvement = row["si_sdr_improvement_db"]
    assert improvement["mean"] == pytest.approx(0, abs=1e-3)
    assert row["num_songs"] == 3
  with (folder / "evaluation_items.csv").open(newline="") as file:
    rows = list(csv.DictReader(file))
  assert len(rows) == 7 * (4 + 2 * 2)
  assert {row["song"] for row in rows} == {"blue", "green", "red"}
  told = read(folder)["provenance"]
  digest = hashlib.sha256((folder / LIST_NAME).read_bytes()).hexdigest()
  assert told["evaluation list (SHA-256)"] == digest
  assert told["songs"].startswith("3 whole songs of the folder folder (stem_f")
  assert told["examples"] == (
    "stems' spans of 0.5 s, of other songs where one has the instrument; 3 of "
    "7 items have some of the song itself, and those spans are not scored"
  )
  assert told["songs heard in training"].startswith("not looked for")
  assert digest in (folder / "evaluation.md").read_text("utf-8")


def test_finished_songs_are_not_done_again(
  config, workdir, root, answered, monkeypatch, capsys
):
  asked = answered("perfect")
  folder = run(config, workdir, root)
  whole = (folder / "evaluation_items.csv").read_bytes()
  told = read(folder)
  shutil.rmtree(folder)

  def end():
    with monkeypatch.context() as patched:
      end_after(patched, "green")
      with pytest.raises(KeyboardInterrupt):
        run(config, workdir, root)

  end()
  assert sorted(path.name for path in folder.iterdir()) == [
    LIST_NAME,
    "unfinished_0_of_1.jsonl",
  ]
  before = len(asked)
  capsys.readouterr()
  run(config, workdir, root)
  assert "goes on, 5 items are done" in capsys.readouterr().err
  # Three outputs of the perfect song in a row are of one song: the last.
  assert len({mixture for mixture, _ in asked[before:]}) == 1
  assert (folder / "evaluation_items.csv").read_bytes() == whole
  assert read(folder) == told
  assert not list(folder.glob("unfinished_*"))
  # Another question is another evaluation.
  end()
  before = len(asked)
  config.eval.shots = (2,)
  run(config, workdir, root)
  assert len({mixture for mixture, _ in asked[before:]}) == 3
  assert "of another (settings)" in capsys.readouterr().err


def test_a_checkpoint_is_scored_beside(
  config, workdir, root, answered, toy_dataset, toy_sources, monkeypatch
):
  answered("perfect")
  # As of a checkpoint, which does not tell the seen instruments.
  monkeypatch.setattr(
    song_scoring,
    "read_weights",
    lambda folder, word: Weights(
      dataclasses.replace(load_archive(folder / "model"), instruments=()),
      f"the {word}th",
    ),
  )
  config.data.sources = str(toy_dataset)
  (workdir / "config.json").write_text(json.dumps({"data_hash": "other"}))
  request = SongsRequest(root)
  with pytest.raises(InputError):
    evaluate_songs_run(config, workdir, request, "7")
  assert not (workdir / "evaluation").exists()
  (workdir / "config.json").write_text(
    json.dumps({"data_hash": toy_sources.content_hash})
  )
  folder = evaluate_songs_run(config, workdir, request, "7")
  assert folder == workdir / "evaluation" / "step_7" / "songs_folder"
  assert read(folder)["provenance"]["checkpoint"] == "the 7th"
  with (folder / "evaluation_items.csv").open(newline="") as file:
    seen = {
      r["instrument"] for r in csv.DictReader(file) if r["group"] == "seen"
    }
  songs_have = {"bass", "lead", "horn"}
  assert seen == songs_have & set(toy_sources.class_names)


def test_each_process_scores_its_songs_and_all_get_all(
  config, workdir, root, answered, monkeypatch
):
  asked = answered("perfect")
  folder = run(config, workdir, root)
  alone = (folder / "evaluation_items.csv").read_bytes()
  (folder / "evaluation_items.csv").unlink()
  monkeypatch.setattr(jax, "process_count", lambda: 2)
  waited = []
  monkeypatch.setattr(song_scoring.parallel, "wait_for_all", waited.append)
  # What each process says at each of its turns; process 0 runs last and hears.
  said = {0: [], 1: []}
  shares = {}
  for process in (1, 0):
    monkeypatch.setattr(jax, "process_index", lambda process=process: process)

    def gather(text, process=process):
      turn = len(said[process])
      said[process].append(text)
      if turn == 0:
        # The list: process 1 has nothing to say.
        text = json.dumps((folder / LIST_NAME).read_text("utf-8"))
        return [text, '""']
      other = said[1 - process][turn] if process == 0 else "[]"
      return [text, other] if process == 0 else [other, text]

    monkeypatch.setattr(song_scoring.parallel, "gather_texts", gather)
    begin = len(asked)
    if process == 1:
      # It waits for what process 0 has scored, and here there is none.
      with pytest.raises(KeyError):
        run(config, workdir, root)
      assert not (folder / "evaluation_items.csv").exists()
      remove_journals(folder)
    else:
      run(config, workdir, root)
    shares[process] = len({mixture for mixture, _ in asked[begin:]})
  assert said[1][0] == '""' and len(waited) == 1
  assert shares == {1: 1, 0: 2}
  assert (folder / "evaluation_items.csv").read_bytes() == alone


def test_songs_heard_in_training_are_named(
  config, workdir, toy_dataset, toy_sources
):
  config.data.sources = str(toy_dataset)

  def heard(*songs):
    listed = SongsList("l", "all", 0, 1.0, dict.fromkeys(songs, ()), (), ())
    return song_provenance._heard(config, workdir, listed)

  songs = ("Toy - Train 0", "toy_test_0")
  assert heard(*songs).endswith("is not what the model was trained on")
  (workdir / "config.json").write_text(
    json.dumps({"data_hash": toy_sources.content_hash})
  )
  assert heard(*songs) == "Toy - Train 0"
  assert heard("toy_test_0") == "none by their names"
