"""Pictures: loss, spectrograms, gain over the number of shots.

matplotlib is an extra and slow to import, so it is imported when needed.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Float, Float64

from fewshot_mss.data.figure import (
  WIDTH_INCHES,
  import_figure,
  save_figure,
)
from fewshot_mss.errors import InputError
from fewshot_mss.evaluation.scores import MODEL, WRONG_QUERY
from fewshot_mss.evaluation.summary import Json, Summary, find_row
from fewshot_mss.models import spectral

# Of the spectrograms, and how far below their loudest point they are drawn.
_N_FFT, _HOP_SAMPLES = 512, 128
_RANGE_DB = 70.0
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")


def plot_loss(metrics_jsonl: Path, output: Path) -> None:
  """Draws the loss of a run, and its score on the validation list if any.

  Args:
    metrics_jsonl: Rows `{"step": 20, "loss": -1.2, ...}` and
      `{"step": 500, "eval_score": 1.2, ...}`.
    output: The picture to write.

  Raises:
    InputError: If there is no loss to draw, or matplotlib is missing.
  """
  figure_of = import_figure()
  loss = _read_series(metrics_jsonl, "loss")
  if not len(loss):
    raise InputError(f"{metrics_jsonl} has no row with a loss: train first")
  score = _read_series(metrics_jsonl, "eval_score")
  panels = 2 if len(score) else 1
  figure = figure_of((WIDTH_INCHES, 1.2 + 2.4 * panels))
  axes = figure.subplots(panels, 1, sharex=True, squeeze=False)[:, 0]
  step, value = loss.T
  axes[0].plot(
    step, value, color=_COLOURS[0], alpha=0.35, linewidth=0.8, label="logged"
  )
  axes[0].plot(
    step, smoothed(value), color=_COLOURS[0], linewidth=2, label="smoothed"
  )
  axes[0].set(title="Training", ylabel="loss")
  axes[0].legend(frameon=False)
  if len(score):
    axes[1].plot(*score.T, color=_COLOURS[1], marker="o", linewidth=2)
    axes[1].axhline(0, color="black", linewidth=0.8)
    axes[1].set(title="Validation songs", ylabel="SI-SDR improvement (dB)")
  axes[-1].set_xlabel("step")
  for ax in axes:
    ax.grid(alpha=0.3)
  save_figure(figure, output)


def plot_spectrograms(
  clips: Mapping[str, Float[np.ndarray, " _"]],
  sample_rate_hz: int,
  output: Path,
) -> None:
  """Draws spectrograms of clips on one scale of colours.

  Args:
    clips: Samples by title.
    sample_rate_hz: Of all clips.
    output: The picture to write.

  Raises:
    InputError: If matplotlib is missing.
  """
  figure_of = import_figure()
  columns = 1 if len(clips) < 4 else 2
  rows = -(-len(clips) // columns)
  figure = figure_of((WIDTH_INCHES, 0.6 + 1.9 * rows))
  axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
  levels = {title: log_magnitude_db(clip) for title, clip in clips.items()}
  loudest_db = max(level.max() for level in levels.values())
  for ax in axes.flat[len(clips) :]:
    ax.set_axis_off()
  for ax, title in zip(axes.flat, clips, strict=False):
    frames = len(levels[title])
    # Centre of the first frame; the edge of its column is half a hop before.
    half = _HOP_SAMPLES / 2 / sample_rate_hz
    first = (_HOP_SAMPLES - _N_FFT / 2) / sample_rate_hz
    last = first + (frames - 1) * _HOP_SAMPLES / sample_rate_hz
    image = ax.imshow(
      levels[title].T - loudest_db,
      origin="lower",
      aspect="auto",
      cmap="magma",
      vmin=-_RANGE_DB,
      vmax=0,
      extent=(first - half, last + half, 0, sample_rate_hz / 2000),
      interpolation="nearest",
    )
    ax.set_xlim(0, len(clips[title]) / sample_rate_hz)
    ax.set_title(title, fontsize=11)
  for ax in axes[:, 0]:
    ax.set_ylabel("frequency (kHz)")
  for ax in axes.flat[max(0, len(clips) - columns) : len(clips)]:
    ax.set_xlabel("time (s)")
    ax.tick_params(labelbottom=True)
  figure.colorbar(
    image, ax=axes, label="level below the loudest point (dB)", pad=0.01
  )
  save_figure(figure, output)


def plot_shots(summary: Summary, output: Path) -> None:
  """Draws the SI-SDR improvement over the number of shots, with intervals.

  Args:
    summary: What `summarise` returned.
    output: The picture to write.

  Raises:
    InputError: If matplotlib is missing.
  """
  figure_of = import_figure()
  figure = figure_of((WIDTH_INCHES, 4.5))
  ax = figure.subplots()
  groups = summary["groups"]
  for system, style, note in ((MODEL, "-", ""), (WRONG_QUERY, "--", "wrong ")):
    for number, (name, group) in enumerate(groups.items()):
      _draw_line(
        ax,
        group["systems"],
        summary["shots"],
        system,
        # Side by side, or the intervals hide one another.
        0.04 * (number - (len(groups) - 1) / 2),
        color=_COLOURS[number % len(_COLOURS)],
        linestyle=style,
        label=f"{note}query, {name} (n = {group['num_items']})",
      )
  ax.axhline(0, color="black", linewidth=1)
  ax.annotate(
    "the mixture",
    (1, 0),
    xycoords=("axes fraction", "data"),
    xytext=(-4, 3),
    textcoords="offset points",
    horizontalalignment="right",
  )
  ax.set(
    title="Do more examples help?",
    xlabel="examples given (shots)",
    ylabel="SI-SDR improvement (dB), mean and 95 %",
    xticks=sorted(summary["shots"]),
  )
  ax.grid(alpha=0.3)
  figure.legend(frameon=False, fontsize=9, ncols=2, loc="outside lower center")
  save_figure(figure, output)


def smoothed(
  values: Float[np.ndarray, " n"],
) -> Float64[np.ndarray, " n"]:
  """Returns centred moving averages over about a tenth of the values.

  At the ends the window is cut off, so that nothing is made up there.
  """
  half = max(1, len(values) // 20)
  total = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
  place = np.arange(len(values))
  low = np.maximum(place - half, 0)
  high = np.minimum(place + half + 1, len(values))
  return (total[high] - total[low]) / (high - low)


def log_magnitude_db(
  clip: Float[np.ndarray, " samples"],
) -> Float64[np.ndarray, "frames bins"]:
  """Returns the level of each bin of each frame, in dB; -200 is silence."""
  magnitude = np.asarray(_magnitude(clip.astype(np.float32)), np.float64)
  return 20 * np.log10(np.maximum(magnitude, 1e-10))


@jax.jit
def _magnitude(clip: Float[Array, " samples"]) -> Float[Array, "frames bins"]:
  return spectral.magnitude(spectral.stft(clip, _N_FFT, _HOP_SAMPLES))


def _read_series(metrics_jsonl: Path, key: str) -> Float64[np.ndarray, "n 2"]:
  """Returns [step, value] of the rows that have a key, where it is finite."""
  try:
    lines = metrics_jsonl.read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines if line.strip()]
    pairs = [
      [row["step"], row[key]] for row in rows if row.get(key) is not None
    ]
  except FileNotFoundError as error:
    raise InputError(
      f"{metrics_jsonl} is missing: name a run's metrics.jsonl"
    ) from error
  except (OSError, ValueError, KeyError) as error:
    raise InputError(
      f"{metrics_jsonl} does not hold one JSON row with a step a line: name a "
      "run's metrics.jsonl"
    ) from error
  series = np.array(pairs, np.float64).reshape(-1, 2)
  return series[np.isfinite(series).all(axis=1)]


def _draw_line(
  ax: Any,
  rows: list[Json],
  shots: list[int],
  system: str,
  shift: float,
  **style: Any,
) -> None:
  """Draws one system's means, with the intervals that there are."""
  points = []
  for k in sorted(shots):
    row = find_row(rows, shots=k, system=system)
    interval = row and row["si_sdr_improvement_db"]
    if interval and interval["mean"] is not None:
      ends = [interval["low"], interval["high"]]
      low, high = [interval["mean"] if e is None else e for e in ends]
      points.append((k + shift, interval["mean"], low, high))
  if points:
    x, mean, low, high = np.array(points).T
    ax.errorbar(
      x,
      mean,
      yerr=np.maximum([mean - low, high - mean], 0),
      marker="o",
      capsize=3,
      **style,
    )
