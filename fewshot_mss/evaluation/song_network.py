"""A network as what separates whole songs, on this host's devices.

The patches of a song are spread over the devices. Examples are cut into pieces
and embedded as in inference/separator.py, so that a song is scored as a person
would get it.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float32

from fewshot_mss.episode import Support
from fewshot_mss.evaluation.items import first_shots
from fewshot_mss.evaluation.network import (
  PyTree,
  on_local_devices,
  separate_patches_of_each,
)
from fewshot_mss.inference.inputs import cut_pieces
from fewshot_mss.inference.listener import apply_model
from fewshot_mss.inference.overlap_add import OVERLAP_SHARE, overlap_add
from fewshot_mss.models.separator import FewShotSeparator

_BATCH_PIECES = 4


class SongSystem(NamedTuple):
  """Anything that separates songs by examples.

  Attributes:
    embed: From an example [S] to what stands for it, [D]; None if examples do
      not count.
    separate: From a mixture [channels, T] and the support of a right and a
      wrong query, with what `embed` returned in place of clips (positives
      [1, 2, K, D]), to outputs [shots x 2, channels, T]: for each number of
      shots the right query's, then the wrong query's.
  """

  embed: Callable[[np.ndarray], np.ndarray] | None
  separate: Callable[[np.ndarray, Support], np.ndarray]


def network_songs(
  model: FewShotSeparator,
  params: PyTree,
  *,
  shots: tuple[int, ...],
  patch_s: float,
  piece_s: float,
  batch: int,
) -> SongSystem:
  """Puts a network on all devices of this host.

  Args:
    model: The network.
    params: Its parameters.
    shots: Numbers of positive examples to answer with.
    patch_s: Length of the patches of a song, in seconds: of the mixtures in
      training.
    piece_s: Length of the pieces of an example: of the examples in training.
    batch: Patches at a time, a multiple of this host's devices.

  Returns:
    What separates songs of any length; it is compiled once.
  """
  mesh, split, local_params = on_local_devices(params)
  patch_samples = round(patch_s * model.sample_rate_hz)
  piece_samples = round(piece_s * model.sample_rate_hz)

  def embed(clip: np.ndarray) -> np.ndarray:
    return _embedding(model, params, cut_pieces(clip, piece_samples))

  def separate(mixture: np.ndarray, support: Support) -> np.ndarray:
    conditions = np.concatenate(
      [
        jax.device_get(
          apply_model(model, "combine", params, first_shots(support, k))
        )
        for k in shots
      ],
      axis=1,
    )
    repeated = jax.device_put(np.repeat(conditions, batch, axis=0), split)

    def separate_patches(patches: np.ndarray) -> np.ndarray:
      patches = jax.device_put(patches, split)
      return jax.device_get(
        separate_patches_of_each(model, mesh, local_params, patches, repeated)
      )

    return overlap_add(
      mixture,
      separate_patches,
      num_targets=conditions.shape[1],
      patch_samples=patch_samples,
      overlap_samples=int(patch_samples * OVERLAP_SHARE),
      batch_patches=batch,
    )

  return SongSystem(None if model.conditioning == "class" else embed, separate)


def _embedding(
  model: FewShotSeparator,
  params: PyTree,
  pieces: Float32[np.ndarray, "pieces piece"],
) -> Float32[np.ndarray, " D"]:
  """Returns the mean of the embeddings of an example's pieces."""
  total = np.zeros(model.condition_dim, np.float64)
  for begin in range(0, len(pieces), _BATCH_PIECES):
    some = pieces[begin : begin + _BATCH_PIECES]
    batch = np.zeros((_BATCH_PIECES, pieces.shape[1]), np.float32)
    batch[: len(some)] = some
    embedded = np.asarray(apply_model(model, "embed", params, batch))
    total += embedded[: len(some)].sum(axis=0, dtype=np.float64)
  return (total / len(pieces)).astype(np.float32)
