import pytest

from fewshot_mss.data.synth.soundfont import default_soundfont, load_soundfont
from fewshot_mss.errors import InputError
from tiny_soundfont import sine, write_soundfont


def test_default_has_over_100_programs_and_eight_kits():
  font = load_soundfont(default_soundfont())
  assert font.name == "TimGM6mb"
  assert len(font.programs) == 119
  assert font.kits == {
    0: "Standard",
    8: "Room",
    16: "Power",
    24: "Electronic",
    25: "TR 808",
    32: "Jazz",
    40: "Brush",
    48: "Orchestra",
  }


def test_shares_weigh_samples_by_keys_and_velocities(tmp_path):
  path = write_soundfont(
    tmp_path / "a.sf2",
    [sine(100), sine(50), sine(25)],
    # 85 keys are compared, 24 to 108: 36 + 49 of them here, the last sample
    # at half of the velocities.
    {(0, 0): [(0, 0, 59), (1, 60, 127), (2, 60, 127, (64, 127))]},
  )
  shares = sorted(load_soundfont(path).samples[0].values())
  total = 36 + 49 + 24.5
  assert shares == pytest.approx([24.5 / total, 36 / total, 49 / total])


def test_a_copy_of_a_sample_is_the_same_sample(tmp_path):
  path = write_soundfont(
    tmp_path / "b.sf2",
    [sine(100), sine(100), sine(50)],
    {(0, 0): [(0, 0, 127)], (0, 1): [(1, 0, 127)], (0, 2): [(2, 0, 127)]},
  )
  samples = load_soundfont(path).samples
  assert samples[0] == samples[1] != samples[2]


def test_ranges_are_the_longest_stretch_that_sounds(tmp_path):
  path = write_soundfont(
    tmp_path / "c.sf2",
    [sine(100), 0 * sine(100)],
    {
      # Violin, 55 to 93: a hole at 64.
      (0, 40): [(0, 0, 63), (0, 65, 127)],
      # Viola: under an octave of its range; the rest is a silent sample.
      (0, 41): [(0, 48, 59), (1, 60, 127)],
    },
  )
  programs = load_soundfont(path).programs
  assert set(programs) == {40}
  assert (programs[40].low, programs[40].high) == (65, 93)
  assert programs[40].name == "violin"


def test_only_bank_0_and_the_kits_count(tmp_path):
  held = [(0, 0, 127)]
  path = write_soundfont(
    tmp_path / "d.sf2",
    [sine(100), sine(50)],
    {
      (0, 0): held,
      (8, 1): held,
      (0, 122): held,
      (128, 0): [(1, 0, 127)],
      (128, 56): held,
    },
  )
  font = load_soundfont(path)
  assert set(font.programs) == {0}
  assert set(font.kits) == {0}
  assert len(font.kit_samples) == 1
  assert font.kit_samples.isdisjoint(font.samples[0])


def test_default_alto_sax_has_no_silent_key():
  # Its key 64 has no sample in TimGM6mb.
  assert load_soundfont(default_soundfont()).programs[65].low == 65


@pytest.mark.parametrize("content", [b"", b"RIFF\0\0\0\0WAVEfmt ", b"x" * 99])
def test_other_files_are_no_soundfont(tmp_path, content):
  path = tmp_path / "other.sf2"
  path.write_bytes(content)
  with pytest.raises(InputError, match=r"other\.sf2 is not a SoundFont"):
    load_soundfont(path)


def test_cut_off_soundfont_is_named(tmp_path):
  path = write_soundfont(
    tmp_path / "cut.sf2", [sine(100)], {(0, 0): [(0, 0, 127)]}
  )
  path.write_bytes(path.read_bytes()[:-60])
  with pytest.raises(InputError, match=r"cut\.sf2 is damaged"):
    load_soundfont(path)


def test_soundfont_of_no_program_is_refused(tmp_path):
  path = write_soundfont(
    tmp_path / "kit.sf2", [sine(100)], {(128, 0): [(0, 0, 127)]}
  )
  with pytest.raises(InputError, match="no General MIDI program"):
    load_soundfont(path)


def test_missing_file_is_named(tmp_path):
  with pytest.raises(InputError, match=r"none\.sf2 cannot be read"):
    load_soundfont(tmp_path / "none.sf2")
