"""Slakh2100, MedleyDB and MUSDB18 in one run, rendered songs and recordings.

Command:  fewshot-mss train --config=configs/mixed.py --workdir=runs/mixed
          in a folder that holds data/slakh, data/medleydb and data/musdb18, or
          with `--config.data.sources=SLAKH=4,MEDLEYDB=2,MUSDB18=1`.
Data:     each prepared at 16 kHz from the dataset as it is distributed:
          fewshot-mss data build ROOT --layout=slakh2100_redux
            --output=data/slakh --sample_rate_hz=16000
          and likewise with `medleydb` and `musdb18_hq`. An episode is of one
          of them. What MUSDB18 or MedleyDB tests on is not trained from the
          other, nor is what one of them keeps unseen from any, by its name:
          the saxophones of MedleyDB are trained though Slakh keeps `reeds`
          unseen, and `other` of MUSDB18 holds anything, so trust `unseen`
          from a run on one dataset alone. The first lines of a run say what
          was left out. The report has the scores of all
          together and of each by itself.
Hardware: an accelerator.
Cost:     that of configs/paper.py, whose network this is: 28 M parameters, 1.3
          TFLOP a step. Time: not measured.
Result:   not run: none of the three was at hand. Mixes are tested on small
          datasets. The weights are a guess.
"""

from ml_collections import ConfigDict

from fewshot_mss import default_config


def get_config() -> ConfigDict:
  """Returns the configuration."""
  config = default_config.get_config()
  config.model.update(
    {
      "sample_rate_hz": 16000,
      "n_fft": 1024,
      "hop_samples": 256,
      "unet_channels": (16, 32, 64, 128, 256, 512),
      "unet_kernel": 5,
      "encoder_channels": (16, 32, 64, 128, 256),
      "condition_dim": 256,
    }
  )
  config.data.update(
    {
      "sources": "data/slakh=4,data/medleydb=2,data/musdb18=1",
      "max_positives": 5,
      "several_sources_share": 0.1,
      "absent_share": 0.05,
      "drop_positives_share": 0.05,
    }
  )
  config.train.update(
    {
      "steps": 200_000,
      "global_batch": 64,
      "warmup_steps": 1000,
      "ema_decay": 0.999,
      "log_every_steps": 100,
      "checkpoint_every_steps": 1000,
      "eval_every_steps": 5000,
    }
  )
  return config
