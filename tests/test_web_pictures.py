"""Pictures of a separated song, of tones whose place is known."""

import io

import matplotlib.image
import numpy as np
import pytest
import soundfile

from fewshot_mss.web.pictures import (
  COLUMNS,
  ROWS,
  levels_svg,
  spectrogram_png,
  survey,
)

RATE_HZ = 8000


def write_parts(folder, seconds=8.0, format_name="WAV"):
  """A tone of 1 kHz in the second half, the target; one of 3 kHz throughout."""
  time_s = np.arange(round(RATE_HZ * seconds)) / RATE_HZ
  target = 0.5 * np.sin(2 * np.pi * 1000 * time_s) * (time_s >= seconds / 2)
  residual = 0.05 * np.sin(2 * np.pi * 3000 * time_s)
  paths = []
  for name, part in (("target", target), ("residual", residual)):
    paths.append(folder / f"{name}.{format_name.lower()}")
    soundfile.write(paths[-1], np.stack([part, part], axis=1), RATE_HZ)
  return paths


@pytest.mark.parametrize("format_name", ["WAV", "FLAC"])
def test_tones_are_where_they_sound(tmp_path, format_name):
  song, target, residual = survey(*write_parts(tmp_path, 8.0, format_name))
  columns = song.power.shape[1]
  assert song.power.shape[0] == ROWS
  # 8 s are 62.5 windows of 1024 samples, with 4 columns each.
  assert columns == 250
  late = slice(columns // 2 + 5, columns - 5)
  row_of_1_khz, row_of_3_khz = ROWS // 4, 3 * ROWS // 4
  for part, row in ((target, row_of_1_khz), (residual, row_of_3_khz)):
    loudest = part.power[:, late].argmax(axis=0)
    assert np.abs(loudest - row).max() <= 1
  # The song is loudest where the louder tone is.
  assert np.abs(song.power[:, late].argmax(axis=0) - row_of_1_khz).max() <= 1
  # RMS of a sine: 3 dB below its peak.
  assert target.levels_db[late] == pytest.approx(-9.03, abs=0.2)
  assert np.all(target.levels_db[: columns // 2 - 1] < -100)
  assert residual.levels_db[5:-5] == pytest.approx(-29.03, abs=0.3)


def test_a_long_song_is_as_wide_as_a_short_one(tmp_path):
  for seconds, columns in ((120.0, COLUMNS), (0.001, 1)):
    song, target, residual = survey(*write_parts(tmp_path, seconds))
    for part in (song, target, residual):
      assert part.power.shape == (ROWS, columns)
      assert np.isfinite(part.levels_db).all()


def test_low_notes_are_at_the_bottom_and_loud_ones_bright(tmp_path):
  song, target, _ = survey(*write_parts(tmp_path))
  picture = matplotlib.image.imread(io.BytesIO(spectrogram_png(target, song)))
  assert picture.shape[:2] == target.power.shape
  brightness = picture[:, :, :3].sum(axis=2)
  right = brightness[:, 200]
  assert abs(right.argmax() - 3 * ROWS // 4) <= 1
  assert brightness[:, 50].max() < 0.1
  # On the scale of something 40 dB louder, it is darker.
  louder = song._replace(power=song.power * 1e4)
  other = matplotlib.image.imread(io.BytesIO(spectrogram_png(target, louder)))
  assert other[:, :, :3].sum() < 0.7 * picture[:, :, :3].sum()


def test_levels_and_spans_are_drawn_on_one_scale(tmp_path):
  song, target, _ = survey(*write_parts(tmp_path))
  svg = levels_svg(target, song, ((4.0, 6.0), (7.0, 8.0)), 8.0)
  assert 'viewBox="0 0 250 112"' in svg
  assert '<rect class="heard" x="125.00" y="104" width="62.50"' in svg
  assert '<rect class="heard" x="218.75" y="104" width="31.25"' in svg
  # The target: silence at 100, then 9 of 60 dB below the top.
  line = svg.split('class="target" d="')[1]
  assert "L50 100.0H51" in line
  assert "L200 15." in line
