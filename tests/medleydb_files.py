"""A MedleyDB of a few songs, written for tests."""

import numpy as np
import soundfile
import yaml

# Three of the distributed tracks.
RAIN, HOME, CHILD = (
  "LizNelson_Rainfall",
  "LizNelson_ImComingHome",
  "AimeeNorwich_Child",
)


def wav(path, *, level=0.5, channels=2, rate_hz=8_000):
  path.parent.mkdir(parents=True, exist_ok=True)
  wave = np.full((80, channels), level)
  soundfile.write(path, wave, rate_hz, subtype="FLOAT")
  return path


def describe(path, name, instruments, **changes):
  """Writes metadata as MedleyDB has it."""
  content = {
    "artist": "somebody",
    "excerpt": "no",
    "has_bleed": "no",
    "stem_dir": f"{name}_STEMS",
    "stems": {
      f"S{i:02d}": {
        "component": "",
        "filename": f"{name}_STEM_{i:02d}.wav",
        "instrument": instrument,
        "raw": {},
      }
      for i, instrument in enumerate(instruments, start=1)
    },
    **changes,
  }
  path.parent.mkdir(parents=True, exist_ok=True)
  path.write_text(yaml.safe_dump(content))


def song(base, name, instruments=("piano", "violin"), **changes):
  folder = base / name
  for i in range(1, len(instruments) + 1):
    wav(folder / f"{name}_STEMS" / f"{name}_STEM_{i:02d}.wav")
  wav(folder / f"{name}_MIX.wav")
  describe(folder / f"{name}_METADATA.yaml", name, instruments, **changes)
  return folder


def names(track_set):
  return [track.name for track in track_set.tracks]
