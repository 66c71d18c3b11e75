"""What a MIDI file plays: which parts there are, and each of them alone.

A part is what one program plays on one channel; channel 10, with whichever
kits, is one part, the drums.
"""

import hashlib
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import mido

from fewshot_mss.data.synth.general_midi import DRUM_CHANNEL
from fewshot_mss.data.synth.notes import (
  TICKS_PER_BEAT,
  TICKS_PER_S,
  read_messages,
)
from fewshot_mss.errors import InputError

# Later notes are not played: one note at hour 5 would fill memory and disk.
MAX_SONG_S = 600.0
# Larger files are no music that anyone plays, and take minutes to read.
MAX_FILE_BYTES = 4 * 2**20
# After the last note of a part.
RING_OUT_S = 2.0
# Bank select: another bank's program is another instrument than its label says.
_BANK_CONTROLS = (0, 32)
_CHANNEL_MESSAGES = ("control_change", "pitchwheel", "aftertouch", "polytouch")


class MidiPart(NamedTuple):
  """One part.

  Attributes:
    channel: 0 to 15.
    program: 0 to 127; of the drums, the kit of their first note.
  """

  channel: int
  program: int


class MidiSummary(NamedTuple):
  """What there is to know of a file before it is played.

  Attributes:
    parts: Those with a note in the first `MAX_SONG_S`, in order.
    digest: Equal for files of the same notes, in whichever tempo, programs,
      channels and velocities.
    fault: Why it cannot be used, in one line; `` if it can.
  """

  parts: tuple[MidiPart, ...]
  digest: str
  fault: str = ""


def summarise(path: Path) -> MidiSummary:
  """Reads what a MIDI file plays, without raising for one that is none.

  Args:
    path: The file.
  """
  try:
    num_bytes = path.stat().st_size
    if num_bytes > MAX_FILE_BYTES:
      return MidiSummary((), "", f"has {num_bytes} bytes, too many for a song")
    messages = read_messages(path)
  except (OSError, InputError):
    return MidiSummary((), "", "cannot be read as MIDI")
  parts = set()
  strokes = []
  kit = None
  for now_s, message, program in _timed(messages):
    if not _is_stroke(message):
      continue
    drums = message.channel == DRUM_CHANNEL
    strokes.append((now_s, 128 * drums + message.note))
    if drums and kit is None:
      kit = program
    if now_s <= MAX_SONG_S:
      parts.add(MidiPart(message.channel, kit if drums else program))
  if not parts:
    return MidiSummary((), "", f"has no note in its first {MAX_SONG_S:.0f} s")
  return MidiSummary(tuple(sorted(parts)), notes_digest(strokes))


def notes_digest(strokes: Iterable[tuple[float, int]]) -> str:
  """Returns what files of the same notes have in common.

  Args:
    strokes: When each note starts and its key, that of drums plus 128.
  """
  # Of equal times first by key: which channel comes first is of no account.
  keys = bytes(key for _, key in sorted(strokes))
  return hashlib.sha256(keys).hexdigest()


def part_alone(
  messages: list[Any], part: MidiPart, *, number: int
) -> tuple[bytes, float]:
  """Writes a MIDI file of one part of another, with its pedals and volumes.

  Args:
    messages: All of the file, as `read_messages` returns them.
    part: One of its parts.
    number: Program or kit that plays it.

  Returns:
    The content of the file, and where its sound ends, in seconds.
  """
  track = mido.MidiTrack()
  track.append(
    mido.Message("program_change", channel=part.channel, program=number)
  )
  drums = part.channel == DRUM_CHANNEL
  sounding: set[int] = set()
  written_ticks, end_s = 0, 0.0
  for now_s, message, program in _timed(messages):
    if now_s > MAX_SONG_S:
      break
    if getattr(message, "channel", None) != part.channel:
      continue
    if _is_stroke(message):
      if not drums and program != part.program:
        continue
      sounding.add(message.note)
      end_s = now_s
    elif message.type in ("note_on", "note_off"):
      if message.note not in sounding:
        continue
      sounding.remove(message.note)
      end_s = now_s
    elif message.type not in _CHANNEL_MESSAGES or _is_bank(message):
      continue
    ticks = round(now_s * TICKS_PER_S)
    track.append(message.copy(time=ticks - written_ticks))
    written_ticks = ticks
  end_s = min(end_s + RING_OUT_S, MAX_SONG_S)
  rest = max(0, round(end_s * TICKS_PER_S) - written_ticks)
  track.append(mido.MetaMessage("end_of_track", time=rest))
  file = mido.MidiFile(ticks_per_beat=TICKS_PER_BEAT)
  file.tracks.append(track)
  content = io.BytesIO()
  file.save(file=content)
  return content.getvalue(), end_s


def _timed(messages: list[Any]) -> Iterator[tuple[float, Any, int]]:
  """Yields time in seconds, message, and the program of its channel."""
  programs = dict.fromkeys(range(16), 0)
  now_s = 0.0
  for message in messages:
    now_s += message.time
    if message.type == "program_change":
      programs[message.channel] = message.program
    yield now_s, message, programs.get(getattr(message, "channel", 0), 0)


def _is_stroke(message: Any) -> bool:
  return message.type == "note_on" and message.velocity > 0


def _is_bank(message: Any) -> bool:
  return message.type == "control_change" and message.control in _BANK_CONTROLS
