"""`fewshot-mss evaluate --songs`: a trained model on a plain folder of songs.

Every process scores its share of the songs; then all have all scores, and
process 0 writes. Songs that an earlier start has done are not done again.
"""

import dataclasses
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import jax
from ml_collections import ConfigDict

from fewshot_mss.data.sources import load_sources
from fewshot_mss.data.tracks import Track
from fewshot_mss.evaluation import museval_json
from fewshot_mss.evaluation.evaluate import (
  check_eval_config,
  evaluated_negatives,
  evaluated_shots,
)
from fewshot_mss.evaluation.journal import Journal, remove_journals
from fewshot_mss.evaluation.metrics import METRICS_VERSION
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
from fewshot_mss.evaluation.songs_list import SongItem, SongsList
from fewshot_mss.evaluation.summary import Summary, summarise
from fewshot_mss.export.archive import Archive
from fewshot_mss.export.checks import build_model
from fewshot_mss.training import parallel
from fewshot_mss.training.checkpoint import check_trained_on
from fewshot_mss.training.run_checks import check_seed
from fewshot_mss.training.song_provenance import song_provenance
from fewshot_mss.training.songs_request import (
  SongsRequest,
  file_stamps,
  get_list,
  read_tracks,
)
from fewshot_mss.training.weights import (
  LEFT,
  Weights,
  read_weights,
  results_folder,
)


def evaluate_songs_run(
  config: ConfigDict,
  workdir: Path,
  request: SongsRequest,
  checkpoint: str = LEFT,
) -> Path:
  """Scores the weights of a run on whole songs.

  All processes call this. Process 0 writes `workdir/evaluation/songs_NAME/`:
  what `evaluate` writes, the list, and a folder `museval` if asked for; of
  another checkpoint than `best` into the folder of its scores.

  Args:
    config: `eval` and `seed` are read, and `data.sources` to see whether
      training has heard the songs, and for the instruments of a checkpoint.
    workdir: Folder of the run.
    request: Which songs.
    checkpoint: See `read_weights`.

  Returns:
    The folder.

  Raises:
    InputError: If the model, the folder or the list cannot be used.
  """
  check_eval_config(config.eval)
  check_seed(config)
  version = museval_json.museval_version() if request.museval else ""
  weights = _read_weights(config, workdir, checkpoint)
  archive = weights.archive
  tracks = read_tracks(request)
  name = request.folder.resolve().name
  folder = results_folder(workdir, checkpoint) / f"songs_{name}"
  songs_list, list_hash = get_list(request, folder, tracks, config.seed)
  settings, system = _set_up(config, archive, name, request.museval)
  items = choose_song_items(
    songs_list, settings.instruments, config.eval.max_items
  )
  depends_on = {
    "evaluation list": list_hash,
    "files": file_stamps(tracks),
    "items": [item.index for item in items],
    "weights": archive.content_hash,
    "model": dict(archive.model),
    "patches and pieces": _lengths_s(archive),
    "settings": settings,
    "metrics": METRICS_VERSION,
    "museval": version,
    "JAX and devices": [jax.__version__, jax.devices()[0].device_kind],
  }
  share = (jax.process_index(), jax.process_count())
  with Journal(folder, depends_on, *share) as journal:
    results = _score_all(songs_list, items, tracks, system, settings, journal)
  if share[0] == 0:
    provenance = song_provenance(
      config, workdir, weights, songs_list, list_hash, items, settings
    )
    _write(config, folder, settings, results, provenance, version)
  # As in `evaluate_run`: not before it is all written.
  parallel.wait_for_all("the evaluation on songs is written")
  remove_journals(folder)
  return folder


def _read_weights(
  config: ConfigDict, workdir: Path, checkpoint: str
) -> Weights:
  """Reads weights, with the seen instruments, which checkpoints lack."""
  weights = read_weights(workdir, checkpoint)
  if weights.archive.instruments:
    return weights
  sources = load_sources(config.data.sources)
  check_trained_on(workdir, config.data.sources, sources.content_hash)
  seen = tuple(sources.class_names)
  archive = dataclasses.replace(weights.archive, instruments=seen)
  return weights._replace(archive=archive)


def _set_up(
  config: ConfigDict, archive: Archive, name: str, museval: bool
) -> tuple[SongSettings, SongSystem]:
  """Returns how the songs of a folder are scored, and what separates them."""
  model = build_model(archive.model)
  shots = evaluated_shots(model, config.eval)
  settings = SongSettings(
    dataset=name,
    rate_hz=model.sample_rate_hz,
    instruments=archive.instruments,
    shots=shots,
    max_negatives=evaluated_negatives(model, archive.training["max_negatives"]),
    collapse_db=config.eval.collapse_db,
    n_fft=model.n_fft,
    hop_samples=model.hop_samples,
    museval=museval,
  )
  system = network_songs(
    model,
    archive.params,
    shots=shots,
    **_lengths_s(archive),
    batch=host_batch(config.eval.batch),
  )
  return settings, system


def _lengths_s(archive: Archive) -> dict[str, float]:
  """Returns the lengths of the training, in which the network works."""
  return {
    "patch_s": archive.training["mixture_s"],
    "piece_s": archive.training["example_s"],
  }


def _score_all(
  songs_list: SongsList,
  items: Sequence[SongItem],
  tracks: Sequence[Track],
  system: SongSystem,
  settings: SongSettings,
  journal: Journal,
) -> list[SongResult]:
  """Scores the songs that are not done yet; all processes return all."""
  process, processes = jax.process_index(), jax.process_count()
  indices: dict[str, list[int]] = {}
  for item in items:
    indices.setdefault(item.song, []).append(item.index)
  before = []
  for song, places in indices.items():
    scores = journal.scores_of(settings.dataset, places)
    if scores is not None:
      frames = journal.aside_of(settings.dataset, places)
      before.append(SongResult(song, scores, frames))
  # Processes may see different disks.
  done = {result.song for result in _from_all(before)}
  songs = list(indices)
  left = [song for song in songs if song not in done][process::processes]
  now = []
  for result in evaluate_songs(
    songs_list,
    [item for item in items if item.song in left],
    {track.name: track for track in tracks},
    system,
    settings,
    progress=process == 0,
  ):
    journal.add(result.scores, result.frames)
    now.append(result)
  together = {result.song: result for result in _from_all([*before, *now])}
  return [together[song] for song in songs]


def _from_all(results: Sequence[SongResult]) -> list[SongResult]:
  """Returns the results of all processes on each of them."""
  texts = parallel.gather_texts(json.dumps(results))
  return [
    SongResult(song, [Score(*row) for row in rows], frames)
    for text in texts
    for song, rows, frames in json.loads(text)
  ]


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
  # museval reads whatever lies there: nothing of earlier songs or weights.
  shutil.rmtree(folder / "museval", ignore_errors=True)
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
