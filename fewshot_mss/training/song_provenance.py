"""What a reader must know of an evaluation on songs, beside its figures."""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from ml_collections import ConfigDict

from fewshot_mss.data.catalogue import TRAIN
from fewshot_mss.data.song_keys import song_key
from fewshot_mss.data.sources import load_sources
from fewshot_mss.errors import InputError
from fewshot_mss.evaluation.report import machine_description
from fewshot_mss.evaluation.song_evaluation import SongSettings
from fewshot_mss.evaluation.songs_list import SongItem, SongsList
from fewshot_mss.training.checkpoint import check_trained_on
from fewshot_mss.training.weights import Weights


def song_provenance(
  config: ConfigDict,
  workdir: Path,
  weights: Weights,
  songs_list: SongsList,
  list_hash: str,
  items: Sequence[SongItem],
  settings: SongSettings,
) -> dict[str, str]:
  """Returns what the reader must know, in order.

  Args:
    config: `data.sources` is read, to see whether training has heard the songs.
    workdir: Of the training.
    weights: What was scored.
    songs_list: The list of the folder.
    list_hash: SHA-256 of its file.
    items: Those of the list that were scored.
    settings: How they were.

  Returns:
    What `write_evaluation` takes.
  """
  archive = weights.archive
  own = [item for item in items if item.left_out_s]
  provenance = {
    "songs": (
      f"{len({item.song for item in items})} whole songs of the folder "
      f"{settings.dataset} ({songs_list.layout}, {songs_list.split} songs), at "
      f"{settings.rate_hz} Hz, all channels together"
    ),
    "evaluation list (SHA-256)": list_hash,
    "examples": (
      f"stems' spans of {songs_list.example_s:g} s, of other songs where one "
      f"has the instrument; {len(own)} of {len(items)} items have some of the "
      "song itself, and those spans are not scored"
    ),
    "songs heard in training": _heard(config, workdir, songs_list),
    "training": (
      f"{archive.training['steps']} steps of "
      f"{archive.training['global_batch']} mixtures x "
      f"{archive.training['num_queries']} queries"
    ),
    "checkpoint": weights.name,
    "weights (SHA-256)": archive.content_hash,
    "machine": machine_description(),
    "command": " ".join(["fewshot-mss", *sys.argv[1:]]),
  }
  if songs_list.skipped:
    provenance["not asked"] = "; ".join(songs_list.skipped)
  return provenance


def _heard(config: ConfigDict, workdir: Path, songs_list: SongsList) -> str:
  """Says which songs have the name of one that the model was trained on."""
  words = config.data.sources
  if not words.strip():
    return "not looked for: data.sources is not given"
  try:
    sources = load_sources(words)
    check_trained_on(workdir, words, sources.content_hash)
  except InputError:
    return "not looked for: data.sources is not what the model was trained on"
  heard = {
    song_key(each.tracks[track])
    for each in sources.catalogues
    for track in np.unique(each.track[each.split == TRAIN]).tolist()
  }
  found = [song for song in songs_list.songs if song_key(song) in heard]
  return ", ".join(found) if found else "none by their names"
