"""What a run of `separate` did: lines for people, one JSON object for programs.

The object, printed by `--json` when all songs are done (with exit status 2
there is none, but a line on standard error):

  model      path, hash (SHA-256 of its content), rate_hz
  dry_run    whether nothing was computed
  targets    of each: name, positives, negatives, profiles, instrument
  coach      of each target with examples, by its name: examples (name,
             length_s, level_dbfs, silent_share, clipped_share, sha256, likeness
             to the others or null, is_outlier), effective_count, advice
  songs      of each, in the order given:
    song       path
    status     written, failed, or planned in a dry run
    error      why it failed, else null
    rate_hz, channels, num_samples, song_s   as its header says; null if it
               cannot be read
    outputs    of each part: part, path, format, subtype; what is written
    took_s     seconds it took; null if it was not begun
    patches    what it would cost, in a dry run, else null
    warnings   lines
    presence   of each target, by its name: absent, probability, spans_s,
               moment_probability; empty if it was not written
  status     the exit status: 0 or 1
"""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fewshot_mss.audio.clock import clock
from fewshot_mss.inference.coach import Coaching
from fewshot_mss.inference.coach_page import coach_json
from fewshot_mss.inference.outputs import SongPlan
from fewshot_mss.inference.presence import Presence
from fewshot_mss.inference.presence_page import presence_json, presence_line
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
    patches: What it would cost; None if it was separated.
    presence: Where each target was heard, by its name.
  """

  song: Path
  status: str
  plan: SongPlan | None = None
  error: str | None = None
  took_s: float | None = None
  warnings: Sequence[str] = ()
  patches: int | None = None
  presence: Mapping[str, Presence] = dataclasses.field(default_factory=dict)

  def lines(self, *, to_files: bool) -> list[str]:
    """Returns what a person is told of a song that has not failed.

    Args:
      to_files: Whether the parts stay in their files.
    """
    lines = []
    does = "wrote"
    if self.plan is not None and self.patches is not None:
      does = "would write"
      info = self.plan.info
      length = clock(info.num_samples / info.rate_hz)
      lines.append(
        f"would separate {self.song} ({length}, {info.channels} channels, "
        f"{info.rate_hz} Hz): {self.patches} patches through the network"
      )
    if self.plan is not None and to_files:
      lines += [f"{does} {path}" for path in self.plan.paths]
    return lines + [
      presence_line(name, there) for name, there in self.presence.items()
    ]

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
      "patches": self.patches,
      "warnings": list(self.warnings),
      "presence": {
        name: presence_json(there) for name, there in self.presence.items()
      },
    }


@dataclasses.dataclass(frozen=True)
class RunReport:
  """What a run did.

  Attributes:
    model: Place, hash and rate of the model.
    targets: What was asked for.
    coaching: What is to be said of each target's examples, by its name.
    songs: What became of each, in the order given.
    dry_run: Whether nothing was computed.
  """

  model: dict[str, Any]
  targets: Sequence[Target]
  coaching: Mapping[str, Coaching]
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
      "coach": {
        name: coach_json(coaching) for name, coaching in self.coaching.items()
      },
      "songs": [one.as_json() for one in self.songs],
      "status": int(bool(self.failed)),
    }
