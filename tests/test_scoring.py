"""Which number ranks the checkpoints of a run, and what there is to score."""

import csv
import json
import shutil

import jax
import pytest

from fewshot_mss.data.evaluation_list import list_hash, list_path
from fewshot_mss.data.sources import load_sources
from fewshot_mss.errors import InputError
from fewshot_mss.evaluation.evaluate import evaluate
from fewshot_mss.evaluation.scores import Score
from fewshot_mss.export.archive import save_archive
from fewshot_mss.training import checkpoint, scoring
from tiny_model import make_model
from tiny_run import new_state, tiny_config


def score(improvement_db, group="seen", system="model", shots=2):
  return Score(
    item=0,
    group=group,
    song="song",
    instrument="bass",
    wrong_instrument="lead",
    system=system,
    shots=shots,
    examples=shots,
    usdr_db=50.0,
    si_sdr_db=60.0,
    si_sdr_improvement_db=improvement_db,
    level_db=0.0,
    collapsed=False,
  )


OTHERS = [
  score(100.0, group="unseen"),
  score(100.0, group="seen, unheard timbre"),
  score(100.0, system="wrong query"),
  score(100.0, system="mixture", shots=None),
  score(100.0, shots=1),
]


@pytest.fixture
def scored(toy_dataset, toy_sources, monkeypatch):
  config = tiny_config(toy_dataset)

  def validation_score(rows):
    monkeypatch.setattr(scoring, "_evaluate", lambda *args: rows)
    return scoring.validation_score(
      config, make_model(**config.model), {}, toy_sources
    )

  return validation_score


def test_seen_instruments_with_the_most_shots_count_alone(scored):
  rows = [score(1.0), *OTHERS, score(4.0), score(-2.0)]
  assert scored(rows) == pytest.approx(1.0)


def test_without_seen_instruments_there_is_no_score(scored):
  assert scored(OTHERS) is None


@pytest.mark.parametrize(
  ("conditioning", "asked"), [("examples", (1,)), ("class", (0,))]
)
def test_validation_asks_with_the_headline_alone(
  toy_dataset, toy_sources, monkeypatch, conditioning, asked
):
  config = tiny_config(
    toy_dataset, eval__shots=(2, 1), model__conditioning=conditioning
  )
  seen = []

  def evaluate_nothing(eval_config, *args):
    seen.append(tuple(eval_config.shots))
    return [score(3.0, shots=asked[0])]

  monkeypatch.setattr(scoring, "_evaluate", evaluate_nothing)
  model = make_model(**config.model)
  assert scoring.validation_score(config, model, {}, toy_sources) == 3.0
  assert seen == [asked]
  assert tuple(config.eval.shots) == (2, 1)


def test_the_score_is_that_of_the_validation_songs(toy_dataset, toy_sources):
  config = tiny_config(toy_dataset, eval__max_items=2, eval__shots=(1,))
  model = make_model(**config.model)
  params = new_state(config).ema_params
  rows = evaluate(
    model,
    params,
    toy_sources,
    split="validation",
    eval_config=config.eval,
    max_negatives=0,
    patch_s=0.5,
    progress=False,
  )
  expected = [
    row.si_sdr_improvement_db
    for row in rows
    if (row.group, row.system) == ("seen", "model")
  ]
  assert len(expected) == 2
  assert scoring.validation_score(
    config, model, params, toy_sources
  ) == pytest.approx(sum(expected) / 2, rel=1e-6)


def test_each_process_scores_its_share_and_all_get_the_mean_of_all(
  toy_dataset, toy_sources, monkeypatch, capsys
):
  config = tiny_config(
    toy_dataset, eval__max_items=9, eval__batch=1, eval__shots=(1,)
  )
  model = make_model(**config.model)
  params = new_state(config).ema_params

  def score():
    return scoring.validation_score(config, model, params, toy_sources)

  alone = score()
  capsys.readouterr()
  monkeypatch.setattr(jax, "process_count", lambda: 2)
  texts = ["[]", "[]"]
  found = []
  # Each process says its own share; the last one to speak hears both.
  for process in (1, 0):
    monkeypatch.setattr(jax, "process_index", lambda process=process: process)

    def gather(text, process=process):
      texts[process] = text
      return texts

    monkeypatch.setattr(scoring.parallel, "gather_texts", gather)
    found.append(score())
    shown = capsys.readouterr().err
    assert ("evaluate" in shown) == (process == 0)
  # 17 items by eight devices: batches of 8, 8 and 1.
  items = [{row[0] for row in json.loads(text)} for text in texts]
  assert [len(share) for share in items] == [9, 8]
  assert found[1] == alone
  assert found[0] != alone


def test_a_run_that_was_trained_is_scored_as_its_archive_is(run, toy_sources):
  config, workdir = run
  folder = workdir / "evaluation"
  scoring.evaluate_run(config, workdir)
  expected = (folder / "evaluation_items.csv").read_bytes()
  shutil.rmtree(folder)
  model = make_model(**config.model)
  params = new_state(config).ema_params
  scoring.evaluate_trained(config, workdir, model, params, toy_sources)
  assert (folder / "evaluation_items.csv").read_bytes() == expected


