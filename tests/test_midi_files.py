"""What a MIDI file plays, by hand: parts, notes in common, one part alone."""

import io

import mido
import pytest

from fewshot_mss.data.synth.midi_files import (
  MAX_FILE_BYTES,
  MidiPart,
  part_alone,
  summarise,
)
from fewshot_mss.data.synth.notes import read_messages


def write(path, *tracks, ticks_per_beat=480):
  """Writes tracks of (ticks since the last, name, fields of the message)."""
  file = mido.MidiFile(ticks_per_beat=ticks_per_beat)
  for events in tracks:
    track = mido.MidiTrack()
    for ticks, name, fields in events:
      kind = mido.MetaMessage if name == "set_tempo" else mido.Message
      track.append(kind(name, time=ticks, **fields))
    file.tracks.append(track)
  file.save(path)
  return path


def note(channel, pitch, *, wait=0, length=480, velocity=90):
  return [
    (wait, "note_on",
     {"channel": channel, "note": pitch, "velocity": velocity}),
    (length, "note_off", {"channel": channel, "note": pitch}),
  ]  # fmt: skip


def program(channel, number):
  return [(0, "program_change", {"channel": channel, "program": number})]


def control(channel, number, value, wait=0):
  fields = {"channel": channel, "control": number, "value": value}
  return [(wait, "control_change", fields)]


def alone(path, *part, number=None):
  """Returns the messages of a part as (ticks, name, value), and its end."""
  part = MidiPart(*part)
  number = part.program if number is None else number
  content, end_s = part_alone(read_messages(path), part, number=number)
  (track,) = mido.MidiFile(file=io.BytesIO(content)).tracks
  now, found = 0, []
  for message in track:
    now += message.time
    value = getattr(message, "note", getattr(message, "value", None))
    found.append((now, message.type, value))
  return found, end_s


def test_parts_are_channels_and_programs_and_drums_are_one(tmp_path):
  path = write(
    tmp_path / "a.mid",
    [*program(0, 40), *note(0, 60), *program(0, 41), *note(0, 61)],
    [*program(3, 40), *note(3, 62), *program(4, 7)],
    [*note(5, 64, velocity=0), *note(6, 65)],
    [*program(9, 25), *note(9, 36), *program(9, 8), *note(9, 38)],
  )
  found = summarise(path)
  assert found.fault == ""
  # The kit is that of the first stroke; no program is the first.
  assert found.parts == ((0, 40), (0, 41), (3, 40), (6, 0), (9, 25))


def digest(path):
  assert summarise(path).fault == ""
  return summarise(path).digest


def test_the_same_notes_have_one_digest_however_they_are_played(tmp_path):
  path = tmp_path / "a.mid"
  chord = [*note(0, 60, wait=240, length=0), *note(1, 64)]
  first = digest(write(path, [*program(0, 40), *chord, *note(9, 36)]))
  others = [
    # Faster, by the tempo and by the ticks.
    [[(0, "set_tempo", {"tempo": 200_000}), *chord, *note(9, 36)]],
    # Other programs, velocities, lengths, and no channel but one.
    [
      [
        *program(1, 3),
        *note(1, 60, wait=240, length=0, velocity=20),
        *note(1, 64, length=100),
        *note(9, 36, velocity=50),
      ]
    ],
    # On tracks of their own, and a chord from its top.
    [note(1, 64, wait=240), note(0, 60, wait=240), note(9, 36, wait=720)],
  ]
  for tracks in others:
    for ticks_per_beat in (480, 96):
      assert (
        digest(write(path, *tracks, ticks_per_beat=ticks_per_beat)) == first
      )
  different = [
    [[*chord, *note(9, 37)]],
    [[*chord, *note(1, 36)]],
    [[*chord]],
    [[*note(0, 60), *note(1, 64), *note(9, 36)][::-1]],
  ]
  found = {digest(write(path, *tracks)) for tracks in different}
  assert len(found) == 4
  assert first not in found


