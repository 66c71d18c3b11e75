"""Folders of songs of a few seconds, made so that much is known of them.

Each instrument is a tone of its own pitch, swelling in its own way in each
song: examples tell the instrument, and no two instruments share a spectrum.
"""

import numpy as np
import soundfile

from fewshot_mss.data.layouts.stem_folder import stem_folder
from fewshot_mss.evaluation.song_survey import survey_songs
from fewshot_mss.evaluation.songs_list import draw_songs_list

RATE_HZ = 8000
PITCH_HZ = {"bass": 250, "lead": 750, "horn": 1750, "bell": 2500}
EXAMPLE_S = 0.5
# The horn is in one song alone.
SONGS = {
  "blue": ("bass", "lead", "horn"),
  "green": ("bass", "lead"),
  "red": ("lead", "bass", "lead_2"),
}


def tone(song, stem, seconds=3.0, channels=1, rate_hz=RATE_HZ):
  rng = np.random.default_rng([ord(letter) for letter in song + stem])
  time_s = np.arange(round(seconds * rate_hz)) / rate_hz
  swell = 0.15 + 0.05 * np.sin(2 * np.pi * rng.uniform(0.5, 1) * time_s)
  pitch_hz = PITCH_HZ[stem.split("_")[0]]
  sound = swell * np.sin(2 * np.pi * pitch_hz * time_s + rng.uniform(0, 6))
  sides = rng.uniform(0.5, 1, channels) if channels > 1 else np.ones(1)
  return (sound[:, None] * sides).astype(np.float32)


def write_stem(path, samples, rate_hz=RATE_HZ):
  path.parent.mkdir(parents=True, exist_ok=True)
  soundfile.write(path, samples, rate_hz, subtype="FLOAT")


def write_songs(root, songs=SONGS, **more):
  for song, stems in songs.items():
    for stem in stems:
      write_stem(root / song / f"{stem}.wav", tone(song, stem, **more))
  return root


def read_tracks(root):
  return {track.name: track for track in stem_folder(root).tracks}


def draw_list(root, seed=0, example_s=EXAMPLE_S):
  surveys = survey_songs(
    list(read_tracks(root).values()), example_s=example_s, progress=False
  )
  return draw_songs_list(
    surveys,
    layout="stem_folder",
    split="all",
    seed=seed,
    example_s=example_s,
  )
