"""`fewshot-mss evaluate --songs`: a trained model on a plain folder of songs.

Every process scores its share of the songs; then all have all scores, and
process 0 writes. Songs that an earlier start has done are not done again.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import jax
from ml_collections import ConfigDict

from fewshot_mss.data.headers import unreadable_stems
from fewshot_mss.data.layouts.datasets import read_layout
from fewshot_mss.data.tracks import Track, TrackSet
from fewshot_mss.errors import InputError
from fewshot_mss.evaluation import museval_json
from fewshot_mss.evaluation.evaluate import (
  check_eval_config,
  evaluated_negatives,
  evaluated_shots,
)
from fewshot_mss.evaluation.finished_songs import (
  Key,
  add_song,
  begin_file,
  from_line,
  read_finished,
  to_line,
)
from fewshot_mss.evaluation.network import host_batch
from fewshot_mss.evaluation.report import write_evaluation
from fewshot_mss.evaluation.scores import Score, in_list_order
from fewshot_mss.evaluation.song_evaluation import (
  SongResult,
  SongSettings,
  choose_song_items,
  evaluate_songs,
)
from fewshot_mss.evaluation.song_network import SongSystem, network_songs
from fewshot_mss.evaluation.song_survey import survey_songs
from fewshot_mss.evaluation.songs_list import (
  EXAMPLE_S,
  SongItem,
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
from fewshot_mss.evaluation.summary import Summary, summarise
from fewshot_mss.export.archive import load_archive
from fewshot_mss.export.checks import build_model
from fewshot_mss.training import parallel
from fewshot_mss.training.song_provenance import song_provenance

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


def evaluate_songs_run(
  config: ConfigDict, workdir: Path, request: SongsRequest
) -> Path:
  """Scores the trained model of a workdir on whole songs.

  All processes call this. Process 0 writes `workdir/evaluation/songs_NAME/`:
  what `evaluate` writes, the list, and a folder `museval` if asked for.

  Args:
    config: `eval` and `seed` are read, and `data.sources` to see whether
      training has heard the songs.
    workdir: `workdir/model` is what is scored.
    request: Which songs.

  Returns:
    The folder.

  Raises:
    InputError: If the model, the folder or the list cannot be used.
  """
  check_eval_config(config.eval)
  version = museval_json.museval_version() if request.museval else ""
  archive = load_archive(workdir / "model")
  tracks = _read_tracks(request)
  name = request.folder.resolve().name
  folder = workdir / "evaluation" / f"songs_{name}"
  songs_list, list_hash = _get_list(request, folder, tracks, config.seed)
  model = build_model(archive.model)
  settings = SongSettings(
    dataset=name,
    rate_hz=model.sample_rate_hz,
    instruments=archive.instruments,
    shots=evaluated_shots(model, config.eval),
    max_negatives=evaluated_negatives(model, archive.training["max_negatives"]),
    collapse_db=config.eval.collapse_db,
    n_fft=model.n_fft,
    hop_samples=model.hop_samples,
    museval=request.museval,
  )
  items = choose_song_items(
    songs_list, settings.instruments, config.eval.max_items
  )
  lengths_s = {
    "patch_s": archive.training["mixture_s"],
    "piece_s": archive.training["example_s"],
  }
  system = network_songs(
    model,
    archive.params,
    shots=settings.shots,
    **lengths_s,
    batch=host_batch(config.eval.batch),
  )
  key: Key = {
    "columns": list(Score._fields),
    "list": list_hash,
    "weights": archive.content_hash,
    "lengths_s": lengths_s,
    "settings": json.loads(json.dumps(settings)),
    "items": [item.index for item in items],
    "museval": version,
  }
  results = _score_all(songs_list, items, tracks, system, settings, folder, key)
  if jax.process_index() == 0:
    provenance = song_provenance(
      config, workdir, archive, songs_list, list_hash, items, settings
    )
    _write(config, folder, settings, results, provenance, version)
  return folder


def _read_tracks(request: SongsRequest) -> list[Track]:
  """Reads which songs there are, and the headers of their files."""
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


def _split(request: SongsRequest) -> str:
  if request.split is not None:
    return request.split
  return ALL_SONGS if request.layout in _PLAIN_LAYOUTS else "test"


def _get_list(
  request: SongsRequest, folder: Path, tracks: Sequence[Track], seed: int
) -> tuple[SongsList, str]:
  """Returns the list and its hash; process 0 draws it if there is none."""
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


def _score_all(
  songs_list: SongsList,
  items: Sequence[SongItem],
  tracks: Sequence[Track],
  system: SongSystem,
  settings: SongSettings,
  folder: Path,
  key: Key,
) -> list[SongResult]:
  """Scores the songs that are not done yet; all processes return all."""
  process, processes = jax.process_index(), jax.process_count()
  before = read_finished(folder, key)
  # Processes may see different disks.
  done = {result.song for result in _from_all(before)}
  songs = list(dict.fromkeys(item.song for item in items))
  left = [song for song in songs if song not in done][process::processes]
  path = begin_file(folder, process, key, before)
  now = []
  for result in evaluate_songs(
    songs_list,
    [item for item in items if item.song in left],
    {track.name: track for track in tracks},
    system,
    settings,
    progress=process == 0,
  ):
    add_song(path, result)
    now.append(result)
  together = {result.song: result for result in _from_all([*before, *now])}
  return [together[song] for song in songs]


def _from_all(results: Sequence[SongResult]) -> list[SongResult]:
  """Returns the results of all processes on each of them."""
  texts = parallel.gather_texts(json.dumps([to_line(r) for r in results]))
  return [from_line(line) for text in texts for line in json.loads(text)]


def _write(
  config: ConfigDict,
  folder: Path,
  settings: SongSettings,
  results: Sequence[SongResult],
  provenance: dict[str, str],
  museval_version: str,
) -> Summary:
  """Writes all files but the list."""
  scores = in_list_order(
    [result.scores for result in results], [settings.dataset]
  )
  if settings.museval:
    for result in results:
      # Below `test`, where museval looks for songs.
      path = folder / "museval" / "test" / f"{result.song}.json"
      museval_json.write_song(path, result.song, result.frames)
    provenance[f"museval {museval_version} (BSSEval v4)"] = (
      museval_json.describe(
        [result.frames for result in results], settings.shots[-1]
      )
    )
  summary = summarise(
    scores, bootstrap_samples=config.eval.bootstrap_samples, seed=config.seed
  )
  write_evaluation(folder, scores, summary, provenance)
  return summary
