"""What is wrong with a dataset, from the measures of its songs.

An error is what a build would stop at or what makes a test worthless; all
else is a warning, for it may be meant.
"""

import collections
import dataclasses
from collections.abc import Iterable, Iterator, Sequence

from fewshot_mss.audio.levels import SILENCE_DBFS
from fewshot_mss.data.check import CheckReport, StemCheck, TrackCheck
from fewshot_mss.data.song_keys import song_key
from fewshot_mss.data.sound_checks import CLIP_SAMPLES

# A stem that lasts less of its song is short.
SHORT_SHARE = 0.8
# A mixture that differs by more is not the sum of its stems. Rounding to 16
# bits makes -60 or less, lossy codecs and mastering -30 to -5.
MIXTURE_DB = -30.0
# Kind of finding: whether it is an error, and what it means, in the order of
# the page.
KINDS = {
  "unusable": (True, "nothing to use"),
  "unreadable": (True, "stems that cannot be read"),
  "non_finite": (True, "stems with NaN or infinite samples"),
  "shared": (True, "songs or sounds in more than one split: keep each in one"),
  "duplicate": (False, "songs or sounds that are there twice in one split"),
  "silent": (
    False,
    "silent stems, which a build leaves out: no second of their mono sound "
    f"reaches {SILENCE_DBFS:.0f} dBFS",
  ),
  "short": (
    False,
    f"short stems: they last less than {SHORT_SHARE * 100:.0f} % of the song's "
    "longest",
  ),
  "clipped": (
    False,
    f"clipped stems: {CLIP_SAMPLES} or more equal samples in a row at full "
    "scale",
  ),
  "mixture": (
    False,
    "mixtures that are not the sum of the stems: the difference is above "
    f"{MIXTURE_DB:.0f} dB, relative to the mixture",
  ),
  "unreadable_mixture": (False, "mixtures that cannot be compared"),
  "rates": (
    False,
    "stems of another sample rate than most, which a build resamples",
  ),
}
_NAMED = 4


@dataclasses.dataclass(frozen=True)
class Finding:
  """One thing that is wrong.

  Attributes:
    kind: One of `KINDS`.
    where: The song, `song/stem`, or several of them.
    what: How much, or why.
  """

  kind: str
  where: str
  what: str

  @property
  def is_error(self) -> bool:
    """Whether a build or a test cannot do with it."""
    return KINDS[self.kind][0]


def find(report: CheckReport) -> tuple[Finding, ...]:
  """Judges the measures of a dataset.

  Two songs are the same if `song_key` folds their names into one, if a stem or
  the mixture of one is, sample by sample, that of the other, or if they read
  one file. Copies at another level, at another rate or through a lossy codec
  are not found by their sound.

  Args:
    report: The measures.

  Returns:
    All findings by kind, within a kind in the order of the songs; mixtures
    with the worst first.
  """
  found = [
    *_unusable(report.tracks),
    *_twice(report.tracks),
    *_within_songs(report.tracks),
    *_mixtures(report.tracks),
    *_rates(report.tracks),
  ]
  for track in report.tracks:
    for stem in track.stems:
      found += _of_stem(track, stem)
  order = list(KINDS)
  return tuple(sorted(found, key=lambda finding: order.index(finding.kind)))


def _of_stem(track: TrackCheck, stem: StemCheck) -> Iterator[Finding]:
  where = f"{track.name}/{stem.stem.name}"
  if stem.problem:
    yield Finding("unreadable", where, stem.problem)
    return
  if stem.non_finite:
    yield Finding("non_finite", where, f"{stem.non_finite} samples")
  if stem.silent:
    yield Finding("silent", where, f"{stem.duration_s:.1f} s")
  if stem.duration_s < SHORT_SHARE * track.duration_s:
    yield Finding(
      "short", where, f"{stem.duration_s:.1f} of {track.duration_s:.1f} s"
    )
  if stem.clipped_runs:
    times = "once" if stem.clipped_runs == 1 else f"{stem.clipped_runs} times"
    yield Finding("clipped", where, times)


