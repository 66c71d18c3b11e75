"""A network in the parts that an ablation calls, each compiled once.

The sizes of every call are those of the config, never those of the arms: what
is missing is padding. One program thus serves all shots and all arms; there is
another for each length of examples, as there must be.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array, Float

from fewshot_mss.episode import Support
from fewshot_mss.evaluation.network import (
  PyTree,
  by_patches,
  each_device,
  on_local_devices,
)
from fewshot_mss.models.separator import Encoded, FewShotSeparator

# Clips that a device embeds at a time.
_CLIPS = 16


class Network(NamedTuple):
  """What the loop asks of a model; stand-ins have the same three functions.

  Attributes:
    dim: Size of embeddings and conditions.
    embed: From clips [n, S] to embeddings [n, D], for any n.
    combine: From supports with embeddings in place of clips, [B, A, K, D] and
      [B, A, N, D], to conditions [B, A, D], for any A and always the same B, K
      and N.
    separate: From mixtures [B, T] and conditions [B, A, D] to outputs
      [B, A, T], likewise.
  """

  dim: int
  embed: Callable[[np.ndarray], np.ndarray]
  combine: Callable[[Support], np.ndarray]
  separate: Callable[[np.ndarray, np.ndarray], np.ndarray]


def make_network(
  model: FewShotSeparator, params: PyTree, *, patch_s: float, outputs: int
) -> Network:
  """Puts a network on all devices of this host.

  Args:
    model: The network.
    params: Its parameters.
    patch_s: Length of the patches that mixtures go through in, in seconds.
    outputs: Outputs of each mixture a call. Its U-Net encoder runs once for all
      of them.

  Returns:
    Its parts. B must be a multiple of the number of devices.
  """
  mesh, split, local_params = on_local_devices(params)
  patch_samples = round(patch_s * model.sample_rate_hz)
  clips_a_call = _CLIPS * jax.local_device_count()

  def embed(clips: np.ndarray) -> np.ndarray:
    padded = _padded(clips, 0, clips_a_call)
    found = [
      embed_each(model, mesh, local_params, jax.device_put(part, split))
      for part in np.split(padded, len(padded) // clips_a_call)
    ]
    return np.concatenate(jax.device_get(found))[: len(clips)]

  def combine(support: Support) -> np.ndarray:
    count = support.class_id.shape[1]
    padded = jax.tree.map(lambda leaf: _padded(leaf, 1, outputs), support)
    found = [
      combine_each(model, mesh, local_params, jax.device_put(part, split))
      for part in _parts(padded, outputs)
    ]
    return np.concatenate(jax.device_get(found), axis=1)[:, :count]

  def separate(mixture: np.ndarray, conditions: np.ndarray) -> np.ndarray:
    count = conditions.shape[1]
    groups = [
      jax.device_put(part, split)
      for part in _parts(_padded(conditions, 1, outputs), outputs)
    ]

    def separate_patches(patches: np.ndarray) -> np.ndarray:
      encoded = encode_each(
        model, mesh, local_params, jax.device_put(patches, split)
      )
      found = [
        decode_each(model, mesh, patch_samples, local_params, encoded, group)
        for group in groups
      ]
      return np.concatenate(jax.device_get(found), axis=1)

    estimates = by_patches(
      mixture, separate_patches, outputs * len(groups), patch_samples
    )
    return estimates[:, :count]

  return Network(model.condition_dim, embed, combine, separate)


def _padded(array: np.ndarray, axis: int, multiple: int) -> np.ndarray:
  """Fills an axis up with zeros to the next multiple, at least to one."""
  size = array.shape[axis]
  missing = multiple if size == 0 else -size % multiple
  widths = [(0, missing if i == axis else 0) for i in range(array.ndim)]
  return np.pad(array, widths)


def _parts(tree: Any, size: int) -> list[Any]:
  """Cuts the second axis of all leaves."""
  leaves, structure = jax.tree.flatten(tree)
  cut = [np.split(leaf, leaf.shape[1] // size, axis=1) for leaf in leaves]
  return [structure.unflatten(part) for part in zip(*cut, strict=True)]


@functools.partial(jax.jit, static_argnums=(0, 1))
def embed_each(
  model: FewShotSeparator,
  mesh: Mesh,
  params: PyTree,
  clips: Float[Array, "n S"],
) -> Float[Array, "n D"]:
  """Returns embeddings of clips, as many for each device."""

  def embed(params: PyTree, clips: Array) -> Array:
    return model.apply({"params": params}, clips, method="embed")

  return each_device(mesh, embed)(params, clips)


@functools.partial(jax.jit, static_argnums=(0, 1))
def combine_each(
  model: FewShotSeparator, mesh: Mesh, params: PyTree, embedded: Support
) -> Float[Array, "B outputs D"]:
  """Returns conditions of embedded examples."""

  def combine(params: PyTree, embedded: Support) -> Array:
    return model.apply({"params": params}, embedded, method="combine")

  return each_device(mesh, combine)(params, embedded)


@functools.partial(jax.jit, static_argnums=(0, 1))
def encode_each(
  model: FewShotSeparator,
  mesh: Mesh,
  params: PyTree,
  patches: Float[Array, "B patch"],
) -> Encoded:
  """Returns what is computed once of patches of mixtures."""

  def encode(params: PyTree, patches: Array) -> Encoded:
    return model.apply({"params": params}, patches, method="encode")

  return each_device(mesh, encode)(params, patches)


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def decode_each(
  model: FewShotSeparator,
  mesh: Mesh,
  samples: int,
  params: PyTree,
  encoded: Encoded,
  conditions: Float[Array, "B outputs D"],
) -> Float[Array, "B outputs patch"]:
  """Returns outputs of encoded patches of so many samples."""

  def decode(params: PyTree, items: tuple[Encoded, Array]) -> Array:
    return model.apply({"params": params}, *items, samples, method="decode")

  return each_device(mesh, decode)(params, (encoded, conditions))
