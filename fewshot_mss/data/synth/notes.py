"""Notes, parts, and their way into and out of MIDI files."""

import dataclasses
import io
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mido

from fewshot_mss.data.synth.general_midi import DRUM_CHANNEL
from fewshot_mss.errors import InputError

# 120 beats a minute of 480 ticks.
TICKS_PER_BEAT = 480
TICKS_PER_S = 960
# Held to the end of a file whose note never ends, but not for ever.
_MAX_NOTE_S = 30.0


# What mido raises for files that are no MIDI, cut off, or of strange content.
_MIDI_ERRORS = (
  OSError,
  EOFError,
  ValueError,
  TypeError,
  LookupError,
  ArithmeticError,
  mido.KeySignatureError,
)


@dataclasses.dataclass(frozen=True)
class Note:
  """One note.

  Attributes:
    start_s: When it starts.
    length_s: How long its key is held.
    pitch: MIDI key.
    velocity: 1 to 127.
  """

  start_s: float
  length_s: float
  pitch: int
  velocity: int


@dataclasses.dataclass(frozen=True)
class Part:
  """What one player plays.

  Attributes:
    role: `melody`, `bass`, ...; `drums` for a drum kit.
    notes: In any order.
  """

  role: str
  notes: tuple[Note, ...]


def fit_to_range(
  notes: Sequence[Note], low: int, high: int
) -> tuple[Note, ...]:
  """Moves a part by octaves into the range of an instrument.

  The part as a whole goes where its middle is nearest to the middle of the
  range; single notes that still stick out are folded by octaves.

  Args:
    notes: The part.
    low: Lowest key of the instrument.
    high: Highest; at least an octave above.

  Returns:
    The notes, all within the range.
  """
  pitches = [note.pitch for note in notes]
  middle = (min(pitches) + max(pitches)) / 2
  shift = 12 * round(((low + high) / 2 - middle) / 12)
  return tuple(
    dataclasses.replace(note, pitch=_fold(note.pitch + shift, low, high))
    for note in notes
  )


def _fold(pitch: int, low: int, high: int) -> int:
  if pitch < low:
    return low + (pitch - low) % 12
  if pitch > high:
    return high - (high - pitch) % 12
  return pitch


def midi_bytes(
  notes: Sequence[Note], *, program: int, drums: bool, length_s: float
) -> bytes:
  """Writes one part as a MIDI file.

  Args:
    notes: The part.
    program: Program, or number of the drum kit.
    drums: Whether it is played on the drum channel.
    length_s: Where the file ends: its end-of-track event.

  Returns:
    The file's content.
  """
  channel = DRUM_CHANNEL if drums else 0
  events: list[tuple[int, int, int]] = []
  ordered = sorted(notes, key=lambda note: (note.pitch, note.start_s))
  for note, following in itertools.pairwise([*ordered, None]):
    start = round(note.start_s * TICKS_PER_S)
    end = max(start + 1, round((note.start_s + note.length_s) * TICKS_PER_S))
    if following is not None and following.pitch == note.pitch:
      # One key cannot be held twice: its release would end the later note.
      end = min(end, round(following.start_s * TICKS_PER_S))
    if end > start:
      # A velocity of 0 releases, and sorts before the next stroke.
      events += [(start, note.velocity, note.pitch), (end, 0, note.pitch)]
  track = mido.MidiTrack()
  track.append(mido.Message("program_change", program=program, channel=channel))
  now = 0
  for tick, velocity, pitch in sorted(events):
    track.append(
      mido.Message(
        "note_on",
        channel=channel,
        note=pitch,
        velocity=velocity,
        time=tick - now,
      )
    )
    now = tick
  end = round(length_s * TICKS_PER_S)
  track.append(mido.MetaMessage("end_of_track", time=max(0, end - now)))
  file = mido.MidiFile(ticks_per_beat=TICKS_PER_BEAT)
  file.tracks.append(track)
  content = io.BytesIO()
  file.save(file=content)
  return content.getvalue()


def read_messages(path: Path) -> list[Any]:
  """Reads the messages of all tracks of a MIDI file, in order of their time.

  Args:
    path: The file.

  Returns:
    Messages of mido; the time of each is in seconds since the one before it.

  Raises:
    InputError: If it cannot be read as MIDI.
  """
  try:
    # Clipped: files of the wild have data bytes above 127.
    return list(mido.MidiFile(path, clip=True))
  except _MIDI_ERRORS as error:
    raise InputError(
      f"{path} cannot be read as MIDI: repair or remove it"
    ) from error


def read_parts(path: Path) -> tuple[Part, ...]:
  """Reads the parts of a MIDI file: one a channel and program.

  Args:
    path: The file.

  Returns:
    The parts that have notes; those of channel 10 are one part, `drums`.

  Raises:
    InputError: If it cannot be read as MIDI.
  """
  messages = read_messages(path)
  programs = dict.fromkeys(range(16), 0)
  sounding: dict[tuple[int, int], tuple[float, int, int]] = {}
  parts: dict[tuple[int, int], list[Note]] = {}
  now_s = 0.0

  def end(channel: int, pitch: int) -> None:
    start_s, program, velocity = sounding.pop((channel, pitch))
    length_s = min(now_s - start_s, _MAX_NOTE_S)
    if length_s > 0 or channel == DRUM_CHANNEL:
      parts.setdefault((channel, program), []).append(
        Note(start_s, length_s, pitch, velocity)
      )

  for message in messages:
    now_s += message.time
    if message.type == "program_change":
      if message.channel != DRUM_CHANNEL:
        programs[message.channel] = message.program
    elif message.type in ("note_on", "note_off"):
      key = (message.channel, message.note)
      if key in sounding:
        end(*key)
      if message.type == "note_on" and message.velocity > 0:
        sounding[key] = (now_s, programs[message.channel], message.velocity)
  for key in list(sounding):
    end(*key)
  return tuple(
    Part("drums" if channel == DRUM_CHANNEL else "part", tuple(notes))
    for (channel, _), notes in sorted(parts.items())
  )


def excerpt(part: Part, start_s: float, length_s: float) -> Part:
  """Returns the notes that start within a span, cut at its end."""
  return dataclasses.replace(
    part,
    notes=tuple(
      dataclasses.replace(
        note,
        start_s=note.start_s - start_s,
        length_s=min(note.length_s, start_s + length_s - note.start_s),
      )
      for note in part.notes
      if start_s <= note.start_s < start_s + length_s
    ),
  )
