"""An ablation from its configuration to its files: numbers, models, data."""

import json

import numpy as np
import pytest
from ml_collections import ConfigDict

from fewshot_mss.data.evaluation_list import list_hash, list_path
from fewshot_mss.errors import InputError
from fewshot_mss.evaluation.ablation.table import read_table
from fewshot_mss.evaluation.evaluate import evaluate
from fewshot_mss.export.archive import load_archive, save_archive
from fewshot_mss.export.checks import build_model
from fewshot_mss.training import ablating
from fewshot_mss.training.ablation_models import load_models
from tiny_archive import random_params
from tiny_run import tiny_config


def grid_config(dataset, **changes):
  """A few arms of segments of a second."""
  small = {
    "ablation__max_items": 2,
    "ablation__batch": 1,
    "ablation__outputs": 4,
    "ablation__reference__shots": 2,
    "ablation__reference__example_s": 1.0,
    "ablation__axes__shots": (0, 1),
    "ablation__axes__example_s": (0.5,),
    "ablation__axes__origin": ("same song",),
    "ablation__axes__quality": ("reverberant",),
    "ablation__long_examples_s": (),
    "ablation__bootstrap_samples": 100,
    "ablation__crossed": ("model,negatives",),
  }
  return tiny_config(dataset, **small | changes)


def make_workdir(folder, sources, **changes):
  config = tiny_config("", **changes)
  model = config.model.to_dict()
  save_archive(
    folder / "model",
    random_params(model),
    model=model,
    instruments=sources.class_names,
    training={"mixture_s": 0.5, "example_s": 0.5, "max_negatives": 5},
  )
  described = {"data_hash": sources.content_hash}
  (folder / "config.json").write_text(json.dumps(described))
  return folder


@pytest.fixture(scope="module")
def workdir(tmp_path_factory, toy_sources):
  folder = tmp_path_factory.mktemp("own")
  return make_workdir(
    folder, toy_sources, model__conditioning="examples_and_negatives"
  )


@pytest.fixture(scope="module")
def class_workdir(tmp_path_factory, toy_sources):
  folder = tmp_path_factory.mktemp("class")
  return make_workdir(folder, toy_sources, model__conditioning="class")


@pytest.fixture(scope="module")
def done(workdir, class_workdir, toy_dataset):
  """The folder of an ablation of two models."""
  config = grid_config(toy_dataset, ablation__models=f"cls={class_workdir}")
  read, get_item = set(), ConfigDict.__getitem__
  groups = {
    id(config.ablation): "",
    id(config.ablation.axes): "axes.",
    id(config.ablation.reference): "reference.",
  }

  def listen(self, key):
    if id(self) in groups:
      read.add(groups[id(self)] + key)
    return get_item(self, key)

  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(ConfigDict, "__getitem__", listen)
    # To check or to tell a leaf is not to use it.
    patch.setattr(ablating, "check_ablation_config", lambda group: None)
    depends_on = ablating._depends_on

    def deaf(*args):
      heard = set(read)
      try:
        return depends_on(*args)
      finally:
        read.intersection_update(heard)

    patch.setattr(ablating, "_depends_on", deaf)
    ablating.ablate_run(config, workdir, workdir / "listened")
  folder = ablating.ablate_run(config, workdir)
  assert folder == workdir / "ablation"
  return config, folder, read


@pytest.fixture(scope="module")
def rows(done):
  return read_table(done[1] / "ablation.csv")


def test_all_is_written_and_nothing_unfinished_is_left(done):
  names = sorted(path.name for path in done[1].iterdir())
  assert not [name for name in names if name.endswith((".jsonl", ".tmp"))]
  assert {"ablation.csv", "ablation.json", "report.md"} <= set(names)


def test_every_leaf_is_read(done):
  config, _, read = done
  leaves = set()
  for key, value in config.ablation.items():
    if isinstance(value, ConfigDict):
      leaves |= {f"{key}.{leaf}" for leaf in value}
    else:
      leaves.add(key)
  assert leaves - read == set()


def test_the_numbers_are_those_of_evaluate(rows, workdir, toy_sources, done):
  config = done[0]
  archive = load_archive(workdir / "model")
  config.eval.shots = (2,)
  config.eval.max_items = 2
  found = evaluate(
    build_model(archive.model),
    archive.params,
    toy_sources,
    split="test",
    eval_config=config.eval,
    max_negatives=5,
    patch_s=0.5,
    progress=False,
  )
  systems = {
    "model": ("examples_and_negatives", "right"),
    "wrong query": ("examples_and_negatives", "wrong"),
    "mixture": ("mixture", ""),
    "ideal ratio mask": ("ideal ratio mask", ""),
  }
  compared = 0
  for row in found:
    if row.system not in systems:
      continue
    model, query = systems[row.system]
    (same,) = [
      other
      for other in rows
      if (other.arm.model, other.arm.query) == (model, query)
      and other.place == row.place
      and other.arm.target == "one"
      and other.arm.quality in ("clean", "")
      and (other.arm.shots, other.arm.negatives) in ((2, 5), (0, 0))
      and other.arm.example_s in (1.0, 0.0)
      and other.arm.origin in ("another song", "")
    ]
    for name in ("si_sdr_db", "si_sdr_improvement_db", "snr_db", "usdr_db",
                 "level_db", "level_over_mixture_db"):  # fmt: skip
      value = getattr(row, name)
      assert getattr(same, name) == pytest.approx(value, abs=2e-3)
    assert (same.family, same.group) == (row.family, row.group)
    compared += 1
  assert compared == 4 * len({row.place for row in found})


