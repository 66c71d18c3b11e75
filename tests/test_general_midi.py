from fewshot_mss.data.labels import all_labels, look_up
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


# Of each eight programs, but for the instruments that other datasets have, too,
# where the table of labels has one family for all of them.
FAMILIES = (
  "piano|chromatic percussion|organ|guitar|bass|strings|ensemble|brass|reed|"
  "pipe|synth lead|synth pad|synth effects|ethnic|percussion|sound effects"
)
OTHER_FAMILIES = {
  32: "strings", 47: "percussion", 52: "voice", 53: "voice", 54: "voice",
  110: "strings",
}  # fmt: skip


def test_families_are_those_of_the_table_of_labels():
  by_eight = FAMILIES.split("|")
  expected = {n: by_eight[n // 8] for n in range(128)} | OTHER_FAMILIES
  assert {p.number: p.family for p in PROGRAMS} == expected
  for program in PROGRAMS:
    assert program.family == look_up("general_midi", program.name).family
  # The families of one kind of sound have one spelling in all datasets.
  assert {p.family for p in PROGRAMS} <= {row.family for row in all_labels()}


def test_ranges_hold_an_octave_and_real_instruments():
  assert all(0 <= p.low <= p.high - 12 <= 127 - 12 for p in PROGRAMS)
  assert (PROGRAMS[40].low, PROGRAMS[32].high) == (55, 55)


def test_sound_effects_are_not_musical():
  numbers = {program.number for program in MUSICAL_PROGRAMS}
  assert numbers == set(range(119))
  assert not is_drum_kit(56)
  assert is_drum_kit(0)
