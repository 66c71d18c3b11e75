"""The two programs of a run, as its configuration has them."""

import functools
from collections.abc import Callable

from ml_collections import ConfigDict

from fewshot_mss.models.separator import FewShotSeparator
from fewshot_mss.training.optimizer import make_optimizer
from fewshot_mss.training.run_checks import blank_batch
from fewshot_mss.training.step import TrainState, init_state, train_step


def init_of(config: ConfigDict) -> Callable[[], TrainState]:
  """Returns `init_state` of the configuration: of nothing more."""
  return functools.partial(
    init_state,
    FewShotSeparator(**config.model),
    make_optimizer(config.train),
    config.seed,
    blank_batch(config),
    with_head=config.train.class_loss_weight > 0,
  )


def step_of(config: ConfigDict) -> Callable:
  """Returns `train_step` of the configuration: of a state and a batch."""
  return functools.partial(
    train_step,
    model=FewShotSeparator(**config.model),
    optimizer=make_optimizer(config.train),
    train=config.train,
  )
