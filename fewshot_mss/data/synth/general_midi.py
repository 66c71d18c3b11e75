"""General MIDI: names, families and playable ranges of its 128 programs."""

import dataclasses

from fewshot_mss.data.labels import look_up

DRUMS = "drums"
DRUM_CHANNEL = 9
NUM_PROGRAMS = 128

# Name, lowest and highest MIDI key that sounds like the instrument.
_TABLE = (
  ("acoustic grand piano", 28, 96),
  ("bright acoustic piano", 28, 96),
  ("electric grand piano", 28, 96),
  ("honky-tonk piano", 28, 96),
  ("electric piano 1", 28, 93),
  ("electric piano 2", 28, 93),
  ("harpsichord", 36, 89),
  ("clavinet", 36, 89),
  ("celesta", 60, 100),
  ("glockenspiel", 67, 100),
  ("music box", 60, 96),
  ("vibraphone", 53, 89),
  ("marimba", 45, 89),
  ("xylophone", 62, 98),
  ("tubular bells", 55, 79),
  ("dulcimer", 48, 84),
  ("drawbar organ", 36, 90),
  ("percussive organ", 36, 90),
  ("rock organ", 36, 90),
  ("church organ", 36, 90),
  ("reed organ", 36, 86),
  ("accordion", 48, 89),
  ("harmonica", 55, 88),
  ("tango accordion", 48, 89),
  ("nylon guitar", 40, 79),
  ("steel guitar", 40, 79),
  ("jazz guitar", 40, 79),
  ("clean guitar", 40, 81),
  ("muted guitar", 40, 76),
  ("overdriven guitar", 40, 81),
  ("distortion guitar", 40, 81),
  ("guitar harmonics", 52, 86),
  ("acoustic bass", 28, 55),
  ("finger bass", 28, 55),
  ("pick bass", 28, 55),
  ("fretless bass", 28, 55),
  ("slap bass 1", 28, 55),
  ("slap bass 2", 28, 55),
  ("synth bass 1", 28, 58),
  ("synth bass 2", 28, 58),
  ("violin", 55, 93),
  ("viola", 48, 84),
  ("cello", 36, 74),
  ("contrabass", 28, 58),
  ("tremolo strings", 40, 88),
  ("pizzicato strings", 40, 88),
  ("orchestral harp", 36, 93),
  ("timpani", 38, 57),
  ("string ensemble 1", 36, 90),
  ("string ensemble 2", 36, 90),
  ("synth strings 1", 36, 90),
  ("synth strings 2", 36, 90),
  ("choir aahs", 48, 79),
  ("voice oohs", 48, 79),
  ("synth voice", 48, 82),
  ("orchestra hit", 48, 72),
  ("trumpet", 55, 82),
  ("trombone", 40, 72),
  ("tuba", 29, 58),
  ("muted trumpet", 55, 82),
  ("french horn", 41, 76),
  ("brass section", 40, 82),
  ("synth brass 1", 40, 84),
  ("synth brass 2", 40, 84),
  ("soprano sax", 56, 87),
  ("alto sax", 49, 80),
  ("tenor sax", 44, 75),
  ("baritone sax", 37, 68),
  ("oboe", 58, 88),
  ("english horn", 52, 81),
  ("bassoon", 34, 70),
  ("clarinet", 50, 88),
  ("piccolo", 74, 100),
  ("flute", 60, 94),
  ("recorder", 60, 91),
  ("pan flute", 60, 91),
  ("blown bottle", 55, 88),
  ("shakuhachi", 55, 84),
  ("whistle", 60, 94),
  ("ocarina", 60, 88),
  ("square lead", 40, 91),
  ("sawtooth lead", 40, 91),
  ("calliope lead", 48, 91),
  ("chiff lead", 48, 91),
  ("charang lead", 40, 88),
  ("voice lead", 48, 84),
  ("fifths lead", 40, 84),
  ("bass and lead", 36, 84),
  ("new age pad", 40, 88),
  ("warm pad", 40, 88),
  ("polysynth pad", 40, 88),
  ("choir pad", 45, 84),
  ("bowed pad", 45, 88),
  ("metallic pad", 40, 88),
  ("halo pad", 40, 88),
  ("sweep pad", 40, 88),
  ("rain", 45, 88),
  ("soundtrack", 40, 84),
  ("crystal", 48, 91),
  ("atmosphere", 40, 88),
  ("brightness", 40, 88),
  ("goblins", 45, 84),
  ("echoes", 45, 88),
  ("sci-fi", 45, 88),
  ("sitar", 48, 79),
  ("banjo", 48, 84),
  ("shamisen", 48, 81),
  ("koto", 48, 84),
  ("kalimba", 48, 84),
  ("bagpipe", 48, 79),
  ("fiddle", 55, 93),
  ("shanai", 52, 84),
  ("tinkle bell", 60, 93),
  ("agogo", 55, 84),
  ("steel drums", 52, 84),
  ("woodblock", 48, 79),
  ("taiko drum", 36, 67),
  ("melodic tom", 36, 72),
  ("synth drum", 36, 72),
  ("reverse cymbal", 48, 72),
  ("guitar fret noise", 48, 72),
  ("breath noise", 48, 72),
  ("seashore", 48, 72),
  ("bird tweet", 48, 72),
  ("telephone ring", 48, 72),
  ("helicopter", 48, 72),
  ("applause", 48, 72),
  ("gunshot", 48, 72),
)

# A reverse cymbal swells for seconds before one hears anything; from 120 on
# are sound effects.
_NOT_MUSICAL = frozenset([119, *range(120, NUM_PROGRAMS)])
# The kit of sound effects in Roland GS.
_EFFECTS_KIT = 56


@dataclasses.dataclass(frozen=True)
class Program:
  """One General MIDI program.

  Attributes:
    number: 0 to 127.
    name: Lower case.
    family: As the table of labels has it.
    low: Lowest key to play.
    high: Highest key to play.
  """

  number: int
  name: str
  family: str
  low: int
  high: int


PROGRAMS = tuple(
  Program(number, name, look_up("general_midi", name).family, low, high)
  for number, (name, low, high) in enumerate(_TABLE)
)
MUSICAL_PROGRAMS = tuple(
  program for program in PROGRAMS if program.number not in _NOT_MUSICAL
)


def is_drum_kit(number: int) -> bool:
  """Returns whether a kit of the drum bank is a drum set."""
  return number != _EFFECTS_KIT
