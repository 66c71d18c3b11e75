"""Which checkpoints stay, and which workdirs a run may go on in."""

import json
import shutil

import jax
import numpy as np
import pytest

from fewshot_mss.default_config import get_config
from fewshot_mss.errors import InputError
from fewshot_mss.training import checkpoint, recovery
from tiny_checkpoints import make_state, save_all
from tiny_run import assert_same


def test_the_newest_and_the_best_stay_over_restarts(tmp_path):
  scores = {2: -1.5, 4: 7.0, 6: 3.0, 8: 4.0}
  assert save_all(tmp_path, 2, scores, [1, 2, 3, 4, 5]) == [4, 5]
  # Another start must know from the disk that 4 is the best.
  assert save_all(tmp_path, 2, scores, [6, 7, 8]) == [4, 7, 8]
  assert save_all(tmp_path, 2, {10: 9.0}, [9, 10, 11, 12]) == [10, 11, 12]


def test_without_scores_the_newest_stay(tmp_path):
  assert save_all(tmp_path, 3, {}, [1, 2, 3, 4, 5]) == [3, 4, 5]


def test_a_score_below_zero_is_better_than_none(tmp_path):
  assert save_all(tmp_path, 1, {1: -20.0}, [1, 2, 3]) == [1, 3]


def test_a_state_comes_back_as_it_was_where_it_was(tmp_path):
  save_all(tmp_path, 5, {}, [1, 2])
  like = make_state(0)
  state, step, window = recovery.restore_newest(tmp_path, like)
  assert (step, window) == (2, [])
  assert_same(state, make_state(2))
  assert all(leaf.is_deleted() for leaf in jax.tree.leaves(like))
  for leaf in jax.tree.leaves(state):
    assert len(leaf.sharding.device_set) == 8
    assert leaf.sharding.is_fully_replicated


def test_what_a_kill_left_of_a_save_is_no_checkpoint(tmp_path):
  save_all(tmp_path, 5, {}, [1, 2])
  folder = tmp_path / "checkpoints"
  shutil.copytree(folder / "2", folder / "3.orbax-checkpoint-tmp")
  with checkpoint.open_manager(tmp_path, 5) as manager:
    assert manager.latest_step() == 2


@pytest.fixture
def claimed(tmp_path):
  workdir = tmp_path / "deep" / "run"
  checkpoint.claim_workdir(workdir, get_config(), "hash")
  return workdir


def test_a_workdir_is_claimed_once_and_stays_as_it_is(claimed):
  (path,) = claimed.iterdir()
  assert path.name == "config.json"
  described = json.loads(path.read_text("utf-8"))
  assert described["data_hash"] == "hash"
  assert described["config"] == json.loads(get_config().to_json_best_effort())
  before = path.read_bytes()
  config = get_config()
  config.data.sources = "/elsewhere"
  config.train.log_every_steps = 7
  checkpoint.claim_workdir(claimed, config, "hash")
  assert path.read_bytes() == before
  assert list(claimed.iterdir()) == [path]


FREE = {
  "profile_steps",
  "train.compilation_cache",
  "data.sources",
  "data.read_threads",
  "data.prefetch_batches",
  "train.log_every_steps",
  "train.checkpoint_every_steps",
  "train.keep_checkpoints",
}


def leaves(tree, prefix=""):
  for key, value in tree.items():
    if isinstance(value, dict):
      yield from leaves(value, f"{prefix}{key}.")
    else:
      yield f"{prefix}{key}", value


def other(value):
  """Another value of the same type."""
  if isinstance(value, bool):
    return not value
  if isinstance(value, str):
    return value + "x"
  if isinstance(value, tuple):
    return (*value, 9)
  return value + type(value)(1)


@pytest.mark.parametrize(("key", "value"), [*leaves(get_config().to_dict())])
def test_every_leaf_that_matters_is_named_if_it_changes(claimed, key, value):
  config = get_config()
  config.update_from_flattened_dict({key: other(value)})
  if key in FREE or key.startswith(("eval.", "ablation.", "claims.")):
    checkpoint.claim_workdir(claimed, config, "hash")
    return
  with pytest.raises(InputError) as caught:
    checkpoint.claim_workdir(claimed, config, "hash")
  message = str(caught.value)
  assert f"({key} was " in message
  assert str(claimed) in message
  assert "--workdir" in message
  assert "\n" not in message


