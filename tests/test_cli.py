"""Verbs as a person types them: what they do, and one line for bad input."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from cli_files import everything, tone
from fewshot_mss import cli
from fewshot_mss.data.catalogue import load_catalogue
from fewshot_mss.errors import RunError
from fewshot_mss.training import checkpoint
from tiny_run import tiny_config

ROOT = Path(__file__).parent.parent
TINY = f"--config={ROOT / 'configs' / 'tiny.py'}"
VERBS = [
  ["train"],
  ["evaluate"],
  ["describe"],
  ["separate"],
  ["demo"],
  ["bench"],
  ["data"],
  ["data", "build"],
  ["data", "check"],
  ["data", "list"],
  ["data", "show"],
]


# ---- Words.


@pytest.mark.parametrize("verb", [[], *VERBS], ids=" ".join)
def test_every_verb_explains_itself(verb, capsys):
  with pytest.raises(SystemExit) as caught:
    cli.main([*verb, "--help"])
  assert caught.value.code == 0
  out, err = capsys.readouterr()
  assert out.startswith(" ".join(["usage: fewshot-mss", *verb]))
  assert err == ""


def test_without_a_verb_or_with_another_one(refused_at_once):
  refused_at_once([], "VERB", "fewshot-mss --help")
  refused_at_once(["sing"], "sing")
  refused_at_once(["data"], "VERB", "fewshot-mss data --help")


@pytest.mark.parametrize("verb", ["train", "describe", "evaluate"])
def test_bad_configurations_are_refused(refused_at_once, verb):
  words = [verb] if verb == "describe" else [verb, "--workdir=run"]
  refused_at_once(words, "name a configuration", "--config=FILE")
  refused_at_once([*words, "--config=no.py"], "no.py is no file")
  refused_at_once([*words, TINY, "--config.train.nope=1"], "nope")
  refused_at_once([*words, TINY, "--config.train.steps=many"], "train.steps")
  refused_at_once(
    [*words, TINY, "--config.model.unet_channels=(4,'x')"],
    "model.unet_channels",
  )


def test_statuses_tell_what_happened(monkeypatch, capsys):
  def stop(error):
    def verb(parsed):
      raise error

    monkeypatch.setitem(cli._VERBS, "data list", verb)
    return cli.main(["data", "list", "x"]), capsys.readouterr().err

  assert stop(RunError("step 3: broken")) == (
    1,
    "fewshot-mss: step 3: broken\n",
  )
  status, said = stop(KeyboardInterrupt())
  assert status == 130
  assert said.startswith("fewshot-mss: interrupted")
  assert "an evaluation, an ablation or a data build goes on" in said
  status, said = stop(ModuleNotFoundError("No module", name="tensorboardX"))
  assert status == 2
  assert "pip install 'fewshot-mss[train]'" in said
  # A mistake of ours is no mistake of the person's.
  with pytest.raises(ValueError, match="bug"):
    stop(ValueError("bug"))
  with pytest.raises(ModuleNotFoundError):
    stop(ModuleNotFoundError("No module", name="fewshot_mss.nope"))


# ---- Data.


@pytest.fixture
def songs(tmp_path):
  """Two songs of two instruments; room for what a test breaks."""
  for song in ("one", "two"):
    folder = tmp_path / "songs" / song
    folder.mkdir(parents=True)
    for name, hz in (("bass", 110.0), ("flute", 880.0)):
      soundfile.write(folder / f"{name}.wav", tone(2, hz), 8000)
  return tmp_path / "songs"


def build(songs, *more):
  return ["data", "build", songs, "--output=data", "--segment_s=1", *more]


def test_a_folder_of_stems_becomes_a_dataset(
  songs, tmp_path, capsys, monkeypatch
):
  monkeypatch.chdir(tmp_path)
  assert cli.main([str(word) for word in build(songs)]) == 0
  assert "wrote data" in capsys.readouterr().out
  catalogue = load_catalogue(tmp_path / "data")
  assert catalogue.instruments == ("bass", "flute")
  assert catalogue.segment_samples == 8000
  assert {path.name for path in tmp_path.iterdir()} == {"songs", "data"}
  assert cli.main(["data", "list", "data"]) == 0
  listed = capsys.readouterr().out
  assert "bass" in listed
  assert "8000 Hz" in listed
  shown = ["data", "show", "data", TINY, "--index=1", "--output=shown"]
  assert cli.main(shown) == 0
  assert (tmp_path / "shown" / "mixture.wav").is_file()
  assert (tmp_path / "shown" / "episode.png").is_file()


def test_folders_that_make_no_dataset_are_refused(
  refused_at_once, songs, tmp_path
):
  refused_at_once(["data", "build", "--output=data"], "name the folder")
  refused_at_once(build("absent"), "absent")
  (tmp_path / "empty").mkdir()
  refused_at_once(build("empty"), "no song folder in empty")
  refused_at_once(build(songs, "--unseen=nope"), "nope", "bass, flute")
  refused_at_once(build(songs, "--unseen=bass,flute"), "unseen")
  refused_at_once(build(songs, "--sample_rate_hz=0"), "sample_rate_hz is 0")
  refused_at_once(build(songs, "--segment_s=0"), "segment_s is 0")
  refused_at_once(build(songs, "--layout=rendered"), "songs", "--midi_folder")
  refused_at_once(
    ["data", "build", "--layout=rendered", "--output=d", "--unseen=flute"],
    "--unseen is for the layout stem_folder",
  )
  (songs / "two" / "flute.wav").write_text("no sound")
  refused_at_once(build(songs), "songs/two/flute.wav")
  (songs / "two" / "flute.wav").write_bytes(b"")
  refused_at_once(build(songs), "songs/two/flute.wav")
  shutil.rmtree(songs / "two")
  (songs / "two").mkdir()
  refused_at_once(build(songs), "songs/two")


def test_stems_that_cannot_be_used_are_refused(refused, songs, tmp_path):
  broken = tone(2)
  broken[9000] = np.nan
  soundfile.write(songs / "two" / "flute.wav", broken, 8000, subtype="FLOAT")
  # What could be cut is kept for the next try.
  words = build(songs)
  refused(words, "stem flute of track two", "NaN", kept="data.building")
  for path in songs.rglob("*.wav"):
    soundfile.write(path, np.zeros(16000), 8000)
  refused(build(songs), "no usable stem", "silent")


def test_a_dataset_that_is_in_the_way_or_cannot_be_written(
  refused_at_once, songs, tmp_path
):
  (tmp_path / "data").mkdir()
  (tmp_path / "data" / "notes.txt").write_text("mine")
  refused_at_once(build(songs), "data exists already")
  (tmp_path / "file").write_text("in the way")
  for output in ("file", "file/below"):
    refused_at_once(["data", "build", songs, f"--output={output}"], output)


def test_what_is_no_dataset_is_refused(refused_at_once, toy_dataset, tmp_path):
  show = ["data", "show", toy_dataset, TINY]
  (tmp_path / "file").write_text("in the way")
  refused_at_once(["data", "list", "absent"], "absent/catalogue.json")
  refused_at_once([*show, "--output=file"], "file cannot be written")
  refused_at_once([*show, "--output=file/below"], "file/below")
  refused_at_once([*show, "--output=out", "--index=-1"], "index is -1")
  refused_at_once(
    ["data", "show", "absent", TINY, "--output=out"], "absent is no folder"
  )


# ---- Training and scoring.


def train(dataset, *more):
  return [
    "train",
    TINY,
    f"--config.data.sources={dataset}",
    "--workdir=run",
    *more,
  ]


def test_runs_that_cannot_be_are_refused(
  refused_at_once, toy_dataset, tmp_path
):
  refused_at_once(train(""), "data.sources is empty", "data build")
  refused_at_once(train("absent"), "absent is no folder")
  good = train(toy_dataset)
  refused_at_once(
    [*good, "--config.train.global_batch=12"],
    "train.global_batch=12",
    "8 devices",
    "multiple of 8",
  )
  refused_at_once([*good, "--config.train.loss=l3"], "train.loss", "l3")
  refused_at_once([*good, "--config.model.n_fft=9"], "n_fft")
  (tmp_path / "file").write_text("in the way")
  for workdir in ("file", "file/below"):
    refused_at_once(
      [*good, f"--workdir={workdir}"], f"{workdir} cannot be written"
    )


def test_a_workdir_of_another_run_is_refused(
  refused_at_once, toy_dataset, tmp_path
):
  config = tiny_config(toy_dataset)
  catalogue_hash = load_catalogue(toy_dataset).content_hash
  checkpoint.claim_workdir(tmp_path / "run", config, catalogue_hash)
  refused_at_once(train(toy_dataset), "workdir run", "model.n_fft was 64, is")


@pytest.mark.parametrize(
  "words",
  [
    ["--num_processes=2"],
    ["--process_id=0"],
    ["--coordinator=127.0.0.1:1", "--process_id=0"],
    ["--coordinator=127.0.0.1:1", "--num_processes=2", "--process_id=2"],
    ["--coordinator=127.0.0.1:1", "--num_processes=2", "--process_id=-1"],
  ],
)
def test_hosts_that_cannot_be_joined_are_refused(
  refused_at_once, toy_dataset, words
):
  refused_at_once([*train(toy_dataset), *words], "--process_id")


def test_scores_of_no_run_are_refused(refused_at_once, toy_dataset):
  words = ["evaluate", TINY, "--workdir=run"]
  refused_at_once(
    [*words, f"--config.data.sources={toy_dataset}"], "run/model/config.json"
  )


def test_a_checkpoint_that_is_not_there_is_refused(
  refused_at_once, toy_dataset
):
  words = ["evaluate", TINY, f"--config.data.sources={toy_dataset}"]
  words += ["--workdir=run", "--checkpoint=40"]
  refused_at_once(words, "--checkpoint=40: run/checkpoints holds no checkpoint")


# ---- The installed program: what libraries print of themselves is seen here.


def run(*words, cwd):
  program = Path(sys.executable).with_name("fewshot-mss")
  env = {k: v for k, v in os.environ.items() if not k.startswith("TF_")}
  done = subprocess.run(
    [program, *words], cwd=cwd, env=env, capture_output=True
  )
  # Not as text: that would take the bar's carriage returns for lines.
  return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_the_program_itself_says_one_line(songs, tmp_path):
  status, out, err = run(*train("", "--config.train.nope=1"), cwd=tmp_path)
  assert (status, out) == (2, "")
  assert err.startswith("fewshot-mss: ")
  assert err.count("\n") == 1
  status, out, err = run(*train("songs"), "--distributed", cwd=tmp_path)
  assert (status, out) == (2, "")
  assert err.startswith("fewshot-mss: hosts cannot be joined")
  assert err.count("\n") == 1
  # TensorFlow is loaded here.
  for path in songs.rglob("*.wav"):
    soundfile.write(path, np.zeros(16000), 8000)
  before = everything(tmp_path)
  status, out, err = run(*build("songs"), cwd=tmp_path)
  assert (status, out) == (2, "")
  bar, complaint, end = err.split("\n")
  assert "song/s" in bar
  assert complaint.startswith("fewshot-mss: no usable stem")
  assert end == ""
  assert everything(tmp_path) == before
