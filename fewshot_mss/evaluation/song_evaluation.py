"""Scores anything that separates on whole songs of a folder.

In memory are one song, one target of it and the outputs for that one; the
stems are read anew for every target. Of the examples, which may be of any song,
only the embeddings are kept.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from tqdm import tqdm

from fewshot_mss.data.evaluation_items import group_name
from fewshot_mss.data.labels import UNKNOWN_FAMILY, all_labels
from fewshot_mss.data.tracks import Track
from fewshot_mss.episode import Support
from fewshot_mss.errors import InputError
from fewshot_mss.evaluation.museval_json import Frames, bsseval_frames
from fewshot_mss.evaluation.scores import Score
from fewshot_mss.evaluation.song_network import SongSystem
from fewshot_mss.evaluation.song_scores import score_song_item, scored_samples
from fewshot_mss.evaluation.song_sound import fit, read_clips, sum_of_stems
from fewshot_mss.evaluation.songs_list import SongItem, SongsList, Span


class SongSettings(NamedTuple):
  """How songs are scored.

  Attributes:
    dataset: What the folder is called.
    rate_hz: Rate at which songs are separated and scored.
    instruments: The seen ones, in order of their class.
    shots: Numbers of positive examples to compare; the last is the headline.
    max_negatives: Negative examples a query, at most.
    collapse_db: Outputs this far below the target count as collapsed.
    n_fft: Samples a frame of the ideal ratio mask.
    hop_samples: Samples between its frames.
    museval: Whether to score the headline with BSSEval v4, too.
  """

  dataset: str
  rate_hz: int
  instruments: tuple[str, ...]
  shots: tuple[int, ...]
  max_negatives: int
  collapse_db: float
  n_fft: int
  hop_samples: int
  museval: bool = False


class SongResult(NamedTuple):
  """What is known of a song that has been scored.

  Attributes:
    song: Its name.
    scores: Its rows, item by item.
    frames: BSSEval v4 of the headline, by target; empty if not asked for.
  """

  song: str
  scores: list[Score]
  frames: dict[str, Frames]


def evaluate_songs(
  songs_list: SongsList,
  items: Sequence[SongItem],
  tracks: Mapping[str, Track],
  system: SongSystem,
  settings: SongSettings,
  *,
  progress: bool = True,
) -> Iterator[SongResult]:
  """Scores songs one after the other.

  Args:
    songs_list: The list of the folder.
    items: Those of the list to score, song by song.
    tracks: The songs of the folder, by name.
    system: What separates.
    settings: How to score.
    progress: Whether to show bars with the time left.

  Yields:
    The result of each song, as soon as it is there.

  Raises:
    InputError: If a stem cannot be read, is not as the list says, or an output
      is not finite.
  """
  embedded = _embed_examples(
    songs_list, items, tracks, system, settings, progress
  )
  by_song: dict[str, list[SongItem]] = {}
  for item in items:
    by_song.setdefault(item.song, []).append(item)
  with tqdm(
    total=len(items), desc="evaluate", unit="item", disable=not progress
  ) as bar:
    for song, held in by_song.items():
      mixture = _mixture(songs_list, tracks[song], settings.rate_hz)
      result = SongResult(song, [], {})
      for item in held:
        _evaluate_item(
          songs_list, item, tracks[song], mixture, embedded, system, settings,
          result,
        )  # fmt: skip
        bar.update()
      yield result


def choose_song_items(
  songs_list: SongsList, instruments: Sequence[str], max_items: int
) -> list[SongItem]:
  """Returns the first items of each group.

  Args:
    songs_list: The list of the folder.
    instruments: The seen ones.
    max_items: Of a group, at most.

  Returns:
    The items, in the order of the list.
  """
  taken = Counter[str]()
  chosen = []
  for item in songs_list.items:
    group = _group(item, instruments)
    if taken[group] < max_items:
      taken[group] += 1
      chosen.append(item)
  return chosen


def _group(item: SongItem, instruments: Sequence[str]) -> str:
  return group_name(
    is_seen=item.instrument in instruments,
    # A plain folder does not tell timbres apart.
    is_unheard=False,
  )


def song_families(track: Track) -> dict[str, str]:
  """Returns the family of each instrument of a song.

  Where the folder does not tell, it is that of the instrument of that name in
  the table of labels.
  """
  known = {row.instrument: row.family for row in all_labels()}
  return {
    stem.instrument: (
      known.get(stem.instrument, UNKNOWN_FAMILY)
      if stem.family == UNKNOWN_FAMILY
      else stem.family
    )
    for stem in track.stems
  }


def _embed_examples(
  songs_list: SongsList,
  items: Sequence[SongItem],
  tracks: Mapping[str, Track],
  system: SongSystem,
  settings: SongSettings,
  progress: bool,
) -> dict[Span, Float[np.ndarray, " D"]]:
  """Returns what stands for each example that the items can be given."""
  if system.embed is None:
    return {}
  spans = {
    span
    for item in items
    for query in range(2)
    for span in (
      *item.positives[query][: max(settings.shots)],
      *item.negatives[query][: settings.max_negatives],
    )
  }
  clips = read_clips(
    tracks,
    spans,
    example_s=songs_list.example_s,
    rate_hz=settings.rate_hz,
  )
  shown = tqdm(
    clips,
    total=len(spans),
    desc="embed examples",
    unit="example",
    disable=not progress,
  )
  return {Span(*span): system.embed(clip) for span, clip in shown}


def _mixture(
  songs_list: SongsList, track: Track, rate_hz: int
) -> Float[np.ndarray, "channels samples"]:
  """Reads a song; refuses one that is not as long as the list says."""
  mixture = sum_of_stems(track.name, track.stems, rate_hz)
  longest_s = max(stem.duration_s for stem in songs_list.songs[track.name])
  if abs(mixture.shape[1] / rate_hz - longest_s) > 2 / rate_hz + 1e-3:
    raise InputError(
      f"{track.name} is {mixture.shape[1] / rate_hz:.3f} s long and "
      f"{longest_s:.3f} s in the list: take the list of this folder"
    )
  return mixture


def _evaluate_item(
  songs_list: SongsList,
  item: SongItem,
  track: Track,
  mixture: Float[np.ndarray, "channels samples"],
  embedded: Mapping[Span, Float[np.ndarray, " D"]],
  system: SongSystem,
  settings: SongSettings,
  result: SongResult,
) -> None:
  """Separates one target and adds its figures to the result of its song."""
  asked = [s for s in track.stems if s.instrument == item.instrument]
  target = fit(
    sum_of_stems(track.name, asked, settings.rate_hz),
    (mixture.shape[0], mixture.shape[1]),
  )
  outputs = system.separate(mixture, _support(item, embedded, settings))
  kept = scored_samples(
    item, mixture.shape[1], songs_list.example_s, settings.rate_hz
  )
  result.scores.extend(
    score_song_item(
      item,
      {
        "group": _group(item, settings.instruments),
        "family": song_families(track)[item.instrument],
        "dataset": settings.dataset,
      },
      mixture,
      target,
      outputs,
      num_sources=len(track.stems),
      shots=settings.shots,
      kept=kept,
      collapse_db=settings.collapse_db,
      stft_sizes=(settings.n_fft, settings.hop_samples),
    )
  )
  if settings.museval:
    # The right query's output for the last number of shots.
    result.frames[item.instrument] = bsseval_frames(
      target, mixture, outputs[-2], settings.rate_hz, kept
    )


def _support(
  item: SongItem,
  embedded: Mapping[Span, Float[np.ndarray, " D"]],
  settings: SongSettings,
) -> Support:
  """Returns the support of both queries with embeddings in place of clips."""
  positives, positive_mask = _padded(
    item.positives, embedded, max(settings.shots)
  )
  negatives, negative_mask = _padded(
    item.negatives, embedded, settings.max_negatives
  )
  class_id = [
    settings.instruments.index(name) if name in settings.instruments else -1
    for name in (item.instrument, item.wrong_instrument)
  ]
  return Support(
    positives=positives,
    positive_mask=positive_mask,
    negatives=negatives,
    negative_mask=negative_mask,
    class_id=np.array([class_id], np.int32),
  )


def _padded(
  queries: Sequence[Sequence[Span]],
  embedded: Mapping[Span, Float[np.ndarray, " D"]],
  count: int,
) -> tuple[np.ndarray, np.ndarray]:
  """Returns [1, 2, count, D] and which of it is there."""
  dim = next((len(vector) for vector in embedded.values()), 1)
  vectors = np.zeros((1, 2, count, dim), np.float32)
  mask = np.zeros((1, 2, count), np.bool_)
  for q, spans in enumerate(queries):
    for i, span in enumerate(spans[:count]):
      if span in embedded:
        vectors[0, q, i] = embedded[span]
        mask[0, q, i] = True
  return vectors, mask
