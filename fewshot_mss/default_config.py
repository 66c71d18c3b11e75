"""Every leaf of a configuration with its meaning; configs/ change values only.

Groups: `model` becomes `FewShotSeparator(**config.model)`, `data` says what an
episode draws, `train` how to learn from it, `eval` how it is scored, `ablation`
what `fewshot-mss ablate` asks, `claims` which models it trains for that.
"""

from ml_collections import ConfigDict


def _model() -> ConfigDict:
  """Sizes of the network: the fields of `FewShotSeparator`, one for one."""
  return ConfigDict(
    {
      "sample_rate_hz": 8000,
      "n_fft": 512,
      "hop_samples": 128,
      # 'rfft'; 'dft' for matmuls with the DFT matrix, the same numbers; or
      # 'dft_bf16x3' for TPUs, the same to 1e-4.
      "stft_form": "rfft",
      "unet_channels": (16, 32, 48, 64, 96, 128),
      "unet_kernel": 3,
      "encoder_channels": (16, 32, 64, 128),
      "condition_dim": 128,
      # 'bottleneck' (the paper's) or 'decoder' (every decoder block).
      "film_site": "bottleneck",
      # 'examples', 'examples_and_negatives' or 'class'.
      "conditioning": "examples",
      # Rows of the table of classes; read by the conditioning 'class', and by
      # train.class_loss_weight.
      "num_classes": 256,
      # 'float32', or 'bfloat16' for the layers between STFT and mask, which is
      # what the matrix units of a TPU are fast at; parameters, STFT, masks and
      # loss are float32 in both.
      "compute_dtype": "float32",
      # Frames and bins that become the channels of one pixel before the first
      # layer of the U-Net and of the encoder of examples: fewer pixels with
      # more channels, which is what matrix units are fast at. (1, 1) folds
      # nothing.
      "unet_fold": (1, 1),
      "encoder_fold": (1, 1),
    }
  )


def _data() -> ConfigDict:
  """What an episode draws; a share is a probability."""
  return ConfigDict(
    {
      # Folder that `fewshot-mss data build` wrote, or several with the weights
      # that episodes are drawn from them by: A, or A,B, or A=2,B=0.5,C=0.
      # Weight 1 if not given; what has 0 is scored alone.
      "sources": "",
      "mixture_s": 2.0,
      "example_s": 2.0,
      "num_queries": 2,
      "max_positives": 3,
      "max_negatives": 0,
      "min_sources": 2,
      "max_sources": 4,
      # Sources from different songs instead of one song.
      "random_mix_share": 0.5,
      # A query for the sum of two instruments of the mixture.
      "several_sources_share": 0.0,
      # A query for an instrument that the mixture does not hold.
      "absent_share": 0.0,
      # Positives, and negatives, from the mixture's own song, at another time
      # of it: what one who marks stretches of a song shows.
      "same_track_share": 0.0,
      # Shots drawn from 1..max_positives instead of always the maximum.
      "random_shots": False,
      # Queries that get no positives: what trains the vector of zero shots.
      "drop_positives_share": 0.0,
      # Queries that get no negatives, so that one model serves without.
      "drop_negatives_share": 0.25,
      # Each source is scaled by a gain drawn evenly from +-gain_db.
      "gain_db": 6.0,
      # Mixtures of different songs whose sources are all of one family, as far
      # as a family has two instruments or more.
      "same_family_share": 0.0,
      # Each source and each example goes through an equaliser of its own,
      # whose octaves are drawn evenly from +-eq_db.
      "eq_db": 0.0,
      # Sources and examples that sound in a room of their own, which takes
      # 0.25 to 1 of reverb_s to fall by 60 dB.
      "reverb_share": 0.0,
      "reverb_s": 0.0,
      # Sources and examples that are driven into a soft limit.
      "drive_share": 0.0,
      # Each song of an episode, and each that an example is from, is played
      # faster or slower, by so many semitones up or down at most.
      "speed_semitones": 0.0,
      # Threads that read episodes, and batches kept ready.
      "read_threads": 2,
      "prefetch_batches": 4,
    }
  )


