"""The scores of one batch: the outputs and the baselines beside them."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Shaped

from fewshot_mss.data.evaluation_items import EvaluationItem
from fewshot_mss.episode import EpisodeBatch
from fewshot_mss.errors import InputError
from fewshot_mss.evaluation import metrics
from fewshot_mss.evaluation.scores import (
  BASELINES,
  MODEL,
  WRONG_QUERY,
  Score,
)


def score_batch(
  items: Sequence[EvaluationItem],
  episodes: EpisodeBatch,
  estimates: Float[np.ndarray, "B outputs T"],
  shots: tuple[int, ...],
  collapse_db: float,
  stft_sizes: tuple[int, int],
) -> list[Score]:
  """Scores one batch.

  Args:
    items: Those of the batch; the rest of the batch is padding.
    episodes: Their sound.
    estimates: For each number of shots the right query's output, then the
      wrong query's.
    shots: The numbers of shots.
    collapse_db: Outputs this far below the target count as collapsed.
    stft_sizes: n_fft and hop of the ideal ratio mask.

  Returns:
    For each item the baselines' scores, then the outputs'.

  Raises:
    ValueError: If the outputs are not as many or as long as they must be.
    InputError: If an output is not finite.
  """
  batch, samples = episodes.mixture.shape
  expected = (batch, 2 * len(shots), samples)
  if estimates.shape != expected:
    raise ValueError(f"outputs {estimates.shape}, expected {expected}")
  target = episodes.targets[:, :1]
  outputs = np.concatenate(
    [_baselines(items, episodes, stft_sizes), estimates], axis=1
  )[: len(items)]
  _check_finite(items, outputs)
  table = _figures(target[: len(items)], outputs, collapse_db)
  labels = [(name, None) for name in BASELINES]
  labels += [(name, k) for k in shots for name in (MODEL, WRONG_QUERY)]
  counts = episodes.support.positive_mask.sum(axis=-1)
  scores = []
  for b, item in enumerate(items):
    for i, (system, k) in enumerate(labels):
      query = 1 if system == WRONG_QUERY else 0
      scores.append(
        Score(
          item=item.spec.index,
          group=item.group,
          song=item.song,
          instrument=item.instrument,
          wrong_instrument=item.wrong_instrument,
          system=system,
          shots=k,
          examples=None if k is None else min(k, int(counts[b, query])),
          **{name: column[b, i].item() for name, column in table.items()},
        )
      )
  return scores


def _check_finite(
  items: Sequence[EvaluationItem], outputs: Float[np.ndarray, "n outputs T"]
) -> None:
  finite = np.isfinite(outputs).all(axis=(1, 2))
  if not finite.all():
    item = items[int(np.argmin(finite))]
    raise InputError(
      f"the output for item {item.spec.index} ({item.song}) is not finite: "
      "the parameters are damaged, take another checkpoint"
    )


def _baselines(
  items: Sequence[EvaluationItem],
  episodes: EpisodeBatch,
  stft_sizes: tuple[int, int],
) -> Float[np.ndarray, "B baselines T"]:
  """Returns the outputs of `BASELINES`, in their order."""
  mixture = episodes.mixture
  target = episodes.targets[:, 0]
  num_sources = np.ones((len(mixture), 1), np.float32)
  num_sources[: len(items), 0] = [
    np.sum(item.spec.source_records >= 0) for item in items
  ]
  masked = metrics.ideal_ratio_mask_estimate(
    target, mixture - target, *stft_sizes
  )
  outputs = (mixture, mixture / num_sources, np.zeros_like(mixture), masked)
  return np.stack(outputs, axis=1)


def _figures(
  target: Float[np.ndarray, "n 1 T"],
  outputs: Float[np.ndarray, "n outputs T"],
  collapse_db: float,
) -> dict[str, Shaped[np.ndarray, "n outputs"]]:
  """Returns the columns of `Score` that are figures."""
  # Once for all of them.
  target, outputs = target.astype(np.float64), outputs.astype(np.float64)
  si_sdr_db = metrics.si_sdr_db(target, outputs)
  level_db = metrics.level_db(target, outputs)
  return {
    "usdr_db": metrics.usdr_db(target, outputs),
    "si_sdr_db": si_sdr_db,
    # The first output is the mixture itself.
    "si_sdr_improvement_db": si_sdr_db - si_sdr_db[:, :1],
    "level_db": level_db,
    "collapsed": level_db <= collapse_db,
    "snr_db": metrics.snr_db(target, outputs),
    "level_over_mixture_db": metrics.level_over_mixture_db(
      outputs[:, :1], outputs
    ),
  }
