"""What `export` writes of a run, and what it refuses to."""

import json
import shutil
import sys
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from fewshot_mss import cli
from fewshot_mss.errors import InputError
from fewshot_mss.evaluation.report import write_evaluation
from fewshot_mss.evaluation.summary import summarise
from fewshot_mss.export.archive import load_archive, save_archive
from fewshot_mss.inference.separator import Separator
from fewshot_mss.training import checkpoint
from fewshot_mss.training.exporting import export_run
from hub_stand_in import stand_in
from test_card_scores import write_ablation
from test_summary import table
from tiny_archive import INSTRUMENTS, MODEL, TRAINING, random_params
from tiny_run import assert_same, new_state, tiny_config


@pytest.fixture
def workdir(tmp_path):
  """A run that has ended, as far as an export looks at it."""
  workdir = tmp_path / "run"
  save_archive(
    workdir / "model",
    random_params(),
    model=MODEL,
    instruments=INSTRUMENTS,
    training=TRAINING | {"data": ["MoisesDB", "attic tapes"]},
  )
  return workdir


def evaluate(workdir, folder="evaluation", weights=None, **provenance):
  rows = table({1: [0.0, 2.0], 5: [1.0, 4.5]}, [-6.0, -7.0])
  if weights is None:
    weights = load_archive(workdir / "model").content_hash
  write_evaluation(
    workdir / folder,
    rows,
    summarise(rows, bootstrap_samples=10),
    {"weights (SHA-256)": weights} | provenance,
  )


def test_an_archive_is_the_model_with_its_card(workdir, tmp_path):
  evaluate(workdir, data="MoisesDB, attic tapes")
  evaluate(workdir, "evaluation/songs_gigs", songs="7 whole songs of gigs")
  lines = export_run(workdir, tmp_path / "a" / "horns", form="archive")
  assert lines == [f"wrote {tmp_path / 'a' / 'horns'}"]
  left = load_archive(workdir / "model")
  exported = load_archive(tmp_path / "a" / "horns")
  assert_same(exported.params, left.params)
  assert exported.content_hash == left.content_hash
  assert exported.instruments == left.instruments
  assert exported.training == left.training
  card = (tmp_path / "a" / "horns" / "README.md").read_text("utf-8")
  assert "# horns\n" in card
  assert "### Test items\n\nMoisesDB, attic tapes." in card
  assert "### Whole songs of gigs\n\n7 whole songs of gigs." in card
  assert str(tmp_path) not in card


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_fewer_bits_are_half_the_size_and_separate_almost_as_well(
  workdir, tmp_path, dtype
):
  evaluate(workdir, data="MoisesDB")
  export_run(workdir, tmp_path / "out", form="archive", dtype=dtype)
  left, exported = (
    flatten_dict(load_archive(folder).params, sep="/")
    for folder in (workdir / "model", tmp_path / "out")
  )
  for name, leaf in left.items():
    wanted = leaf.astype(jnp.dtype(dtype)).astype(np.float32)
    np.testing.assert_array_equal(exported[name], wanted)
  sizes = [
    (folder / "model.safetensors").stat().st_size
    for folder in (workdir / "model", tmp_path / "out")
  ]
  numbers = sum(leaf.size for leaf in left.values())
  assert sizes[0] - sizes[1] == pytest.approx(2 * numbers, abs=100)
  card = (tmp_path / "out" / "README.md").read_text("utf-8")
  assert f"before they were rounded to {dtype}" in card
  archive = load_archive(tmp_path / "out")
  assert archive.dtype == dtype
  assert f"`{archive.content_hash}`" in card
  rng = np.random.default_rng(0)
  song = rng.normal(0, 0.1, 3000).astype(np.float32)
  targets = [
    Separator.from_pretrained(folder)
    .separate(song, positives=[song[:2000]], rate_hz=8000)
    .target
    for folder in (workdir / "model", tmp_path / "out")
  ]
  np.testing.assert_allclose(*targets, atol=0.01)


def test_scores_of_other_weights_or_another_time_stay_out(workdir, tmp_path):
  lines = export_run(workdir, tmp_path / "out", form="archive")
  assert len(lines) == 2
  assert "no scores: run `fewshot-mss evaluate`" in lines[0]
  card = (tmp_path / "out" / "README.md").read_text("utf-8")
  assert "None: the model has not been evaluated." in card

  def told():
    (line, _, _) = export_run(workdir, tmp_path / "out", form="archive")
    assert (tmp_path / "out" / "README.md").read_text("utf-8") == card
    return line

  evaluate(workdir, weights="of others", data="MoisesDB")
  assert "evaluation.json out, which is of other weights" in told()
  path = workdir / "evaluation" / "evaluation.json"
  evaluate(workdir, data="MoisesDB")
  text = path.read_text("utf-8")
  path.write_text(text.replace("usdr_db", "level"))
  assert "an earlier fewshot-mss wrote" in told()
  path.write_text(text[:-9])
  assert "cannot be read" in told()


def test_an_ablation_of_these_weights_is_in_the_card(workdir, tmp_path):
  folder = write_ablation(
    workdir / "ablation", load_archive(workdir / "model").content_hash
  )
  export_run(workdir, tmp_path / "out", form="archive", dtype="float16")
  card = (tmp_path / "out" / "README.md").read_text("utf-8")
  assert "### Asked in other ways\n" in card
  assert "| target | seen | absent (level) | -35.0 [" in card
  shutil.rmtree(folder)
  write_ablation(folder, "of others")
  lines = export_run(workdir, tmp_path / "out", form="archive")
  assert any("leaves out an ablation" in line for line in lines)
  card = (tmp_path / "out" / "README.md").read_text("utf-8")
  assert "absent" not in card.split("## Scores")[1]


