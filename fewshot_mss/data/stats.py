"""A picture of what a prepared folder holds: hours, loudness and activity."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float64, Int

from fewshot_mss.data.catalogue import SPLITS, TRAIN, Catalogue, load_catalogue
from fewshot_mss.data.figure import WIDTH_INCHES, import_figure, save_figure

# Of the loudness that is shown: 5, 25, 50, 75 and 95 % of the segments.
_PERCENTS = (5, 25, 50, 75, 95)
_COLOURS = ("#0072b2", "#e69f00", "#009e73")
_LOUDNESS_COLOUR, _ACTIVITY_COLOUR = "#56b4e9", "#999999"
# Of a line, and of all that is no line.
_LINE_INCHES, _MARGIN_INCHES = 0.17, 1.7
_MIN_LINES = 8


class Stats(NamedTuple):
  """What is shown of each instrument, in order of their number.

  Attributes:
    hours: That are not silent, of each split.
    loudness_db: Level that 5, 25, 50, 75 and 95 % of the segments stay below;
      NaN without a segment.
    activity: Share of the blocks in which the instrument is heard; NaN
      without a segment.
  """

  hours: Float64[np.ndarray, "I splits"]
  loudness_db: Float64[np.ndarray, "I percents"]
  activity: Float64[np.ndarray, " I"]


def instrument_stats(catalogue: Catalogue) -> Stats:
  """Counts hours, loudness and activity of each instrument.

  Args:
    catalogue: What there is.

  Returns:
    The figures, from the catalogue alone.
  """
  num = len(catalogue.instruments)
  instrument = catalogue.instrument.astype(np.int64)
  segments = np.bincount(
    instrument * len(SPLITS) + catalogue.split, minlength=num * len(SPLITS)
  ).reshape(num, len(SPLITS))
  segment_h = catalogue.segment_samples / catalogue.sample_rate_hz / 3600
  total = segments.sum(axis=1)
  heard = np.bincount(
    instrument, weights=catalogue.active.mean(axis=1), minlength=num
  )
  ends = np.cumsum(total)
  loudness_db = np.full((num, len(_PERCENTS)), np.nan)
  by_instrument = catalogue.rms_db[np.argsort(instrument, kind="stable")]
  for i in np.flatnonzero(total):
    held = by_instrument[ends[i] - total[i] : ends[i]]
    loudness_db[i] = np.percentile(held.astype(np.float64), _PERCENTS)
  activity = np.full(num, np.nan)
  np.divide(heard, total, out=activity, where=total > 0)
  return Stats(segments * segment_h, loudness_db, activity)


def num_timbres(catalogue: Catalogue) -> Int[np.ndarray, " I"]:
  """Counts the patches of each instrument.

  Args:
    catalogue: What there is.

  Returns:
    Of a seen instrument, those that training may hear; of others, all.
  """
  seen = catalogue.seen[catalogue.instrument]
  counted = ~seen | (catalogue.trainable & (catalogue.split == TRAIN))
  pairs = np.stack([catalogue.instrument, catalogue.patch], axis=1)[counted]
  return np.bincount(
    np.unique(pairs, axis=0)[:, 0], minlength=len(catalogue.instruments)
  )


def plot_stats(directory: Path, output: Path) -> None:
  """Draws hours, loudness and activity of the instruments of a folder.

  Args:
    directory: What `fewshot-mss data build` wrote.
    output: The picture to write.

  Raises:
    InputError: If matplotlib is missing, the folder holds no catalogue or the
      picture cannot be written.
  """
  figure_of = import_figure()
  catalogue = load_catalogue(directory)
  save_figure(draw_stats(figure_of, catalogue, directory.name), output)


def draw_stats(figure_of: Any, catalogue: Catalogue, name: str) -> Any:
  """Draws the figure: a line an instrument, the seen first, by hours.

  Args:
    figure_of: Of `import_figure`.
    catalogue: What there is.
    name: Of the dataset, for the heading.

  Returns:
    The figure.
  """
  stats = instrument_stats(catalogue)
  order = np.lexsort((-stats.hours.sum(axis=1), ~catalogue.seen))
  lines = max(_MIN_LINES, len(order))
  figure = figure_of(
    (WIDTH_INCHES * 1.25, _MARGIN_INCHES + _LINE_INCHES * lines)
  )
  segment_s = catalogue.segment_samples / catalogue.sample_rate_hz
  figure.suptitle(
    f"{name}: {stats.hours.sum():.2f} hours of stems, {len(catalogue):,} "
    f"segments of {segment_s:g} s at {catalogue.sample_rate_hz} Hz",
    fontsize=11,
  )
  axes = figure.subplots(1, 3, sharey=True, width_ratios=(1.4, 1, 1))
  _draw_hours(axes[0], stats.hours[order])
  _draw_loudness(axes[1], stats.loudness_db[order])
  _draw_activity(axes[2], stats.activity[order])
  num_seen = int(catalogue.seen.sum())
  timbres = num_timbres(catalogue)
  labels = [
    catalogue.instruments[i]
    + (f", {timbres[i]} timbres" if timbres[i] > 1 else "")
    + ("" if catalogue.seen[i] else " (unseen)")
    for i in order
  ]
  axes[0].set_yticks(np.arange(len(order)), labels, fontsize=8)
  axes[0].set_ylim(len(order) - 0.5, -0.5)
  for ax in axes:
    ax.grid(axis="x", alpha=0.3)
    ax.set_axisbelow(True)
    ax.tick_params(axis="x", labelsize=8)
    ax.tick_params(axis="y", length=0)
    if 0 < num_seen < len(order):
      ax.axhline(num_seen - 0.5, color="black", linewidth=0.8)
  figure.legend(
    *axes[0].get_legend_handles_labels(),
    frameon=False,
    fontsize=9,
    ncols=len(SPLITS),
    loc="outside lower center",
  )
  return figure


def _draw_hours(ax: Any, hours: Float64[np.ndarray, "I splits"]) -> None:
  left = np.zeros(len(hours))
  for i, split in enumerate(SPLITS):
    ax.barh(
      np.arange(len(hours)),
      hours[:, i],
      left=left,
      height=0.75,
      color=_COLOURS[i],
      label=split,
    )
    left += hours[:, i]
  ax.set_xlim(0, 1.05 * left.max())
  ax.set_title("Hours that are not silent", fontsize=10)
  ax.set_xlabel("hours of stems", fontsize=9)


def _draw_loudness(
  ax: Any, loudness_db: Float64[np.ndarray, "I percents"]
) -> None:
  place = np.arange(len(loudness_db))
  lowest, low, middle, high, highest = loudness_db.T
  ax.hlines(place, lowest, highest, color=_LOUDNESS_COLOUR, linewidth=1)
  ax.barh(place, high - low, left=low, height=0.6, color=_LOUDNESS_COLOUR)
  ax.plot(middle, place, "|", color="black", markersize=6)
  ax.set_title("Loudness of segments", fontsize=10)
  ax.set_xlabel("dB of full scale: 5, 25, 50, 75, 95 %", fontsize=9)


def _draw_activity(ax: Any, activity: Float64[np.ndarray, " I"]) -> None:
  place = np.arange(len(activity))
  ax.barh(place, 100 * activity, height=0.75, color=_ACTIVITY_COLOUR)
  ax.set_xlim(0, 100)
  ax.set_title("Activity in segments", fontsize=10)
  ax.set_xlabel("blocks in which it is heard (%)", fontsize=9)
