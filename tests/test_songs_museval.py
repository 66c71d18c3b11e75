"""BSSEval v4 beside the scores of songs."""

import functools
import sys

import numpy as np
import pytest

from fewshot_mss import cli
from fewshot_mss.training import song_scoring
from plain_songs import write_songs
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


def test_museval_runs_beside_and_goes_on(
  config, workdir, root, answered, monkeypatch
):
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
  with monkeypatch.context() as patched:
    end_after(patched, "blue")
    with pytest.raises(KeyboardInterrupt):
      run(config, workdir, root, museval=True)
  # The figures of the song that is done come back from the journal.
  folder = run(config, workdir, root, museval=True)
  assert set(written) == {
    folder / "museval" / "test" / f"{song}.json"
    for song in ("blue", "green", "red")
  }
  song, found = written[folder / "museval" / "test" / "blue.json"]
  assert song == "blue" and set(found) == {"bass", "horn", "lead"}
  assert all(np.isnan(f["SDR"]).tolist() == [0, 1, 0] for f in found.values())
  told = read(folder)["provenance"]["museval 0.4.1 (BSSEval v4)"]
  assert "3 shots: bass +2.00 dB (n = 3 songs), horn +2.00 dB" in told
  # museval would take what lies there of a song that is no longer scored.
  old = folder / "museval" / "test" / "old.json"
  old.parent.mkdir(parents=True)
  old.write_text("{}")
  run(config, workdir, root, museval=True)
  assert not old.exists()


def test_museval_that_is_missing_is_named(workdir, root, monkeypatch, capsys):
  monkeypatch.setitem(sys.modules, "museval", None)
  words = ["evaluate", "--config=configs/tiny.py", f"--workdir={workdir}"]
  assert cli.main([*words, f"--songs={root}", "--museval"]) == 2
  assert capsys.readouterr().err == (
    "fewshot-mss: museval is not installed: pip install 'fewshot-mss[eval]', "
    "or [train,render,plot] for all\n"
  )
