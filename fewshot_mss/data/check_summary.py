"""What a check found, in numbers and lists that JSON can hold."""

import collections
import statistics
from collections.abc import Iterator, Sequence
from typing import Any

from fewshot_mss.data.catalogue import SPLITS
from fewshot_mss.data.check import CheckReport, StemCheck, TrackCheck
from fewshot_mss.data.check_findings import find, worst_mixtures

_BLEED = {True: "yes", False: "no", None: "unknown"}


def summary(report: CheckReport, dataset: str) -> dict[str, Any]:
  """Returns all that a check found as what JSON can hold.

  Args:
    report: What it measured.
    dataset: What was read.

  Returns:
    `dataset`, `sources`, `songs` (by split, with `all`), `instruments`,
    `formats`, `mixtures`, `bleed`, `skipped`, `findings`, and the numbers of
    `errors` and `warnings`.
  """
  tracks = report.tracks
  findings = find(report)
  num_errors = sum(finding.is_error for finding in findings)
  songs = {
    split: _songs([track for track in tracks if track.split == split])
    for split in SPLITS
  }
  return {
    "dataset": dataset,
    "sources": list(report.sources),
    "songs": {**songs, "all": _songs(tracks)},
    "instruments": _instruments(tracks),
    "formats": _formats(tracks),
    "mixtures": _mixtures(tracks),
    "bleed": _bleed(tracks),
    "skipped": _skipped(report.skipped),
    "findings": [
      {
        "severity": "error" if finding.is_error else "warning",
        "kind": finding.kind,
        "where": finding.where,
        "what": finding.what,
      }
      for finding in findings
    ],
    "errors": num_errors,
    "warnings": len(findings) - num_errors,
  }


def _stems(
  tracks: Sequence[TrackCheck],
) -> Iterator[tuple[TrackCheck, StemCheck]]:
  for track in tracks:
    for stem in track.stems:
      yield track, stem


def _songs(tracks: Sequence[TrackCheck]) -> dict[str, Any]:
  return {
    "songs": len(tracks),
    "stems": sum(len(track.stems) for track in tracks),
    "song_hours": _hours(track.duration_s for track in tracks),
    "stem_hours": _hours(stem.duration_s for _, stem in _stems(tracks)),
  }


def _instruments(tracks: Sequence[TrackCheck]) -> list[dict[str, Any]]:
  groups = collections.defaultdict(list)
  for track, stem in _stems(tracks):
    groups[stem.stem.instrument, stem.stem.family].append((track, stem))
  return [
    {
      "instrument": instrument,
      "family": family,
      "stems": len(group),
      "songs": len({track.name for track, _ in group}),
      "hours": _hours(stem.duration_s for _, stem in group),
    }
    for (instrument, family), group in sorted(
      groups.items(), key=lambda item: (-len(item[1]), item[0])
    )
  ]


def _formats(tracks: Sequence[TrackCheck]) -> list[dict[str, Any]]:
  groups = collections.defaultdict(list)
  for track, stem in _stems(tracks):
    if not stem.problem:
      groups[stem.rate_hz, stem.channels].append(track.name)
  return [
    {
      "rate_hz": rate_hz,
      "channels": channels,
      "stems": len(names),
      "songs": len(set(names)),
    }
    for (rate_hz, channels), names in sorted(groups.items())
  ]


def _mixtures(tracks: Sequence[TrackCheck]) -> dict[str, Any]:
  worst = worst_mixtures(tracks)
  return {
    "compared": len(worst),
    "median_db": (
      statistics.median(level_db for _, level_db in worst) if worst else None
    ),
    "difference_db": [
      {"song": name, "db": level_db} for name, level_db in worst
    ],
  }


def _bleed(tracks: Sequence[TrackCheck]) -> dict[str, int]:
  counts = collections.Counter(stem.stem.bleed for _, stem in _stems(tracks))
  return {name: counts[value] for value, name in _BLEED.items()}


def _skipped(skipped: Sequence[str]) -> list[dict[str, Any]]:
  reasons = collections.defaultdict(list)
  for line in skipped:
    name, _, reason = line.partition(": ")
    reasons[reason].append(name)
  return [
    {"reason": reason, "names": names} for reason, names in reasons.items()
  ]


def _hours(durations_s: Iterator[float]) -> float:
  return sum(durations_s) / 3600
