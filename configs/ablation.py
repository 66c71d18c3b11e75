"""Every question of the paper, and some that it leaves open, on one checkpoint.

Command:  fewshot-mss ablate --config=configs/ablation.py
            --workdir=runs/demo/run --config.data.sources=runs/demo/data
          Interrupted and started again, it goes on. To set other conditionings
          of the same data beside it:
            --config.ablation.models=negatives=runs/neg,class=runs/class
          Two checkpoints side by side, each ablated before:
            fewshot-mss ablate --compare RUN_A RUN_B --output=FOLDER
Writes:   WORKDIR/ablation: report.md with figures, ablation.csv (a row for each
          arm and item), comparisons.csv (every paired difference).
Hardware: 2 CPU cores. Cost: 3 minutes for 39 arms of all 400 items of `make
          demo` and the report; 8 for 63 arms of three networks.
Result:   README.md has the table of the demo's network.
"""

from ml_collections import ConfigDict

from fewshot_mss import default_config


def get_config() -> ConfigDict:
  """Returns the configuration."""
  config = default_config.get_config()
  # All of them: the lists hold no more of a group.
  config.ablation.max_items = 200
  return config
