"""The smallest run there is, for tests: steps in seconds, no result to expect.

Command:  fewshot-mss train --config=configs/tiny.py --workdir=runs/tiny
            --config.data.sources=DATA
Hardware: any; 2 CPU cores take about 10 seconds, most of it compilation.
Result:   none worth the name. Everything that a long run does, this one does.
"""

from ml_collections import ConfigDict

from fewshot_mss import default_config


def get_config() -> ConfigDict:
  """Returns the configuration."""
  config = default_config.get_config()
  config.model.update(
    {
      "n_fft": 128,
      "hop_samples": 64,
      "unet_channels": (4, 8),
      "encoder_channels": (4, 8),
      "condition_dim": 8,
    }
  )
  config.data.update({"mixture_s": 0.5, "example_s": 0.5, "max_positives": 2})
  config.train.update(
    {
      "steps": 4,
      "warmup_steps": 1,
      "log_every_steps": 1,
      "checkpoint_every_steps": 2,
      "eval_every_steps": 4,
    }
  )
  config.eval.update({"max_items": 4, "batch": 2, "shots": (1, 2)})
  return config
