"""A training begins with the weights of an archive, and says with which."""

import json
import shutil

import jax
import numpy as np
import pytest
from flax.traverse_util import flatten_dict
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from fewshot_mss.default_config import get_config
from fewshot_mss.errors import InputError
from fewshot_mss.export.archive import load_archive, save_archive
from fewshot_mss.training import checkpoint
from fewshot_mss.training.beginning import begin_with, read_beginning
from fewshot_mss.training.step import AXIS, TrainState
from fewshot_mss.training.train import train_and_evaluate
from fewshot_mss.training.weights import read_weights
from tiny_archive import INSTRUMENTS, MODEL, random_params, write_archive
from tiny_run import tiny_config


def new_state(**changes):
  """A state before the first step, of other numbers than any archive's."""
  mesh = Mesh(np.array(jax.devices()), (AXIS,))
  everywhere = NamedSharding(mesh, PartitionSpec())
  params = jax.tree.map(lambda leaf: leaf + 1, random_params(MODEL | changes))
  step, params, average = jax.device_put(
    (np.zeros((), np.int32), params, params), everywhere
  )
  return TrainState(step, params, average, ())


def begin(tmp_path, there, here, class_names=("horn", "bass")):
  """Flat parameters: what was there, what would be, and what came of both."""
  archive = load_archive(write_archive(tmp_path / "model", **there))
  state = new_state(**here)
  before = flatten_dict(jax.device_get(state.params), sep="/")
  conditioning = (MODEL | here)["conditioning"]
  state, line = begin_with(state, archive, conditioning, class_names)
  old = flatten_dict(archive.params, sep="/")
  return old, before, state, line


def parts_of(tmp_path, there, here):
  """Which parts begin as those of the archive, and which as ever."""
  old, before, state, line = begin(
    tmp_path, {"conditioning": there}, {"conditioning": here}
  )
  taken, fresh = set(), set()
  for tree in (state.params, state.ema_params):
    for name, leaf in flatten_dict(jax.device_get(tree), sep="/").items():
      part = name.split("/")[0]
      if np.array_equal(leaf, before[name]):
        fresh.add(part)
      else:
        np.testing.assert_array_equal(leaf, old[name])
        taken.add(part)
  return taken, fresh, line


@pytest.mark.parametrize(
  ("there", "here", "taken", "fresh"),
  [
    ("examples", "examples", {"unet", "encoder", "conditioner"}, set()),
    (
      "examples_and_negatives",
      "examples_and_negatives",
      {"unet", "encoder", "conditioner"},
      set(),
    ),
    (
      "examples",
      "examples_and_negatives",
      {"unet", "encoder"},
      {"conditioner"},
    ),
    ("examples_and_negatives", "class", {"unet"}, {"conditioner"}),
    ("class", "examples", {"unet"}, {"conditioner", "encoder"}),
  ],
)
def test_what_both_models_have_is_taken(tmp_path, there, here, taken, fresh):
  *found, line = parts_of(tmp_path, there, here)
  assert found == [taken, fresh]
  assert f"takes {', '.join(sorted(taken))}; new: " in line
  assert line.endswith(", ".join(sorted(fresh)) or "nothing")


def test_classes_are_taken_by_name(tmp_path):
  # There bass and horn, in a table of 3; here 5 of another order.
  old, before, state, line = begin(
    tmp_path,
    {"conditioning": "class"},
    {"conditioning": "class", "num_classes": 5},
    class_names=("flute", "horn", "viola"),
  )
  assert INSTRUMENTS.index("horn") == 1
  name = "conditioner/table/embedding"
  wanted = before[name].copy()
  wanted[1], wanted[5] = old[name][1], old[name][3]
  found = jax.device_get(state.params)["conditioner"]["table"]["embedding"]
  np.testing.assert_array_equal(found, wanted)
  assert "takes unet, and the vectors of 1 of 3 instruments; new: noth" in line


def test_a_state_lies_where_it_lay_and_each_tree_by_itself(tmp_path):
  _, _, state, _ = begin(tmp_path, {}, {})
  for leaf in jax.tree.leaves(state):
    assert leaf.sharding.is_fully_replicated
    assert len(leaf.sharding.device_set) == 8
  jax.tree.map(lambda leaf: leaf.delete(), state.params)
  jax.device_get(state.ema_params)


