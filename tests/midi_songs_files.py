"""Songs as MIDI files, written for tests."""

import itertools

from test_midi_files import note, program, write

VIOLIN, VIOLA, FLUTE, TAIKO, GUNSHOT = 40, 41, 73, 116, 127


def song(path, tonic, programs=(VIOLIN, FLUTE), drums=False):
  """Writes a tune a part, one a channel from 0."""
  path.parent.mkdir(parents=True, exist_ok=True)
  tracks = [
    [
      *program(channel, number),
      *itertools.chain(*(note(channel, tonic + 4 * channel + i)
                         for i in range(3))),
    ]
    for channel, number in enumerate(programs)
  ]  # fmt: skip
  return write(path, *tracks, *([note(9, 36)] if drums else []))
