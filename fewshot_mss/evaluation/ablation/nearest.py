"""Which seen class of its family an unseen instrument sounds most like.

METHOD: a model that is conditioned by class has no answer for an instrument
that it has not learned. One reading of the comparison lends it the nearest
class of the family. Near is what has a like spectrum over long times, the level
left out: of the classes in training songs, of the instrument in the examples.
"""

import functools
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from fewshot_mss.data.catalogue import TRAIN
from fewshot_mss.data.records import RecordReader
from fewshot_mss.data.sources import Sources
from fewshot_mss.evaluation.ablation.clips import Clip, read_clip

_FRAME = 1024
_BANDS = 32
_LOWEST_HZ = 50.0
_FLOOR_DB = -60.0
# Segments that a class is heard by; the first of each dataset that has it.
_SEGMENTS = 8


class NearestClass:
  """Finds the nearest class for the instruments of one dataset."""

  def __init__(
    self,
    sources: Sources,
    readers: Sequence[RecordReader],
    classes: Sequence[str],
  ):
    """Reads nothing yet.

    Args:
      sources: All datasets of the run.
      readers: Of each.
      classes: What the model has learned, in order of class_id.
    """
    self._sources = sources
    self._readers = readers
    self._classes = classes
    self._rate_hz = sources.catalogues[0].sample_rate_hz

  def __call__(self, instrument: str, clips: Sequence[Clip]) -> int | None:
    """Returns the class_id that is nearest to an instrument.

    Args:
      instrument: Its name.
      clips: What shows it.

    Returns:
      A class of its family; None if there is none, or nothing shows it.
    """
    family = self._families.get(instrument)
    near = [
      i
      for i, name in enumerate(self._classes)
      if self._families.get(name) == family
      and self._class_colour(i) is not None
    ]
    if not near or not clips:
      return None
    sounds = [read_clip(clip, self._readers, self._rate_hz) for clip in clips]
    wanted = colour_db(np.stack(sounds), self._rate_hz)
    distances = [np.sum((self._class_colour(i) - wanted) ** 2) for i in near]
    return near[int(np.argmin(distances))]

  @functools.cached_property
  def _families(self) -> dict[str, str]:
    """The family of each instrument, by the first dataset that has it."""
    found: dict[str, str] = {}
    for catalogue in self._sources.catalogues:
      numbers, first = np.unique(catalogue.instrument, return_index=True)
      for number, row in zip(numbers.tolist(), first.tolist(), strict=True):
        family = catalogue.families[catalogue.family[row]]
        found.setdefault(catalogue.instruments[number], family)
    return found

  @functools.cache  # noqa: B019 (one for each run, which ends with it)
  def _class_colour(self, class_id: int) -> Float[np.ndarray, " bands"] | None:
    sounds = []
    for reader, catalogue in zip(
      self._readers, self._sources.catalogues, strict=True
    ):
      name = self._classes[class_id]
      if name not in catalogue.instruments:
        continue
      fits = catalogue.trainable & (catalogue.split == TRAIN)
      fits &= catalogue.instrument == catalogue.instruments.index(name)
      rows = np.flatnonzero(fits & catalogue.active.any(axis=1))[:_SEGMENTS]
      sounds += [
        colour_db(reader.read(row)[None], self._rate_hz) for row in rows
      ]
    return np.mean(sounds, axis=0) if sounds else None


def colour_db(
  sounds: Float[np.ndarray, "n samples"], sample_rate_hz: int
) -> Float[np.ndarray, " bands"]:
  """Returns the mean spectrum of sounds in bands, the loudest at 0 dB.

  Args:
    sounds: All of one length.
    sample_rate_hz: Of them.

  Returns:
    Levels of bands that are evenly spaced in log frequency, at least
    -60 dB below the loudest.
  """
  count = max(1, sounds.shape[1] // _FRAME)
  size = count * _FRAME
  padded = np.zeros((len(sounds), size))
  padded[:, : sounds.shape[1]] = sounds[:, :size]
  frames = padded.reshape(-1, _FRAME) * np.hanning(_FRAME)
  power = np.mean(np.abs(np.fft.rfft(frames)) ** 2, axis=0)
  bins_hz = np.fft.rfftfreq(_FRAME, 1 / sample_rate_hz)
  edges = np.geomspace(_LOWEST_HZ, sample_rate_hz / 2, _BANDS + 1)
  band = np.clip(np.searchsorted(edges, bins_hz) - 1, 0, _BANDS - 1)
  total = np.bincount(band, power, minlength=_BANDS)
  loudest = max(float(total.max()), np.finfo(np.float64).tiny)
  return 10 * np.log10(np.maximum(total / loudest, 10 ** (_FLOOR_DB / 10)))