def _unusable(tracks: Sequence[TrackCheck]) -> Iterator[Finding]:
  """Finds splits whose songs hold no sound, which a build cannot do with."""
  usable = {track.split: False for track in tracks}
  for track in tracks:
    usable[track.split] |= any(stem.usable for stem in track.stems)
  what = "no stem that is readable, finite and not silent"
  if not any(usable.values()):
    yield Finding("unusable", "all songs", what)
    return
  for split, there in usable.items():
    if not there:
      yield Finding("unusable", f"the {split} songs", what)


def _twice(tracks: Sequence[TrackCheck]) -> Iterator[Finding]:
  """Finds songs that are the same, one finding for all that a group shares."""
  places: dict[tuple[str, str], dict[int, str]] = {}
  for i, track in enumerate(tracks):
    for token, name in _tokens(track):
      places.setdefault(token, {}).setdefault(i, name)
  groups: dict[tuple[int, ...], dict[str, list[str]]] = {}
  for (reason, _), songs in places.items():
    if len(songs) > 1:
      reasons = groups.setdefault(tuple(songs), {})
      # One sound may have another name in each song.
      names = list(dict.fromkeys(songs.values()))[:_NAMED]
      reasons.setdefault(reason, []).append(" = ".join(names))
  for group, reasons in sorted(groups.items()):
    splits = {tracks[i].split for i in group}
    yield Finding(
      "shared" if len(splits) > 1 else "duplicate",
      _some(f"{tracks[i].name} ({tracks[i].split})" for i in group),
      "; ".join(
        reason if reason == "same name" else f"{reason} ({_some(names)})"
        for reason, names in reasons.items()
      ),
    )


def _tokens(track: TrackCheck) -> Iterator[tuple[tuple[str, str], str]]:
  """Yields what no two songs may share, and the name of what has it."""
  yield ("same name", song_key(track.name)), track.name
  if track.mixture_digest:
    yield ("same sound", track.mixture_digest), "mixture"
  for stem in track.stems:
    if stem.digest:
      yield ("same sound", stem.digest), stem.stem.name
    # One file of silence may stand for all silent stems.
    if not stem.silent:
      for path in stem.stem.files:
        yield ("same file", str(path.resolve())), stem.stem.name


def _within_songs(tracks: Sequence[TrackCheck]) -> Iterator[Finding]:
  for track in tracks:
    names: dict[str, list[str]] = {}
    for stem in track.stems:
      if stem.digest:
        names.setdefault(stem.digest, []).append(stem.stem.name)
    for same in names.values():
      if len(same) > 1:
        yield Finding(
          "duplicate", track.name, f"stems of the same sound ({_some(same)})"
        )


def _mixtures(tracks: Sequence[TrackCheck]) -> Iterator[Finding]:
  for track in tracks:
    if track.mixture_problem:
      yield Finding("unreadable_mixture", track.name, track.mixture_problem)
  for name, level_db in worst_mixtures(tracks):
    if level_db > MIXTURE_DB:
      yield Finding("mixture", name, f"{level_db:.1f} dB")


def worst_mixtures(tracks: Sequence[TrackCheck]) -> list[tuple[str, float]]:
  """Returns the songs whose mixture was compared, and how far it is off.

  Args:
    tracks: The songs.

  Returns:
    Name and level of the difference in dB, the worst first.
  """
  compared = [
    (track.name, track.mixture_db)
    for track in tracks
    if track.mixture_db is not None
  ]
  return sorted(compared, key=lambda item: -item[1])


def _rates(tracks: Sequence[TrackCheck]) -> Iterator[Finding]:
  counts = collections.Counter(
    stem.rate_hz for track in tracks for stem in track.stems if stem.rate_hz
  )
  if len(counts) < 2:
    return
  # Of two that are as many the higher, for it holds more.
  most = max(counts, key=lambda rate_hz: (counts[rate_hz], rate_hz))
  for track in tracks:
    others: dict[int, list[str]] = {}
    for stem in track.stems:
      if stem.rate_hz not in (0, most):
        others.setdefault(stem.rate_hz, []).append(stem.stem.name)
    for rate_hz, names in others.items():
      yield Finding(
        "rates", track.name, f"{rate_hz} Hz, not {most} Hz ({_some(names)})"
      )


def _some(names: Iterable[str]) -> str:
  listed = list(names)
  more = len(listed) - _NAMED
  text = ", ".join(listed[:_NAMED])
  return f"{text} and {more} more" if more > 0 else text
