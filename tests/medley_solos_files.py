"""A Medley-solos-DB of a few clips, written for tests."""

import csv

import numpy as np
import soundfile

RATE_HZ = 8_000


CLASSES = (
  "clarinet", "distorted electric guitar", "female singer", "flute", "piano",
  "tenor saxophone", "trumpet", "violin",
)  # fmt: skip


# subset, class, song, uuid
LINES = (
  ("test", 0, "000", "aa"),
  ("training", 4, "007", "bb"),
  ("training", 4, "007", "cc"),
  ("validation", 7, "070", "dd"),
  ("training", 4, "7", "ee"),
)


def write_table(path, lines=LINES, song_column="song_id"):
  path.parent.mkdir(parents=True, exist_ok=True)
  with path.open("w", encoding="utf-8", newline="") as file:
    writer = csv.writer(file)
    writer.writerow(
      ["subset", "instrument", "instrument_id", song_column, "uuid4"]
    )
    for subset, number, song, uuid in lines:
      writer.writerow([subset, CLASSES[number], number, song, uuid])


def write_clip(folder, line, *, level=0.5, rate_hz=RATE_HZ, ending="wav"):
  subset, number, _, uuid = line
  folder.mkdir(parents=True, exist_ok=True)
  path = folder / f"Medley-solos-DB_{subset}-{number}_{uuid}.{ending}"
  soundfile.write(path, np.full(1_000, level), rate_hz, "PCM_16")
  return path