def test_all_differences_are_named(claimed):
  config = get_config()
  config.seed = 3
  config.train.steps = 17
  with pytest.raises(
    InputError, match=r"\(seed was 0, is 3; train\.steps was 1000, is 17\)"
  ):
    checkpoint.claim_workdir(claimed, config, "hash")


def test_another_dataset_is_refused(claimed):
  config = get_config()
  config.data.sources = "songs"
  with pytest.raises(InputError, match=r"another dataset than songs.*data\.so"):
    checkpoint.claim_workdir(claimed, config, "other hash")


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"config": {}}', "17"])
def test_a_damaged_config_is_named(claimed, text):
  (claimed / "config.json").write_text(text)
  with pytest.raises(InputError, match=r"config\.json is damaged"):
    checkpoint.claim_workdir(claimed, get_config(), "hash")


def test_a_workdir_that_cannot_be_written_is_named(tmp_path):
  (tmp_path / "file").write_text("in the way")
  for workdir in (tmp_path / "file", tmp_path / "file" / "run"):
    with pytest.raises(InputError, match=f"{workdir} cannot be written"):
      checkpoint.claim_workdir(workdir, get_config(), "hash")
  (tmp_path / "run" / "config.json").mkdir(parents=True)
  with pytest.raises(InputError, match=r"run cannot be written"):
    checkpoint.claim_workdir(tmp_path / "run", get_config(), "hash")
  assert len(list(tmp_path.iterdir())) == 2


def test_a_folder_of_other_things_is_refused_and_left_as_it_is(tmp_path):
  (tmp_path / "notes.txt").write_text("mine")
  with pytest.raises(InputError, match=r"holds notes\.txt but no run.*--workd"):
    checkpoint.claim_workdir(tmp_path, get_config(), "hash")
  (tmp_path / "zoo").mkdir()
  with pytest.raises(InputError, match=r"notes\.txt and 1 more but no run"):
    checkpoint.claim_workdir(tmp_path, get_config(), "hash")
  assert {path.name for path in tmp_path.iterdir()} == {"notes.txt", "zoo"}


def test_what_a_kill_left_of_a_claim_is_in_nobodys_way(tmp_path):
  (tmp_path / "config.tmp").write_text('{"conf')
  (tmp_path / "lost+found").mkdir()
  # Of another process that tries the folder, as file systems show it.
  for passing in (".nfs0001", ".writable_x"):
    (tmp_path / passing).touch()
  checkpoint.claim_workdir(tmp_path, get_config(), "hash")
  assert json.loads((tmp_path / "config.json").read_text("utf-8"))


def test_only_the_first_process_writes(tmp_path, monkeypatch):
  monkeypatch.setattr(jax, "process_index", lambda: 1)
  checkpoint.claim_workdir(tmp_path / "run", get_config(), "hash")
  assert not (tmp_path / "run" / "config.json").exists()


def test_ranks_put_what_was_not_scored_last():
  ranks = [checkpoint._rank({"eval_score": -90.0}), checkpoint._rank({})]
  assert ranks == [-90.0, -np.inf]


def test_a_run_is_known_by_the_dataset_that_it_was_trained_on(claimed):
  songs = "songs"
  checkpoint.check_trained_on(claimed, songs, "hash")
  with pytest.raises(InputError, match=r"another dataset than songs.*data\.so"):
    checkpoint.check_trained_on(claimed, songs, "other hash")
  for text in ("{", "[]", "{}"):
    (claimed / "config.json").write_text(text)
    with pytest.raises(InputError, match=r"config\.json cannot be read"):
      checkpoint.check_trained_on(claimed, songs, "hash")
  (claimed / "config.json").unlink()
  with pytest.raises(InputError, match=r"config\.json cannot be read"):
    checkpoint.check_trained_on(claimed, songs, "hash")


def test_a_run_from_before_some_leaves_goes_on_as_it_was(tmp_path):
  checkpoint.claim_workdir(tmp_path, get_config(), "hash")
  path = tmp_path / "config.json"
  described = json.loads(path.read_text("utf-8"))
  for leaf in ("absent_floor_db", "class_loss_weight"):
    del described["config"]["train"][leaf]
  del described["config"]["claims"]
  path.write_text(json.dumps(described), "utf-8")
  checkpoint.claim_workdir(tmp_path, get_config(), "hash")
  config = get_config()
  config.train.absent_floor_db = -45.0
  with pytest.raises(InputError, match=r"absent_floor_db was -30.0, is -45.0"):
    checkpoint.claim_workdir(tmp_path, config, "hash")
