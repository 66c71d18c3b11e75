"""Pictures of a separated song: pixels and lines, the words are the page's."""

import io
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Float64
from matplotlib import image

from fewshot_mss.audio.blocks import audio_info
from fewshot_mss.audio.files import read_audio
from fewshot_mss.audio.levels import power_db

COLUMNS = 1000
ROWS = 200
_WINDOW_SAMPLES = 1024
_MARGIN_SAMPLES = _WINDOW_SAMPLES // 2
# Of a long song: it is looked at here and there.
_FRAMES_A_COLUMN = 4
_COLUMNS_AT_ONCE = 10
# What is darkest lies so far below the brightest of the song.
_DEPTH_DB = 80.0
# Levels are drawn from here to full scale.
_LOWEST_LEVEL_DB = -60.0


class Overview(NamedTuple):
  """A sound in columns from beginning to end.

  Attributes:
    power: Mean power by frequency and time.
    levels_db: RMS level of each column.
  """

  power: Float32[np.ndarray, "rows columns"]
  levels_db: Float64[np.ndarray, " columns"]


def survey(target: Path, residual: Path) -> tuple[Overview, Overview, Overview]:
  """Looks at the two parts of a song, a little at a time.

  Args:
    target: A file that was written.
    residual: The other one, of the same length.

  Returns:
    The song, the target and the residual.
  """
  info = audio_info(target)
  columns = max(1, min(COLUMNS, info.num_samples * 4 // _WINDOW_SAMPLES))
  bounds = [info.num_samples * edge // columns for edge in range(columns + 1)]
  powers, means = [], []
  for first in range(0, columns, _COLUMNS_AT_ONCE):
    edges = bounds[first : first + _COLUMNS_AT_ONCE + 1]
    sounds = _read_around((target, residual), edges[0], edges[-1])
    for start, stop in itertools.pairwise(edge - edges[0] for edge in edges):
      own = sounds[:, _MARGIN_SAMPLES + start : _MARGIN_SAMPLES + stop]
      means.append(np.square(own, dtype=np.float64).mean(axis=1))
      powers.append(_power(sounds, start, stop))
  power = np.stack(powers, axis=-1)
  levels_db = power_db(np.stack(means, axis=-1))
  song, taken, rest = (
    Overview(power[part], levels_db[part]) for part in range(3)
  )
  return song, taken, rest


def _read_around(
  paths: Sequence[Path], start: int, stop: int
) -> Float32[np.ndarray, "parts samples"]:
  """Reads a stretch of the song and its parts, mono, with a margin around it.

  Beyond the ends of the song there is silence.
  """
  begin = max(0, start - _MARGIN_SAMPLES)
  parts = [
    read_audio(path, begin, stop + _MARGIN_SAMPLES)[0].mean(axis=1)
    for path in paths
  ]
  sounds = np.stack([sum(parts), *parts])
  before = _MARGIN_SAMPLES - (start - begin)
  missing = stop - start + 2 * _MARGIN_SAMPLES - before - sounds.shape[1]
  return np.pad(sounds, [(0, 0), (before, missing)])


def _power(
  sounds: Float32[np.ndarray, "parts samples"], start: int, stop: int
) -> Float32[np.ndarray, "parts rows"]:
  """Returns the mean power of frames with their middle from start to stop."""
  middles = np.linspace(start, stop, _FRAMES_A_COLUMN, endpoint=False)
  frames = np.stack(
    [sounds[:, m : m + _WINDOW_SAMPLES] for m in middles.astype(int)]
  )
  window = np.hanning(_WINDOW_SAMPLES)
  power = np.mean(np.abs(np.fft.rfft(frames * window)) ** 2, axis=0)
  rows = np.linspace(0, power.shape[1], ROWS, endpoint=False).astype(int)
  lengths = np.diff(np.append(rows, power.shape[1]))
  return (np.add.reduceat(power, rows, axis=1) / lengths).astype(np.float32)


def spectrogram_png(overview: Overview, song: Overview) -> bytes:
  """Draws a spectrogram, a pixel a value, low frequencies at the bottom.

  Args:
    overview: Of the sound.
    song: Whose brightest spot is the brightest colour.

  Returns:
    A PNG file.
  """
  top_db = float(power_db(song.power).max())
  picture = io.BytesIO()
  image.imsave(
    picture,
    power_db(overview.power),
    vmin=top_db - _DEPTH_DB,
    vmax=top_db,
    cmap="magma",
    origin="lower",
    format="png",
  )
  return picture.getvalue()


def levels_svg(
  target: Overview,
  song: Overview,
  spans_s: Sequence[tuple[float, float]],
  seconds: float,
) -> str:
  """Draws the level of the target over time, on that of the song.

  Args:
    target: What was taken out.
    song: What it was taken from.
    spans_s: Where the target was heard, drawn as a bar below.
    seconds: Length of the song.

  Returns:
    An SVG element that fills whatever box it is given.
  """
  columns = len(song.levels_db)
  paths = "".join(
    f'<path class="{name}" d="{_area(part.levels_db)}"/>'
    for name, part in (("song", song), ("target", target))
  )
  bars = "".join(
    f'<rect class="heard" x="{begin_s / seconds * columns:.2f}" y="104" '
    f'width="{(end_s - begin_s) / seconds * columns:.2f}" height="8"/>'
    for begin_s, end_s in spans_s
  )
  return (
    f'<svg class="levels" viewBox="0 0 {columns} 112" '
    f'preserveAspectRatio="none" aria-hidden="true">{paths}{bars}</svg>'
  )


def _area(levels_db: Float64[np.ndarray, " columns"]) -> str:
  tops = 100 * np.clip(levels_db / _LOWEST_LEVEL_DB, 0, 1)
  line = "".join(f"L{x} {y:.1f}H{x + 1}" for x, y in enumerate(tops))
  return f"M0 100{line}V100Z"
