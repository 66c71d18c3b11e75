r"""The paper's method at the size of the U-Net that it builds on.

Command:  fewshot-mss train --config=configs/paper.py:examples \\
            --config.data.sources=DATA --workdir=runs/paper_examples
          `:examples` (5 shots), `:negatives` (5 shots and 5 negative examples)
          or `:class` (the baseline that is told the class); all three draw the
          same mixtures and queries in the same order.
Data:     any, prepared at 16 kHz:
          fewshot-mss data build SONGS --output=DATA --sample_rate_hz=16000
Hardware: an accelerator.
Cost:     28 M parameters (class: 27 M); 1.3 TFLOP a step (negatives: 1.6,
          class: 1.0), as `fewshot-mss describe` counts. Time: not measured yet.
Result:   not trained yet. The figures of the paper are not known to us, and
          sample rate, loss, optimiser, batch and steps are our choices; the
          layers are those of Conditioned-U-Net (Meseguer-Brocal & Peeters
          2019), which the paper's authors cite for theirs.
"""

from ml_collections import ConfigDict

from fewshot_mss import default_config
from fewshot_mss.errors import InputError

_CONDITIONINGS = {
  "examples": "examples",
  "negatives": "examples_and_negatives",
  "class": "class",
}


def get_config(conditioning: str = "examples") -> ConfigDict:
  """Returns the configuration for one of the three conditionings."""
  if conditioning not in _CONDITIONINGS:
    raise InputError(
      f"configs/paper.py:{conditioning}: give one of "
      f"{', '.join(_CONDITIONINGS)} after the colon"
    )
  config = default_config.get_config()
  config.model.update(
    {
      "sample_rate_hz": 16000,
      "n_fft": 1024,
      "hop_samples": 256,
      # 128 frames of 512 bins become 2 x 8 in six halvings.
      "unet_channels": (16, 32, 64, 128, 256, 512),
      "unet_kernel": 5,
      "encoder_channels": (16, 32, 64, 128, 256),
      "condition_dim": 256,
      "conditioning": _CONDITIONINGS[conditioning],
    }
  )
  config.data.update(
    {
      "mixture_s": 2.0,
      "example_s": 2.0,
      "num_queries": 2,
      "max_positives": 5,
      "max_negatives": 5 if conditioning == "negatives" else 0,
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
