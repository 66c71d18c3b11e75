"""Songs in, a prepared dataset out: records, catalogue, evaluation lists."""

import contextlib
import io
import shutil
from collections.abc import Sequence
from pathlib import Path

import tensorflow_datasets as tfds

from fewshot_mss.data import cut_files
from fewshot_mss.data.quiet import quiet
from fewshot_mss.data.stem_dataset import StemConfig, StemDataset
from fewshot_mss.data.tracks import TrackSet
from fewshot_mss.data.work import LOCAL_OPTIONS, beam_options
from fewshot_mss.errors import InputError

_NAME = "songs"


def build(
  track_set: TrackSet,
  output_dir: Path,
  *,
  sample_rate_hz: int,
  segment_s: float,
  beam_words: Sequence[str] = LOCAL_OPTIONS,
  skip_bad: bool = False,
  progress: bool = True,
) -> Path:
  """Prepares a dataset.

  Everything is written into a folder beside the wanted one, which takes its
  place at the end: a prepared folder is whole or not there. What a build that
  was stopped has cut is used again.

  Args:
    track_set: The songs.
    output_dir: Where to; must not exist yet, or be empty.
    sample_rate_hz: Rate that the audio is stored at.
    segment_s: Length of a segment, in seconds.
    beam_words: Where the work is done, as `work.beam_options` takes it.
    skip_bad: Whether to leave out stems that cannot be read.
    progress: Whether to show a progress bar.

  Returns:
    The folder.

  Raises:
    InputError: If there is nothing usable, a stem cannot be read, or the
      folder is not free or cannot be written.
  """
  config = StemConfig(
    name=_NAME,
    sample_rate_hz=sample_rate_hz,
    segment_s=segment_s,
    skip_bad=skip_bad,
    progress=progress,
  )
  download_config = tfds.download.DownloadConfig(
    beam_options=beam_options(beam_words)
  )
  output_dir = output_dir.resolve()
  working = _working_folder(output_dir)
  try:
    # TFDS warns that the configuration is none of its list.
    with quiet():
      dataset = StemDataset(
        track_set=track_set, config=config, data_dir=working
      )
    tfds.disable_progress_bar()
    # TFDS announces a download, which there is none of.
    with contextlib.redirect_stdout(io.StringIO()):
      dataset.download_and_prepare(download_config=download_config)
    Path(dataset.data_dir).replace(output_dir)
  except InputError:
    _remove_unless_useful(working)
    raise
  shutil.rmtree(working)
  return output_dir


def _working_folder(output_dir: Path) -> Path:
  """Returns the folder beside the wanted one, with nothing in it but cuts."""
  if output_dir.exists() and (
    not output_dir.is_dir() or any(output_dir.iterdir())
  ):
    raise InputError(
      f"{output_dir} exists already: remove it or name another folder"
    )
  working = output_dir.with_name(f"{output_dir.name}.building")
  # What a killed build left behind of the steps after the cutting.
  shutil.rmtree(working / StemDataset.name, ignore_errors=True)
  try:
    working.mkdir(parents=True, exist_ok=True)
  except OSError as error:
    raise InputError(
      f"{working} cannot be written ({error.strerror}): name another folder"
    ) from error
  return working


def _remove_unless_useful(working: Path) -> None:
  """Removes the folder, but keeps the work that another try can use."""
  cuts = working.glob(f"*.cut/*{cut_files.ENDING}")
  if all(cut_files.read_cut(path).cut is None for path in cuts):
    shutil.rmtree(working)