def test_a_card_with_a_licence_in_it_is_not_written_over(workdir, tmp_path):
  out = tmp_path / "out"
  export_run(workdir, out, form="archive")
  export_run(workdir, out, form="archive", dtype="float16")
  card = out / "README.md"
  card.write_text(card.read_text("utf-8") + "MIT\n", "utf-8")
  before = {path.name: path.read_bytes() for path in out.iterdir()}
  with pytest.raises(InputError, match=r"README\.md has been changed since"):
    export_run(workdir, out, form="archive")
  assert before == {path.name: path.read_bytes() for path in out.iterdir()}


@pytest.mark.parametrize("place", ["model", "model/half"])
def test_the_model_of_a_run_is_not_written_over(workdir, place):
  before = load_archive(workdir / "model").content_hash
  with pytest.raises(InputError, match="is the model that the run goes by"):
    export_run(workdir, workdir / place, form="archive", dtype="float16")
  assert load_archive(workdir / "model").content_hash == before
  assert len(list((workdir / "model").iterdir())) == 2


def test_a_weight_that_does_not_fit_is_named_and_nothing_written(
  workdir, tmp_path
):
  params = random_params()
  params["unet"]["up_1"]["bias"][0] = 1e6
  save_archive(
    workdir / "model",
    params,
    model=MODEL,
    instruments=INSTRUMENTS,
    training=TRAINING,
  )
  with pytest.raises(InputError, match=r"unet/up_1/bias holds 1e\+06, too"):
    export_run(workdir, tmp_path / "out", form="archive", dtype="float16")
  assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize("form", ["stablehlo", "onnx"])
def test_other_forms_get_the_weights_in_the_type_that_is_asked_for(
  workdir, tmp_path, monkeypatch, form
):
  def export(archive, directory):
    assert directory == tmp_path / "out"
    assert archive.dtype == "float16"
    for leaf in jax.tree.leaves(archive.params):
      assert leaf.dtype == np.float16
    assert archive.instruments == ("bass", "horn")
    return ["expires some day"]

  module = types.ModuleType(form)
  setattr(module, f"export_{form}", export)
  monkeypatch.setitem(sys.modules, f"fewshot_mss.export.{form}", module)
  lines = export_run(workdir, tmp_path / "out", form=form, dtype="float16")
  assert lines == ["expires some day", f"wrote {tmp_path / 'out'}"]


def test_a_push_uploads_what_was_written(workdir, tmp_path, monkeypatch):
  hub = stand_in(monkeypatch, tmp_path / "hub")
  out = tmp_path / "out"
  lines = export_run(workdir, out, form="archive", push="me/horns")
  assert lines[-1] == "pushed to https://huggingface.co/me/horns"
  for path in out.iterdir():
    pushed = hub.folder / "me/horns" / path.name
    assert pushed.read_bytes() == path.read_bytes()
  card = (out / "README.md").read_text("utf-8")
  assert "# horns\n" in card
  assert "from_pretrained('hf://me/horns')" in card
  hub.user = None
  shutil.rmtree(out)
  with pytest.raises(InputError, match="log in"):
    export_run(workdir, out, form="archive", push="me/horns")
  assert not out.exists()


def test_the_command_says_what_it_wrote(workdir, tmp_path, capsys):
  words = ["export", f"--workdir={workdir}", f"-o={tmp_path / 'out'}"]
  assert cli.main([*words, "--format=archive"]) == 0
  assert capsys.readouterr().out.endswith(f"wrote {tmp_path / 'out'}\n")
  assert cli.main([*words, "--format=archive", "--checkpoint=best"]) == 2
  assert "no checkpoint" in capsys.readouterr().err


def test_a_checkpoint_is_exported_with_the_names_of_its_datasets(
  toy_dataset, toy_sources, tmp_path
):
  config = tiny_config(toy_dataset)
  workdir, out = tmp_path / "run", tmp_path / "out"
  checkpoint.claim_workdir(workdir, config, toy_sources.content_hash)
  state = new_state(config)
  with checkpoint.open_manager(workdir, keep=1) as manager:
    checkpoint.save(manager, state, 3, None)
  export_run(workdir, out, form="archive", checkpoint="last")
  exported = load_archive(out)
  assert_same(exported.params, jax.device_get(state.ema_params))
  assert exported.instruments == toy_sources.class_names
  assert exported.training["data"] == list(toy_sources.provenance)
  assert exported.training["steps"] == 3
  # What the run left says it too, if the datasets are gone.
  described = json.loads((workdir / "config.json").read_text("utf-8"))
  described["config"]["data"]["sources"] = "gone"
  (workdir / "config.json").write_text(json.dumps(described))
  with pytest.raises(InputError, match="gone is no folder"):
    export_run(workdir, out, form="archive", checkpoint="3")
  shutil.copytree(out, workdir / "model")
  export_run(workdir, tmp_path / "again", form="archive", checkpoint="3")
  again = load_archive(tmp_path / "again")
  assert again.instruments == toy_sources.class_names
  assert again.training == exported.training
