"""How fast datasets are built, beside the least that any builder must do."""

import itertools
import shutil
import time
from pathlib import Path

import numpy as np
import soundfile

from fewshot_mss.audio.resampling import resample, to_mono
from fewshot_mss.data.builder import build
from fewshot_mss.data.layouts.rendered import RenderSettings, rendered
from fewshot_mss.data.layouts.stem_folder import stem_folder
from fewshot_mss.data.throughput_table import Row, described
from fewshot_mss.data.tracks import TrackSet

_SONGS, _STEMS = 6, 4
# As many as so few songs can hold; none is trained on.
_UNSEEN = 4
_RENDERED_S = 24.0
_REPEATS = 10
_FILE_HZ = 44100
_TURNS = 3


def write_songs(folder: Path) -> None:
  """Writes the songs to build from: 1.6 hours of stereo FLAC at 44.1 kHz.

  Args:
    folder: Where to; what is there already is kept.
  """
  settings = RenderSettings(
    num_songs=_SONGS, song_s=_RENDERED_S, num_unseen=_UNSEEN
  )
  for track in rendered(settings).tracks:
    song = folder / track.name
    song.mkdir(parents=True, exist_ok=True)
    for stem in track.stems[:_STEMS]:
      path = song / f"{stem.name}.flac"
      if not path.exists():
        samples, _ = stem.read()
        soundfile.write(path, np.tile(samples, (_REPEATS, 1)), _FILE_HZ)


def bench_build(
  songs: Path, output: Path, *, sample_rate_hz: int, segment_s: float
) -> Row:
  """Measures a build, and the mere decoding and resampling of its files.

  In turns, each in this process, by CPU time: what a core must do.

  Args:
    songs: What `write_songs` wrote.
    output: A folder that is not there; it is removed afterwards.
    sample_rate_hz: Of the dataset.
    segment_s: Of its segments.

  Returns:
    A line with the ratio, and hours of audio a minute of one core.
  """
  track_set = stem_folder(songs)
  bare_s, build_s = [], []
  for _ in range(_TURNS):
    start = time.process_time()
    seconds = _read_all(track_set, sample_rate_hz)
    bare_s.append(time.process_time() - start)
    start = time.process_time()
    build(
      track_set,
      output,
      sample_rate_hz=sample_rate_hz,
      segment_s=segment_s,
      beam_words=("direct_num_workers=1",),
      progress=False,
    )
    build_s.append(time.process_time() - start)
    shutil.rmtree(output)
  bare, built = np.array(bare_s), np.array(build_s)
  hours = seconds / 3600
  ratios = bare / built
  return Row(
    f"build at {sample_rate_hz} Hz / bare decoding and resampling",
    f"{np.median(ratios):.2f}",
    ">= 0.7",
    f"hours of audio a minute of a core: built "
    f"{described(60 * hours / built, '', digits=1)}; bare "
    f"{described(60 * hours / bare, '', digits=1)}; of {hours:.1f} hours",
  )


def _read_all(track_set: TrackSet, sample_rate_hz: int) -> float:
  """Reads every stem, keeps none, and returns how many seconds they last."""
  seconds = 0.0
  for stem in itertools.chain.from_iterable(t.stems for t in track_set.tracks):
    samples, rate_hz = stem.read()
    mono = resample(to_mono(samples), rate_hz, sample_rate_hz)
    seconds += len(mono) / sample_rate_hz
  return seconds
