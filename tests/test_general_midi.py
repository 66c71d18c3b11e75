import collections

from fewshot_mss.data.synth.general_midi import (
  MUSICAL_PROGRAMS,
  PROGRAMS,
  is_drum_kit,
)


def test_programs_stand_at_their_general_midi_numbers():
  names = {
    0: "acoustic grand piano",
    19: "church organ",
    40: "violin",
    56: "trumpet",
    73: "flute",
    104: "sitar",
    127: "gunshot",
  }
  assert {number: PROGRAMS[number].name for number in names} == names
  assert [program.number for program in PROGRAMS] == list(range(128))
  assert len({program.name for program in PROGRAMS}) == 128


def test_families_have_eight_programs_each():
  assert set(collections.Counter(p.family for p in PROGRAMS).values()) == {8}
  assert PROGRAMS[40].family == "strings"
  assert PROGRAMS[39].family == "bass"


def test_ranges_hold_an_octave_and_real_instruments():
  assert all(0 <= p.low <= p.high - 12 <= 127 - 12 for p in PROGRAMS)
  assert (PROGRAMS[40].low, PROGRAMS[32].high) == (55, 55)


def test_sound_effects_are_not_musical():
  numbers = {program.number for program in MUSICAL_PROGRAMS}
  assert numbers == set(range(119))
  assert not is_drum_kit(56)
  assert is_drum_kit(0)
