"""`evaluate --songs` from its words to its files."""

import csv
import hashlib
import json
import shutil
import sys

import jax
import numpy as np
import pytest

from fewshot_mss import cli
from fewshot_mss.default_config import get_config
from fewshot_mss.errors import InputError
from fewshot_mss.evaluation.songs_list import SongsList
from fewshot_mss.evaluation.songs_list_file import LIST_NAME
from fewshot_mss.export.archive import save_archive
from fewshot_mss.training import song_provenance, song_scoring
from fewshot_mss.training.song_scoring import SongsRequest, evaluate_songs_run
from plain_songs import EXAMPLE_S, read_tracks, tone, write_songs, write_stem
from test_song_evaluation import ANSWERS, make_system, make_truth
from tiny_archive import MODEL, mask_of_ones, random_params

TRAINING = {
  "mixture_s": 0.5,
  "example_s": 0.25,
  "max_negatives": 1,
  "steps": 7,
  "global_batch": 8,
  "num_queries": 2,
  "data": ["toys"],
}
SHOTS = (1, 3)


@pytest.fixture(autouse=True)
def short_examples(monkeypatch):
  monkeypatch.setattr(song_scoring, "EXAMPLE_S", EXAMPLE_S)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
  return write_songs(tmp_path_factory.mktemp("songs") / "folder")


@pytest.fixture
def workdir(tmp_path):
  """A run whose network masks nothing."""
  save_archive(
    tmp_path / "run" / "model",
    mask_of_ones(random_params()),
    model=MODEL,
    instruments=["bass", "lead"],
    training=TRAINING,
  )
  return tmp_path / "run"


@pytest.fixture
def config():
  config = get_config()
  config.eval.update({"shots": SHOTS, "batch": 2, "bootstrap_samples": 50})
  return config


@pytest.fixture
def answered(root, monkeypatch):
  """Puts a stand-in in the place of the network; notes what it is asked."""
  truth = make_truth(read_tracks(root))
  asked = []

  def answer_by(name):
    def network_songs(model, params, *, shots, **settings):
      del model, params, settings

      def answer(mixture, held, pitch_hz):
        asked.append((mixture.tobytes(), pitch_hz))
        return ANSWERS[name](mixture, held, pitch_hz)

      return make_system(answer, truth, shots)

    monkeypatch.setattr(song_scoring, "network_songs", network_songs)
    return asked

  return answer_by


def read(folder):
  return json.loads((folder / "evaluation.json").read_text("utf-8"))


def systems(folder, group="seen"):
  held = read(folder)["summary"]["groups"][group]["systems"]
  return {(row["system"], row["shots"]): row for row in held}


def run(config, workdir, root, **more):
  return evaluate_songs_run(config, workdir, SongsRequest(root, **more))


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
  assert row["usdr_mean_db"] == 0.0 and row["collapse_share"] == 1.0
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
  assert "3 of 7 items" in told["examples"]
  assert told["songs heard in training"].startswith("not looked for")
  assert digest in (folder / "evaluation.md").read_text("utf-8")


def test_finished_songs_are_not_done_again(
  config, workdir, root, answered, monkeypatch
):
  asked = answered("perfect")
  real = song_scoring.add_song

  def killed(path, result):
    real(path, result)
    if result.song == "green":
      raise KeyboardInterrupt

  with monkeypatch.context() as patched:
    patched.setattr(song_scoring, "add_song", killed)
    with pytest.raises(KeyboardInterrupt):
      run(config, workdir, root)
  before = len(asked)
  folder = run(config, workdir, root)
  # Three outputs of the perfect song in a row are of one song: the last.
  assert len({mixture for mixture, _ in asked[before:]}) == 1
  whole = (folder / "evaluation_items.csv").read_bytes()
  done = len(asked)
  run(config, workdir, root)
  assert len(asked) == done
  shutil.rmtree(folder)
  run(config, workdir, root)
  assert (folder / "evaluation_items.csv").read_bytes() == whole
  # Another question is another evaluation.
  done = len(asked)
  config.eval.shots = (2,)
  run(config, workdir, root)
  assert len({mixture for mixture, _ in asked[done:]}) == 3


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
  found = song_scoring._read_tracks(request)
  assert {track.name for track in found} == songs


def test_a_split_without_songs_is_refused(root):
  with pytest.raises(InputError, match="has no validation songs"):
    song_scoring._read_tracks(SongsRequest(root, split="validation"))


def test_each_process_scores_its_songs_and_all_get_all(
  config, workdir, root, answered, monkeypatch
):
  asked = answered("perfect")
  folder = run(config, workdir, root)
  alone = (folder / "evaluation_items.csv").read_bytes()
  (folder / "evaluation_items.csv").unlink()
  for path in folder.glob("finished_*"):
    path.unlink()
  monkeypatch.setattr(jax, "process_count", lambda: 2)
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
      monkeypatch.setattr(song_scoring, "read_finished", lambda *_: [])
    else:
      run(config, workdir, root)
    shares[process] = len({mixture for mixture, _ in asked[begin:]})
  assert said[1][0] == '""'
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


def test_museval_runs_beside(config, workdir, root, answered, monkeypatch):
  answered("perfect")
  written = {}
  monkeypatch.setattr(
    song_scoring.museval_json, "museval_version", lambda: "0.4.1"
  )
  monkeypatch.setattr(
    song_scoring.museval_json,
    "write_song",
    lambda path, song, frames: written.update({path: (song, frames)}),
  )
  frames = {
    name: [1.0, np.nan, 3.0] for name in song_scoring.museval_json.METRICS
  }
  monkeypatch.setattr(
    "fewshot_mss.evaluation.song_evaluation.bsseval_frames",
    lambda target, mixture, output, rate_hz, kept: (
      frames if np.array_equal(target, output) else {}
    ),
  )
  folder = run(config, workdir, root, museval=True)
  assert set(written) == {
    folder / "museval" / "test" / f"{song}.json"
    for song in ("blue", "green", "red")
  }
  song, found = written[folder / "museval" / "test" / "blue.json"]
  assert song == "blue" and set(found) == {"bass", "horn", "lead"}
  told = read(folder)["provenance"]["museval 0.4.1 (BSSEval v4)"]
  assert "3 shots: bass +2.00 dB (n = 3 songs), horn +2.00 dB" in told


def test_museval_that_is_missing_is_named(workdir, root, monkeypatch, capsys):
  monkeypatch.setitem(sys.modules, "museval", None)
  words = ["evaluate", "--config=configs/tiny.py", f"--workdir={workdir}"]
  assert cli.main([*words, f"--songs={root}", "--museval"]) == 2
  assert capsys.readouterr().err == (
    "fewshot-mss: museval is not installed: pip install 'fewshot-mss[eval]', "
    "or [train,render,plot] for all\n"
  )
