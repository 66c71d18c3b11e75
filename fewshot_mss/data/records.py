"""Random access to the stored sound, and an episode's integers made audio."""

from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int

from fewshot_mss.data.catalogue import SPLITS, Catalogue
from fewshot_mss.data.episode_settings import EpisodeSettings
from fewshot_mss.data.episodes import NO_RECORD, EpisodeSpec
from fewshot_mss.episode import EpisodeBatch, Support
from fewshot_mss.errors import InputError

_RECORDS = "stem_dataset-{split}.array_record-*"


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
    # Here rather than above: these two cost seconds to import.
    from array_record.python import array_record_data_source
    from tensorflow_datasets.proto import tf_example_pb2

    self._parse = tf_example_pb2.Example.FromString
    self._catalogue = catalogue
    self._sources = []
    for i, split in enumerate(SPLITS):
      pattern = _RECORDS.format(split=split)
      paths = sorted(directory.glob(pattern))
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

  def read(self, row: int | np.integer) -> Float32[np.ndarray, " samples"]:
    """Returns a segment in [-1, 1].

    Args:
      row: Of the catalogue.

    Returns:
      All samples of the segment.
    """
    source = self._sources[self._catalogue.split[row]]
    example = self._parse(source[int(self._catalogue.record[row])])
    pcm = example.features.feature["pcm"].bytes_list.value[0]
    return np.frombuffer(pcm, np.int16).astype(np.float32) / 32768


def read_episode(
  spec: EpisodeSpec,
  reader: RecordReader,
  settings: EpisodeSettings,
) -> EpisodeBatch:
  """Reads the sound of one episode.

  Args:
    spec: What to read.
    reader: Of the dataset that the spec was drawn from.
    settings: Lengths of mixture and examples.

  Returns:
    The episode, without the leading dimension B; padding is zero. A mixture
    that would exceed full scale is scaled down together with its targets.
  """
  sources = np.zeros(
    (len(spec.source_records), settings.mixture_samples), np.float32
  )
  for i, row in enumerate(spec.source_records):
    if row != NO_RECORD:
      begin = spec.source_offsets_samples[i]
      cut = reader.read(row)[begin : begin + settings.mixture_samples]
      sources[i] = cut * spec.source_gains[i]
  mixture = sources.sum(axis=0)
  targets = spec.target_sources.astype(np.float32) @ sources
  scale = np.float32(1 / max(1.0, np.abs(mixture).max(initial=0.0)))
  length = settings.example_samples
  return EpisodeBatch(
    mixture=mixture * scale,
    targets=targets * scale,
    support=Support(
      positives=_clips(
        reader, spec.positive_records, spec.positive_offsets_samples, length
      ),
      positive_mask=spec.positive_records != NO_RECORD,
      negatives=_clips(
        reader, spec.negative_records, spec.negative_offsets_samples, length
      ),
      negative_mask=spec.negative_records != NO_RECORD,
      class_id=spec.class_id,
    ),
    query_mask=spec.query_mask,
  )


def _clips(
  reader: RecordReader,
  rows: Int[np.ndarray, "Q K"],
  offsets_samples: Int[np.ndarray, "Q K"],
  length_samples: int,
) -> Float32[np.ndarray, "Q K samples"]:
  clips = np.zeros((*rows.shape, length_samples), np.float32)
  for place in zip(*np.nonzero(rows != NO_RECORD), strict=True):
    begin = offsets_samples[place]
    clips[place] = reader.read(rows[place])[begin : begin + length_samples]
  return clips
