"""One fixed episode to hear and to see in TensorBoard while a run learns.

It is the first item of the validation lists, or without one episode 0 of the
run. Process 0 alone reads it, answers it and writes.
"""

import re
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float32, Float64, UInt8
from ml_collections import ConfigDict

from fewshot_mss.data.episode_audio import read_episode
from fewshot_mss.data.episode_settings import EpisodeSettings
from fewshot_mss.data.episodes import EpisodeSpec
from fewshot_mss.data.evaluation_list import whole_segment_settings
from fewshot_mss.data.records import RecordReader
from fewshot_mss.data.source_items import source_items
from fewshot_mss.data.sources import Sources, draw_episode
from fewshot_mss.episode import EpisodeBatch
from fewshot_mss.evaluation.evaluate import evaluated_negatives, evaluated_shots
from fewshot_mss.evaluation.items import read_items, stack_episodes
from fewshot_mss.evaluation.network import host_batch, network_separator
from fewshot_mss.models.separator import FewShotSeparator
from fewshot_mss.training.metric_writer import MetricWriter

# Of the spectrograms. A pixel is a bin high and a frame wide; the hop grows
# with the clip, so that a picture stays one that fits a screen.
_N_FFT, _MIN_HOP_SAMPLES, _MAX_FRAMES = 512, 64, 768
_RANGE_DB = 70.0
_GAP_PIXELS = 4
# From silence to the loudest point, at even distances.
_COLOURS = np.array(
  [(0, 0, 8), (60, 15, 110), (150, 45, 125), (235, 90, 90), (255, 250, 190)]
)


class ShownEpisode(NamedTuple):
  """A batch whose first mixture is the episode; the rest is silence.

  Attributes:
    name: Instrument and song, in letters that TensorBoard takes.
    batch: The sound.
    query: Which query of it is shown.
    shots: Number of positive examples to answer with.
  """

  name: str
  batch: EpisodeBatch
  query: int
  shots: int


def read_shown(
  config: ConfigDict, model: FewShotSeparator, sources: Sources
) -> ShownEpisode | None:
  """Reads the episode on process 0; the others get None.

  Args:
    config: Of the run.
    model: The network.
    sources: The prepared datasets.

  Returns:
    The episode. That of a list has the sizes of the evaluation's batches, and
    so needs no program of its own.

  Raises:
    InputError: If a list or a record is damaged.
  """
  if jax.process_index() != 0:
    return None
  for i, folder in enumerate(sources.folders):
    items = source_items(sources, i, "validation")
    if not items:
      continue
    catalogue = sources.catalogues[i]
    shots = evaluated_shots(model, config.eval)[-1]
    batch = read_items(
      items[:1],
      RecordReader(folder, catalogue),
      whole_segment_settings(catalogue),
      shots,
      evaluated_negatives(model, config.data.max_negatives),
      host_batch(config.eval.batch),
    )
    name = _name(items[0].instrument, items[0].song)
    return ShownEpisode(name, batch, 0, shots)
  return _first_episode(config, sources)


def _first_episode(config: ConfigDict, sources: Sources) -> ShownEpisode:
  """Reads episode 0, whose sizes are those of training."""
  settings = EpisodeSettings.from_config(config)
  source, spec = draw_episode(sources, config.seed, 0, settings)
  catalogue = sources.catalogues[source]
  reader = RecordReader(sources.folders[source], catalogue)
  episode = read_episode(spec, reader, settings)
  query = shown_query(spec)
  rows = spec.source_records[spec.target_sources[query]]
  names = [catalogue.instruments[i] for i in catalogue.instrument[rows]]
  songs = [catalogue.tracks[i] for i in catalogue.track[rows]]
  name = _name(
    " and ".join(dict.fromkeys(names)), " and ".join(dict.fromkeys(songs))
  )
  batch = stack_episodes([episode], host_batch(1))
  return ShownEpisode(name, batch, query, config.data.max_positives)


def shown_query(spec: EpisodeSpec) -> int:
  """Returns the first query that counts and asks for what is there, or 0."""
  return int(np.argmax(spec.query_mask & spec.target_sources.any(axis=1)))


def _name(instrument: str, song: str) -> str:
  return re.sub(r"[^-\w.]+", "_", f"{instrument or 'nothing'} of {song}")


def write_shown(
  shown: ShownEpisode | None,
  config: ConfigDict,
  model: FewShotSeparator,
  params: Any,
  writer: MetricWriter,
  step: int,
) -> None:
  """Writes what the network makes of the episode; nothing if it is None.

  Mixture and target are written at the first evaluation of the run alone. That
  depends on the step and on nothing else: a run that goes on from before it
  writes them again, beside the void events of the lost part.

  Args:
    shown: The episode.
    config: Of the run.
    model: The network.
    params: Its averaged parameters.
    writer: Of the run.
    step: Steps done.
  """
  if shown is None:
    return
  separate = network_separator(
    model, params, shots=(shown.shots,), patch_s=config.data.mixture_s
  )
  mixture = shown.batch.mixture[0]
  target = shown.batch.targets[0, shown.query]
  answers = separate(shown.batch.mixture, shown.batch.support)
  # A sound that is not finite ends no run here; its score does.
  estimate = np.nan_to_num(answers[0, shown.query])
  clips = {"mixture": mixture, "target": target, "estimate": estimate}
  for name, clip in clips.items():
    if name == "estimate" or step == config.train.eval_every_steps:
      tag = f"shown/{shown.name}/{name}"
      writer.write_audio(step, tag, clip, model.sample_rate_hz)
  tag = f"shown/{shown.name}/mixture_target_estimate"
  writer.write_picture(step, tag, spectrogram_picture(list(clips.values())))


def spectrogram_picture(
  clips: list[Float32[np.ndarray, " samples"]],
) -> UInt8[np.ndarray, "height width 3"]:
  """Draws log-magnitude spectrograms one above the other, on one scale.

  Args:
    clips: Equally long; the first one is on top.

  Returns:
    Red, green and blue. High frequencies are up; between clips is a white line.
  """
  levels = [_level_db(clip) for clip in clips]
  loudest_db = max(level.max() for level in levels)
  places = np.linspace(-_RANGE_DB, 0, len(_COLOURS))
  width = levels[0].shape[1]
  gap = np.full((_GAP_PIXELS, width, 3), 255, np.uint8)
  parts = []
  for level in levels:
    below_db = level[::-1] - loudest_db
    colours = [np.interp(below_db, places, c) for c in _COLOURS.T]
    parts += [np.stack(colours, axis=-1).round().astype(np.uint8), gap]
  return np.concatenate(parts[:-1])


def _level_db(
  clip: Float32[np.ndarray, " samples"],
) -> Float64[np.ndarray, "bins frames"]:
  """Returns the level of each bin of frames that are centred on the clip."""
  hop = max(_MIN_HOP_SAMPLES, -(-len(clip) // (_MAX_FRAMES - 1)))
  padded = np.pad(clip.astype(np.float64), _N_FFT // 2)
  frames = np.lib.stride_tricks.sliding_window_view(padded, _N_FFT)[::hop]
  magnitude = np.abs(np.fft.rfft(frames * np.hanning(_N_FFT)))
  return 20 * np.log10(np.maximum(magnitude.T, 1e-10))