def test_there_may_be_nothing_to_score(toy_dataset, toy_sources, tmp_path):
  assert scoring.has_items(toy_sources, "validation")
  assert scoring.has_items(toy_sources, "test")
  data = tmp_path / "data"
  shutil.copytree(toy_dataset, data)
  path = data / "evaluation_validation.json"
  content = json.loads(path.read_text("utf-8"))
  path.write_text(json.dumps(content | {"items": []}))
  assert not scoring.has_items(load_sources(str(data)), "validation")
  path.write_text("{")
  with pytest.raises(InputError, match=r"evaluation_validation\.json is damag"):
    scoring.has_items(load_sources(str(data)), "validation")
  path.unlink()
  assert not scoring.has_items(load_sources(str(data)), "validation")


def test_a_run_that_is_not_there_is_named(toy_dataset, tmp_path):
  with pytest.raises(InputError, match=r"model/config\.json cannot be read"):
    scoring.evaluate_run(tiny_config(toy_dataset), tmp_path)


def test_a_seed_that_no_interval_can_be_drawn_with_is_named(tmp_path):
  config = tiny_config(tmp_path)
  config.seed = -1
  with pytest.raises(InputError, match="seed is -1: give 0 or more"):
    scoring.evaluate_run(config, tmp_path)


def leave_run(workdir, config, sources):
  """Leaves what a training leaves, of a network that learned nothing."""
  checkpoint.claim_workdir(workdir, config, sources.content_hash)
  save_archive(
    workdir / "model",
    jax.device_get(new_state(config).ema_params),
    model=config.model.to_dict(),
    instruments=sources.class_names,
    training={
      "steps": 0,
      "global_batch": 8,
      "num_queries": 2,
      "mixture_s": 0.5,
      "example_s": 0.5,
      "max_negatives": 0,
      "data": [],
    },
  )


@pytest.fixture
def run(toy_dataset, toy_sources, tmp_path):
  config = tiny_config(toy_dataset, eval__max_items=2, eval__shots=(1,))
  leave_run(tmp_path / "run", config, toy_sources)
  return config, tmp_path / "run"


def test_a_run_is_scored_as_it_was_trained_whatever_the_config_says(run):
  config, workdir = run
  summary = scoring.evaluate_run(config, workdir)
  assert set(summary["groups"]) >= {"seen", "unseen"}
  assert (workdir / "evaluation" / "evaluation.json").exists()
  config.data.update({"mixture_s": 0.125, "max_negatives": 2})
  config.model.update({"n_fft": 128, "conditioning": "class"})
  assert scoring.evaluate_run(config, workdir) == summary


def test_a_dataset_without_test_songs_is_named(run, toy_dataset, tmp_path):
  config, workdir = run
  data = tmp_path / "data"
  shutil.copytree(toy_dataset, data)
  list_path(data, "test").unlink()
  config.data.sources = str(data)
  with pytest.raises(InputError, match=r"evaluation_test\.json: missing"):
    scoring.evaluate_run(config, workdir)


def test_a_run_is_not_scored_on_a_dataset_that_it_was_not_trained_on(
  run, toy_dataset
):
  config, workdir = run
  path = workdir / "config.json"
  claim = json.loads(path.read_text("utf-8"))
  path.write_text(json.dumps(claim | {"data_hash": "other"}))
  with pytest.raises(InputError, match="trained on another dataset than"):
    scoring.evaluate_run(config, workdir)
  assert not (workdir / "evaluation").exists()


def test_every_dataset_of_a_mix_is_scored_on_its_own_list(toy_mix, tmp_path):
  one, other = toy_mix.folders
  words = f"{one}=2,{other}"
  config = tiny_config(words, eval__max_items=2, eval__shots=(1,))
  workdir = tmp_path / "run"
  leave_run(workdir, config, toy_mix)
  groups = scoring.evaluate_run(config, workdir)["groups"]
  assert groups["seen, of dataset"]["num_items"] == 2
  assert groups["seen, of other"]["num_items"] == 2
  assert groups["seen"]["num_items"] == 4
  folder = workdir / "evaluation"
  told = json.loads((folder / "evaluation.json").read_text("utf-8"))
  told = told["provenance"]
  hashes = [list_hash(list_path(path, "test")) for path in (one, other)]
  assert told["evaluation list (SHA-256)"] == (
    f"dataset {hashes[0]}, other {hashes[1]}"
  )
  assert told["data"] == ", ".join(toy_mix.provenance)
  assert "other: 1 of 6 train songs are left out" in told["left out"]
  with (folder / "evaluation_items.csv").open(newline="") as file:
    rows = list(csv.DictReader(file))
  assert {row["dataset"] for row in rows} == {"dataset", "other"}
  config.data.sources = f"{one},{other}"
  with pytest.raises(InputError, match="or with other weights"):
    scoring.evaluate_run(config, workdir)
