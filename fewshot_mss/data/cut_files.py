"""One file a track of what a build has cut so far: safetensors and JSON.

A build that was stopped goes on from these files. They are named by what they
were cut from and how, so that one which no longer fits is simply not found.
"""

import contextlib
import hashlib
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import safetensors
from jaxtyping import Int16
from safetensors.numpy import save_file

from fewshot_mss.data.quiet import beam
from fewshot_mss.data.segments import (
  CutTrack,
  Segment,
  StemLabels,
  cut_track,
  track_segments,
)
from fewshot_mss.data.tracks import Track
from fewshot_mss.errors import InputError, RunError

# Another number makes all files of before unfit: raise it when what is cut
# from the same sound changes.
_FORMAT_VERSION = 1
ENDING = ".safetensors"


class CutSettings(NamedTuple):
  """How tracks are cut.

  Attributes:
    sample_rate_hz: Of the segments.
    segment_samples: Length of the segments.
  """

  sample_rate_hz: int
  segment_samples: int


class CutFile(NamedTuple):
  """What a file holds besides the sound.

  Attributes:
    cut: The columns; None of a track that is silent or cannot be read.
    unreadable: The message of each stem that could not be read.
  """

  cut: CutTrack | None
  unreadable: tuple[str, ...]


def cut_path(folder: Path, track: Track, settings: CutSettings) -> Path:
  """Returns where the file of a track belongs.

  Args:
    folder: Of all files.
    track: The song. Its files' sizes and times count, too.
    settings: How it is cut.

  Returns:
    The path; another for anything that changes what is cut.
  """
  digest = hashlib.sha256(repr((_FORMAT_VERSION, settings)).encode())
  # Pickled to be hashed, never to be read; that two builds of one track differ
  # would cost time, not truth.
  digest.update(beam.coders.CloudpickleCoder().encode(track))
  for stem in track.stems:
    for path in (*stem.files, *stem.made_from):
      # A file that is gone is found out when it is read.
      state = path.stat() if path.exists() else None
      stamp = (state.st_size, state.st_mtime_ns) if state else None
      digest.update(repr((path, stamp)).encode())
  return folder / f"{digest.hexdigest()[:40]}{ENDING}"


def write_cut(settings: CutSettings, path: Path, track: Track) -> None:
  """Reads a track, cuts it and writes its file, whole or not at all.

  Stems that cannot be read are left out; the file says which and why.

  Args:
    settings: How to cut.
    path: As of `cut_path`.
    track: The song.

  Raises:
    RunError: If the file cannot be written.
  """
  segments, unreadable = _cut_what_can_be_read(track, settings)
  description: dict[str, Any] = {"track": track.name, "unreadable": unreadable}
  tensors = {"pcm": np.zeros((0, settings.segment_samples), np.int16)}
  if segments:
    cut = cut_track(track.name, segments)
    description["stems"] = [stem._asdict() for stem in cut.stems]
    tensors = {
      "pcm": np.stack([segment.pcm for segment in segments]),
      "stem": cut.stem,
      "start_samples": cut.start_samples,
      "rms_db": cut.rms_db,
      "levels_db": cut.levels_db,
    }
  with written_whole(path, path.parent) as temporary:
    save_file(tensors, temporary, metadata={"json": json.dumps(description)})


@contextlib.contextmanager
def written_whole(path: Path, folder: Path) -> Iterator[Path]:
  """Lets a file be written elsewhere, which takes its place at the end.

  Args:
    path: Of the file.
    folder: Where it is written meanwhile, on the same disk.

  Yields:
    Where to write.

  Raises:
    RunError: If it cannot be written.
  """
  # Of its own each time: two machines may be at one file, and containers on
  # them have the same numbers of processes.
  temporary = folder / f"{path.name}.{uuid.uuid4().hex}"
  try:
    yield temporary
    temporary.replace(path)
  # As the system, ArrayRecord and safetensors tell of a full disk.
  except (OSError, RuntimeError, safetensors.SafetensorError) as error:
    temporary.unlink(missing_ok=True)
    raise RunError(
      f"{path.parent} cannot be written ({error}): make room and start again, "
      "it goes on where it was"
    ) from error


def _cut_what_can_be_read(
  track: Track, settings: CutSettings
) -> tuple[list[Segment], list[str]]:
  try:
    return track_segments(track, **settings._asdict()), []
  except InputError:
    # Rare: only now is it worth to read stem by stem.
    pass
  readable, unreadable = [], []
  for stem in track.stems:
    alone = Track(track.name, track.split, (stem,))
    try:
      track_segments(alone, **settings._asdict())
    except InputError as error:
      unreadable.append(str(error))
    else:
      readable.append(stem)
  rest = Track(track.name, track.split, tuple(readable))
  return track_segments(rest, **settings._asdict()), unreadable


def read_cut(path: Path) -> CutFile:
  """Reads all of a file but the sound.

  Args:
    path: What `write_cut` wrote.

  Returns:
    The columns and what could not be read.
  """
  with safetensors.safe_open(path, framework="numpy") as file:
    description = json.loads(file.metadata()["json"])
    unreadable = tuple(description["unreadable"])
    if "stems" not in description:
      return CutFile(None, unreadable)
    cut = CutTrack(
      track=description["track"],
      stems=tuple(StemLabels(**stem) for stem in description["stems"]),
      stem=file.get_tensor("stem"),
      start_samples=file.get_tensor("start_samples"),
      rms_db=file.get_tensor("rms_db"),
      levels_db=file.get_tensor("levels_db"),
    )
  return CutFile(cut, unreadable)


def read_segments(
  path: Path,
) -> Iterator[
  tuple[str, StemLabels, int, float, Int16[np.ndarray, " samples"]]
]:
  """Yields track, stem, start, level and sound of each segment, in order.

  Args:
    path: What `write_cut` wrote, with at least one segment.

  Yields:
    Name of the track, labels of the stem, start in samples, level in dB below
    full scale, sound.
  """
  cut = read_cut(path).cut
  assert cut is not None
  with safetensors.safe_open(path, framework="numpy") as file:
    # Read as it is asked for: a song may be long.
    sound = file.get_slice("pcm")
    for i, stem in enumerate(cut.stem.tolist()):
      yield (
        cut.track,
        cut.stems[stem],
        int(cut.start_samples[i]),
        float(cut.rms_db[i]),
        sound[i : i + 1][0],
      )
