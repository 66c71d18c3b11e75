"""Runs that cannot be are refused before anything is written."""

import pytest

from fewshot_mss.errors import InputError
from fewshot_mss.training.train import train_and_evaluate
from tiny_run import tiny_config


@pytest.mark.parametrize(
  ("changes", "said"),
  [
    ({"data__sources": ""}, r"data\.sources is empty"),
    ({"data__sources": "nowhere"}, "nowhere is no folder"),
    ({"train__global_batch": 12}, r"train\.global_batch=12 .* 8 devices"),
    ({"seed": -1}, "seed is -1"),
    ({"train__optimizer": "sgd"}, r"train\.optimizer 'sgd' is none of"),
  ],
)
def test_what_does_not_go_together_leaves_no_workdir(
  toy_dataset, tmp_path, changes, said
):
  with pytest.raises(InputError, match=said):
    train_and_evaluate(
      tiny_config(toy_dataset, **changes), tmp_path / "deep" / "run"
    )
  assert list(tmp_path.iterdir()) == []
