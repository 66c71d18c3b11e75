"""What the loop does besides steps: traces, compiled programs, its order."""

import json

import jax
import jax.numpy as jnp
import pytest
from jax.experimental.compilation_cache import compilation_cache

from fewshot_mss.errors import InputError, RunError
from fewshot_mss.training import compilation, parallel, train
from fewshot_mss.training.metric_writer import MetricWriter
from fewshot_mss.training.rows import MetricRows
from fewshot_mss.training.run_checks import check_run
from fewshot_mss.training.stopwatch import Stopwatch
from tiny_run import tiny_config


def test_a_trace_holds_the_steps_that_were_asked_for(toy_dataset, tmp_path):
  config = tiny_config(
    toy_dataset, train__steps=4, train__eval_every_steps=9, profile_steps=(2, 3)
  )
  folder = tmp_path / "run" / "tensorboard" / "plugins" / "profile"
  there = {}
  train.train_and_evaluate(
    config,
    tmp_path / "run",
    on_step=lambda step: there.update({step: any(folder.glob("*/*.pb"))}),
  )
  # Written after step 3, and that once.
  assert there == {1: False, 2: False, 3: False, 4: True}
  (path,) = folder.glob("*/*.xplane.pb")
  trace = jax.profiler.ProfileData.from_file(str(path))
  steps = [
    dict(event.stats)["step_num"]
    for plane in trace.planes
    for line in plane.lines
    for event in line.events
    if event.name == "train"
  ]
  assert steps == [2, 3]


def test_a_trace_that_the_run_is_too_short_for_ends_with_it(
  toy_dataset, tmp_path
):
  config = tiny_config(
    toy_dataset, train__steps=2, train__eval_every_steps=9, profile_steps=(2, 9)
  )
  train.train_and_evaluate(config, tmp_path / "run")
  assert list((tmp_path / "run").rglob("*.xplane.pb"))


@pytest.mark.parametrize("steps", [(0, 3), (3, 2), (-1, 2), (1,), (1, 2, 3)])
def test_what_is_no_range_of_steps_is_an_error(toy_dataset, toy_sources, steps):
  config = tiny_config(toy_dataset, profile_steps=steps)
  with pytest.raises(InputError, match="profile_steps is"):
    check_run(config, toy_sources)


def hits(function):
  """Counts the programs that a call takes from the cache."""
  found = []
  jax.monitoring.register_event_listener(lambda name, **_: found.append(name))
  try:
    function()
  finally:
    jax.monitoring.clear_event_listeners()
  return found.count("/jax/compilation_cache/cache_hits")


@pytest.fixture
def no_folder(monkeypatch):
  """No folder of compiled programs yet, and every program worth keeping."""
  changes = {
    "jax_compilation_cache_dir": None,
    "jax_persistent_cache_min_compile_time_secs": 0.0,
  }
  before = {name: getattr(jax.config, name) for name in changes}
  for name, value in changes.items():
    jax.config.update(name, value)
  compilation_cache.reset_cache()
  yield
  for name, value in before.items():
    jax.config.update(name, value)
  compilation_cache.reset_cache()


@pytest.mark.usefixtures("no_folder")
def test_programs_are_kept_in_the_folder_and_found_there(tmp_path):
  def compile_it():
    jax.clear_caches()
    with compilation.compiled_programs_in(tmp_path / "compiled"):
      jax.jit(lambda x: x * 3.25 + 1).lower(1.0).compile()

  assert hits(compile_it) == 0
  assert list((tmp_path / "compiled").iterdir())
  assert hits(compile_it) == 1
  assert jax.config.jax_compilation_cache_dir is None


@pytest.mark.usefixtures("no_folder")
def test_a_folder_that_the_environment_names_is_kept(tmp_path):
  jax.config.update("jax_compilation_cache_dir", str(tmp_path / "theirs"))
  with compilation.compiled_programs_in(tmp_path / "ours"):
    assert jax.config.jax_compilation_cache_dir == str(tmp_path / "theirs")
  assert jax.config.jax_compilation_cache_dir == str(tmp_path / "theirs")


@pytest.mark.usefixtures("no_folder")
@pytest.mark.parametrize("kept", [True, False])
def test_a_run_keeps_its_programs_with_it(toy_dataset, tmp_path, kept):
  config = tiny_config(
    toy_dataset, train__steps=1, train__compilation_cache=kept
  )
  train.train_and_evaluate(config, tmp_path / "run")
  assert (tmp_path / "run" / "compiled").is_dir() == kept


def test_metrics_are_fetched_after_the_next_step_is_on_its_way(
  toy_dataset, tmp_path, monkeypatch
):
  config = tiny_config(toy_dataset, train__log_every_steps=2)
  told = []
  device_get = jax.device_get

  def get(metrics):
    told.append(f"fetch {int(metrics['loss'])}")
    return device_get(metrics)

  monkeypatch.setattr(jax, "device_get", get)
  with MetricWriter(tmp_path, first_step=0, last_step=5) as writer:
    write = writer.write
    writer.write = lambda step, row: (
      told.append(f"row {step}"),
      write(step, row),
    )
    rows = MetricRows(config, writer, Stopwatch())
    for step in (1, 2, 3):
      loss = jnp.float32(step)
      rows.add(step, {"loss": loss, "bad_steps_in_a_row": jnp.int32(0)})
      told.append(f"dispatched {step}")
    rows.flush()
    rows.flush()
  assert told == [
    "dispatched 1",
    "fetch 1",
    "dispatched 2",
    "fetch 2",
    "row 2",
    "dispatched 3",
    "fetch 3",
    "row 3",
  ]
  lines = (tmp_path / "metrics.jsonl").read_text("utf-8").splitlines()
  assert [json.loads(line)["loss"] for line in lines] == [1.5, 3.0]


def test_errors_name_their_process_where_there_are_several(monkeypatch):
  for error in (InputError, RunError):
    with (
      pytest.raises(error, match=r"^it$"),
      parallel.errors_name_their_process(),
    ):
      raise error("it")
  monkeypatch.setattr(jax, "process_count", lambda: 4)
  monkeypatch.setattr(jax, "process_index", lambda: 2)
  for error in (InputError, RunError):
    with (
      pytest.raises(error, match=r"^process 2 of 4: it$"),
      parallel.errors_name_their_process(),
    ):
      raise error("it")
