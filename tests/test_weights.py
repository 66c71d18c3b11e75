"""Which weights of a run are read, and where their scores go."""

import json
import shutil

import jax
import numpy as np
import pytest

from fewshot_mss.errors import InputError
from fewshot_mss.export.archive import load_archive, save_archive
from fewshot_mss.training import checkpoint, scoring
from fewshot_mss.training.weights import (
  read_weights,
  results_folder,
  training_summary,
)
from tiny_run import assert_same, new_state, tiny_config

STEPS = (3, 20)
SCORES = (1.5, -2.0)


@pytest.fixture(scope="module")
def run(toy_dataset, toy_sources, tmp_path_factory):
  """A run with two checkpoints; what it left is of the second one."""
  workdir = tmp_path_factory.mktemp("weights") / "run"
  config = tiny_config(
    toy_dataset,
    eval__max_items=2,
    eval__shots=(1,),
    train__steps=STEPS[-1],
    # Other than the default: the averages have other shapes.
    train__weight_decay=0.1,
  )
  checkpoint.claim_workdir(workdir, config, toy_sources.content_hash)
  state = new_state(config)
  rng = np.random.default_rng(0)

  def noisy(leaf):
    return leaf + rng.normal(0, 0.4, leaf.shape).astype(np.float32)

  states = [
    state._replace(ema_params=jax.tree.map(noisy, state.params)) for _ in STEPS
  ]
  manager = checkpoint.open_manager(workdir, keep=2)
  for step, saved, score in zip(STEPS, states, SCORES, strict=True):
    checkpoint.save(manager, saved, step, score)
  manager.close()
  save_archive(
    workdir / "model",
    jax.device_get(states[1].ema_params),
    model=config.model.to_dict(),
    instruments=toy_sources.class_names,
    training=training_summary(config, toy_sources.provenance),
  )
  return config, workdir, [jax.device_get(s.ema_params) for s in states]


@pytest.fixture
def copy(run, tmp_path):
  config, workdir, _ = run
  return config, shutil.copytree(workdir, tmp_path / "run")


def files(workdir):
  return {
    path.relative_to(workdir): path.read_bytes()
    for path in sorted((workdir / "checkpoints").rglob("*"))
    if path.is_file()
  }


def test_a_checkpoint_gives_its_averaged_parameters_and_stays(run):
  _, workdir, averages = run
  before = files(workdir)
  for word, step, params in [
    ("3", 3, averages[0]),
    ("20", 20, averages[1]),
    ("last", 20, averages[1]),
    ("best", 3, averages[0]),
  ]:
    found = read_weights(workdir, word)
    assert_same(found.archive.params, params)
    assert found.archive.training["steps"] == step
    assert f"step {step}" in found.name
    for other in ("last", "best"):
      assert (other in found.name) == (word == other)
  assert files(workdir) == before
  assert not (workdir / "damaged").exists()


def test_a_checkpoint_is_as_an_archive_of_it_would_be(run):
  _, workdir, _ = run
  archive = load_archive(workdir / "model")
  model, last, first = (
    read_weights(workdir, word).archive for word in ("model", "last", "3")
  )
  assert model.content_hash == archive.content_hash == last.content_hash
  assert first.content_hash != last.content_hash
  assert json.loads(json.dumps(last.model)) == archive.model
  for key in ("mixture_s", "max_negatives", "global_batch", "num_queries"):
    assert last.training[key] == archive.training[key] == model.training[key]
  assert first.training["steps"] == 3
  assert "that the run left, step 20" in read_weights(workdir).name


def test_the_sizes_are_those_of_the_run_and_not_the_default(run):
  _, workdir, _ = run
  model = read_weights(workdir, "last").archive.model
  assert model["unet_channels"] == (4,) and model["n_fft"] == 64


@pytest.mark.parametrize("word", ["4", "newest", "-3", "3.0", ""])
def test_a_step_that_is_not_there_names_those_that_are(run, word):
  with pytest.raises(InputError, match=r"holds 3, 20; name one of these") as e:
    read_weights(run[1], word)
  assert f"--checkpoint={word}:" in str(e.value)
  assert "\n" not in str(e.value)


def test_where_no_checkpoint_was_scored_none_is_the_best(copy):
  _, workdir = copy
  for step in STEPS:
    path = workdir / "checkpoints" / str(step) / "metrics" / "metrics"
    path.write_text("{}")
  with pytest.raises(InputError, match="has a validation score; name one of 3"):
    read_weights(workdir, "best")


def test_without_checkpoints_there_is_none_to_name(copy):
  _, workdir = copy
  shutil.rmtree(workdir / "checkpoints")
  for word in ("last", "20", "best"):
    with pytest.raises(InputError, match="holds no checkpoint"):
      read_weights(workdir, word)


def test_a_damaged_checkpoint_is_named_and_stays(copy, capfd):
  _, workdir = copy
  path = workdir / "checkpoints" / "20" / "_CHECKPOINT_METADATA"
  path.write_text("{")
  with pytest.raises(InputError, match=r"20 cannot be used \(_CHECKPOINT_ME"):
    read_weights(workdir, "last")
  assert path.read_text() == "{"
  assert capfd.readouterr().err == ""
  # The other one can still be scored, and without the archive.
  shutil.rmtree(workdir / "model")
  assert read_weights(workdir, "3").archive.training["steps"] == 3


def test_a_configuration_that_cannot_be_read_is_named(copy):
  _, workdir = copy
  (workdir / "config.json").write_text('{"config": {"model": 3}}')
  with pytest.raises(InputError, match=r"config\.json cannot be read"):
    read_weights(workdir, "3")


def test_each_checkpoint_has_its_scores_in_a_folder_of_its_own(copy):
  config, workdir = copy
  told, tables = {}, {}
  for word in ("model", "last", "03", "best"):
    scoring.evaluate_run(config, workdir, word)
    folder = results_folder(workdir, word)
    content = json.loads((folder / "evaluation.json").read_text("utf-8"))
    told[word] = content["provenance"]
    tables[word] = (folder / "evaluation_items.csv").read_bytes()
  assert sorted(path.name for path in (workdir / "evaluation").iterdir()) == [
    "best",
    "evaluation.json",
    "evaluation.md",
    "evaluation_items.csv",
    "last",
    "step_3",
  ]
  assert tables["last"] == tables["model"] != tables["03"] == tables["best"]
  assert told["last"]["checkpoint"] == "last checkpoint, step 20"
  assert told["03"]["checkpoint"] == "checkpoint, step 3"
  assert told["model"]["checkpoint"] == "the model that the run left, step 20"
  assert told["best"]["checkpoint"] == "best checkpoint by validation, step 3"
  hashes = [told[word]["weights (SHA-256)"] for word in told]
  assert hashes[0] == hashes[1] != hashes[2] == hashes[3]
  for name in ("data", "evaluation list (SHA-256)"):
    assert len({told[word][name] for word in told}) == 1
  assert told["03"]["training"].startswith("3 steps of 8 mixtures")
