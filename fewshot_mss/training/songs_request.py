"""Which songs `fewshot-mss evaluate --songs` is to score, and by which list."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import jax

from fewshot_mss.data.headers import unreadable_stems
from fewshot_mss.data.layouts.datasets import read_layout
from fewshot_mss.data.tracks import Track, TrackSet
from fewshot_mss.errors import InputError
from fewshot_mss.evaluation.song_survey import survey_songs
from fewshot_mss.evaluation.songs_list import (
  EXAMPLE_S,
  SongsList,
  draw_songs_list,
)
from fewshot_mss.evaluation.songs_list_file import (
  LIST_NAME,
  check_list_fits,
  parse_songs_list,
  read_list_file,
  write_list_text,
  write_songs_list,
)
from fewshot_mss.training import parallel

ALL_SONGS = "all"
# Folders of these layouts are a person's own: all of their songs are scored.
_PLAIN_LAYOUTS = ("stem_folder", "midi")


class SongsRequest(NamedTuple):
  """Which songs to score, and how.

  Attributes:
    folder: Of the songs.
    layout: How it is laid out; see data/layouts.
    split: Which of its songs: `train`, `validation`, `test` or `all`; None
      for all songs of a plain folder and the test songs of a known dataset.
    list_file: The list to score; None for the one in the workdir, which is
      drawn at first.
    museval: Whether to run BSSEval v4, too.
  """

  folder: Path
  layout: str = "stem_folder"
  split: str | None = None
  list_file: Path | None = None
  museval: bool = False


def read_tracks(request: SongsRequest) -> list[Track]:
  """Reads which songs there are, and the headers of their files.

  Args:
    request: Which songs.

  Returns:
    Those of the split.

  Raises:
    InputError: If there are none, or a file cannot be read.
  """
  track_set = read_layout(request.layout, request.folder, {})
  split = _split(request)
  tracks = tuple(
    track for track in track_set.tracks if split in (ALL_SONGS, track.split)
  )
  if not tracks:
    raise InputError(
      f"{request.folder} has no {split} songs: name others with --split"
    )
  faults = unreadable_stems(TrackSet(tracks))
  if faults:
    raise InputError(next(iter(faults.values())))
  return list(tracks)


def file_stamps(tracks: Sequence[Track]) -> list[list[str | int]]:
  """Returns what another sound in the files of songs changes.

  A list tells the length of a stem and not how it sounds: a stem that was
  mixed anew between two starts must not be in one result with the old one.

  Args:
    tracks: The songs.

  Returns:
    Song, stem, size and time of each file, in order; JSON values.
  """
  return [
    [track.name, stem.name, state.st_size, state.st_mtime_ns]
    for track in tracks
    for stem in track.stems
    for path in (*stem.files, *stem.made_from)
    for state in [path.stat()]
  ]


def _split(request: SongsRequest) -> str:
  if request.split is not None:
    return request.split
  return ALL_SONGS if request.layout in _PLAIN_LAYOUTS else "test"


def get_list(
  request: SongsRequest, folder: Path, tracks: Sequence[Track], seed: int
) -> tuple[SongsList, str]:
  """Returns the list and its hash; process 0 draws it if there is none.

  Args:
    request: Which list.
    folder: Of the results; the list is kept in it.
    tracks: What `read_tracks` returned.
    seed: Of the drawing.

  Returns:
    The list, the same on all processes, and the SHA-256 of its file.

  Raises:
    InputError: If it cannot be read, is of other songs, or holds no item.
  """
  path = folder / LIST_NAME
  given = request.list_file or path
  text = ""
  if jax.process_index() == 0:
    if request.list_file is None and not path.exists():
      surveys = survey_songs(tracks, example_s=EXAMPLE_S)
      drawn = draw_songs_list(
        surveys,
        layout=request.layout,
        split=_split(request),
        seed=seed,
        example_s=EXAMPLE_S,
      )
      write_songs_list(drawn, path)
    text = read_list_file(given)
  # All go by the same list, whatever they have on their disks.
  text = json.loads(parallel.gather_texts(json.dumps(text))[0])
  songs_list, list_hash = parse_songs_list(text, given)
  check_list_fits(songs_list, given, tracks, request.folder)
  if not songs_list.items:
    raise InputError(
      f"{request.folder}: nothing to score; {'; '.join(songs_list.skipped[:3])}"
    )
  if jax.process_index() == 0 and given != path:
    # Beside the results, to the byte.
    write_list_text(text, path)
  return songs_list, list_hash
