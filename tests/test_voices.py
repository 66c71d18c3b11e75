"""Which programs a broad class is heard through, told by hand-made fonts."""

import pytest

from fewshot_mss.data.synth.soundfont import load_soundfont
from fewshot_mss.data.synth.voices import by_class, font_voices, note_voices
from fewshot_mss.errors import InputError
from test_sampler import write_note
from tiny_soundfont import sine, write_soundfont

# Programs: 0, 1 piano; 11 vibraphone; 24 nylon guitar; 73 flute; 77 shakuhachi.
WHOLE = (0, 127)


def font(path, presets, periods=(100, 110, 120, 130, 140, 150)):
  write_soundfont(path, [sine(period) for period in periods], presets)
  return path, load_soundfont(path)


@pytest.fixture(scope="module")
def heard(tmp_path_factory):
  return font(
    tmp_path_factory.mktemp("fonts") / "heard.sf2",
    {
      (0, 0): [(0, *WHOLE)],
      # Half of it the sample of program 0.
      (0, 1): [(0, *WHOLE), (1, *WHOLE)],
      (0, 11): [(2, *WHOLE)],
      (0, 73): [(3, *WHOLE)],
      # A third of it the flute's.
      (0, 77): [(3, *WHOLE), (4, *WHOLE), (4, *WHOLE)],
      # A kit's sample under another name.
      (0, 14): [(5, *WHOLE)],
      (128, 0): [(5, *WHOLE)],
    },
  )


def names(voices):
  return {
    name: [v.name for v in held] for name, held in by_class(voices).items()
  }


def test_programs_are_grouped_to_classes_and_copies_of_others_left_out(heard):
  voices, unheard = font_voices([heard], [])
  assert names(voices) == {
    "piano": [
      "heard/000 acoustic grand piano",
      "heard/001 bright acoustic piano",
    ],
    "vibraphone": ["heard/011 vibraphone"],
    "flute": ["heard/073 flute"],
    "drums": ["heard/000 preset6 kit"],
  }
  assert unheard == []
  piano = by_class(voices)["piano"]
  assert piano[0].alike == piano[1].alike
  assert len({voice.alike for voice in voices if voice.family != "drums"}) == 3


def test_what_an_unheard_font_shares_with_a_heard_one_is_not_unheard(
  heard, tmp_path
):
  other = font(
    tmp_path / "other.sf2",
    {
      # The heard piano itself, a new flute, a shakuhachi that is apart here.
      (0, 0): [(0, *WHOLE)],
      (0, 73): [(1, *WHOLE)],
      (0, 77): [(2, *WHOLE)],
    },
    periods=(100, 71, 73),
  )
  voices, unheard = font_voices([heard], [other])
  assert names(voices) == names(font_voices([heard], [])[0])
  assert names(unheard) == {
    "flute": ["other/073 flute"],
    "shakuhachi": ["other/077 shakuhachi"],
  }
  # Both heard: the copy of the piano is of one sound with it.
  both, _ = font_voices([heard, other], [])
  assert len(by_class(both)["piano"]) == 3
  assert len({voice.alike for voice in by_class(both)["piano"]}) == 1
  assert len({voice.alike for voice in by_class(both)["flute"]}) == 2


def test_a_voice_that_joins_two_makes_them_one(tmp_path):
  joined = font(
    tmp_path / "joined.sf2",
    {
      (0, 0): [(0, *WHOLE)],
      (0, 1): [(1, *WHOLE)],
      (0, 3): [(0, *WHOLE), (1, *WHOLE)],
      (0, 73): [(2, *WHOLE)],
    },
  )
  voices, _ = font_voices([joined], [])
  assert len({voice.alike for voice in by_class(voices)["piano"]}) == 1


def test_notes_are_voices_where_they_lie_close(tmp_path):
  folder = tmp_path / "room"
  # 60, 65, 69 reach from 56 to 73; 90 is too far from them.
  for name in ("C4", "F4", "A4", "Fs6"):
    write_note(folder / "guitar-electric" / f"{name}.wav", 440, length_s=0.1)
  # Nine keys are no range to play in.
  write_note(folder / "tuba" / "C2.wav", 65, length_s=0.1)
  (voice,) = note_voices([folder])
  assert voice.name == "room/guitar-electric"
  assert (voice.instrument, voice.family) == ("electric guitar", "guitar")
  assert (voice.low, voice.high) == (56, 73)
  assert voice.number is None
  write_note(folder / "theremin" / "C2.wav", 65, length_s=0.1)
  with pytest.raises(InputError, match="'theremin' is in no line"):
    note_voices([folder])
