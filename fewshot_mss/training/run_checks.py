"""What a person can get wrong about a run, found before anything slow."""

import math

import jax
import numpy as np
from ml_collections import ConfigDict

from fewshot_mss.data.episode_settings import EpisodeSettings
from fewshot_mss.data.sources import Sources, check_sources
from fewshot_mss.episode import EpisodeBatch, Support
from fewshot_mss.errors import InputError
from fewshot_mss.evaluation.evaluate import check_eval_config
from fewshot_mss.models.separator import FewShotSeparator
from fewshot_mss.training import losses, parallel
from fewshot_mss.training.optimizer import make_optimizer
from fewshot_mss.training.step import check_microbatches

# The least value of a leaf, and what it must be below.
_RANGES = {
  # JAX takes the last 32 bits: 2**32 would begin as 0 does.
  "seed": (0, 2**32),
  "data.read_threads": (1, math.inf),
  "data.prefetch_batches": (1, math.inf),
  "train.steps": (1, math.inf),
  "train.warmup_steps": (0, math.inf),
  "train.final_learning_rate_share": (0, math.inf),
  "train.weight_decay": (0, math.inf),
  "train.class_loss_weight": (0, math.inf),
  "train.ema_decay": (0, 1),
  "train.max_bad_steps": (1, math.inf),
  "train.log_every_steps": (1, math.inf),
  "train.checkpoint_every_steps": (1, math.inf),
  "train.keep_checkpoints": (1, math.inf),
  "train.eval_every_steps": (1, math.inf),
}


def check_run(config: ConfigDict, sources: Sources) -> FewShotSeparator:
  """Checks that configuration, datasets and devices go together.

  Args:
    config: Of the run.
    sources: The datasets.

  Returns:
    The network that the configuration describes.

  Raises:
    InputError: If they do not, naming the configuration's key.
  """
  _check_numbers(config)
  losses.get_loss(config.train.loss)
  make_optimizer(config.train)
  parallel.check_batch(config.train.global_batch, "train.global_batch")
  check_microbatches(
    config.train.global_batch // jax.device_count(), config.train.microbatches
  )
  check_sources(EpisodeSettings.from_config(config), sources)
  conditioning = config.model.conditioning
  if conditioning != "class" and not config.data.max_positives:
    # The encoder of examples would not even come to be.
    raise InputError(
      f"data.max_positives is 0 but model.conditioning is {conditioning}: give "
      "at least 1"
    )
  if conditioning == "examples_and_negatives" and not config.data.max_negatives:
    raise InputError(
      "model.conditioning is examples_and_negatives: give data.max_negatives "
      "of at least 1"
    )
  names_classes = config.train.class_loss_weight > 0
  if conditioning == "class" and names_classes:
    raise InputError(
      "train.class_loss_weight is above 0 but model.conditioning is class: "
      "there are no examples to name, give 0"
    )
  num_seen = len(sources.class_names)
  has_classes = conditioning == "class" or names_classes
  if has_classes and config.model.num_classes < num_seen:
    raise InputError(
      f"model.num_classes is {config.model.num_classes} but the data have "
      f"{num_seen} seen instruments: give at least that"
    )
  check_eval_config(config.eval)
  model = FewShotSeparator(**config.model)
  # Builds nothing, but the network's own checks of its sizes run.
  jax.eval_shape(model.init, jax.random.key(0), blank_batch(config))
  return model


def _check_numbers(config: ConfigDict) -> None:
  """Checks the leaves that no other part of the run checks."""
  for key in _RANGES:
    _check_range(config, key)
  if not -100.0 <= config.train.absent_floor_db < 0.0:
    raise InputError(
      f"train.absent_floor_db is {config.train.absent_floor_db}: give decibels "
      "below 0, -100 or more"
    )
  for key in ("train.learning_rate", "train.clip_norm"):
    if not 0.0 < config[key] < math.inf:
      raise InputError(f"{key} is {config[key]}: give more than 0")
  steps = config.profile_steps
  if steps != (0, 0) and not (len(steps) == 2 and 1 <= steps[0] <= steps[1]):
    raise InputError(
      f"profile_steps is {steps}: give the first and the last step of a trace, "
      "(10, 12)"
    )


def check_seed(config: ConfigDict) -> None:
  """Raises InputError unless `seed` can be drawn from; also for scoring."""
  _check_range(config, "seed")


def _check_range(config: ConfigDict, key: str) -> None:
  least, below = _RANGES[key]
  # ConfigDict follows the dots.
  if not least <= config[key] < below:
    limit = "" if math.isinf(below) else f", below {below}"
    raise InputError(f"{key} is {config[key]}: give {least} or more{limit}")


def blank_batch(config: ConfigDict) -> EpisodeBatch:
  """Returns a batch of one silent mixture that has the run's shapes."""
  settings = EpisodeSettings.from_config(config)
  queries = (1, settings.num_queries)
  positives = (*queries, settings.max_positives)
  negatives = (*queries, settings.max_negatives)
  return EpisodeBatch(
    mixture=np.zeros((1, settings.mixture_samples), np.float32),
    targets=np.zeros((*queries, settings.mixture_samples), np.float32),
    support=Support(
      positives=np.zeros((*positives, settings.example_samples), np.float32),
      positive_mask=np.ones(positives, np.bool_),
      negatives=np.zeros((*negatives, settings.example_samples), np.float32),
      negative_mask=np.ones(negatives, np.bool_),
      class_id=np.zeros(queries, np.int32),
    ),
    query_mask=np.ones(queries, np.bool_),
  )
