"""How many patches go through the network at a time."""

import functools

import jax
import numpy as np

from fewshot_mss.errors import InputError
from fewshot_mss.export.archive import Archive
from fewshot_mss.export.checks import build_model, params_like
from fewshot_mss.inference.devices import find_device, fitting_batch
from fewshot_mss.inference.listener import apply_model
from fewshot_mss.models.separator import FewShotSeparator

_MOST_PATCHES = 8


@functools.cache
def batch_patches(
  model: FewShotSeparator,
  patch_samples: int,
  targets: int,
  max_memory: int | None,
  place: jax.Device | None = None,
) -> int:
  """Returns how many patches go through the network at a time.

  It needs no weights: their shapes tell what a program takes.

  Args:
    model: The network.
    patch_samples: Length of a patch.
    targets: Of one song.
    max_memory: In bytes; None for no limit.
    place: Device; the first that JAX finds if None.

  Returns:
    As many as the limit allows.

  Raises:
    InputError: If one patch takes more.
    ValueError: If the model's sizes do not go together.
  """
  if max_memory is None:
    return _MOST_PATCHES
  on = None if place is None else jax.sharding.SingleDeviceSharding(place)
  params = jax.tree.map(
    lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=on),
    params_like(model),
  )

  def lower(patches: int) -> jax.stages.Lowered:
    # What is compiled here is what `apply_model` runs later.
    return apply_model.lower(
      model,
      "separate",
      params,
      np.zeros((patches, patch_samples), np.float32),
      np.zeros((patches, targets, model.condition_dim), np.float32),
    )

  return fitting_batch(lower, _MOST_PATCHES, max_memory)


def patch_length(archive: Archive) -> int:
  """Returns the length of a patch, in samples."""
  rate_hz = archive.model["sample_rate_hz"]
  return round(archive.training["mixture_s"] * rate_hz)


def check_computing(
  described: Archive, targets: int, device: str | None, max_memory: int | None
) -> None:
  """Checks where a model is to compute before its weights are read.

  Args:
    described: What `describe_archive` returned.
    targets: Of one song.
    device: As of `find_device`; the first that JAX finds if None.
    max_memory: In bytes; None for no limit.

  Raises:
    InputError: If the device is not there, or one patch takes more.
  """
  place = None if device is None else find_device(device)
  model = build_model(described.model)
  try:
    batch_patches(model, patch_length(described), targets, max_memory, place)
  except InputError:
    raise
  except ValueError:
    # Sizes that do not go together, which `load_archive` tells with the file.
    return
