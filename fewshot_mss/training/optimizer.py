"""The optimiser: an optax chain read from `config.train`."""

import optax
from ml_collections import ConfigDict


def learning_rate(train: ConfigDict) -> optax.Schedule:
  """Returns the schedule: linear warm-up, then a cosine to a small share."""
  warmup = min(train.warmup_steps, train.steps)
  return optax.warmup_cosine_decay_schedule(
    init_value=0.0,
    peak_value=train.learning_rate,
    warmup_steps=warmup,
    decay_steps=max(train.steps, warmup + 1),
    end_value=train.learning_rate * train.final_learning_rate_share,
  )


def make_optimizer(train: ConfigDict) -> optax.GradientTransformation:
  """Returns Adam with warm-up, cosine, clipping and a guard against NaN.

  A step whose gradients are not finite changes nothing and is counted. optax
  lets the one after `train.max_bad_steps` of them in a row through, so the loop
  has to stop at that many, when the parameters are still good.
  """
  chain = optax.chain(
    optax.clip_by_global_norm(train.clip_norm),
    optax.adamw(learning_rate(train), weight_decay=train.weight_decay),
  )
  return optax.apply_if_finite(chain, train.max_bad_steps)
