"""What is wrong with a run is told by its key, before anything slow."""

import jax
import numpy as np
import pytest

from fewshot_mss.data.sources import load_sources
from fewshot_mss.errors import InputError
from fewshot_mss.training.run_checks import blank_batch, check_run
from tiny_run import tiny_config


@pytest.fixture(scope="module")
def sources(toy_dataset):
  return load_sources(str(toy_dataset))


def negatives(count):
  return {
    "model__conditioning": "examples_and_negatives",
    "data__max_negatives": count,
  }


@pytest.mark.parametrize(
  ("changes", "said"),
  [
    ({"seed": -1}, "seed is -1: give 0 or more"),
    ({"seed": 2**32}, "seed is 4294967296: .* below 4294967296"),
    ({"train__steps": 0}, "train.steps is 0: give 1 or more$"),
    ({"train__ema_decay": 1.0}, "train.ema_decay is 1.0: .* below 1$"),
    ({"train__ema_decay": float("nan")}, "train.ema_decay is nan"),
    ({"train__max_bad_steps": 0}, "train.max_bad_steps is 0"),
    ({"train__warmup_steps": -1}, "train.warmup_steps is -1"),
    ({"train__learning_rate": 0.0}, "train.learning_rate is 0.0"),
    ({"train__clip_norm": float("inf")}, "train.clip_norm is inf"),
    ({"train__loss": "l2"}, "'l2'"),
    ({"train__loss": "snr+"}, "no loss ''"),
    ({"train__absent_floor_db": 0.0}, "absent_floor_db is 0.0: give decibels"),
    ({"train__absent_floor_db": float("nan")}, "absent_floor_db is nan"),
    ({"train__class_loss_weight": -1.0}, "class_loss_weight is -1.0: give 0"),
    (
      {"train__class_loss_weight": 0.1, "model__conditioning": "class"},
      "class_loss_weight is above 0 but .* class: there are no examples",
    ),
    (
      {"train__class_loss_weight": 0.1, "model__num_classes": 1},
      "model.num_classes is 1 but",
    ),
    ({"train__global_batch": 12}, "train.global_batch=12"),
    ({"train__microbatches": 0}, "train.microbatches is 0: it must divide"),
    (
      {"train__global_batch": 16, "train__microbatches": 3},
      "train.microbatches is 3: it must divide the 2 mixtures",
    ),
    ({"data__mixture_s": 9.0}, "data.mixture_s is longer"),
    ({"data__max_positives": 0}, "data.max_positives is 0 .* examples: give"),
    (negatives(0), "examples_and_negatives: give data.max_negatives"),
    ({"model__conditioning": "class", "model__num_classes": 1}, "num_classes"),
    ({"model__conditioning": "words"}, "model.conditioning 'words'"),
    ({"model__hop_samples": 24}, "model.hop_samples is 24"),
    ({"eval__shots": ()}, "eval.shots is"),
  ],
)
def test_what_cannot_run_is_named(toy_dataset, sources, changes, said):
  with pytest.raises(InputError, match=said) as caught:
    check_run(tiny_config(toy_dataset, **changes), sources)
  assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
  "changes",
  [
    {},
    negatives(1),
    # Nobody asks a model that is told the class by examples.
    {"model__conditioning": "class", "data__max_positives": 0},
    {"seed": 2**32 - 1, "train__ema_decay": 0.0, "train__warmup_steps": 0},
  ],
)
def test_what_can_run_returns_its_network(toy_dataset, sources, changes):
  config = tiny_config(toy_dataset, **changes)
  model = check_run(config, sources)
  assert model.conditioning == config.model.conditioning
  assert model.unet_channels == tuple(config.model.unet_channels)


def test_a_blank_batch_has_the_shapes_of_the_run(toy_dataset):
  config = tiny_config(
    toy_dataset,
    data__num_queries=3,
    data__max_positives=4,
    data__max_negatives=1,
    data__example_s=0.25,
  )
  batch = blank_batch(config)
  assert batch.mixture.shape == (1, 4000)
  assert batch.targets.shape == (1, 3, 4000)
  assert batch.support.positives.shape == (1, 3, 4, 2000)
  assert batch.support.negatives.shape == (1, 3, 1, 2000)
  assert batch.support.class_id.shape == batch.query_mask.shape == (1, 3)
  kinds = {np.asarray(leaf).dtype.name for leaf in jax.tree.leaves(batch)}
  assert kinds == {"float32", "bool", "int32"}
