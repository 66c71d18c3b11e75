r"""The paper's form at 44.1 kHz, laid out for TPU slices.

Command:  fewshot-mss plan --config=configs/pod.py:v5e-256 --topology=v5e:16x16
          and then, with launch/tpu_vm.sh or launch/gke_jobset.yaml,
          fewshot-mss train --config=configs/pod.py:v5e-256 \\
            --config.data.sources=DATA --workdir=BUCKET/pod
Data:     any, prepared at 44.1 kHz:
          fewshot-mss data build SONGS --output=DATA --sample_rate_hz=44100
Hardware: the TPU slice after the colon.
Cost:     28.3 M parameters; the TPU's compiler counts 73 GFLOP and 528 MB a
          query, 57 % of the peak of a v5e (42 % without the DFT, 19 of the 73
          GFLOP). Time: not measured.
Result:   not trained. Cells of the spectrogram folded into channels before the
          first layer, the STFT as convolutions in bfloat16x3 and bfloat16
          layers move 4.2 times fewer bytes a query than the layers of
          configs/paper.py at this rate and batch; they are ours, not the
          paper's. launch/README.md has each of them in turn.
"""

from ml_collections import ConfigDict

from fewshot_mss import default_config
from fewshot_mss.errors import InputError

# Chips and hosts of a slice, by its name.
_SLICES = {
  "v5e-1": (1, 1),
  "v5e-8": (8, 1),
  "v5e-16": (16, 4),
  "v5e-32": (32, 8),
  "v5e-64": (64, 16),
  "v5e-128": (128, 32),
  "v5e-256": (256, 64),
  "v6e-8": (8, 1),
  "v6e-16": (16, 4),
  "v6e-64": (64, 16),
  "v6e-256": (256, 64),
  # Cloud TPU counts the two cores of these chips.
  "v4-8": (4, 1),
  "v4-64": (32, 8),
  "v4-512": (256, 64),
  "v5p-8": (4, 1),
  "v5p-64": (32, 8),
  "v5p-512": (256, 64),
}
_MIXTURES_A_CHIP = 32


def get_config(slice_name: str = "v5e-256") -> ConfigDict:
  """Returns the configuration for a slice."""
  if slice_name not in _SLICES:
    known = ", ".join(
      f"{name} ({hosts} host{'s' if hosts > 1 else ''})"
      for name, (_, hosts) in _SLICES.items()
    )
    raise InputError(f"configs/pod.py:{slice_name}: give one of {known}")
  chips, _ = _SLICES[slice_name]
  config = default_config.get_config()
  config.model.update(
    {
      "sample_rate_hz": 44100,
      "n_fft": 2048,
      "hop_samples": 512,
      "stft_form": "dft_bf16x3",
      "compute_dtype": "bfloat16",
      # 96 x 128 pixels of 16 + 1 channels become 12 x 16 of 512 in three
      # halvings.
      "unet_fold": (2, 8),
      "unet_channels": (128, 256, 512),
      "unet_kernel": 5,
      "encoder_fold": (4, 8),
      "encoder_channels": (128, 384),
      "condition_dim": 256,
      "conditioning": "examples_and_negatives",
    }
  )
  config.data.update(
    {
      # 192 frames, and examples of 176.
      "mixture_s": 2.19,
      "example_s": 2.0,
      "num_queries": 2,
      "max_positives": 5,
      "max_negatives": 5,
      "several_sources_share": 0.1,
      "absent_share": 0.05,
      "drop_positives_share": 0.05,
    }
  )
  config.train.update(
    {
      "steps": 50_000,
      "global_batch": _MIXTURES_A_CHIP * chips,
      "warmup_steps": 2000,
      "ema_decay": 0.999,
      "log_every_steps": 100,
      "checkpoint_every_steps": 500,
      "eval_every_steps": 2500,
    }
  )
  return config
