"""Every question of the paper, and some that it leaves open, on one checkpoint.

Command:  fewshot-mss ablate --config=configs/ablation.py
            --workdir=runs/demo/run --config.data.sources=runs/demo/data
          Interrupted and started again, it goes on. To set other conditionings
          of the same data beside it:
            --config.ablation.models=negatives=runs/neg,class=runs/class
Writes:   WORKDIR/ablation/ablation.csv, a row for each arm and item.
Hardware: 2 CPU cores. Cost: TODO for the checkpoint of `make demo`.
Result:   TODO
"""

from ml_collections import ConfigDict

from fewshot_mss import default_config


def get_config() -> ConfigDict:
  """Returns the configuration."""
  config = default_config.get_config()
  config.ablation.max_items = 60
  return config
