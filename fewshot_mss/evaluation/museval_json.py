"""BSSEval v4 through museval (the extra `eval`), as museval writes it.

museval itself computes the figures, keeps them, checks them by its schema and
writes them; `museval.EvalStore().add_eval_dir` reads the folder. Each target is
scored beside the rest of its song: two sources, `target` and `mixture - target`
against the output and `mixture - output`. SDR and ISR do not depend on which
other sources are scored; SIR and SAR do, and are of these two.

Where there is no figure there is NaN, which museval's medians pass over: in
windows in which one of the four signals is silent (as museval does it) or which
an example was taken from, and in all windows where one of them is silent from
beginning to end, of which museval would make an error of the whole song.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from fewshot_mss.data.catalogue import write_text_whole
from fewshot_mss.errors import InputError

WINDOW_S = 1.0
METRICS = ("SDR", "ISR", "SIR", "SAR")
# Frames of one target: a list for each of METRICS.
Frames = dict[str, list[float]]


def museval_version() -> str:
  """Returns the version of museval.

  Raises:
    InputError: If it cannot run: it loads stempeg, which asks for ffmpeg.
    ModuleNotFoundError: If museval is not installed.
  """
  try:
    import museval
    from museval.version import _version
  except RuntimeError as error:
    raise InputError(
      f"museval cannot be used ({error}): it reads nothing with them here, but "
      "does not start without; install ffmpeg"
    ) from error
  del museval
  return str(_version)


def bsseval_frames(
  target: Float32[np.ndarray, "channels samples"],
  mixture: Float32[np.ndarray, "channels samples"],
  output: Float32[np.ndarray, "channels samples"],
  rate_hz: int,
  kept: np.ndarray,
) -> Frames:
  """Scores one output in windows of a second.

  Args:
    target: The truth.
    mixture: The song.
    output: Of the model.
    rate_hz: Sample rate.
    kept: Which samples count; windows with others are NaN.

  Returns:
    The frames of each of `METRICS`. A song shorter than a second is one frame.
  """
  window = round(WINDOW_S * rate_hz)
  count = max(1, len(kept) // window)
  counted = np.array(
    [kept[i * window : (i + 1) * window].all() for i in range(count)]
  )
  references = np.stack([target.T, (mixture - target).T])
  estimates = np.stack([output.T, (mixture - output).T])
  silent = [
    # What museval takes for silence: channels that sum to zero.
    not sound.sum(axis=1).any()
    for sound in (*references, *estimates)
  ]
  if any(silent):
    return {name: [float("nan")] * count for name in METRICS}
  found = _evaluate(references, estimates, window)
  return {
    name: np.where(counted, figures[0], np.nan).tolist()
    for name, figures in zip(METRICS, found, strict=True)
  }


def _evaluate(
  references: np.ndarray, estimates: np.ndarray, window: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
  """Returns SDR, ISR, SIR and SAR, [sources, frames] each."""
  # Here rather than above: of an extra.
  import museval

  return museval.evaluate(references, estimates, win=window, hop=window)


def write_song(path: Path, song: str, targets: Mapping[str, Frames]) -> None:
  """Writes the figures of a song as museval does.

  Args:
    path: Of the file; its folder is made if it is not there.
    song: Its name.
    targets: The frames of each instrument.

  Raises:
    InputError: If the file cannot be written.
  """
  from museval.aggregate import TrackStore

  store = TrackStore(song, win=WINDOW_S, hop=WINDOW_S)
  for name, frames in targets.items():
    store.add_target(name, frames)
  store.validate()
  try:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text_whole(path, store.json)
  except OSError as error:
    raise InputError(
      f"{path} cannot be written ({error.strerror}): name another folder"
    ) from error


def median_frames(frames: Frames) -> dict[str, float]:
  """Returns the median of each metric over its frames, NaN if there is none."""
  medians = {}
  for name in METRICS:
    figures = np.array(frames[name])
    known = figures[~np.isnan(figures) & ~np.isinf(figures)]
    medians[name] = float(np.median(known)) if len(known) else float("nan")
  return medians


def describe(songs: Sequence[Mapping[str, Frames]], shots: int) -> str:
  """Says what the figures of songs amount to, target by target.

  Args:
    songs: The frames of each target of each song.
    shots: Of the model whose outputs they are.

  Returns:
    SDR: the median over the frames of a song, then over songs, which is how
    SiSEC 2018 counts; with the number of songs that have any.
  """
  found: dict[str, list[float]] = {}
  for targets in songs:
    for name, frames in targets.items():
      found.setdefault(name, []).append(median_frames(frames)["SDR"])
  words = []
  for name in sorted(found):
    known = [sdr for sdr in found[name] if not np.isnan(sdr)]
    figure = f"{np.median(known):+.2f} dB" if known else "none"
    words.append(f"{name} {figure} (n = {len(known)} songs)")
  return (
    f"SDR, median over frames of 1 s, then over songs, {shots} shots: "
    + ", ".join(words)
  )