def test_models_stand_beside_one_another(rows):
  readings = {(row.arm.model, row.arm.reading) for row in rows}
  assert ("examples_and_negatives", "examples") in readings
  assert ("cls", "class") in readings
  assert ("cls", "class, oracle") in readings
  for row in rows:
    if row.arm.reading.startswith("class"):
      assert row.examples == 0
      assert row.group.startswith("unseen") == (row.arm.reading != "class")
  oracle = {r.place: r for r in rows if r.arm.reading == "class, oracle"}
  nearest = [r for r in rows if r.arm.reading == "class, nearest of the family"]
  for row in nearest:
    assert oracle[row.place].si_sdr_db >= row.si_sdr_db


def test_the_settings_are_told_with_their_hashes(done, workdir, toy_dataset):
  told = json.loads((done[1] / "ablation.json").read_text())
  depends = told["depends on"]
  own = load_archive(workdir / "model").content_hash
  assert depends["weights (SHA-256)"]["examples_and_negatives"] == own
  assert sorted(depends["weights (SHA-256)"]) == [
    "cls",
    "examples_and_negatives",
  ]
  lists = depends["evaluation lists (SHA-256)"]
  assert lists == {"dataset": list_hash(list_path(toy_dataset, "test"))}
  assert depends["ablation"]["axes"]["shots"] == [0, 1]
  assert told["reference"]["shots"] == 2
  assert told["crossed"] == [["model", "negatives"]]


def test_several_datasets_have_examples_of_one_another(
  toy_mix, tmp_path_factory, tmp_path
):
  folder = make_workdir(tmp_path_factory.mktemp("mix"), toy_mix)
  words = ",".join(
    f"{path}={weight}"
    for path, weight in zip(toy_mix.folders, (2, 1), strict=True)
  )
  config = grid_config(
    words,
    ablation__axes__origin=("another dataset",),
    ablation__axes__target=("one",),
    ablation__axes__query=("right",),
  )
  ablating.ablate_run(config, folder, tmp_path / "out")
  rows = read_table(tmp_path / "out" / "ablation.csv")
  assert {row.dataset for row in rows} == set(toy_mix.names)
  origins = [r for r in rows if r.arm.origin == "another dataset"]
  assert {row.dataset for row in origins} == set(toy_mix.names)
  assert all(np.isfinite(row.si_sdr_db) for row in origins)


@pytest.mark.parametrize(
  ("changes", "reason"),
  [
    ({"ablation__batch": 0}, "ablation.batch is 0"),
    ({"ablation__models": "x"}, "'x' names no folder: give NAME=WORKDIR"),
    ({"ablation__models": "x=/none"}, "'x=/none' names no folder"),
    ({"ablation__models": "=."}, "'=.' names no folder"),
    ({"ablation__models": "examples_and_negatives={class_workdir}"},
     "two models are called 'examples_and_negatives'"),
    ({"ablation__models": "cls={class_workdir}/model"}, "config.json"),
    ({"data__sources": "/none"}, "/none is no folder"),
  ],
)  # fmt: skip
def test_what_cannot_be_asked_is_told_before_anything_is_written(
  workdir, class_workdir, toy_dataset, tmp_path, changes, reason
):
  changes = {
    key: value.format(class_workdir=class_workdir)
    if isinstance(value, str)
    else value
    for key, value in changes.items()
  }
  config = grid_config(toy_dataset, **changes)
  with pytest.raises(InputError, match=reason):
    ablating.ablate_run(config, workdir, tmp_path / "out")
  assert not (tmp_path / "out").exists()


def test_a_model_of_other_data_is_refused(workdir, toy_mix, tmp_path):
  config = grid_config(",".join(map(str, toy_mix.folders)))
  with pytest.raises(InputError, match="was trained on another dataset"):
    ablating.ablate_run(config, workdir, tmp_path)


def test_the_workdirs_own_model_may_be_named(
  workdir, class_workdir, toy_sources
):
  config = grid_config("", ablation__models=f"a={class_workdir},b={workdir}")
  named = load_models(config, workdir, toy_sources)
  assert [each.name for each in named] == ["b", "a"]
