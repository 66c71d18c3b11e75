r"""The model that comes with the package, in two trainings.

Command:  fewshot-mss train --config=configs/shipped.py --workdir=runs/shipped
            --config.data.sources=data/model,data/solos=0,data/mdn=0
          fewshot-mss train --config=configs/shipped.py:silence
            --workdir=runs/silence --config.init_from=runs/shipped/model
            --config.data.sources=data/model,data/solos=0,data/mdn=0
          fewshot-mss export --workdir=runs/silence --format=archive
            --dtype=float16 --profiles=20 --presence -o fewshot_mss/shipped
Data:     of licences that allow it: made-up songs and MIDI files (freedoom,
          BSD-3; OpenScore quartets, CC0) played by sf_GMbank (public domain),
          FluidR3 (MIT) and Tone.js' notes (CC BY 3.0), and the training part of
          Medley-solos-DB (CC BY 4.0), at 8000 Hz: see docs/data.md.
Hardware: 2 CPU cores. Cost: 92 minutes beside other work; about 65 alone.
Result:   fewshot_mss/shipped/README.md, of --config.eval.max_items=60.
Why two:  an absent target asks for silence. Asked for it in a tenth of the
          queries from the start, the network finds that silence is right for
          all of them and stays there (tried: 2900 steps, every output 42 dB
          below the mixture; the loss was that of silence, -3 dB). What can
          separate already does not forget it.
"""

from ml_collections import ConfigDict

from fewshot_mss import default_config
from fewshot_mss.errors import InputError


def get_config(part: str = "sound") -> ConfigDict:
  """Returns the configuration of one of the two trainings.

  Args:
    part: `sound`, or `silence`, which begins with the weights of the first.

  Returns:
    The configuration.

  Raises:
    InputError: If the part is another.
  """
  if part not in ("sound", "silence"):
    raise InputError(f"configs/shipped.py:{part}: give one of sound, silence")
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
      "max_positives": 5,
      "max_negatives": 3,
      "random_shots": True,
      "random_mix_share": 0.6,
      "same_family_share": 0.1,
      "drop_negatives_share": 0.5,
      "drop_positives_share": 0.02,
      # A model of dry SoundFonts meets rooms, amplifiers and microphones.
      "eq_db": 6.0,
      "reverb_share": 0.3,
      "reverb_s": 0.6,
      "drive_share": 0.1,
    }
  )
  config.train.update(
    {
      "steps": 11_000,
      "learning_rate": 2e-3,
      "warmup_steps": 200,
      "ema_decay": 0.9995,
      "log_every_steps": 50,
      "checkpoint_every_steps": 250,
      "eval_every_steps": 2000,
    }
  )
  if part == "silence":
    # Silence everywhere would have a loss of -1.5 dB, half of what sound has.
    config.data.absent_share = 0.05
    config.train.steps = 1500
    config.train.learning_rate = 5e-4
  config.eval.update({"shots": (1, 2, 5)})
  return config
