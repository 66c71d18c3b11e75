"""Every file of configs/: the same tree, no leaf that nobody reads, a step."""

import functools
import importlib
import json
import math

import jax
import jax.numpy as jnp
import pytest
from ml_collections import ConfigDict

from configs import paper, pod, shipped, tiny
from fewshot_mss.data.sources import load_sources
from fewshot_mss.default_config import get_config
from fewshot_mss.describe import abstract_batch
from fewshot_mss.errors import InputError
from fewshot_mss.models.separator import FewShotSeparator
from fewshot_mss.training import checkpoint, run_checks, train
from fewshot_mss.training.optimizer import make_optimizer
from fewshot_mss.training.step import AXIS, init_state, train_step

FILES = ["demo", "tiny", "mixed", "paper", "paper:examples", "paper:negatives"]
FILES += ["paper:class", "pod", "pod:v5e-8", "ablation", "claims", "shipped"]
FILES += ["shipped:silence"]


def load(name):
  file, *argument = name.split(":")
  return importlib.import_module(f"configs.{file}").get_config(*argument)


def types(tree, prefix=""):
  """Returns the type of every leaf by its name."""
  found = {}
  for key, value in tree.items():
    if isinstance(value, ConfigDict):
      found |= types(value, f"{prefix}{key}.")
    else:
      found[prefix + key] = type(value)
  return found


def test_the_list_above_is_that_of_the_folder(pytestconfig):
  files = (pytestconfig.rootpath / "configs").glob("*.py")
  assert {path.stem for path in files} == {name.split(":")[0] for name in FILES}


@pytest.mark.parametrize("name", FILES)
def test_every_file_has_the_tree_of_the_default(name):
  assert types(load(name)) == types(get_config())
  # Each call gives a fresh one.
  assert load(name) is not load(name)


def test_silence_is_learned_after_sound():
  with pytest.raises(InputError, match=r"shipped\.py:both: give one of sound"):
    shipped.get_config("both")
  first, second = shipped.get_config(), shipped.get_config("silence")
  assert first.data.absent_share == 0.0 < second.data.absent_share
  assert first.model == second.model


def test_the_strings_of_the_paper():
  with pytest.raises(InputError, match=r"paper\.py:text: give one of examples"):
    paper.get_config("text")
  assert paper.get_config() == paper.get_config("examples")
  configs = [paper.get_config(a) for a in ("examples", "negatives", "class")]
  assert [config.model.conditioning for config in configs] == [
    "examples",
    "examples_and_negatives",
    "class",
  ]
  # What is not the comparison is the same.
  for config in configs:
    config.model.conditioning = ""
    config.data.max_negatives = 0
  assert configs[0] == configs[1] == configs[2]


def test_the_strings_of_the_pod():
  with pytest.raises(InputError, match=r"pod\.py:v5e: give one of v5e-1 \(1 "):
    pod.get_config("v5e")
  assert pod.get_config("v5p-512").train.global_batch == 32 * 256
  small, large = pod.get_config("v5e-8"), pod.get_config()
  assert (small.train.global_batch, large.train.global_batch) == (256, 8192)
  # The slice says how many mixtures a step has, and nothing else.
  small.train.global_batch = large.train.global_batch
  assert small == large


# `paper` is `paper:examples`, `pod` the same as on 8 chips, and `tiny` takes
# real steps below.
@pytest.mark.parametrize("name", sorted({*FILES} - {"paper", "pod", "tiny"}))
def test_every_file_builds_and_takes_a_step_at_full_size(name):
  config = load(name)
  model = FewShotSeparator(**config.model)
  optimizer = make_optimizer(config.train)
  one = abstract_batch(config, 1)
  state = jax.eval_shape(
    functools.partial(init_state, model, optimizer, config.seed), one
  )
  step = functools.partial(
    train_step, model=model, optimizer=optimizer, train=config.train
  )
  batch = jax.tree.map(
    lambda leaf: jax.ShapeDtypeStruct((1, *leaf.shape), leaf.dtype),
    abstract_batch(config, config.train.global_batch),
  )
  after, metrics = jax.eval_shape(
    jax.vmap(step, in_axes=(None, 0), out_axes=(None, None), axis_name=AXIS),
    state,
    batch,
  )
  shapes = functools.partial(jax.tree.map, lambda x: (x.shape, x.dtype))
  assert shapes(after) == shapes(state)
  assert metrics["loss"].shape == ()
  run_checks._check_numbers(config)


