"""Examples that hold the very sound that is asked for, as loops do.

Where a song is put together from loops, a clip of another place of it may be,
sample for sample, the target. A separator that is given it need not know the
instrument to find it.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32

from fewshot_mss.data.catalogue import Catalogue
from fewshot_mss.data.evaluation_items import EvaluationItem
from fewshot_mss.data.records import RecordReader

MAX_CORRELATION = 0.9
_WINDOW_S = 1.0
# Above this, codecs and effects make copies differ.
_MAX_HZ = 1500.0
# A window this far below the loudest holds nothing to copy.
_QUIET_DB = -30.0


def drop_copies(
  items: Sequence[EvaluationItem], catalogue: Catalogue, reader: RecordReader
) -> list[EvaluationItem]:
  """Leaves out examples of the mixture's own songs that copy what is asked.

  Args:
    items: Of one dataset.
    catalogue: Of the dataset.
    reader: Likewise.

  Returns:
    The items, numbered anew; without those of whose right or wrong query no
    example is left.
  """
  kept = []
  for item in items:
    spec = item.spec
    rows = spec.source_records[spec.source_records >= 0].tolist()
    sounds = {row: reader.read(row) for row in rows}
    tracks = set(catalogue.track[rows].tolist())
    positives = spec.positive_records.copy()
    for examples in positives:
      left = []
      for example in examples[examples >= 0].tolist():
        own = [
          row
          for row in rows
          if catalogue.track[example] in tracks
          and catalogue.stem[row] == catalogue.stem[example]
        ]
        sound = reader.read(example) if own else None
        if sound is None or all(
          likeness(sounds[row], sound, catalogue.sample_rate_hz)
          <= MAX_CORRELATION
          for row in own
        ):
          left.append(example)
      examples[:] = -1
      examples[: len(left)] = left
    if (positives[:, 0] >= 0).all():
      kept.append(
        item._replace(
          spec=spec._replace(index=len(kept), positive_records=positives)
        )
      )
  return kept


def likeness(
  target: Float32[np.ndarray, " samples"],
  example: Float32[np.ndarray, " _"],
  rate_hz: int,
) -> float:
  """Returns how much a second of a sound recurs in another.

  Args:
    target: The one.
    example: The other.
    rate_hz: Of both.

  Returns:
    The largest correlation, without regard to level, of a window of the target
    with a stretch of the example; 0 if either is silent.
  """
  window = round(_WINDOW_S * rate_hz)
  target, example = (_low(sound, rate_hz) for sound in (target, example))
  size = 2 ** int(np.ceil(np.log2(len(example) + window)))
  spectrum = np.fft.rfft(example, size)
  # Energy of each stretch, as a difference of sums.
  sums = np.concatenate([[0.0], np.cumsum(example**2)])
  energy = sums[window:] - sums[:-window]
  floor = 10 ** (_QUIET_DB / 10)
  if len(target) < window or not len(energy) or energy.max() <= 0:
    return 0.0
  cuts = [
    target[begin : begin + window]
    for begin in range(0, len(target) - window + 1, window // 2)
  ]
  loudest = max(float(cut @ cut) for cut in cuts)
  found = 0.0
  for cut in cuts:
    own = float(cut @ cut)
    if own <= floor * loudest or own == 0:
      continue
    product = np.fft.irfft(spectrum * np.conj(np.fft.rfft(cut, size)), size)
    product = product[: len(energy)]
    heard = energy > floor * energy.max()
    correlation = product[heard] / np.sqrt(own * energy[heard])
    found = max(found, float(correlation.max()))
  return found


def _low(sound: Float32[np.ndarray, " samples"], rate_hz: int) -> np.ndarray:
  """Returns the low frequencies of a sound, in double precision."""
  spectrum = np.fft.rfft(sound.astype(np.float64))
  spectrum[np.fft.rfftfreq(len(sound), 1 / rate_hz) > _MAX_HZ] = 0
  return np.fft.irfft(spectrum, len(sound))
