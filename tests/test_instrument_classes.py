import pytest

from fewshot_mss.data.synth.instrument_classes import instrument_classes
from fewshot_mss.data.synth.soundfont import default_soundfont, load_soundfont
from tiny_soundfont import sine, write_soundfont


@pytest.fixture(scope="module")
def default_classes():
  classes = instrument_classes([load_soundfont(default_soundfont())])
  return {item.name: item for item in classes}


def test_shared_samples_of_the_default_make_one_class(default_classes):
  # Read off the font's tables by hand: violin, viola and fiddle play one set
  # of samples; the saxophones have each their own.
  assert default_classes["violin"].programs == (40, 41, 110)
  assert default_classes["string ensemble 1"].programs == (48, 49)
  assert default_classes["alto sax"].programs == (65,)
  assert default_classes["tenor sax"].programs == (66,)
  assert "viola" not in default_classes
  assert default_classes["violin"].family == "strings"


def test_default_classes_are_many_and_disjoint(default_classes):
  numbers = [n for item in default_classes.values() for n in item.programs]
  assert len(numbers) == len(set(numbers)) >= 100
  assert len(default_classes) == 96


def test_programs_of_kit_samples_are_left_out(default_classes):
  for name in ("timpani", "taiko drum", "woodblock", "melodic tom"):
    assert name not in default_classes


def _font(tmp_path, name, presets):
  samples = [sine(period) for period in (100, 80, 60, 50, 40)]
  return load_soundfont(
    write_soundfont(
      tmp_path / f"{name}.sf2",
      samples,
      {(0, number): held for number, held in presets.items()},
    )
  )


def test_chain_is_one_class_and_a_layer_is_not(tmp_path):
  whole = (0, 127)
  font = _font(
    tmp_path,
    "chain",
    {
      # Of 85 keys, 0 and 1 share 51, 1 and 2 share 64, but 0 and 2 only 30.
      0: [(0, *whole)],
      1: [(0, 24, 74), (1, 75, 108)],
      2: [(0, 24, 53), (1, 54, 108)],
      # Two layers, one of them 8's own sound.
      8: [(2, *whole)],
      9: [(2, *whole), (3, *whole)],
      16: [(4, *whole)],
    },
  )
  classes = instrument_classes([font])
  assert [item.programs for item in classes] == [(0, 1, 2), (8,), (9,), (16,)]
  # A shared layer is no reason to be one, but not to be told apart, either.
  assert [item.apart for item in classes] == [True, False, False, True]
  assert [item.name for item in classes][-1] == "drawbar organ"


def test_classes_are_joined_in_either_font_and_across(tmp_path):
  whole = (0, 127)
  first = _font(
    tmp_path, "first", {n: [(i, *whole)] for i, n in enumerate((0, 8, 16, 40))}
  )
  # 8 and 16 share here; 48 plays what is 40's in the first.
  second = _font(
    tmp_path, "second", {8: [(4, *whole)], 16: [(4, *whole)], 48: [(3, *whole)]}
  )
  programs = [item.programs for item in instrument_classes([first, second])]
  assert programs == [(0,), (8, 16), (40, 48)]
  alone = [item.programs for item in instrument_classes([first])]
  assert alone == [(0,), (8,), (16,), (40,)]