@pytest.fixture(scope="module")
def read_in_a_run(toy_dataset, tmp_path_factory):
  """Trains `tiny` and returns the names of the leaves that were read."""
  config = tiny.get_config()
  config.data.sources = str(toy_dataset)
  config.lock()
  places = {id(config): ""} | {
    id(group): f"{name}." for name, group in config.items() if name != "seed"
  }
  read, listening = set(), [True]
  get_item = ConfigDict.__getitem__

  def listen(self, key):
    if listening[0] and id(self) in places:
      read.add(places[id(self)] + key)
    return get_item(self, key)

  def deaf(function):
    def call(*args):
      listening[0] = False
      try:
        return function(*args)
      finally:
        listening[0] = True

    return call

  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(ConfigDict, "__getitem__", listen)
    # To check, to store or to tell a leaf is not to use it.
    for module, name in (
      (checkpoint, "claim_workdir"),
      (run_checks, "_check_numbers"),
      (train, "_introduction"),
      (train, "training_summary"),
    ):
      patch.setattr(module, name, deaf(getattr(module, name)))
    workdir = tmp_path_factory.mktemp("tiny") / "run"
    state = train.train_and_evaluate(config, workdir)
  return read, state, workdir


def test_tiny_takes_its_steps(read_in_a_run):
  _, state, workdir = read_in_a_run
  assert int(state.step) == 4
  lines = (workdir / "metrics.jsonl").read_text("utf-8").splitlines()
  losses = [json.loads(line).get("loss") for line in lines]
  assert len(losses) == 5
  assert all(math.isfinite(loss) for loss in losses[:4])


@pytest.mark.parametrize(
  "leaf",
  # test_ablating.py and test_claiming.py see to those of `ablate` alone.
  [
    name
    for name in types(get_config())
    if not name.startswith(("model", "ablation", "claims"))
  ],
)
def test_a_run_reads_every_leaf(read_in_a_run, leaf):
  assert leaf in read_in_a_run[0]


# One other value for each field of the network.
OTHER_MODELS = {
  "n_fft": 256,
  "hop_samples": 32,
  "stft_form": "dft",
  "unet_channels": (4, 6),
  "unet_kernel": 5,
  "encoder_channels": (4, 6),
  "condition_dim": 10,
  "film_site": "decoder",
  "conditioning": "class",
  "num_classes": 11,
  "compute_dtype": "bfloat16",
  "unet_fold": (2, 1),
  "encoder_fold": (1, 2),
}


@pytest.fixture(scope="module")
def program_of():
  @functools.cache
  def program(changes):
    config = tiny.get_config()
    config.model.update(dict(changes))
    model = FewShotSeparator(**config.model)
    key = jax.ShapeDtypeStruct((), jax.eval_shape(jax.random.key, 0).dtype)
    return str(jax.make_jaxpr(model.init)(key, abstract_batch(config, 1)))

  return program


@pytest.mark.parametrize("leaf", OTHER_MODELS)
def test_every_field_of_the_network_changes_the_network(program_of, leaf):
  # The table of classes is there under that conditioning alone.
  base = {"conditioning": "class"} if leaf == "num_classes" else {}
  changed = base | {leaf: OTHER_MODELS[leaf]}
  assert program_of(tuple(changed.items())) != program_of(tuple(base.items()))


def test_the_one_other_field_must_fit_the_data(toy_dataset):
  assert {"sample_rate_hz", *OTHER_MODELS} == set(get_config().model)
  config = tiny.get_config()
  config.model.sample_rate_hz = 16000
  with pytest.raises(InputError, match=r"model\.sample_rate_hz is 16000"):
    run_checks.check_run(config, load_sources(str(toy_dataset)))


def test_programs_are_told_apart_by_what_they_compute(program_of):
  # Guard of the test above: the same fields give the same text.
  again = jax.make_jaxpr(jnp.sin)(1.0)
  assert str(again) == str(jax.make_jaxpr(jnp.sin)(1.0))
  config = tiny.get_config()
  model = FewShotSeparator(**config.model)
  key = jax.ShapeDtypeStruct((), jax.eval_shape(jax.random.key, 0).dtype)
  fresh = str(jax.make_jaxpr(model.init)(key, abstract_batch(config, 1)))
  assert fresh == program_of(())
