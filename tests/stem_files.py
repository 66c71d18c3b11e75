"""Folders of stems, written for tests."""

import numpy as np
import soundfile


def tone(path, *, rate_hz=8_000, channels=1, duration_s=0.5, level=0.5):
  """Writes a tone in the format of the file's ending."""
  path.parent.mkdir(parents=True, exist_ok=True)
  times_s = np.arange(round(duration_s * rate_hz)) / rate_hz
  wave = level * np.sin(2 * np.pi * 440 * times_s)
  soundfile.write(
    path,
    np.tile(wave[:, np.newaxis], channels),
    rate_hz,
    format=path.suffix[1:],
  )
  return path


def songs(root, count, instruments=("violin", "drums")):
  for i in range(count):
    for instrument in instruments:
      tone(root / f"song {i}" / f"{instrument}.wav")
  return root
