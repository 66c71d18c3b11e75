"""Figures of a configuration against counts by hand."""

import io
from pathlib import Path

import jax
import numpy as np
import pytest
import rich.console

from fewshot_mss import cli
from fewshot_mss.default_config import get_config
from fewshot_mss.describe import abstract_batch, describe, measure
from fewshot_mss.errors import InputError
from fewshot_mss.models.separator import FewShotSeparator


def _config(**changes):
  config = get_config()
  config.model.update(
    {
      "n_fft": 64,
      "hop_samples": 16,
      "unet_channels": (4, 8),
      "encoder_channels": (4, 8),
      "condition_dim": 8,
    }
  )
  config.data.update({"mixture_s": 0.1, "example_s": 0.05})
  config.update_from_flattened_dict(changes)
  return config


@pytest.fixture(scope="module")
def figures():
  return measure(_config())


def test_parameters_are_those_of_the_network(figures):
  config = _config()
  zeros = jax.tree.map(
    lambda leaf: np.zeros(leaf.shape, leaf.dtype), abstract_batch(config, 1)
  )
  params = jax.eval_shape(
    FewShotSeparator(**config.model).init, jax.random.key(0), zeros
  )["params"]
  assert set(figures.parameters) == set(params)
  # Encoder by hand: 1 -> 4 and 4 -> 8 channels under 3 x 3, two GroupNorms,
  # 32 bins halved twice, times 8 channels, to 8 numbers, and a LayerNorm.
  by_hand = 9 * 1 * 4 + 9 * 4 * 8 + 2 * 4 + 2 * 8 + (8 * 8 * 8 + 8) + 2 * 8
  assert figures.parameters["encoder"] == by_hand
  assert figures.parameters["conditioner"] == 8
  unet = sum(leaf.size for leaf in jax.tree.leaves(params["unet"]))
  assert figures.parameters["unet"] == unet


def test_sizes_by_hand(figures):
  # 800 samples: 50 hops and 3 frames for the edges.
  assert figures.spectrogram == (53, 33)
  # 53 frames filled up to 56, 32 bins, halved twice.
  assert figures.bottleneck == (14, 8, 8)
  # 3 + 4 = 7 frames: 6 hops and one window.
  assert figures.receptive_s == pytest.approx((6 * 16 + 64) / 8000)
  assert figures.mixture_s == pytest.approx(0.1)
  # 8 mixtures; 8 x 2 queries x 3 examples.
  assert figures.step_audio_s == pytest.approx((0.8, 48 * 0.05))


def test_sizes_of_folded_cells_by_hand():
  folded = measure(_config(**{"model.unet_fold": (2, 4)}))
  # 53 frames filled up to 56: 28 x 8 cells, halved twice.
  assert folded.bottleneck == (7, 2, 8)
  # 3 + 4 = 7 cells of 2 frames: 13 hops and one window.
  assert folded.receptive_s == pytest.approx((13 * 16 + 64) / 8000)


def test_flops_grow_as_the_work_does(figures):
  # At least the multiply-adds of the first decoder layer over two queries:
  # 3 x 3 kernels (borders less) from 8 to 16 channels on 14 x 8 cells.
  least = 2 * 2 * (3 * 14 - 2) * (3 * 8 - 2) * 8 * 16
  assert least < figures.forward_flops < 100 * least
  # Gradients cost about twice the forward pass, on 8 mixtures.
  share = figures.train_step_flops / (8 * figures.forward_flops)
  assert 2.0 < share < 4.0
  more = measure(_config(**{"data.num_queries": 4}))
  assert 1.2 < more.forward_flops / figures.forward_flops < 2.0
  twice = measure(_config(**{"train.global_batch": 16}))
  assert twice.train_step_flops / figures.train_step_flops == pytest.approx(
    2.0, rel=0.05
  )
  # Cut into parts it is as much work.
  parts = measure(_config(**{"train.microbatches": 4}))
  assert parts.train_step_flops == figures.train_step_flops


def test_the_table_says_all_of_it(figures):
  console = rich.console.Console(
    file=io.StringIO(), width=100, color_system=None
  )
  console.print(describe(_config()))
  text = console.file.getvalue()
  for said in (
    f"{sum(figures.parameters.values()):,}",
    "parameters, unet",
    "53 frames x 33 bins",
    "14 frames x 8 bins x 8 channels",
    "0.8 s mixed, 2.4 s of examples",
    "train step, 8 mixtures x 2 queries",
    "as written",
  ):
    assert said in text, said


@pytest.mark.parametrize(
  ("changes", "said"),
  [
    ({"train.global_batch": 0}, r"train\.global_batch is 0"),
    ({"data.mixture_s": 0.0}, r"data\.mixture_s"),
    ({"model.unet_channels": (4,) * 6}, "unet_channels"),
    ({"model.conditioning": "text"}, "conditioning 'text'"),
  ],
)
def test_a_configuration_that_cannot_be_is_named(changes, said):
  with pytest.raises(InputError, match=said):
    measure(_config(**changes))


def test_the_verb_prints_them(capsys):
  tiny = Path(__file__).parent.parent / "configs" / "tiny.py"
  assert cli.main(["describe", f"--config={tiny}"]) == 0
  assert "parameters, total" in capsys.readouterr().out
