"""A MoisesDB of a few songs, written for tests."""

import json

import numpy as np
import soundfile

from fewshot_mss.data.layouts.moisesdb import moisesdb

SONG = "0a1b2c3d-0000-4000-8000-000000000001"


GUITAR = "clean electric guitar"


def wave(length, *, level=0.25, channels=1):
  return np.full((length, channels), level)


def entry(identity, track_type, has_bleed=False, **changes):
  """One track of data.json."""
  return {
    "id": identity,
    "trackType": track_type,
    "type": "audio/x-wav",
    "extension": "wav",
    "has_bleed": has_bleed,
    **changes,
  }


def song(folder, stems, *, rate_hz=8_000, **changes):
  """Writes a song: pairs of a stem's name and its pairs (track, samples)."""
  described = []
  for i, (name, tracks) in enumerate(stems):
    (folder / name).mkdir(parents=True, exist_ok=True)
    for item, samples in tracks:
      if samples is not None:
        file = folder / name / f"{item['id']}.{item['extension'].strip('.')}"
        soundfile.write(file, samples, item.get("rate", rate_hz), "FLOAT")
    described.append(
      {
        "id": f"stem-{i}",
        "stemName": name,
        "tracks": [item for item, _ in tracks],
      }
    )
  content = {"song": "Song", "artist": "Band", "genre": "rock"}
  content |= {"stems": described, **changes}
  (folder / "data.json").write_text(json.dumps(content))
  return folder


def simple(folder, **changes):
  return song(
    folder, [("piano", [(entry("p", "grand piano"), wave(80))])], **changes
  )


def stems_of(root, **kwargs):
  (track,) = moisesdb(root, **kwargs).tracks
  return {stem.name: stem for stem in track.stems}


def heard(root, **kwargs):
  """Reads the stems of the one song as mono lists of samples."""
  return {
    name: stem.read()[0][:, 0].round(6).tolist()
    for name, stem in stems_of(root, **kwargs).items()
  }
