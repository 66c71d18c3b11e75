"""Random access to the stored sound."""

from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int16

from fewshot_mss.data.catalogue import SPLITS, Catalogue
from fewshot_mss.errors import InputError

_RECORDS = "stem_dataset-{split}.array_record-*"
# Of the stored samples, of full scale.
PCM_STEP = np.float32(1 / 32768)


def record_files(directory: Path, split: int) -> list[Path]:
  """Returns the files that hold the records of a split, in order.

  Args:
    directory: The prepared folder.
    split: Index into `SPLITS`.

  Returns:
    The files; none if there are no such records.
  """
  return sorted(directory.glob(_RECORDS.format(split=SPLITS[split])))


class RecordReader:
  """Reads segments of a prepared dataset by their row in the catalogue."""

  def __init__(self, directory: Path, catalogue: Catalogue):
    """Opens the record files and counts what they hold.

    Args:
      directory: The prepared folder.
      catalogue: Of that folder.

    Raises:
      InputError: If records are missing or their files damaged.
    """
    # Here rather than above: it costs seconds to import.
    from array_record.python import array_record_data_source

    self._pcm_header = _header_of_pcm(2 * catalogue.segment_samples)
    self._catalogue = catalogue
    self._sources = []
    for i, split in enumerate(SPLITS):
      pattern = _RECORDS.format(split=split)
      paths = record_files(directory, i)
      expected = int(np.sum(catalogue.split == i))
      source = ()
      try:
        if paths:
          source = array_record_data_source.ArrayRecordDataSource(paths)
      except (RuntimeError, ValueError, OSError) as error:
        raise InputError(
          f"{directory / pattern} cannot be read: build the dataset again"
        ) from error
      if len(source) != expected:
        raise InputError(
          f"{directory / pattern} holds {len(source)} of {expected} records: "
          "build the dataset again"
        )
      self._sources.append(source)

  def pcm(self, row: int | np.integer) -> Int16[np.ndarray, " samples"]:
    """Returns a segment as it is stored, without copying it.

    Args:
      row: Of the catalogue.

    Returns:
      All samples of the segment, read-only.

    Raises:
      InputError: If the record does not hold that many samples.
    """
    split = self._catalogue.split[row]
    record = self._sources[split][int(self._catalogue.record[row])]
    # A parser would copy the samples twice, and hold the GIL meanwhile.
    begin = record.find(self._pcm_header)
    if begin < 0:
      raise InputError(
        f"a {SPLITS[split]} record does not hold "
        f"{self._catalogue.segment_samples} samples: build the dataset again"
      )
    begin += len(self._pcm_header)
    return np.frombuffer(
      record, np.int16, self._catalogue.segment_samples, begin
    )

  def track(self, row: int | np.integer) -> int:
    """Returns the number of the song that a row of the catalogue is of."""
    return self._catalogue.track.item(row)

  def read(self, row: int | np.integer) -> Float32[np.ndarray, " samples"]:
    """Returns a segment in [-1, 1].

    Args:
      row: Of the catalogue.

    Returns:
      All samples of the segment.
    """
    return np.multiply(self.pcm(row), PCM_STEP, dtype=np.float32)


def _header_of_pcm(num_bytes: int) -> bytes:
  """Returns what stands before the samples in the record of a segment.

  Long enough that no sound or label holds it by chance.
  """
  from tensorflow_datasets.proto import tf_example_pb2

  example = tf_example_pb2.Example()
  example.features.feature["pcm"].bytes_list.value.append(bytes(num_bytes))
  alone = example.SerializeToString()
  # The name of the feature with its tag and its length.
  return alone[alone.index(b"\n\x03pcm") : -num_bytes]
