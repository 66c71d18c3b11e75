"""The headers of all files of a dataset, read before any long work."""

import concurrent.futures
from pathlib import Path

from fewshot_mss.audio.files import audio_info
from fewshot_mss.data.layouts.musdb import check_mp4
from fewshot_mss.data.progress import shown_if_long
from fewshot_mss.data.tracks import TrackSet
from fewshot_mss.errors import InputError

# Headers wait for the disk, not for the processor.
_THREADS = 16


def unreadable_stems(
  track_set: TrackSet, *, progress: bool = True
) -> dict[tuple[str, str], str]:
  """Finds the stems of which a file is missing or is no audio.

  A file that is damaged further on is only found when it is read.

  Args:
    track_set: The songs; of their stems the `files` are opened, each once.
    progress: Whether to show a progress bar.

  Returns:
    Why a stem cannot be read, in one line that names the file, by the names of
    its track and of itself, in the order of the tracks; nothing of the others.
  """
  files = dict.fromkeys(
    path
    for track in track_set.tracks
    for stem in track.stems
    for path in stem.files
  )
  with concurrent.futures.ThreadPoolExecutor(_THREADS) as pool:
    bar = shown_if_long(
      pool.map(_fault, files),
      total=len(files),
      what="headers",
      progress=progress,
    )
    faults = dict(zip(files, bar, strict=True))
  return {
    (track.name, stem.name): found[0]
    for track in track_set.tracks
    for stem in track.stems
    if (found := [faults[path] for path in stem.files if faults[path]])
  }


def _fault(path: Path) -> str:
  """Returns what is wrong with a file; nothing if it can be opened."""
  try:
    if path.suffix.lower() == ".mp4":
      check_mp4(path)
    else:
      audio_info(path)
  except InputError as error:
    return str(error)
  return ""
