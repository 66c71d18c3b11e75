"""Record files in the form of TensorFlow Datasets, one shard at a time.

TFDS could write them, too, but in another order of a record's fields each time:
a build that was stopped would not end with the same bytes.
"""

import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds
from array_record.python.array_record_module import ArrayRecordWriter
from jaxtyping import Int16
from tensorflow_datasets.proto import tf_example_pb2

from fewshot_mss.data.cut_files import read_segments, written_whole
from fewshot_mss.data.segments import StemLabels

# A record can be read alone. Level 1 is four times as fast to write as the
# default, as fast to read, and 4 % larger (measured on stems of a real song).
_OPTIONS = "group_size:1,zstd:1"
# Of a file of records, before compression: many enough to be written side by
# side, few enough to be opened at once.
_SHARD_BYTES = 2**28


def features(segment_samples: int) -> tfds.features.FeaturesDict:
  """Returns what a record holds.

  Args:
    segment_samples: Length of a segment.

  Returns:
    The features, as TFDS describes them.
  """
  return tfds.features.FeaturesDict(
    {
      "track": tfds.features.Text(),
      "stem": tfds.features.Text(),
      "instrument": tfds.features.Text(),
      "family": tfds.features.Text(),
      "patch": tfds.features.Text(),
      "start_samples": np.int64,
      "rms_db": np.float32,
      # Without an encoding TFDS stores int16 as a list of int64.
      "pcm": tfds.features.Tensor(
        shape=(segment_samples,),
        dtype=np.int16,
        encoding=tfds.features.Encoding.BYTES,
      ),
    }
  )


def write_shard(path: Path, cut_files: Sequence[Path]) -> None:
  """Writes the records of some cut tracks, in order, whole or not at all.

  Args:
    path: Of the shard.
    cut_files: What `cut_files.write_cut` wrote, each with segments.

  Raises:
    RunError: If the shard cannot be written.
  """
  # Beside the cut tracks, which are removed at the end, for a machine that is
  # lost leaves it there.
  with written_whole(path, cut_files[0].parent) as temporary:
    _write_records(temporary, cut_files)


def _write_records(path: Path, cut_files: Sequence[Path]) -> None:
  writer = ArrayRecordWriter(str(path), _OPTIONS)
  for cut_file in cut_files:
    for segment in read_segments(cut_file):
      writer.write(_record(*segment))
  # Only now it says whether all has found room.
  writer.close()


def _record(
  track: str,
  labels: StemLabels,
  start_samples: int,
  level_db: float,
  pcm: Int16[np.ndarray, " samples"],
) -> bytes:
  """Returns a record as TFDS reads it, the same bytes for the same record."""
  example = tf_example_pb2.Example()
  feature = example.features.feature
  texts = {
    "track": track,
    "stem": labels.name,
    "instrument": labels.instrument,
    "family": labels.family,
    "patch": labels.patch,
  }
  for name, text in texts.items():
    feature[name].bytes_list.value.append(text.encode())
  feature["start_samples"].int64_list.value.append(start_samples)
  feature["rms_db"].float_list.value.append(level_db)
  feature["pcm"].bytes_list.value.append(pcm.astype("<i2").tobytes())
  return example.SerializeToString(deterministic=True)


def shards_of(files: Iterable[Path]) -> list[list[Path]]:
  """Groups files in order to shards of about one size.

  Args:
    files: Of cut tracks.

  Returns:
    The files of each shard.
  """
  bytes_before = itertools.accumulate(
    (path.stat().st_size for path in files), initial=0
  )
  groups = itertools.groupby(
    zip(bytes_before, files, strict=False),
    key=lambda item: item[0] // _SHARD_BYTES,
  )
  return [[path for _, path in group] for _, group in groups]
