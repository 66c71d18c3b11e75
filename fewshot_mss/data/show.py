"""One episode as sound files and a picture: what the network is fed."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soundfile
from jaxtyping import Float32
from ml_collections import ConfigDict

from fewshot_mss.audio.output_folders import check_writable
from fewshot_mss.data.catalogue import SPLITS, TRAIN, Catalogue
from fewshot_mss.data.colours import NO_COLOUR, draw_colour
from fewshot_mss.data.episode_audio import read_episode
from fewshot_mss.data.episode_settings import EpisodeSettings
from fewshot_mss.data.episodes import NO_RECORD, EpisodeSpec
from fewshot_mss.data.figure import import_figure
from fewshot_mss.data.records import RecordReader
from fewshot_mss.data.sources import Sources, check_sources, draw_episode
from fewshot_mss.data.tape import draw_speed
from fewshot_mss.episode import EpisodeBatch
from fewshot_mss.errors import InputError

PICTURE = "episode.png"
_RANGE_DB = 70.0


class _Clip(NamedTuple):
  """One sound of an episode.

  Attributes:
    file: Name of its file.
    title: What it is, for a person.
    samples: The sound.
  """

  file: str
  title: str
  samples: Float32[np.ndarray, " samples"]


def show_episode(
  sources: Sources,
  config: ConfigDict,
  index: int,
  output: Path,
  split: int = TRAIN,
) -> list[Path]:
  """Writes one episode as training is fed it, and prints what it holds.

  Args:
    sources: The prepared datasets.
    config: The configuration; `seed`, `model.sample_rate_hz`, `data` matter.
    index: Number of the episode, from 0.
    output: Folder to write into; made if it is not there.
    split: Which songs.

  Returns:
    The files: `mixture.wav`, `query_Q_target.wav`, `query_Q_positive_K.wav`,
    `query_Q_negative_N.wav` (float samples), and `episode.png`.

  Raises:
    InputError: If index or seed is negative, matplotlib is missing, the folder
      cannot be written, or the dataset cannot serve the configuration.
  """
  figure_of = import_figure()
  settings = _check(sources, config, index, split)
  source, spec = draw_episode(sources, config.seed, index, settings, split)
  catalogue = sources.catalogues[source]
  check_writable(output)
  reader = RecordReader(sources.folders[source], catalogue)
  episode = read_episode(spec, reader, settings)

  heading = f"Episode {index} of seed {config.seed}, {SPLITS[split]} songs"
  if len(sources.folders) > 1:
    heading += f" of {sources.names[source]}"
  print("\n".join([heading, *describe_episode(catalogue, spec, settings)]))
  rows = _clips(catalogue, spec, episode)
  rate_hz = settings.sample_rate_hz
  paths = []
  for clip in (clip for row in rows for clip in row if clip):
    paths.append(output / f"{clip.file}.wav")
    soundfile.write(paths[-1], clip.samples, rate_hz, subtype="FLOAT")
  figure = _picture(figure_of, rows, heading, config)
  paths.append(output / PICTURE)
  figure.savefig(paths[-1], dpi=110)
  print(f"wrote {len(paths)} files to {output}")
  return paths


def describe_episode(
  catalogue: Catalogue, spec: EpisodeSpec, settings: EpisodeSettings
) -> list[str]:
  """Says in words what an episode holds.

  Args:
    catalogue: That the spec was drawn from.
    spec: The episode.
    settings: That it was drawn by.

  Returns:
    Lines: each source with its song, time and gain, then each query with its
    examples.
  """
  lines = [
    f"source {i}: {_place(catalogue, row, offset)}, "
    f"gain {20 * np.log10(gain):+.1f} dB"
    f"{_colour(catalogue, row, spec, 'source', (i,), settings)}"
    for i, (row, offset, gain) in enumerate(
      zip(
        spec.source_records,
        spec.source_offsets_samples,
        spec.source_gains,
        strict=True,
      )
    )
    if row != NO_RECORD
  ]
  for q in range(len(spec.query_mask)):
    lines += _describe_query(catalogue, spec, q, settings)
  return lines


def _check(
  sources: Sources, config: ConfigDict, index: int, split: int
) -> EpisodeSettings:
  """Checks as the pipeline does."""
  for name, value in (("index", index), ("seed", config.seed)):
    if value < 0:
      raise InputError(f"{name} is {value}: give 0 or more")
  settings = EpisodeSettings.from_config(config)
  check_sources(settings, sources, split)
  return settings


def _colour(
  catalogue: Catalogue,
  row: np.integer,
  spec: EpisodeSpec,
  kind: str,
  place: tuple[int, ...],
  settings: EpisodeSettings,
) -> str:
  if spec.colour_seed == NO_COLOUR:
    return ""
  said = draw_colour(spec.colour_seed, kind, place, settings).describe()
  if settings.speed_semitones:
    speed = draw_speed(
      spec.colour_seed, catalogue.track.item(row), settings.speed_semitones
    )
    said += f", {12 * np.log2(speed):+.1f} semitones"
  return f"; {said}"


def _describe_query(
  catalogue: Catalogue, spec: EpisodeSpec, q: int, settings: EpisodeSettings
) -> list[str]:
  if not spec.query_mask[q]:
    return [f"query {q}: fills up"]
  shots = int((spec.positive_records[q] != NO_RECORD).sum())
  lines = [f"query {q}: {_asked(catalogue, spec, q)}, shots: {shots}"]
  for kind, rows, offsets in (
    ("positive", spec.positive_records[q], spec.positive_offsets_samples[q]),
    ("negative", spec.negative_records[q], spec.negative_offsets_samples[q]),
  ):
    lines += [
      f"  {kind} {k}: {_place(catalogue, row, offset)}"
      f"{_colour(catalogue, row, spec, kind, (q, k), settings)}"
      for k, (row, offset) in enumerate(zip(rows, offsets, strict=True))
      if row != NO_RECORD
    ]
  return lines


def _place(catalogue: Catalogue, row: np.integer, offset: np.integer) -> str:
  begin_s = (catalogue.start_samples[row] + offset) / catalogue.sample_rate_hz
  patch = catalogue.patches[catalogue.patch[row]]
  return (
    f"{_instrument(catalogue, row)} ({patch or 'patch not stated'}) of "
    f"{catalogue.stems[catalogue.stem[row]]} at {begin_s:.2f} s"
  )


def _instrument(catalogue: Catalogue, row: np.integer) -> str:
  return catalogue.instruments[catalogue.instrument[row]]


def _asked(catalogue: Catalogue, spec: EpisodeSpec, q: int) -> str:
  """Names what a query asks for; where it is absent, by its examples."""
  sources = spec.source_records[spec.target_sources[q]]
  rows = sources if len(sources) else spec.positive_records[q]
  rows = rows[rows != NO_RECORD]
  if not len(rows):
    return "absent"
  names = sorted({_instrument(catalogue, row) for row in rows})
  return " + ".join(names) + ("" if len(sources) else ", absent")


def _clips(
  catalogue: Catalogue, spec: EpisodeSpec, episode: EpisodeBatch
) -> list[list[_Clip | None]]:
  """Returns the mixture, then for each query its target and its examples.

  None keeps the place of an example that is not there, so that the same
  columns hold the negatives of all queries.
  """
  sources = spec.source_records[spec.source_records != NO_RECORD]
  names = " + ".join(_instrument(catalogue, row) for row in sources)
  rows = [[_Clip("mixture", f"mixture\n{names}", episode.mixture)]]
  for q in np.flatnonzero(spec.query_mask).tolist():
    asked = _asked(catalogue, spec, q)
    row = [
      _Clip(f"query_{q}_target", f"target {q}\n{asked}", episode.targets[q])
    ]
    for kind, records, sounds in (
      ("positive", spec.positive_records[q], episode.support.positives[q]),
      ("negative", spec.negative_records[q], episode.support.negatives[q]),
    ):
      row += [
        _Clip(
          f"query_{q}_{kind}_{k}",
          f"{kind} {k}\n{_instrument(catalogue, record)}",
          sounds[k],
        )
        if record != NO_RECORD
        else None
        for k, record in enumerate(records)
      ]
    rows.append(row)
  return rows


def _picture(
  figure_of: Any,
  rows: list[list[_Clip | None]],
  heading: str,
  config: ConfigDict,
) -> Any:
  """Draws log spectrograms in a grid, a query a row, on one scale of dB."""
  columns = max(len(row) for row in rows)
  figure = figure_of((2.6 * max(columns, 3) + 1.2, 2.3 * len(rows) + 0.8))
  figure.suptitle(heading)
  grid = figure.subplots(len(rows), columns, squeeze=False)
  panels = [
    (axes, clip, _level_db(clip.samples, config))
    for axes_row, row in zip(grid, rows, strict=True)
    for axes, clip in zip(axes_row, row, strict=False)
    if clip
  ]
  top_db = max(level_db.max() for _, _, level_db in panels)
  for axes in grid.flat:
    axes.set_axis_off()
  for axes, clip, level_db in panels:
    image = axes.imshow(
      level_db.T,
      origin="lower",
      aspect="auto",
      interpolation="nearest",
      cmap="magma",
      vmin=top_db - _RANGE_DB,
      vmax=top_db,
      extent=_extent(clip, config),
    )
    axes.set_axis_on()
    axes.set_title(clip.title, fontsize=9)
    axes.tick_params(labelsize=8)
    axes.set_xlabel("time (s)", fontsize=8)
  for axes in grid[:, 0]:
    axes.set_ylabel("frequency (kHz)", fontsize=8)
  figure.colorbar(image, ax=grid, label="level (dB of full scale)", shrink=0.9)
  return figure


def _extent(
  clip: _Clip, config: ConfigDict
) -> tuple[float, float, float, float]:
  rate_hz = config.model.sample_rate_hz
  return (0.0, len(clip.samples) / rate_hz, 0.0, rate_hz / 2000)


def _level_db(
  samples: Float32[np.ndarray, " samples"], config: ConfigDict
) -> Float32[np.ndarray, "frames bins"]:
  """Returns the spectrogram that the network sees, in dB of full scale."""
  n_fft, hop = config.model.n_fft, config.model.hop_samples
  window = np.hanning(n_fft + 1)[:-1]
  padded = np.pad(samples, n_fft // 2)
  frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop]
  # A sine of full scale is 0 dB.
  magnitude = np.abs(np.fft.rfft(frames * window)) * 2 / window.sum()
  return (20 * np.log10(magnitude + 1e-6)).astype(np.float32)
