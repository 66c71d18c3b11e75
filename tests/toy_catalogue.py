"""Two small catalogues in which what episodes shall draw can be had."""

import numpy as np

from fewshot_mss.data.catalogue import Catalogue

RATE_HZ = 1000
SEGMENT = 1000
BLOCK = 125
# The lute is in one song alone; the lyre is unseen.
INSTRUMENTS = (
  "bass",
  "cello",
  "drums",
  "flute",
  "horn",
  "lute",
  "lyre",
  "piano",
  "violin",
)
COMMON = tuple(n for n in INSTRUMENTS if n not in ("lute", "lyre"))


def _catalogue(stems, instruments):
  """Makes a catalogue of (split, song, name, patch, moments, rests) stems."""
  rng = np.random.default_rng(0)
  rows, levels = [], []
  for number, (split, song, name, patch, moments, rests) in enumerate(stems):
    for moment in moments:
      place = (split, song, moment, number, instruments.index(name), patch)
      rows.append(place)
      level_db = rng.integers(-26, -13, SEGMENT // BLOCK)
      # Never all of it: a segment without sound is not stored.
      silent = rng.random(len(level_db)) < rests
      silent[rng.integers(len(level_db))] = False
      levels.append(np.where(silent, -128, level_db))
  order = sorted(range(len(rows)), key=rows.__getitem__)
  split, song, moment, stem, instrument, patch = np.array(rows, np.int32)[
    order
  ].T
  levels_db = np.array(levels, np.int8)[order]
  sizes = np.bincount(split, minlength=3)
  return Catalogue(
    track=song,
    stem=stem,
    instrument=instrument,
    family=np.zeros_like(instrument),
    patch=patch,
    split=split,
    start_samples=moment.astype(np.int64) * SEGMENT,
    record=np.concatenate([np.arange(size) for size in sizes]),
    rms_db=10 * np.log10((10 ** (levels_db / 10)).mean(axis=1)),
    levels_db=levels_db,
    tracks=tuple(f"song{i}" for i in range(song.max() + 1)),
    stems=tuple(f"stem{i}" for i in range(len(stems))),
    instruments=instruments,
    families=("any",),
    patches=("common", "old"),
    seen=np.array([name != "lyre" for name in instruments]),
    unheard=np.array([False, True]),
    sample_rate_hz=RATE_HZ,
    segment_samples=SEGMENT,
    block_samples=BLOCK,
  )


def orchestra() -> Catalogue:
  """Songs of five instruments of seven, four of them at any time at least.

  Every third song has one of them twice. Song 0 has the lute, song 1 the lyre,
  song 2 an unheard timbre of the violin.
  """
  stems = []
  for song in range(21):
    # Songs 14 to 17 are of validation, those above of test.
    split = int(song > 13) + int(song > 17)
    for part in range(5):
      name = COMMON[(song + part) % len(COMMON)]
      moments = [m for m in range(12) if (song + part + m) % 6]
      stems.append((split, song, name, 0, moments, 0.4 * (part % 2)))
    if song % 3 == 0:
      name = COMMON[song % len(COMMON)]
      stems.append((split, song, name, 0, range(12), 0.2))
  stems.append((0, 0, "lute", 0, range(12), 0.0))
  stems.append((0, 1, "lyre", 0, range(12), 0.0))
  stems.append((0, 2, "violin", 1, range(12), 0.0))
  return _catalogue(stems, INSTRUMENTS)


def quartets() -> Catalogue:
  """Songs of the same four instruments, all of them throughout."""
  names = ("bass", "drums", "other", "vocals")
  stems = [
    (0, song, name, 0, range(8), 0.0) for song in range(10) for name in names
  ]
  return _catalogue(stems, names)
