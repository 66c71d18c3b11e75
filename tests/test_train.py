"""Whole runs: what they leave, that they go on exactly, that NaN stops them."""

import dataclasses
import json
import shutil

import jax
import numpy as np
import pytest
import soundfile

from fewshot_mss import cli
from fewshot_mss.data.builder import build
from fewshot_mss.data.catalogue import load_catalogue
from fewshot_mss.data.synth.toy import toy_track_set
from fewshot_mss.errors import InputError, RunError
from fewshot_mss.evaluation.scores import MODEL
from fewshot_mss.export.archive import load_archive
from fewshot_mss.inference.separator import Separator
from fewshot_mss.training import train
from fewshot_mss.training.train import train_and_evaluate
from tiny_run import assert_same, rows, saved_states, saved_steps, tiny_config


def everything(folder):
  return {
    str(path.relative_to(folder)): path.read_bytes()
    for path in folder.rglob("*")
    if path.is_file()
  }


@pytest.fixture(scope="module")
def config(toy_dataset):
  # Saved at 3, 6 and the end, scored at 7: between saves there are rows that a
  # kill makes void. Muon's state is the one of most kinds of leaves.
  return tiny_config(
    toy_dataset,
    train__optimizer="muon",
    train__steps=7,
    train__log_every_steps=2,
    train__checkpoint_every_steps=3,
    train__eval_every_steps=7,
  )


@pytest.fixture(scope="module")
def finished(config, tmp_path_factory):
  workdir = tmp_path_factory.mktemp("finished") / "run"
  steps = []
  state = train_and_evaluate(config, workdir, on_step=steps.append)
  assert steps == list(range(1, 8))
  return workdir, jax.device_get(state)


def test_a_workdir_holds_all_of_a_run(finished, config, toy_dataset):
  workdir, state = finished
  assert {path.name for path in workdir.iterdir()} == {
    "config.json",
    "checkpoints",
    "metrics.jsonl",
    "tensorboard",
    "model",
    "evaluation",
  }
  described = json.loads((workdir / "config.json").read_text("utf-8"))
  assert described["config"]["train"]["steps"] == 7
  assert described["config"]["model"]["unet_channels"] == [4]
  catalogue = load_catalogue(toy_dataset)
  assert described["data_hash"] == catalogue.content_hash
  assert saved_steps(workdir) == [6, 7]
  assert int(state.step) == 7
  assert_same(saved_states(workdir, config, [7]), [state])
  assert {path.name for path in (workdir / "evaluation").iterdir()} == {
    "evaluation.json",
    "evaluation.md",
    "evaluation_items.csv",
  }


def test_rows_of_metrics_are_means_since_the_row_before(finished):
  workdir, state = finished
  *training, score = rows(workdir)
  assert [row["step"] for row in training] == [2, 3, 4, 6, 7]
  assert set(score) == {"step", "eval_score"}
  assert score["step"] == 7
  for row in training:
    # 8 mixtures, 2 queries each.
    assert row["queries"] == 16
    assert row["bad_steps"] == 0
    assert "bad_steps_in_a_row" not in row
    assert all(np.isfinite(value) for value in row.values())
  norm = np.sqrt(sum(np.sum(x**2) for x in jax.tree.leaves(state.params)))
  assert training[-1]["param_norm"] == pytest.approx(norm, rel=1e-5)


def test_the_archive_is_the_average_of_the_weights_and_separates(
  finished, config, toy_dataset, tmp_path
):
  workdir, state = finished
  archive = load_archive(workdir / "model")
  assert_same(archive.params, dict(state.ema_params))
  catalogue = load_catalogue(toy_dataset)
  assert archive.instruments == catalogue.seen_instruments
  assert archive.training["steps"] == 7
  assert archive.training["mixture_s"] == 0.5
  assert archive.training["loss"] == "snr"
  rng = np.random.default_rng(0)
  clip = tmp_path / "clip.wav"
  soundfile.write(clip, rng.uniform(-0.5, 0.5, 6000), 8000)
  separation = Separator.from_pretrained(workdir / "model").separate(
    clip, positives=[str(clip)]
  )
  assert separation.target.shape == (6000, 1)
  assert np.abs(separation.target).max() > 0


def test_the_evaluation_is_of_the_test_songs(finished, toy_dataset):
  workdir, _ = finished
  folder = workdir / "evaluation"
  content = json.loads((folder / "evaluation.json").read_text("utf-8"))
  archive = load_archive(workdir / "model")
  told = content["provenance"]
  assert told["weights (SHA-256)"] == archive.content_hash
  assert told["training"] == "7 steps of 8 mixtures x 2 queries"
  items = (folder / "evaluation_items.csv").read_text("utf-8").splitlines()
  songs = {
    line.split(",")[items[0].split(",").index("song")] for line in items[1:]
  }
  catalogue = load_catalogue(toy_dataset)
  test_rows = np.flatnonzero(catalogue.split == 2)
  test_songs = {catalogue.tracks[i] for i in catalogue.track[test_rows]}
  assert songs
  assert songs <= test_songs
  assert content["summary"]["groups"]["seen"]["systems"][0]["system"] == MODEL


def test_scored_again_by_its_verb_it_scores_the_same(
  finished, toy_dataset, tmp_path, capsys, pytestconfig
):
  workdir = tmp_path / "run"
  shutil.copytree(finished[0], workdir)
  path = workdir / "evaluation" / "evaluation_items.csv"
  before = path.read_text("utf-8")
  shutil.rmtree(path.parent)
  file = pytestconfig.rootpath / "configs" / "tiny.py"
  words = [f"--config={file}", f"--config.data.sources={toy_dataset}"]
  assert cli.main(["evaluate", *words, f"--workdir={workdir}"]) == 0
  assert str(path.parent) in capsys.readouterr().out
  assert path.read_text("utf-8") == before


