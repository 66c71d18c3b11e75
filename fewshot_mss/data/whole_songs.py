"""A whole song of a prepared dataset, put together from its segments."""

import numpy as np
from jaxtyping import Float32

from fewshot_mss.data.catalogue import Catalogue
from fewshot_mss.data.records import RecordReader


def read_song(
  reader: RecordReader,
  catalogue: Catalogue,
  track: int,
  instrument: int,
) -> tuple[Float32[np.ndarray, " samples"], Float32[np.ndarray, " samples"]]:
  """Reads a song and what one instrument plays in it.

  Args:
    reader: Of the dataset.
    catalogue: Likewise.
    track: Index of the song.
    instrument: Index of the instrument.

  Returns:
    The mixture and the instrument in it. A mixture that would exceed full
    scale is scaled down together with the instrument.
  """
  rows = np.flatnonzero(catalogue.track == track)
  length = int(catalogue.start_samples[rows].max()) + catalogue.segment_samples
  mixture = np.zeros(length, np.float32)
  target = np.zeros(length, np.float32)
  for row in rows.tolist():
    begin = int(catalogue.start_samples[row])
    place = slice(begin, begin + catalogue.segment_samples)
    segment = reader.read(row)
    mixture[place] += segment
    if catalogue.instrument[row] == instrument:
      target[place] += segment
  scale = np.float32(1 / max(1.0, np.abs(mixture).max()))
  return mixture * scale, target * scale
