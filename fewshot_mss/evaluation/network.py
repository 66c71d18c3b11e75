"""A network as a function of mixtures and examples, on this host's devices.

Each device runs one and the same program on `eval.batch` items of its own, and
no device speaks with another. So an item is computed the same way on whatever
device of whatever host it is.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Float

from fewshot_mss.episode import Support
from fewshot_mss.evaluation.items import first_shots
from fewshot_mss.inference.overlap_add import (
  OVERLAP_SHARE,
  SeparatePatches,
  overlap_add,
)
from fewshot_mss.models.separator import FewShotSeparator

PyTree = Any
# Takes mixtures [B, T] and their support of Q queries. Returns estimates
# [B, shots x Q, T]: for each number of shots the answers to all queries.
SeparateFn = Callable[[np.ndarray, Support], np.ndarray]

AXIS = "devices"


def host_batch(batch: int) -> int:
  """Returns the items that this host takes at a time, `batch` a device."""
  return batch * jax.local_device_count()


def network_separator(
  model: FewShotSeparator,
  params: PyTree,
  *,
  shots: tuple[int, ...],
  patch_s: float,
) -> SeparateFn:
  """Puts a network on all devices of this host.

  Args:
    model: The network.
    params: Its parameters.
    shots: Numbers of positive examples to answer with.
    patch_s: Length of the patches that mixtures go through in, in seconds.

  Returns:
    What answers batches of `host_batch` mixtures. It is compiled once for all
    of them, and for all parameters.
  """
  mesh, split, local_params = on_local_devices(params)
  patch_samples = round(patch_s * model.sample_rate_hz)

  def separate(mixture: np.ndarray, support: Support) -> np.ndarray:
    support = jax.device_put(support, split)
    conditions = conditions_of_each(model, mesh, shots, local_params, support)

    def separate_patches(patches: np.ndarray) -> np.ndarray:
      patches = jax.device_put(patches, split)
      return jax.device_get(
        separate_patches_of_each(model, mesh, local_params, patches, conditions)
      )

    return by_patches(
      mixture, separate_patches, conditions.shape[1], patch_samples
    )

  return separate


def by_patches(
  mixture: np.ndarray,
  separate_patches: SeparatePatches,
  outputs: int,
  patch_samples: int,
) -> np.ndarray:
  """Returns the outputs of whole mixtures, patch after patch.

  Args:
    mixture: The mixtures [B, T].
    separate_patches: From [B, patch] to [B, outputs, patch].
    outputs: Of each mixture.
    patch_samples: Length of a patch.

  Returns:
    The outputs [B, outputs, T].
  """
  # The mixtures are the channels of one signal: a batch is one patch of each.
  estimates = overlap_add(
    mixture,
    separate_patches,
    num_targets=outputs,
    patch_samples=patch_samples,
    overlap_samples=int(patch_samples * OVERLAP_SHARE),
    batch_patches=len(mixture),
  )
  return estimates.swapaxes(0, 1)


def on_local_devices(params: PyTree) -> tuple[Mesh, NamedSharding, PyTree]:
  """Puts parameters on all devices of this host.

  Args:
    params: Of a network.

  Returns:
    The devices, how items are split among them, and the parameters there.
  """
  mesh = Mesh(np.array(jax.local_devices()), (AXIS,))
  split = NamedSharding(mesh, PartitionSpec(AXIS))
  everywhere = NamedSharding(mesh, PartitionSpec())
  return mesh, split, jax.device_put(jax.device_get(params), everywhere)


def each_device(mesh: Mesh, function: Callable) -> Callable:
  """Runs (parameters, items) on each device's own items."""
  items = PartitionSpec(AXIS)
  return jax.shard_map(
    function,
    mesh=mesh,
    in_specs=(PartitionSpec(), items),
    out_specs=items,
    check_vma=False,
  )


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def conditions_of_each(
  model: FewShotSeparator,
  mesh: Mesh,
  shots: tuple[int, ...],
  params: PyTree,
  support: Support,
) -> Float[Array, "B outputs D"]:
  """Returns the conditions of all queries with every number of shots.

  Examples are embedded once.
  """

  def condition(params: PyTree, support: Support) -> Float[Array, "b o D"]:
    apply = functools.partial(model.apply, {"params": params})
    embedded = apply(support, method="embed_support")
    conditions = [
      apply(first_shots(embedded, k), method="combine") for k in shots
    ]
    return jnp.concatenate(conditions, axis=1)

  return each_device(mesh, condition)(params, support)


@functools.partial(jax.jit, static_argnums=(0, 1))
def separate_patches_of_each(
  model: FewShotSeparator,
  mesh: Mesh,
  params: PyTree,
  patches: Float[Array, "B patch"],
  conditions: Float[Array, "B outputs D"],
) -> Float[Array, "B outputs patch"]:
  """Answers all queries of each mixture; its U-Net encoder runs once.

  Args:
    model: The network.
    mesh: See `on_local_devices`, likewise below.
    params: The parameters.
    patches: Of the mixtures, as many for each device.
    conditions: Of their queries.

  Returns:
    The answers.
  """

  def answer(
    params: PyTree, items: tuple[Array, Array]
  ) -> Float[Array, "b outputs patch"]:
    return model.apply({"params": params}, *items, method="separate")

  return each_device(mesh, answer)(params, (patches, conditions))