@pytest.mark.parametrize(
  ("content", "fault"),
  [
    (b"", "cannot be read as MIDI"),
    (b"MThd\0\0\0\6\0\1\0\1\1\xe0MTrk\0\0\0\x20", "cannot be read as MIDI"),
    (b"MThd" + bytes(MAX_FILE_BYTES - 3), "has 4194305 bytes, too many"),
    (None, "cannot be read as MIDI"),
  ],
)
def test_what_is_no_song_says_why(tmp_path, content, fault):
  path = tmp_path / "a.mid"
  if content is not None:
    path.write_bytes(content)
  found = summarise(path)
  assert found.parts == ()
  assert found.fault.startswith(fault)


def test_a_file_without_notes_says_so(tmp_path):
  late = note(0, 60, wait=601 * 960)
  for events in ([*program(0, 3)], note(0, 60, velocity=0), late):
    path = write(tmp_path / "a.mid", events)
    assert summarise(path).fault == "has no note in its first 600 s"


def test_a_part_alone_keeps_time_pedals_and_volume(tmp_path):
  path = write(
    tmp_path / "a.mid",
    # Half the tempo: 480 ticks a second.
    [
      (0, "set_tempo", {"tempo": 1_000_000}),
      *program(2, 40),
      *control(2, 7, 100),
      *control(2, 0, 8),
      *control(2, 32, 1),
      *note(2, 60, wait=240),
      *program(2, 41),
      *note(2, 62),
      *program(2, 40),
      *control(2, 64, 127),
      (0, "pitchwheel", {"channel": 2, "pitch": 100}),
      *note(2, 64, length=48),
    ],
    [*control(3, 7, 11), *note(3, 50)],
  )
  found, end_s = alone(path, 2, 40)
  # At 960 ticks a second; neither the other program nor the bank is there.
  assert found == [
    (0, "program_change", None),
    (0, "control_change", 100),
    (480, "note_on", 60),
    (1440, "note_off", 60),
    (2400, "control_change", 127),
    (2400, "pitchwheel", None),
    (2400, "note_on", 64),
    (2496, "note_off", 64),
    (4416, "end_of_track", None),
  ]
  assert end_s == pytest.approx(2.6 + 2)
  assert [
    line[2] for line in alone(path, 2, 41)[0] if line[1] == "note_on"
  ] == [62]


def test_drums_alone_are_of_all_kits_and_in_the_one_that_is_given(tmp_path):
  path = write(
    tmp_path / "a.mid",
    [*program(9, 25), *note(9, 36), *program(9, 8), *note(9, 38)],
  )
  content, _ = part_alone(read_messages(path), MidiPart(9, 25), number=3)
  (track,) = mido.MidiFile(file=io.BytesIO(content)).tracks
  assert [m.program for m in track if m.type == "program_change"] == [3]
  assert [m.note for m in track if m.type == "note_on"] == [36, 38]


def test_what_comes_after_ten_minutes_is_not_played(tmp_path):
  path = write(
    tmp_path / "a.mid",
    [
      *note(0, 60, length=960),
      *note(0, 61, wait=598 * 960, length=960 * 60),
      *note(0, 62, wait=5 * 3600 * 960),
    ],
    note(1, 50, wait=5 * 3600 * 960),
  )
  assert summarise(path).parts == ((0, 0),)
  found, end_s = alone(path, 0, 0)
  assert [line[2] for line in found if line[1] == "note_on"] == [60, 61]
  assert end_s == pytest.approx(601 - 2 + 2 - 1)
  assert found[-1][0] <= 600 * 960


def test_notes_that_never_end_ring_out(tmp_path):
  path = write(
    tmp_path / "a.mid",
    [
      (960, "note_on", {"channel": 0, "note": 60, "velocity": 80}),
      *control(0, 7, 0, wait=96_000),
      *note(0, 70, velocity=0, length=96_000),
    ],
  )
  found, end_s = alone(path, 0, 0)
  assert end_s == pytest.approx(3.0)
  assert found[-1][1] == "end_of_track"