def config_of(place, **changes):
  config = get_config()
  config.model.update(MODEL | changes)
  config.init_from = str(place)
  return config


def test_no_beginning_is_read_without_one_or_when_a_run_goes_on(tmp_path):
  assert read_beginning(config_of(""), tmp_path) is None
  absent = config_of(tmp_path / "absent")
  with pytest.raises(InputError, match=r"init_from: .*absent/config\.json"):
    read_beginning(absent, tmp_path)
  (tmp_path / "checkpoints" / "3").mkdir(parents=True)
  assert read_beginning(absent, tmp_path) is None


def test_all_that_does_not_fit_is_named(tmp_path):
  model = write_archive(tmp_path / "model")
  other = config_of(model, n_fft=128, sample_rate_hz=16000)
  with pytest.raises(InputError) as caught:
    read_beginning(other, tmp_path)
  message = str(caught.value)
  assert "model.sample_rate_hz is 8000 there and 16000 here" in message
  assert "model.n_fft is 64 there and 128 here" in message
  assert "unet" not in message
  fitting = config_of(
    model,
    conditioning="class",
    num_classes=9,
    stft_form="dft",
    compute_dtype="bfloat16",
  )
  assert read_beginning(fitting, tmp_path).instruments == ("bass", "horn")


def test_a_run_that_has_not_saved_must_begin_with_the_same_weights(tmp_path):
  config = config_of("somewhere")
  for workdir in (tmp_path / "a", tmp_path / "b"):
    checkpoint.claim_workdir(workdir, config, "hash", {"weights_sha256": "a"})
    # Once it goes on, what is there now does not matter.
    checkpoint.claim_workdir(workdir, config, "hash")
  with pytest.raises(InputError, match=r"with other weights than .* somewhere"):
    checkpoint.claim_workdir(workdir, config, "hash", {"weights_sha256": "b"})


def test_a_run_from_before_there_was_a_beginning_goes_on(tmp_path):
  config = get_config()
  checkpoint.claim_workdir(tmp_path, config, "hash")
  path = tmp_path / "config.json"
  described = json.loads(path.read_text("utf-8"))
  del described["config"]["init_from"]
  path.write_text(json.dumps(described))
  checkpoint.claim_workdir(tmp_path, config, "hash")
  config.init_from = "there"
  with pytest.raises(InputError, match=r"init_from was , is there"):
    checkpoint.claim_workdir(tmp_path, config, "hash")


def test_a_run_begins_where_an_archive_ends_and_tells_so(
  toy_dataset, tmp_path, capsys
):
  # One step that goes nowhere.
  config = tiny_config(
    toy_dataset,
    train__steps=1,
    train__learning_rate=1e-9,
    eval__shots=(1,),
    eval__max_items=1,
    init_from=str(tmp_path / "first"),
  )
  model = config.model.to_dict()
  training = {"mixture_s": 1.0, "example_s": 1.0, "data": ["MoisesDB"]}
  save_archive(
    tmp_path / "first",
    random_params(model),
    model=model,
    instruments=["bass"],
    training=training,
    dtype="float16",
  )
  first = load_archive(tmp_path / "first")
  workdir = tmp_path / "run"
  train_and_evaluate(config, workdir)
  assert "takes conditioner, encoder, unet" in capsys.readouterr().err
  left = load_archive(workdir / "model")
  for leaf, wanted in zip(
    jax.tree.leaves(left.params), jax.tree.leaves(first.params), strict=True
  ):
    np.testing.assert_allclose(leaf, wanted, atol=1e-6)
  begun = {"weights_sha256": first.content_hash, "training": training}
  assert left.training["begun_from"] == begun
  saved = read_weights(workdir, "last").archive
  assert saved.training["begun_from"] == begun
  report = (workdir / "evaluation" / "evaluation.md").read_text("utf-8")
  assert (
    f"begun with: weights {first.content_hash}, trained on Moises" in report
  )
  # It goes on without what it began with.
  shutil.rmtree(tmp_path / "first")
  shutil.rmtree(workdir / "model")
  train_and_evaluate(config, workdir)
  assert load_archive(workdir / "model").training == left.training
