"""`ablate` with `claims.train`: three trainings and a page, killed and all."""

import json
import re
import shutil

import jax
import numpy as np
import pytest

from configs import claims as claims_config
from fewshot_mss import cli
from fewshot_mss.data.pipeline import episode_batches
from fewshot_mss.data.synth.toy import toy_track_set
from fewshot_mss.errors import InputError
from fewshot_mss.evaluation.ablation.table import read_table
from fewshot_mss.export.archive import load_archive
from fewshot_mss.training import claiming
from fewshot_mss.training.claiming import claim, config_of, describe_timbres
from tiny_run import saved_steps, tiny_config

NAMES = ("class", "examples", "examples_and_negatives")


def small(dataset, **changes):
  config = tiny_config(
    dataset,
    claims__train=",".join(NAMES),
    data__max_negatives=2,
    train__steps=3,
    train__checkpoint_every_steps=1,
    train__eval_every_steps=100,
    ablation__max_items=3,
    ablation__bootstrap_samples=50,
    ablation__reference__shots=2,
    ablation__reference__negatives=2,
    ablation__reference__example_s=0.5,
    **changes,
  )
  axes = claims_config.get_config().ablation.axes.to_dict()
  axes |= {"shots": (2,), "negatives": (0, 2), "example_s": (0.5,)}
  config.ablation.axes.update(axes)
  config.ablation.long_examples_s = ()
  config.ablation.crossed = ("model,negatives",)
  return config


class KilledError(Exception):
  pass


@pytest.fixture(scope="module")
def finished(toy_dataset, tmp_path_factory):
  """Killed in the second training, started again; what was done the first
  time."""
  workdir = tmp_path_factory.mktemp("claims") / "run"
  config = small(toy_dataset)
  with pytest.MonkeyPatch.context() as patch:

    def killed(run, folder):
      def kill(step):
        if folder.name == "examples" and step == 3:
          raise KilledError

      return train(run, folder, on_step=kill)

    train = claiming.train_and_evaluate
    patch.setattr(claiming, "train_and_evaluate", killed)
    with pytest.raises(KilledError):
      claim(config, workdir)
  before = {
    path: path.stat().st_mtime_ns
    for path in (workdir / "class").rglob("*")
    if path.is_file()
  }
  assert saved_steps(workdir / "examples")[-1] == 2
  claim(config, workdir)
  return config, workdir, before


def test_what_is_finished_is_not_trained_again(finished):
  _, _, before = finished
  assert before
  for path, written_ns in before.items():
    assert path.stat().st_mtime_ns == written_ns, path


def test_each_is_a_run_of_its_conditioning(finished):
  _, workdir, _ = finished
  for name in NAMES:
    archive = load_archive(workdir / name / "model")
    assert archive.model["conditioning"] == name
    assert archive.training["steps"] == 3
    heard = 2 if name == "examples_and_negatives" else 0
    assert archive.training["max_negatives"] == heard
    assert (workdir / name / "evaluation" / "evaluation.md").exists()


def test_all_three_are_asked_and_judged(finished):
  _, workdir, _ = finished
  folder = workdir / "ablation"
  asked = {
    (row.arm.model, row.arm.reading, row.arm.negatives)
    for row in read_table(folder / "ablation.csv")
  }
  assert asked >= {
    ("examples", "examples", 0),
    ("class", "class", 0),
    ("class", "class, oracle", 0),
    ("examples_and_negatives", "examples", 0),
    ("examples_and_negatives", "examples", 2),
  }
  page = (folder / "claims.md").read_text("utf-8")
  assert "| 2 shots - class | seen |" in page
  assert "| 2 shots - best class, picked by an oracle | unseen |" in page
  assert "| 2 shots and 2 negatives - 2 shots | seen |" in page
  assert "- Classes: 6 seen classes; timbres of each in training: " in page
  assert "3 steps of 8 mixtures x 2 queries each" in page
  # Two test songs say nothing of others.
  assert "| **open** |" in page and "| **holds** |" not in page
  assert (folder / "claims.png").exists() and (folder / "report.md").exists()


def test_goals_are_those_of_the_configuration(finished, tmp_path):
  config, workdir, _ = finished
  rows = (workdir / "ablation" / "claims.csv").read_text("utf-8")
  assert re.search(r"2 shots - class,seen,.*,1\.0,", rows)
  assert re.search(r"nearest class of the family,unseen,.*,3\.0,", rows)
  assert re.search(r"negatives - 2 shots,seen,.*,0\.5,", rows)
  changed = config.copy_and_resolve_references()
  changed.claims.seen_goal_db = 2.25
  folder = tmp_path / "ablation"
  shutil.copytree(workdir / "ablation", folder)
  claiming._judge(changed, folder, claiming.load_sources(config.data.sources))
  rows = (folder / "claims.csv").read_text("utf-8")
  assert re.search(r"2 shots - class,seen,.*,2\.25,", rows)


def test_all_models_hear_the_same_in_the_same_order(toy_dataset):
  config = small(toy_dataset, data__random_shots=True, data__absent_share=0.2)
  sources = claiming.load_sources(config.data.sources)
  batches = {}
  for name in NAMES:
    run = config_of(config, name)
    assert run.model.conditioning == name
    batches[name] = list(
      episode_batches(
        run, sources, start_step=0, stop_step=3, shard_index=0, shard_count=1
      )
    )
  for told, shown, both in zip(*batches.values(), strict=True):
    assert both.support.negatives.shape[2] == 2
    assert both.support.negative_mask.any()
    alike = [
      batch._replace(
        support=batch.support._replace(negatives=0, negative_mask=0)
      )
      for batch in (told, shown, both)
    ]
    for other in alike[1:]:
      jax.tree.map(np.testing.assert_array_equal, alike[0], other)


def test_timbres_are_counted(toy_sources):
  timbres = {}
  for track in toy_track_set().tracks:
    for stem in track.stems if track.split == "train" else ():
      timbres.setdefault(stem.instrument, set()).add(stem.patch)
  counts = sorted(map(len, timbres.values()))
  assert counts[0] < counts[-1] == 2
  words = f"{len(counts)} seen classes; timbres of each in training: 1 to 2 "
  words += f"(median {np.median(counts):g})"
  assert describe_timbres(toy_sources) == words


@pytest.mark.parametrize(
  ("words", "said"),
  [
    ("class", "give two or more of examples"),
    ("class,sound", "give two or more of examples"),
    ("class,examples_and_negatives", "examples must be among them"),
  ],
)
def test_what_cannot_be_claimed_is_refused(toy_dataset, tmp_path, words, said):
  config = small(toy_dataset)
  config.claims.train = words
  with pytest.raises(InputError, match=said):
    claim(config, tmp_path / "run")
  assert not (tmp_path / "run").exists()


def test_a_run_of_another_configuration_is_refused_before_any_training(
  finished, capsys
):
  _, workdir, _ = finished
  words = ["--config=configs/tiny.py", f"--workdir={workdir}"]
  words += [f"--config.claims.train={','.join(NAMES)}"]
  described = json.loads((workdir / "class" / "config.json").read_text())
  sources = described["config"]["data"]["sources"]
  words += [f"--config.data.sources={sources}", "--config.data.max_negatives=2"]
  assert cli.main(["ablate", *words]) == 2
  assert "holds a run of another configuration" in capsys.readouterr().err
