"""What a run of `separate` did: lines for people, one JSON object for programs.

The object, printed by `--json` when all songs are done (with exit status 2
there is none, but a line on standard error):

  model      path, hash (SHA-256 of its content), rate_hz
  dry_run    whether nothing was computed
  targets    of each: name, positives, negatives, profiles, instrument
  songs      of each, in the order given:
    song       path
    status     written, failed, or planned in a dry run
    error      why it failed, else null
    rate_hz, channels, num_samples, song_s   as its header says; null if it
               cannot be read
    outputs    of each part: part, path, format, subtype; what is written
    took_s     seconds it took; null if it was not begun
    warnings   lines
  status     the exit status: 0 or 1
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fewshot_mss.inference.outputs import SongPlan
from fewshot_mss.inference.request import Target


@dataclasses.dataclass(frozen=True)
class SongOutcome:
  """What became of a song.

  Attributes:
    song: Its file.
    status: `written`, `failed` or `planned`.
    plan: What was to be made of it; None if it cannot be read.
    error: Why it failed.
    took_s: Seconds; None if it was not begun.
    warnings: Lines.
  """

  song: Path
  status: str
  plan: SongPlan | None = None
  error: str | None = None
  took_s: float | None = None
  warnings: Sequence[str] = ()

  def as_json(self) -> dict[str, Any]:
    """Returns the song's entry of the object above."""
    plan, info = self.plan, self.plan and self.plan.info
    outputs = plan.paths if plan and self.status != "failed" else ()
    return {
      "song": str(self.song),
      "status": self.status,
      "error": self.error,
      "rate_hz": info and info.rate_hz,
      "channels": info and info.channels,
      "num_samples": info and info.num_samples,
      "song_s": info and round(info.num_samples / info.rate_hz, 3),
      "outputs": [
        {"part": path.stem, "path": str(path), **plan.form._asdict()}
        for path in outputs
        if plan
      ],
      "took_s": self.took_s and round(self.took_s, 3),
      "warnings": list(self.warnings),
    }


@dataclasses.dataclass(frozen=True)
class RunReport:
  """What a run did.

  Attributes:
    model: Place, hash and rate of the model.
    targets: What was asked for.
    songs: What became of each, in the order given.
    dry_run: Whether nothing was computed.
  """

  model: dict[str, Any]
  targets: Sequence[Target]
  songs: Sequence[SongOutcome]
  dry_run: bool

  @property
  def failed(self) -> list[Path]:
    """The songs that were not written."""
    return [one.song for one in self.songs if one.status == "failed"]

  def as_json(self) -> dict[str, Any]:
    """Returns the object above."""
    return {
      "model": self.model,
      "dry_run": self.dry_run,
      "targets": [dataclasses.asdict(target) for target in self.targets],
      "songs": [one.as_json() for one in self.songs],
      "status": int(bool(self.failed)),
    }
