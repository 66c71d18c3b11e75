"""Damaged checkpoints are named and never used; the one before them is."""

import shutil

import jax
import numpy as np
import orbax.checkpoint as ocp
import pytest

from fewshot_mss.errors import InputError
from fewshot_mss.training import checkpoint, recovery
from fewshot_mss.training.parallel import create_state
from fewshot_mss.training.train import train_and_evaluate
from tiny_checkpoints import make_state, save_all
from tiny_run import assert_same, saved_steps, tiny_config


@pytest.fixture(scope="module")
def good(tmp_path_factory):
  """Returns a workdir with checkpoints of steps 1 and 2."""
  workdir = tmp_path_factory.mktemp("good")
  with checkpoint.open_manager(workdir, 9) as manager:
    checkpoint.save(manager, make_state(1), 1, None, [{"loss": 0.1}])
    checkpoint.save(manager, make_state(2), 2, 5.0, [{"loss": float("nan")}])
  return workdir


@pytest.fixture
def workdir(good, tmp_path):
  return shutil.copytree(good, tmp_path / "run")


def largest(folder):
  """The file that holds the numbers."""
  files = [path for path in folder.rglob("*") if path.is_file()]
  return max(files, key=lambda path: path.stat().st_size)


def flip(path):
  content = bytearray(path.read_bytes())
  content[len(content) // 2] ^= 4
  path.write_bytes(content)


def empty(folder):
  shutil.rmtree(folder)
  folder.mkdir()


def cut(folder):
  for path in (folder / "default").rglob("d/*"):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def is_flipped_in_metadata(folder):
  path = folder / "_CHECKPOINT_METADATA"
  path.write_text(path.read_text("utf-8").replace("custom_m", "custom_n"))


def unlink(name):
  return lambda folder: (folder / name).unlink()


DAMAGES = {
  "an empty folder": (empty, "_CHECKPOINT_METADATA is missing"),
  "no metadata": (
    unlink("_CHECKPOINT_METADATA"),
    "_CHECKPOINT_METADATA is missing",
  ),
  "other metadata": (
    is_flipped_in_metadata,
    "_CHECKPOINT_METADATA is damaged",
  ),
  "no item": (
    lambda folder: shutil.rmtree(folder / "default"),
    "incomplete or damaged",
  ),
  "no tree": (unlink("default/_METADATA"), "incomplete or damaged"),
  "a file cut short": (cut, "incomplete or damaged"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_newest_one_is_named_and_the_one_before_used(
  workdir, name, capfd
):
  damage, why = DAMAGES[name]
  newest = workdir / "checkpoints" / "2"
  damage(newest)
  state, step, window = recovery.restore_newest(workdir, make_state(0))
  assert (step, window) == (1, [{"loss": 0.1}])
  assert_same(state, make_state(1))
  (line,) = capfd.readouterr().err.splitlines()
  assert line.startswith(f"fewshot-mss: checkpoint {newest} is damaged (")
  assert why in line
  assert line.endswith(
    f"): moved to {workdir / 'damaged' / '2'}, going on from "
    f"{workdir / 'checkpoints' / '1'}"
  )
  # Its step can be saved again.
  with checkpoint.open_manager(workdir, 9) as manager:
    checkpoint.save(manager, make_state(2), 2, None)
  state, step, _ = recovery.restore_newest(workdir, make_state(0))
  assert step == 2
  assert_same(state, make_state(2))


def test_a_number_that_changed_is_noticed_though_orbax_reads_it(
  tmp_path, capfd
):
  state = make_state(1)._replace(
    params={"w": jax.random.normal(jax.random.key(0), (200, 300))}
  )
  state = create_state(lambda: state)
  for step in (1, 2):
    with checkpoint.open_manager(tmp_path, 9) as manager:
      checkpoint.save(manager, state, step, None)
  newest = tmp_path / "checkpoints" / "2"
  # What a flipped bit leaves, if it is in the part that Orbax does not check.
  changed = state._replace(params={"w": state.params["w"].at[7, 5].add(1.0)})
  with ocp.StandardCheckpointer() as checkpointer:
    checkpointer.save(newest / "default", changed, force=True)
  with ocp.StandardCheckpointer() as checkpointer:
    read = checkpointer.restore(newest / "default", state)
  assert np.sum(read.params["w"] != state.params["w"]) == 1
  capfd.readouterr()
  _, step, _ = recovery.restore_newest(tmp_path, state)
  assert step == 1
  assert "not what was saved, by their SHA-256" in capfd.readouterr().err


def test_the_hash_is_of_every_bit_type_shape_and_name():
  state = {"a": np.float32([1, 2]), "b": np.int32(3)}
  others = [
    {"a": np.float32([1, 2]), "b": np.int32(4)},
    {"a": np.float32([1, np.nextafter(np.float32(2), 3)]), "b": np.int32(3)},
    {"a": np.float32([[1, 2]]), "b": np.int32(3)},
    {"a": np.float32([1, 2]), "b": np.uint32(3)},
    {"a": np.float32([1, 2]), "c": np.int32(3)},
  ]
  hashes = {recovery.state_hash(tree) for tree in (state, *others)}
  assert len(hashes) == 6
  on_devices = jax.tree.map(jax.numpy.asarray, state)
  assert recovery.state_hash(on_devices) == recovery.state_hash(state)


def test_one_that_is_damaged_again_is_moved_beside_the_first(workdir):
  for _ in range(3):
    shutil.copytree(
      workdir / "checkpoints" / "1", workdir / "checkpoints" / "3"
    )
    empty(workdir / "checkpoints" / "3")
    recovery.restore_newest(workdir, make_state(0))
  assert {path.name for path in (workdir / "damaged").iterdir()} == {
    "3",
    "3_again",
    "3_again_again",
  }


def test_where_none_is_whole_the_run_does_not_begin_anew(workdir):
  for step in ("1", "2"):
    empty(workdir / "checkpoints" / step)
  with pytest.raises(InputError) as caught:
    recovery.restore_newest(workdir, make_state(0))
  assert "2: _CHECKPOINT_METADATA is missing; 1: _CHECK" in str(caught.value)
  assert str(workdir / "checkpoints") in str(caught.value)
  assert "\n" not in str(caught.value)
  # Nothing is moved: a person may still mend it.
  assert saved_steps(workdir) == [1, 2]


def test_what_is_not_read_may_be_damaged_without_harm(workdir):
  save_all(workdir, 9, {}, [3])
  for name in ("metrics", "default"):
    shutil.rmtree(workdir / "checkpoints" / "2" / name)
  _, step, _ = recovery.restore_newest(workdir, make_state(0))
  assert step == 3
  assert save_all(workdir, 1, {}, [4])[-1] == 4


def test_what_a_kill_left_of_a_removal_is_removed(workdir):
  save_all(workdir, 9, {}, [3])
  (workdir / "checkpoints" / "1" / "commit_success.txt").unlink()
  _, step, _ = recovery.restore_newest(workdir, make_state(0))
  assert step == 3
  assert saved_steps(workdir) == [2, 3]


def test_a_new_run_begins_with_what_it_is_given(tmp_path):
  state = make_state(7)
  assert recovery.restore_newest(tmp_path, state) == (state, 0, [])
  (tmp_path / "checkpoints" / "5.orbax-checkpoint-tmp").mkdir(parents=True)
  assert recovery.restore_newest(tmp_path, state) == (state, 0, [])
  assert not any(leaf.is_deleted() for leaf in jax.tree.leaves(state))


def test_a_run_whose_newest_checkpoint_is_damaged_ends_in_the_same_bits(
  toy_dataset, tmp_path, capfd
):
  config = tiny_config(
    toy_dataset,
    train__steps=4,
    train__checkpoint_every_steps=2,
    train__eval_every_steps=9,
  )
  full = train_and_evaluate(config, tmp_path / "full")

  def stop(step):
    if step == 4:
      raise KeyboardInterrupt

  with pytest.raises(KeyboardInterrupt):
    train_and_evaluate(config, tmp_path / "run", on_step=stop)
  shutil.copytree(
    tmp_path / "full" / "checkpoints" / "4",
    tmp_path / "run" / "checkpoints" / "4",
  )
  flip(largest(tmp_path / "run" / "checkpoints" / "4"))
  capfd.readouterr()
  steps = []
  again = train_and_evaluate(config, tmp_path / "run", on_step=steps.append)
  said = capfd.readouterr().err
  assert "checkpoints/4 is damaged (" in said
  assert steps == [3, 4]
  assert_same(jax.device_get(again), jax.device_get(full))
  for name in ("metrics.jsonl", "model/model.safetensors"):
    assert (tmp_path / "run" / name).read_bytes() == (
      tmp_path / "full" / name
    ).read_bytes()