def _train() -> ConfigDict:
  """How to learn."""
  return ConfigDict(
    {
      "steps": 1000,
      # Mixtures a step over all devices of all hosts.
      "global_batch": 8,
      # Parts that each device's share of the batch is worked off in, one after
      # the other: less memory, the same step.
      "microbatches": 1,
      # Compute norms and activations again for the gradient instead of keeping
      # them: less memory, the same step.
      "remat": False,
      # 'snr' (negative SNR of the waveform), 'compressed' (of magnitudes to
      # the power of 0.3), 'log' (distance of log magnitudes), all in dB; 'l1'
      # (on magnitudes); or the sum of several, 'snr+compressed'.
      "loss": "snr",
      # An absent target's output that is so far below the mixture is as good as
      # silence: the pull towards it is halved there and soon gone.
      "absent_floor_db": -30.0,
      # Weight of a second task, to name the instrument of each positive
      # example: cross entropy in nats beside a loss in dB. 0 is none.
      "class_loss_weight": 0.0,
      # 'adam', or 'muon' for the kernels of convolutions and dense layers:
      # more learned a step, each of which takes a tenth longer on CPU.
      "optimizer": "adam",
      "learning_rate": 1e-3,
      "warmup_steps": 100,
      # Share of the learning rate that the cosine ends at.
      "final_learning_rate_share": 0.05,
      "clip_norm": 1.0,
      "weight_decay": 0.0,
      "ema_decay": 0.99,
      # Steps with NaN or infinite gradients are skipped and counted; this many
      # in a row stop the run.
      "max_bad_steps": 5,
      "log_every_steps": 20,
      "checkpoint_every_steps": 200,
      "keep_checkpoints": 2,
      "eval_every_steps": 500,
      # Keep compiled programs in WORKDIR/compiled, for the next start.
      "compilation_cache": True,
    }
  )


def _eval() -> ConfigDict:
  """How to score."""
  return ConfigDict(
    {
      # Items of the fixed list that are scored, at most, of each group (seen,
      # unseen, each also in unheard timbres) of each dataset.
      "max_items": 200,
      "batch": 8,
      # Numbers of shots to compare; the last is the headline.
      "shots": (1, 3, 5),
      "bootstrap_samples": 1000,
      # Output levels this far below the target count as collapsed.
      "collapse_db": -30.0,
    }
  )


def _ablation() -> ConfigDict:
  """The grid of `fewshot-mss ablate`; each arm meets the same items."""
  return ConfigDict(
    {
      # Models beside that of the workdir, of the same datasets: NAME=WORKDIR,
      # with commas between. That of the workdir itself has the name of its
      # conditioning, unless it is given another one here.
      "models": "",
      # Items of the fixed list, at most, of each group of each dataset.
      "max_items": 60,
      # Items at a time on each device, and outputs of each a call of the
      # network: more of either is quicker and takes more memory.
      "batch": 4,
      "outputs": 12,
      # Of the intervals and p-values.
      "bootstrap_samples": 10000,
      # The arm that all others are compared with. A model that hears no
      # negatives is given none.
      "reference": {
        "shots": 5,
        "negatives": 5,
        "example_s": 2.0,
        "origin": "another song",
        "target": "one",
        "query": "right",
        "quality": "clean",
      },
      # What is tried of each, all else as in the reference.
      "axes": {
        "shots": (0, 1, 2, 3, 5, 10),
        "negatives": (0, 1, 5),
        # Longer than the dataset's segments: some that follow one another.
        "example_s": (0.5, 1.0, 2.0, 4.0, 8.0),
        "origin": (
          "same song",
          "another song",
          "another timbre",
          "another dataset",
        ),
        "target": ("one", "several", "absent"),
        # 'wrong' is another instrument of the mixture, 'random' one that it
        # does not hold.
        "query": ("right", "wrong", "random"),
        "quality": (
          "clean",
          "bleed -20 dB",
          "bleed -10 dB",
          "bleed 0 dB",
          "one of five mislabelled",
          "reverberant",
        ),
      },
      # A single example as long as several of the reference together.
      "long_examples_s": (4.0, 10.0),
      # Pairs of axes, or of one and 'model', of which every combination is an
      # arm.
      "crossed": (
        "shots,example_s",
        "shots,negatives",
        "model,shots",
        "model,negatives",
      ),
    }
  )


def _claims() -> ConfigDict:
  """The paper's claims, for `fewshot-mss ablate` to put to the test."""
  return ConfigDict(
    {
      # Conditionings with commas between, examples among them: of each a model
      # is trained into WORKDIR/CONDITIONING, where that is not done yet, and
      # all are asked together. '' trains none: WORKDIR is a run that is done.
      "train": "",
      # What is to be reached, in dB of SI-SDR: examples over the class on seen
      # and on unseen instruments, with negatives over without.
      "seen_goal_db": 1.0,
      "unseen_goal_db": 3.0,
      "negatives_goal_db": 0.5,
    }
  )


def get_config() -> ConfigDict:
  """Returns a fresh default configuration."""
  return ConfigDict(
    {
      "seed": 0,
      # Folder of an archive (`fewshot-mss export`, or WORKDIR/model), or
      # hf://user/name, whose weights the training begins with; see
      # training/beginning.py. '' is none.
      "init_from": "",
      # First and last step of a trace for TensorBoard's profiler; (0, 0) is
      # none.
      "profile_steps": (0, 0),
      "model": _model(),
      "data": _data(),
      "train": _train(),
      "eval": _eval(),
      "ablation": _ablation(),
      "claims": _claims(),
    }
  )
