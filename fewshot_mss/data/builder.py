"""Songs in, a prepared dataset out: records, catalogue, evaluation lists."""

import contextlib
import errno
import fcntl
import io
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import tensorflow_datasets as tfds

from fewshot_mss.data import cut_files
from fewshot_mss.data.quiet import quiet
from fewshot_mss.data.stem_dataset import StemConfig, StemDataset
from fewshot_mss.data.tracks import TrackSet
from fewshot_mss.data.work import LOCAL_OPTIONS, beam_options
from fewshot_mss.errors import InputError, RunError

_NAME = "songs"
_LOCK = "lock"
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# What a build, and TFDS, put into the folder that they work in.
_CONTENT = frozenset({f"{_NAME}.cut", StemDataset.name, "downloads", _LOCK})


def build(
  track_set: TrackSet,
  output_dir: Path,
  *,
  sample_rate_hz: int,
  segment_s: float,
  beam_words: Sequence[str] = LOCAL_OPTIONS,
  skip_bad: bool = False,
  progress: bool = True,
  mixed_items: bool = False,
  drop_copies: bool = False,
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
    mixed_items: Whether the lists also ask about mixtures of several songs.
    drop_copies: Whether they leave out examples that hold the target's sound.

  Returns:
    The folder.

  Raises:
    InputError: If there is nothing usable, a stem cannot be read, or the
      folder is not free, cannot be written or is built by another process.
    RunError: If the work cannot go on, as for want of room.
  """
  config = StemConfig(
    name=_NAME,
    sample_rate_hz=sample_rate_hz,
    segment_s=segment_s,
    skip_bad=skip_bad,
    progress=progress,
    mixed_items=mixed_items,
    drop_copies=drop_copies,
  )
  download_config = tfds.download.DownloadConfig(
    beam_options=beam_options(beam_words)
  )
  output_dir = output_dir.resolve()
  working = output_dir.with_name(f"{output_dir.name}.building")
  _check_free(output_dir, working)
  with _locked(working):
    _build_in(working, output_dir, track_set, config, download_config)
  return output_dir


def _build_in(
  working: Path,
  output_dir: Path,
  track_set: TrackSet,
  config: StemConfig,
  download_config: tfds.download.DownloadConfig,
) -> None:
  # What a killed build left behind of the steps after the cutting.
  shutil.rmtree(working / StemDataset.name, ignore_errors=True)
  try:
    # By now another process may have finished it.
    _check_free(output_dir, working)
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
  except OSError as error:
    if error.errno not in _NO_ROOM:
      raise
    raise RunError(
      f"{working} cannot be written ({error.strerror}): make room and start "
      "again"
    ) from error
  shutil.rmtree(working)


def _check_free(output_dir: Path, working: Path) -> None:
  """Checks that the wanted folder can come to be, and what lies beside it."""
  if output_dir.exists() and (
    not output_dir.is_dir() or any(output_dir.iterdir())
  ):
    raise InputError(
      f"{output_dir} exists already: remove it or name another folder"
    )
  if output_dir.is_mount():
    raise InputError(
      f"{output_dir} is a mounted disk, whose place no folder can take: name a "
      "folder in it"
    )
  strange = (
    [path for path in working.iterdir() if path.name not in _CONTENT]
    if working.is_dir()
    else []
  )
  if strange:
    raise InputError(
      f"{strange[0]} is of no build, and {working} would be removed: move it "
      "or name another output"
    )


@contextlib.contextmanager
def _locked(working: Path) -> Iterator[None]:
  """Makes the folder and keeps other builds off, until this process ends."""
  try:
    working.mkdir(parents=True, exist_ok=True)
    file = (working / _LOCK).open("w")
  except OSError as error:
    raise InputError(
      f"{working} cannot be written ({error.strerror}): name another folder"
    ) from error
  with file:
    try:
      fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
      raise InputError(
        f"{working} is at work in another process: wait for it or name another "
        "output"
      ) from error
    except OSError:
      # Some network drives have no locks: there it is not found out.
      pass
    yield


def _remove_unless_useful(working: Path) -> None:
  """Removes the folder, but keeps the work that another try can use."""
  cuts = working.glob(f"*.cut/*{cut_files.ENDING}")
  if all(cut_files.read_cut(path).cut is None for path in cuts):
    shutil.rmtree(working)
