"""A Slakh of a few songs, written for tests."""

import numpy as np
import soundfile
import yaml


def stem(inst_class="Piano", plugin="grand_piano.nkm", **more):
  """One entry of metadata.yaml, of a stem that was rendered."""
  drums = inst_class == "Drums"
  return {
    "audio_rendered": True,
    "inst_class": inst_class,
    "is_drum": drums,
    "midi_saved": True,
    "plugin_name": plugin,
    "program_num": 128 if drums else 0,
    **more,
  }


def track(folder, stems, files=None, *, extension="flac", rate_hz=44_100):
  """Writes a song: metadata of all the stems, and audio of the files' ids."""
  (folder / "stems").mkdir(parents=True)
  content = {
    # Neither is so on a disk: both fields are to be ignored.
    "audio_dir": "elsewhere/stems",
    "midi_dir": "elsewhere/MIDI",
    "stems": stems,
  }
  (folder / "metadata.yaml").write_text(
    yaml.safe_dump(content, sort_keys=False)
  )
  for name in stems if files is None else files:
    soundfile.write(
      folder / "stems" / f"{name}.{extension}",
      np.full(64, 0.25, np.float32),
      rate_hz,
    )
  return folder


def only(track_set):
  (song,) = track_set.tracks
  return song
