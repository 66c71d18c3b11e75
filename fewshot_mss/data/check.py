"""Reads every sound of a dataset and measures what can be wrong with it.

What the measures amount to is in `check_findings`, what is printed in
`check_page`.
"""

import concurrent.futures
import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float
from tqdm import tqdm

from fewshot_mss.audio.files import read_audio
from fewshot_mss.audio.levels import SILENCE_DBFS, block_rms_db
from fewshot_mss.audio.resampling import to_mono
from fewshot_mss.data.sound_checks import (
  FULL_SCALE,
  Sound,
  difference_db,
  digest,
  flat_peaks,
  plus,
)
from fewshot_mss.data.tracks import Stem, Track, TrackSet
from fewshot_mss.errors import InputError


@dataclasses.dataclass(frozen=True)
class StemCheck:
  """What reading a stem found.

  Attributes:
    stem: The stem.
    problem: Why it cannot be read; `` if it can, and only then the others say
      something.
    rate_hz: Sample rate.
    channels: How many.
    duration_s: Length in seconds.
    non_finite: Number of samples that are NaN or infinite.
    silent: Whether no second of its mono sound reaches `SILENCE_DBFS`.
    clipped_runs: How often it stays at full scale, as `flat_peaks` counts.
    digest: Hash of the sound without the zeros at its ends; `` for silence.
  """

  stem: Stem
  problem: str = ""
  rate_hz: int = 0
  channels: int = 0
  duration_s: float = 0.0
  non_finite: int = 0
  silent: bool = False
  clipped_runs: int = 0
  digest: str = ""

  @property
  def usable(self) -> bool:
    """Whether there is sound to prepare segments from."""
    return not (self.problem or self.non_finite or self.silent)


@dataclasses.dataclass(frozen=True)
class TrackCheck:
  """What reading a song found.

  Attributes:
    name: Of the song.
    split: `train`, `validation` or `test`.
    stems: One for each stem of the song.
    mixture_problem: Why the mixture cannot be compared; `` if it can or there
      is none.
    mixture_db: Level of the mixture minus the sum of the stems, relative to
      the mixture; None if they cannot be compared.
    mixture_digest: As that of a stem; `` without a mixture.
  """

  name: str
  split: str
  stems: tuple[StemCheck, ...]
  mixture_problem: str = ""
  mixture_db: float | None = None
  mixture_digest: str = ""

  @property
  def duration_s(self) -> float:
    """The length of the longest stem in seconds."""
    return max((stem.duration_s for stem in self.stems), default=0.0)


@dataclasses.dataclass(frozen=True)
class CheckReport:
  """What reading a dataset found.

  Attributes:
    tracks: One for each song, in the dataset's order.
    sources: Where the audio comes from.
    skipped: What the layout left out, each as `name: reason`.
  """

  tracks: tuple[TrackCheck, ...]
  sources: tuple[str, ...]
  skipped: tuple[str, ...]


def check_track_set(
  track_set: TrackSet, *, workers: int | None = None, progress: bool = True
) -> CheckReport:
  """Reads all songs, several at once; nothing is written.

  In memory is a song's sum and one of its stems for each worker.

  Args:
    track_set: The songs.
    workers: How many songs are read at once; as many as there are cores if
      None.
    progress: Whether to show a progress bar.

  Returns:
    What was found, in the order of the songs.
  """
  tracks = track_set.tracks
  # Threads do: decoding, hashing and array work all release the GIL.
  pool = concurrent.futures.ThreadPoolExecutor(workers or os.cpu_count())
  try:
    futures = [pool.submit(check_track, track) for track in tracks]
    with tqdm(total=len(tracks), unit="song", disable=not progress) as bar:
      for future in concurrent.futures.as_completed(futures):
        future.result()
        bar.update()
  finally:
    # After an interrupt nobody waits for songs that are being read.
    pool.shutdown(wait=False, cancel_futures=True)
  return CheckReport(
    tracks=tuple(future.result() for future in futures),
    sources=track_set.sources,
    skipped=track_set.skipped,
  )


def check_track(track: Track) -> TrackCheck:
  """Reads a song: each stem once, then the mixture.

  Args:
    track: The song.

  Returns:
    What was found. A mixture is compared if all stems can be read and are
    finite; where rates or channels differ, at the first stem's rate and in
    mono.
  """
  checks = []
  total: Sound | None = None
  for stem in track.stems:
    try:
      sound = Sound(*stem.read())
    except InputError as error:
      checks.append(StemCheck(stem, problem=str(error)))
      continue
    checks.append(_check_stem(stem, sound))
    if track.mixture is not None and not checks[-1].non_finite:
      total = plus(total, sound)
  check = TrackCheck(track.name, track.split, tuple(checks))
  if track.mixture is None:
    return check
  try:
    mixture = Sound(*track.mixture())
  except InputError as error:
    return dataclasses.replace(check, mixture_problem=str(error))
  if not np.isfinite(mixture.samples).all():
    return dataclasses.replace(
      check, mixture_problem="holds NaN or infinite samples"
    )
  whole = not any(stem.problem or stem.non_finite for stem in checks)
  comparable = whole and total is not None and mixture.samples.size > 0
  return dataclasses.replace(
    check,
    mixture_db=difference_db(mixture, total) if comparable else None,
    mixture_digest=digest(mixture.samples),
  )


def _check_stem(stem: Stem, sound: Sound) -> StemCheck:
  samples, rate_hz = sound
  non_finite = samples.size - int(np.isfinite(samples).sum())
  check = StemCheck(
    stem,
    rate_hz=rate_hz,
    channels=samples.shape[1],
    duration_s=len(samples) / rate_hz,
    non_finite=non_finite,
  )
  if non_finite:
    return check
  return dataclasses.replace(
    check,
    silent=_silent(sound),
    clipped_runs=_clipped_runs(samples, stem.files),
    digest=digest(samples),
  )


def _silent(sound: Sound) -> bool:
  if not len(sound.samples):
    return True
  # Mono, for the build judges that.
  levels_db = block_rms_db(to_mono(sound.samples), sound.rate_hz)
  return bool(levels_db.max() < SILENCE_DBFS)


def _clipped_runs(
  samples: Float[np.ndarray, "samples channels"], files: Sequence[Path]
) -> int:
  """Counts the runs at full scale, which a layout's gain may have moved."""
  runs = flat_peaks(samples)
  if not runs or np.abs(samples).max() >= FULL_SCALE:
    return runs
  return runs if any(_reaches_full_scale(path) for path in files) else 0


def _reaches_full_scale(path: Path) -> bool:
  try:
    samples, _ = read_audio(path)
  except InputError:
    # Such as an mp4, or MIDI.
    return False
  return bool(np.abs(samples).max(initial=0.0) >= FULL_SCALE)
