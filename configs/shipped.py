r"""The model that ships with the package: a draft, its data and steps open.

Command:  fewshot-mss train --config=configs/shipped.py --workdir=runs/shipped
            --config.data.sources=data/broad=3,data/solos=1
          fewshot-mss ablate --config=configs/ablation.py
            --config.data.sources=data/broad=3,data/solos=1
            --workdir=runs/shipped
          fewshot-mss export --workdir=runs/shipped --format=archive
            --dtype=float16 -o exported/shipped
          The model card has the scores of both, per instrument with 1, 2, 5 and
          10 shots, the level of absent targets and what a wrong query does.
Data:     of licences that allow it: made-up songs and MIDI files (freedoom,
          BSD-3; OpenScore quartets, CC0) played by sf_GMbank (public domain),
          FluidR3 (MIT) and Tone.js' notes (CC BY 3.0), and the training part of
          Medley-solos-DB (CC BY 4.0); `fewshot-mss data build` at 8000 Hz with
          --layout=rendered --classes=broad, see configs/claims.py.
Hardware: 2 CPU cores. Cost: meant to be 2.5 hours: see `steps` below.
Result:   not run yet.
"""

from ml_collections import ConfigDict

from fewshot_mss import default_config


def get_config() -> ConfigDict:
  """Returns the configuration."""
  config = default_config.get_config()
  config.model.update(
    {
      "hop_samples": 256,
      "encoder_fold": (2, 2),
      "film_site": "decoder",
      "conditioning": "examples_and_negatives",
    }
  )
  config.data.update(
    {
      "example_s": 1.0,
      "num_queries": 3,
      "max_positives": 10,
      "max_negatives": 5,
      "random_shots": True,
      "random_mix_share": 0.6,
      "absent_share": 0.1,
      "drop_negatives_share": 0.5,
      "drop_positives_share": 0.02,
    }
  )
  config.train.update(
    {
      "steps": 18_000,
      "learning_rate": 2e-3,
      "warmup_steps": 200,
      "ema_decay": 0.9995,
      "log_every_steps": 50,
      "checkpoint_every_steps": 250,
      "eval_every_steps": 2000,
    }
  )
  config.eval.update({"shots": (1, 2, 5, 10)})
  return config
