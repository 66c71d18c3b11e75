"""The scores of one item of a folder of songs: a whole song, all channels."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float, Float32

from fewshot_mss.errors import InputError
from fewshot_mss.evaluation import metrics
from fewshot_mss.evaluation.scores import (
  BASELINES,
  IDEAL_RATIO_MASK,
  MIXTURE,
  MIXTURE_BY_SOURCES,
  MODEL,
  SILENCE,
  WRONG_QUERY,
  Score,
)
from fewshot_mss.evaluation.songs_list import SongItem
from fewshot_mss.inference.overlap_add import OVERLAP_SHARE, overlap_add

# The ideal ratio mask is computed in such patches: memory stays flat, and one
# program serves songs of all lengths.
_MASK_PATCH_HOPS = 1024


def scored_samples(
  item: SongItem, num_samples: int, example_s: float, rate_hz: int
) -> np.ndarray:
  """Returns which samples of a song count: not those of its own examples.

  Args:
    item: Of the list.
    num_samples: Length of the song.
    example_s: Length of an example, in seconds.
    rate_hz: Sample rate.

  Returns:
    True where the song is scored, [num_samples].
  """
  kept = np.ones(num_samples, np.bool_)
  for start_s in item.left_out_s:
    start = round(start_s * rate_hz)
    kept[start : start + round(example_s * rate_hz)] = False
  return kept


def score_song_item(
  item: SongItem,
  labels: Mapping[str, str],
  mixture: Float32[np.ndarray, "channels samples"],
  target: Float32[np.ndarray, "channels samples"],
  outputs: Float32[np.ndarray, "outputs _ _"],
  *,
  num_sources: int,
  shots: tuple[int, ...],
  kept: np.ndarray,
  collapse_db: float,
  stft_sizes: tuple[int, int],
) -> list[Score]:
  """Scores one item; the figures are over all channels together.

  Args:
    item: Of the list.
    labels: The fields `group`, `family` and `dataset` of its rows.
    mixture: The song.
    target: The truth.
    outputs: For each number of shots the right query's output, then the wrong
      query's.
    num_sources: Stems of the song.
    shots: The numbers of shots.
    kept: What `scored_samples` returned.
    collapse_db: Outputs this far below the target count as collapsed.
    stft_sizes: n_fft and hop of the ideal ratio mask.

  Returns:
    The baselines' scores, then the outputs'.

  Raises:
    ValueError: If the outputs are not as many or as long as they must be.
    InputError: If an output is not finite.
  """
  expected = (2 * len(shots), *mixture.shape)
  if outputs.shape != expected:
    raise ValueError(f"outputs {outputs.shape}, expected {expected}")
  if not np.isfinite(outputs).all():
    raise InputError(
      f"the output for item {item.index} ({item.song}) is not finite: "
      "the parameters are damaged, take another checkpoint"
    )
  asked = [(k, name) for k in shots for name in (MODEL, WRONG_QUERY)]
  baselines = {
    MIXTURE: lambda: mixture,
    MIXTURE_BY_SOURCES: lambda: mixture / np.float32(num_sources),
    SILENCE: lambda: np.zeros_like(mixture),
    IDEAL_RATIO_MASK: lambda: ideal_ratio_mask(mixture, target, stft_sizes),
  }
  # One at a time: a whole song in float64 is large.
  sounds = [(None, name, baselines[name]) for name in BASELINES]
  sounds += [
    (k, name, lambda output=output: output)
    for (k, name), output in zip(asked, outputs, strict=True)
  ]
  truth, heard = _counted(target, kept), _counted(mixture, kept)
  mixture_db = float(metrics.si_sdr_db(truth, heard))
  rows = []
  for k, system, sound in sounds:
    query = 1 if system == WRONG_QUERY else 0
    figures = _figures(
      truth, heard, _counted(sound(), kept), mixture_db, collapse_db
    )
    rows.append(
      Score(
        item=item.index,
        song=item.song,
        instrument=item.instrument,
        wrong_instrument=item.wrong_instrument,
        system=system,
        shots=k,
        examples=None if k is None else min(k, len(item.positives[query])),
        **labels,
        **figures,
      )
    )
  return rows


def ideal_ratio_mask(
  mixture: Float32[np.ndarray, "channels samples"],
  target: Float32[np.ndarray, "channels samples"],
  stft_sizes: tuple[int, int],
) -> Float32[np.ndarray, "channels samples"]:
  """Returns what the best mask of its kind makes of a song, patch by patch.

  Args:
    mixture: The song.
    target: The truth.
    stft_sizes: n_fft and hop.

  Returns:
    The masked mixture.
  """
  n_fft, hop_samples = stft_sizes
  patch_samples = max(_MASK_PATCH_HOPS * hop_samples, 4 * n_fft)
  # Pairs of channels: the target's and the rest's.
  pairs = np.stack([target, mixture - target], axis=1)

  def masked(patches: np.ndarray) -> np.ndarray:
    found = metrics.ideal_ratio_mask_estimate(
      patches[0::2], patches[1::2], n_fft, hop_samples
    )
    return np.repeat(found, 2, axis=0)[:, None]

  both = overlap_add(
    pairs.reshape(-1, mixture.shape[1]),
    masked,
    num_targets=1,
    patch_samples=patch_samples,
    overlap_samples=int(patch_samples * OVERLAP_SHARE),
    batch_patches=2,
  )
  return both[0, 0::2]


def _counted(
  sound: Float[np.ndarray, "channels samples"], kept: np.ndarray
) -> Float[np.ndarray, " scored"]:
  """Returns what is scored of all channels, one after the other."""
  return np.ascontiguousarray(sound[:, kept]).reshape(-1)


def _figures(
  target: Float[np.ndarray, " scored"],
  mixture: Float[np.ndarray, " scored"],
  output: Float[np.ndarray, " scored"],
  mixture_db: float,
  collapse_db: float,
) -> dict[str, float | bool]:
  """Returns the figures of `Score` for one output."""
  si_sdr_db = float(metrics.si_sdr_db(target, output))
  level_db = float(metrics.level_db(target, output))
  return {
    "usdr_db": float(metrics.usdr_db(target, output)),
    "si_sdr_db": si_sdr_db,
    "si_sdr_improvement_db": si_sdr_db - mixture_db,
    "level_db": level_db,
    "collapsed": level_db <= collapse_db,
    "snr_db": float(metrics.snr_db(target, output)),
    "level_over_mixture_db": float(
      metrics.level_over_mixture_db(mixture, output)
    ),
  }
