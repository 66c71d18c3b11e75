"""What a configuration amounts to: parameters, FLOPs, shapes. No dataset."""

import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict
from rich.table import Table

from fewshot_mss.errors import InputError
from fewshot_mss.models import spectral
from fewshot_mss.models.separator import FewShotSeparator
from fewshot_mss.models.unet import UNet
from fewshot_mss.training.abstract import (
  abstract_batch,
  abstract_state,
  train_step_flops,
  written_flops,
)


class Description(NamedTuple):
  """Figures of a configuration.

  Attributes:
    parameters: Number of parameters of each part of the network.
    forward_flops: Of one mixture with all its queries and their examples.
    train_step_flops: Of one step on the global batch, all devices together.
    spectrogram: Frames and bins of a mixture.
    bottleneck: Frames, bins and channels where FiLM acts.
    receptive_s: Seconds that one bottleneck frame sees through the
      convolutions; GroupNorm sees the whole mixture besides.
    mixture_s: Seconds of a mixture.
    step_audio_s: Seconds of mixtures and of examples in one step.
  """

  parameters: dict[str, int]
  forward_flops: float
  train_step_flops: float
  spectrogram: tuple[int, int]
  bottleneck: tuple[int, int, int]
  receptive_s: float
  mixture_s: float
  step_audio_s: tuple[float, float]


def measure(config: ConfigDict) -> Description:
  """Works out the figures of a configuration; nothing is computed or compiled.

  FLOPs are those of the program as it is written (`training/abstract.py`), and
  for the train step of the gradient and the optimiser too.

  Args:
    config: `model`, `data` and `train` are read.

  Returns:
    The figures.

  Raises:
    InputError: If the sizes do not go together.
  """
  mixtures = config.train.global_batch
  if mixtures < 1:
    raise InputError(f"train.global_batch is {mixtures}: it must be at least 1")
  model = FewShotSeparator(**config.model)
  one = abstract_batch(config, 1)
  batch = abstract_batch(config, mixtures)
  state = abstract_state(config)
  samples, rate_hz = one.mixture.shape[-1], model.sample_rate_hz
  clips = sum(
    math.prod(examples.shape)
    for examples in (batch.support.positives, batch.support.negatives)
  )
  return Description(
    parameters={
      part: sum(leaf.size for leaf in jax.tree.leaves(leaves))
      for part, leaves in sorted(state.params.items())
    },
    forward_flops=written_flops(model.apply, {"params": state.params}, one),
    train_step_flops=train_step_flops(config, mixtures),
    spectrogram=(
      spectral.num_frames(samples, model.n_fft, model.hop_samples),
      model.n_fft // 2 + 1,
    ),
    bottleneck=_bottleneck(model, samples),
    receptive_s=_receptive_samples(model) / rate_hz,
    mixture_s=samples / rate_hz,
    step_audio_s=(mixtures * samples / rate_hz, clips / rate_hz),
  )


def _bottleneck(model: FewShotSeparator, samples: int) -> tuple[int, int, int]:
  """Returns the shape of the encoder's last features."""
  frames = spectral.num_frames(samples, model.n_fft, model.hop_samples)
  frames += -frames % model.frames_multiple
  unet = UNet(
    model.unet_channels,
    model.unet_kernel,
    model.film_site,
    cell=model.unet_fold,
  )
  magnitude = jax.ShapeDtypeStruct((1, frames, model.n_fft // 2), jnp.float32)
  features, _ = jax.eval_shape(
    functools.partial(unet.init_with_output, method="encode"),
    jax.random.key(0),
    magnitude,
  )
  return tuple(features[-1].shape[1:])


def _receptive_samples(model: FewShotSeparator) -> int:
  """Returns what one bottleneck frame sees through strided convolutions."""
  cells = 1 + (model.unet_kernel - 1) * (2 ** len(model.unet_channels) - 1)
  frames = cells * model.unet_fold[0]
  return (frames - 1) * model.hop_samples + model.n_fft


def describe(config: ConfigDict) -> Table:
  """Returns `measure(config)` as a table for the terminal.

  Args:
    config: `model`, `data` and `train` are read.

  Returns:
    Something that `rich.print` shows.

  Raises:
    InputError: If the sizes do not go together.
  """
  figures = measure(config)
  table = Table("what", "value", show_header=False)
  for part, count in figures.parameters.items():
    table.add_row(f"parameters, {part}", f"{count:,}")
  table.add_row("parameters, total", f"{sum(figures.parameters.values()):,}")
  table.add_section()
  data, mixtures = config.data, config.train.global_batch
  table.add_row(
    f"forward pass, 1 mixture x {data.num_queries} queries",
    f"{figures.forward_flops / 1e9:,.3f} GFLOP",
  )
  table.add_row(
    f"train step, {mixtures} mixtures x {data.num_queries} queries",
    f"{figures.train_step_flops / 1e9:,.3f} GFLOP",
  )
  table.add_section()
  rate_hz = config.model.sample_rate_hz
  table.add_row("mixture", f"{figures.mixture_s:g} s at {rate_hz} Hz")
  table.add_row(
    "examples a query",
    f"up to {data.max_positives} positive and {data.max_negatives} negative "
    f"of {data.example_s:g} s",
  )
  mixtures_s, examples_s = figures.step_audio_s
  table.add_row(
    "audio a step", f"{mixtures_s:g} s mixed, {examples_s:g} s of examples"
  )
  table.add_row(
    "spectrogram", "{} frames x {} bins".format(*figures.spectrogram)
  )
  table.add_row(
    "bottleneck",
    "{} frames x {} bins x {} channels".format(*figures.bottleneck),
  )
  table.add_row("receptive field", f"{figures.receptive_s:.2f} s")
  table.caption = (
    "FLOPs: XLA's count of the program as written, a multiply-add is two"
  )
  return table
