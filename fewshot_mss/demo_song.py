"""One song of the demo, separated with 1, 3 and 5 examples by one model."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

from fewshot_mss.audio.output_folders import check_writable
from fewshot_mss.audio.writing import write_audio
from fewshot_mss.data.catalogue import load_catalogue
from fewshot_mss.data.episodes import NO_RECORD
from fewshot_mss.data.evaluation_items import EvaluationItem
from fewshot_mss.data.evaluation_list import read_evaluation_list
from fewshot_mss.data.records import RecordReader
from fewshot_mss.data.whole_songs import read_song
from fewshot_mss.evaluation.metrics import si_sdr_db
from fewshot_mss.inference.separator import Separator

SHOTS = (1, 3, 5)


class SeparatedSong(NamedTuple):
  """A song that training has not heard, separated.

  Attributes:
    item: What is asked of it.
    mixture: The whole song.
    reference: The target in it.
    estimates: The target as separated, for each number of examples.
    rate_hz: Sample rate.
  """

  item: EvaluationItem
  mixture: Float32[np.ndarray, " samples"]
  reference: Float32[np.ndarray, " samples"]
  estimates: dict[int, Float32[np.ndarray, " samples"]]
  rate_hz: int

  @property
  def mixture_db(self) -> float:
    """SI-SDR of the mixture."""
    return float(si_sdr_db(self.reference, self.mixture))

  @property
  def improvements_db(self) -> dict[int, float]:
    """SI-SDR over that of the mixture, for each number of examples."""
    return {
      shots: float(si_sdr_db(self.reference, estimate)) - self.mixture_db
      for shots, estimate in self.estimates.items()
    }


def separate_song(data: Path, separator: Separator) -> SeparatedSong:
  """Separates the song of the first item of the test list.

  The first, not the best: the list is drawn before any training.

  Args:
    data: A dataset.
    separator: Of a model that is asked by examples.

  Returns:
    The song.
  """
  catalogue = load_catalogue(data)
  reader = RecordReader(data, catalogue)
  item = read_evaluation_list(data, "test")[0]
  mixture, reference = read_song(
    reader,
    catalogue,
    catalogue.tracks.index(item.song),
    catalogue.instruments.index(item.instrument),
  )
  records = item.spec.positive_records[0]
  examples = [reader.read(int(row)) for row in records if row != NO_RECORD]
  rate_hz = catalogue.sample_rate_hz
  estimates = {
    shots: separator.separate(
      mixture, positives=examples[:shots], rate_hz=rate_hz
    ).target[:, 0]
    for shots in SHOTS
  }
  return SeparatedSong(item, mixture, reference, estimates, rate_hz)


def write_sounds(song: SeparatedSong, folder: Path) -> None:
  """Writes what there is to listen to; `target` is of the most examples.

  Args:
    song: The song.
    folder: Where to; it is made.
  """
  target = song.estimates[SHOTS[-1]]
  sounds = {
    "mixture": song.mixture,
    "reference": song.reference,
    "target": target,
    "residual": song.mixture - target,
  }
  for shots in SHOTS[:-1]:
    sounds[f"target_{shots}_shot"] = song.estimates[shots]
  check_writable(folder)
  for name, samples in sounds.items():
    write_audio(folder / f"{name}.wav", samples[:, None], song.rate_hz, "FLOAT")