def test_started_again_when_done_it_changes_nothing(finished, config):
  workdir, state = finished
  before = everything(workdir)
  steps = []
  again = train_and_evaluate(config, workdir, on_step=steps.append)
  assert steps == []
  assert_same(jax.device_get(again), state)
  after = everything(workdir)
  unchanged = [
    name for name in before if not name.startswith(("tensorboard", "evalua"))
  ]
  assert {k: after[k] for k in unchanged} == {k: before[k] for k in unchanged}
  assert {k for k in after if "tensorboard" not in k} == {
    k for k in before if "tensorboard" not in k
  }


def test_a_run_that_was_stopped_goes_on_to_the_last_bit(
  finished, config, tmp_path, capsys
):
  full, state = finished
  workdir = tmp_path / "run"

  def stop(step):
    if step == 6:
      raise KeyboardInterrupt

  with pytest.raises(KeyboardInterrupt):
    train_and_evaluate(config, workdir, on_step=stop)
  assert saved_steps(workdir) == [3]
  # Row 4 is of a step that is lost; the last line was cut short.
  assert [row["step"] for row in rows(workdir)] == [2, 3, 4]
  with (workdir / "metrics.jsonl").open("a", encoding="utf-8") as lines:
    lines.write('{"step": 6, "lo')
  assert not (workdir / "model").exists()
  capsys.readouterr()

  steps = []
  resumed = train_and_evaluate(config, workdir, on_step=steps.append)
  assert steps == [4, 5, 6, 7]
  assert "training goes on after step 3: 8 cpu device(s)" in (
    capsys.readouterr().err
  )
  assert_same(jax.device_get(resumed), state)
  assert_same(saved_states(workdir, config, [7]), [state])
  for name in ("metrics.jsonl", "model/model.safetensors"):
    assert (workdir / name).read_bytes() == (full / name).read_bytes()


def test_bad_steps_are_skipped_and_counted_until_they_are_too_many(
  toy_dataset, tmp_path, monkeypatch
):
  config = tiny_config(
    toy_dataset,
    train__steps=9,
    train__max_bad_steps=2,
    train__checkpoint_every_steps=1,
    train__keep_checkpoints=9,
    train__eval_every_steps=9,
    data__num_queries=1,
  )
  good_batches = train.episode_batches

  def with_nan(*args, **kwargs):
    for number, batch in enumerate(good_batches(*args, **kwargs), start=1):
      targets = batch.targets.copy()
      if number in (2, 4, 5):
        targets[3, 0, 100] = np.nan
      yield batch._replace(targets=targets)

  monkeypatch.setattr(train, "episode_batches", with_nan)
  with pytest.raises(RunError) as caught:
    train_and_evaluate(config, tmp_path / "run")
  message = str(caught.value)
  assert message.startswith("step 5: gradients were NaN or infinite for 2 step")
  assert "since step 4" in message
  # Steps count from 1 and episodes from 0: step 4 has episodes 24 to 31.
  assert "--index=24`" in message
  assert "\n" not in message

  assert saved_steps(tmp_path / "run") == [1, 2, 3, 4]
  states = saved_states(tmp_path / "run", config, [1, 2, 3, 4])
  for state in states:
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(state))
  assert_same(states[0].params, states[1].params)
  assert_same(states[2].params, states[3].params)
  with pytest.raises(AssertionError):
    assert_same(states[1].params, states[2].params)
  written = rows(tmp_path / "run")
  assert [row["step"] for row in written] == [1, 2, 3, 4]
  assert [row["bad_steps"] for row in written] == [0, 1, 1, 2]
  assert [row["loss"] is None for row in written] == [False, True, False, True]


def test_without_validation_and_test_songs_it_trains_all_the_same(tmp_path):
  track_set = toy_track_set(num_songs=6)
  tracks = [
    dataclasses.replace(track, split="train") for track in track_set.tracks
  ]
  dataset = build(
    dataclasses.replace(track_set, tracks=tuple(tracks), unseen=()),
    tmp_path / "data",
    sample_rate_hz=8000,
    segment_s=1.0,
    progress=False,
  )
  config = tiny_config(dataset, train__steps=1, train__eval_every_steps=1)
  train_and_evaluate(config, tmp_path / "run")
  assert [row["step"] for row in rows(tmp_path / "run")] == [1]
  assert saved_steps(tmp_path / "run") == [1]
  assert (tmp_path / "run" / "model").is_dir()
  assert not (tmp_path / "run" / "evaluation").exists()


def test_a_damaged_list_or_a_folder_in_the_way_is_found_at_once(
  toy_dataset, tmp_path
):
  (tmp_path / "run" / "model").mkdir(parents=True)
  (tmp_path / "run" / "model" / "notes.txt").write_text("mine")
  config = tiny_config(toy_dataset)
  with pytest.raises(InputError, match=r"model holds notes\.txt"):
    train_and_evaluate(config, tmp_path / "run")
  assert len(everything(tmp_path)) == 1
  for split in ("validation", "test"):
    data = tmp_path / split
    shutil.copytree(toy_dataset, data)
    (data / f"evaluation_{split}.json").write_text("{")
    with pytest.raises(InputError, match=f"evaluation_{split}.json is damaged"):
      train_and_evaluate(tiny_config(data), tmp_path / "other")
  assert not (tmp_path / "other").exists()
