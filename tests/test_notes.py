import io

import mido
import pytest

from fewshot_mss.data.synth.notes import (
  Note,
  Part,
  excerpt,
  fit_to_range,
  midi_bytes,
  read_parts,
)
from fewshot_mss.errors import InputError


def _events(content):
  now, found = 0.0, []
  for message in mido.MidiFile(file=io.BytesIO(content)):
    now += message.time
    found.append((round(now, 3), message))
  return found


def test_midi_has_the_notes_the_program_and_a_late_end():
  content = midi_bytes(
    [Note(0.5, 0.25, 60, 90), Note(0.0, 2.0, 64, 50)],
    program=41,
    drums=False,
    length_s=3.0,
  )
  told = [
    (when, m.type, getattr(m, "note", None), getattr(m, "velocity", None))
    for when, m in _events(content)
  ]
  assert told == [
    (0.0, "program_change", None, None),
    (0.0, "note_on", 64, 50),
    (0.5, "note_on", 60, 90),
    (0.75, "note_on", 60, 0),
    (2.0, "note_on", 64, 0),
    (3.0, "end_of_track", None, None),
  ]
  assert _events(content)[0][1].program == 41
  assert _events(content)[0][1].channel == 0


def test_drums_are_on_channel_ten():
  content = midi_bytes(
    [Note(0.0, 1.0, 36, 90)], program=8, drums=True, length_s=1.0
  )
  assert {m.channel for _, m in _events(content)[:-1]} == {9}


def test_a_key_is_released_before_it_is_struck_again():
  content = midi_bytes(
    [Note(0.0, 1.1, 60, 90), Note(1.0, 1.0, 60, 80), Note(1.0, 1.0, 60, 70)],
    program=0,
    drums=False,
    length_s=3.0,
  )
  told = [(w, m.velocity) for w, m in _events(content) if m.type == "note_on"]
  assert told == [(0.0, 90), (1.0, 0), (1.0, 70), (2.0, 0)]


def test_fitting_moves_by_octaves_as_a_whole():
  notes = [Note(0.0, 1.0, pitch, 90) for pitch in (52, 61, 67)]
  # The middle, 59.5, goes to 71.5; folding alone would turn the melody over.
  fitted = fit_to_range(notes, 60, 84)
  assert [note.pitch for note in fitted] == [64, 73, 79]


def test_fitting_folds_what_sticks_out():
  notes = [Note(0.0, 1.0, pitch, 90) for pitch in (30, 48, 60, 95)]
  fitted = fit_to_range(notes, 55, 67)
  assert all(55 <= note.pitch <= 67 for note in fitted)
  assert [n.pitch % 12 for n in fitted] == [n.pitch % 12 for n in notes]


def test_reads_back_what_it_wrote(tmp_path):
  notes = (Note(0.5, 0.25, 60, 90), Note(1.0, 2.0, 64, 50))
  path = tmp_path / "a.mid"
  path.write_bytes(midi_bytes(notes, program=5, drums=False, length_s=4.0))
  assert read_parts(path) == (Part("part", notes),)


def test_parts_are_channels_and_programs(tmp_path):
  file = mido.MidiFile(ticks_per_beat=100)
  track = mido.MidiTrack()
  file.tracks.append(track)

  def add(kind, **kwargs):
    track.append(mido.Message(kind, **kwargs))

  def play(channel, note):
    add("note_on", channel=channel, note=note, velocity=80)
    add("note_off", channel=channel, note=note, time=100)

  play(0, 60)  # 120 beats a minute: half a second
  track.append(mido.MetaMessage("set_tempo", tempo=1_000_000))
  add("program_change", channel=0, program=7)
  play(0, 62)
  play(1, 64)
  add("program_change", channel=9, program=16)
  play(9, 36)
  add("program_change", channel=2, program=3)  # without a note
  add("note_on", channel=3, note=50, velocity=80)  # never ends
  add("control_change", channel=3, control=7, value=1, time=300)
  path = tmp_path / "b.mid"
  file.save(path)
  assert read_parts(path) == (
    Part("part", (Note(0.0, 0.5, 60, 80),)),
    Part("part", (Note(0.5, 1.0, 62, 80),)),
    Part("part", (Note(1.5, 1.0, 64, 80),)),
    Part("part", (Note(3.5, 3.0, 50, 80),)),
    Part("drums", (Note(2.5, 1.0, 36, 80),)),
  )


@pytest.mark.parametrize(
  "content", [b"", b"no music", b"MThd\0\0\0\6\0\1\0\1\0\x60MTrk\0\0\0\xff"]
)
def test_other_files_are_named(tmp_path, content):
  path = tmp_path / "bad.mid"
  path.write_bytes(content)
  with pytest.raises(InputError, match=r"bad\.mid cannot be read as MIDI"):
    read_parts(path)


def test_excerpt_starts_at_zero_and_is_cut_at_its_end():
  part = Part("part", tuple(Note(s, 2.0, 60, 90) for s in (0.0, 3.0, 4.5, 6.0)))
  assert excerpt(part, 3.0, 3.0).notes == (
    Note(0.0, 2.0, 60, 90),
    Note(1.5, 1.5, 60, 90),
  )
