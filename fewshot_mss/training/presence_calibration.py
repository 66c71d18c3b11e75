"""What the level of an output means for a network, from songs of its run."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32

from fewshot_mss.data.catalogue import VALIDATION
from fewshot_mss.data.presence_songs import AskedSong, asked_songs
from fewshot_mss.data.records import RecordReader
from fewshot_mss.data.sources import Sources
from fewshot_mss.errors import InputError
from fewshot_mss.inference.calibration import Calibration, fit_line
from fewshot_mss.inference.conditions import Ask
from fewshot_mss.inference.presence import PresenceMeter, song_level_db
from fewshot_mss.inference.separator import Separator
from fewshot_mss.inference.stream import Block

_SONGS = 20
# Beside the mixture, a target above the one is there, below the other it is
# not; what lies between teaches nothing.
_THERE_DB, _AWAY_DB = -25.0, -40.0

Levels = Float32[np.ndarray, "asked frames"]


def measure_presence(
  separator: Separator, sources: Sources
) -> dict[str, object]:
  """Asks validation songs for what they hold and do not, and fits the curves.

  Args:
    separator: Of the model, asked by examples.
    sources: The datasets of its run.

  Returns:
    `training.presence` of the archive, see `calibration_of`.

  Raises:
    InputError: If no validation song can be asked for both.
  """
  measured = []
  for folder, catalogue, weight in zip(
    sources.folders, sources.catalogues, sources.weights, strict=True
  ):
    if not weight:
      continue
    reader = RecordReader(folder, catalogue)
    for song in asked_songs(reader, catalogue, VALIDATION, _SONGS):
      measured.append(_measure(separator, song))
  calibration = fit_calibration(measured)
  return {
    "moment": list(calibration.moment),
    "song": list(calibration.song),
    "songs": len(measured),
  }


def fit_calibration(measured: Sequence[tuple[Levels, Levels]]) -> Calibration:
  """Fits both curves.

  Args:
    measured: Of each song, the levels of what came out beside the mixture, and
      those of what should have.

  Returns:
    The curves.

  Raises:
    InputError: If targets are there in none, or away from none.
  """
  levels, there, song_levels, in_song = [], [], [], []
  for given, true in measured:
    for row, truth in zip(given, true, strict=True):
      is_there, is_away = truth >= _THERE_DB, truth <= _AWAY_DB
      levels.append(row[is_there | is_away])
      there.append(is_there[is_there | is_away])
      if is_there.any() or is_away.all():
        song_levels.append(song_level_db(row))
        in_song.append(bool(is_there.any()))
  if len(set(in_song)) != 2:
    raise InputError(
      "--presence: no validation song holds one instrument and lacks another "
      "that can be asked for: build a dataset with more songs"
    )
  moment = fit_line(
    np.concatenate(levels).astype(np.float64), np.concatenate(there)
  )
  return Calibration(moment, fit_line(np.array(song_levels), np.array(in_song)))


def _measure(separator: Separator, song: AskedSong) -> tuple[Levels, Levels]:
  # One by one: negatives would tell what else the song holds.
  rate_hz = separator.rate_hz
  conditions = np.concatenate(
    [
      separator.conditions([Ask(clips)], rate_hz=rate_hz)
      for clips in song.examples
    ]
  )
  blocks = separator.stream(song.mixture, conditions, rate_hz=rate_hz)
  given = PresenceMeter(len(conditions), rate_hz)
  for _ in given.watched(blocks):
    pass
  true = PresenceMeter(len(conditions), rate_hz)
  for _ in true.watched(
    [Block(song.mixture[:, None], song.targets[..., None])]
  ):
    pass
  return given.levels_db, true.levels_db
