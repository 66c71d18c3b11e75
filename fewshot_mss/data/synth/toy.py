"""Toy songs from a few lines of numpy: quick to make, easy to tell apart.

For tests and first looks. Each instrument has a place of its own in frequency
or time, so that a tiny separator can learn them and a person can hear them.
"""

import functools
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from fewshot_mss.data.catalogue import SPLITS
from fewshot_mss.data.tracks import Stem, Track, TrackSet
from fewshot_mss.errors import InputError

PARTS_A_SONG = 3
# Two timbres of each instrument, by how fast the partials fall.
PATCHES = ("toy dark", "toy bright")
_SEEN = ("bass", "flute", "hihat", "kick", "lead", "pluck")
_UNSEEN = ("bell", "organ")
_FAMILY = {
  "bass": "bass",
  "bell": "percussion",
  "flute": "wind",
  "hihat": "percussion",
  "kick": "percussion",
  "lead": "synth",
  "organ": "keys",
  "pluck": "strings",
}
# Frequency of the lowest note; the melodies span an octave above it.
_LOWEST_HZ = {
  "bass": 55.0,
  "bell": 700.0,
  "flute": 900.0,
  "hihat": 2500.0,
  "kick": 50.0,
  "lead": 440.0,
  "organ": 220.0,
  "pluck": 330.0,
}
_BEAT_S = 0.25
_REST_SHARE = 0.1
_HARMONICS = tuple(float(n) for n in range(1, 9))
_PENTATONIC = 2 ** (np.array([0, 2, 4, 7, 9, 12]) / 12)


class _Note(NamedTuple):
  time_s: np.ndarray
  frequency_hz: float
  # Amplitude of partial n is n ** -slope.
  slope: float
  sample_rate_hz: int
  rng: np.random.Generator


def toy_track_set(
  num_songs: int = 12,
  seed: int = 0,
  sample_rate_hz: int = 8000,
  song_s: float = 4.0,
) -> TrackSet:
  """Makes songs of three parts each; every class of a split is in two songs.

  A third of the songs are for test and a sixth for validation, at least two
  each; a third of the classes in those are unseen: no training song has them.

  Args:
    num_songs: How many songs, at least 6.
    seed: The same seed gives the same songs.
    sample_rate_hz: Rate of the stems.
    song_s: Length of a song.

  Returns:
    The songs; reading a stem synthesises it.

  Raises:
    InputError: If there are too few songs.
  """
  if num_songs < 6:
    raise InputError(f"num_songs is {num_songs}: give at least 6")
  sizes = {
    "validation": max(2, num_songs // 6),
    "test": max(2, num_songs // 3),
  }
  sizes["train"] = num_songs - sum(sizes.values())
  tracks = []
  for split in SPLITS:
    rng = np.random.default_rng((seed, SPLITS.index(split)))
    for i, parts in enumerate(_orchestra(rng, split, sizes[split])):
      name = f"toy_{split}_{i}"
      tempo = rng.uniform(0.8, 1.25)
      song_seed = int(rng.integers(2**31))
      stems = tuple(
        _stem(instrument, rng, song_seed, tempo, sample_rate_hz, song_s)
        for instrument in parts
      )
      tracks.append(Track(name=name, split=split, stems=stems))
  return TrackSet(
    tracks=tuple(tracks), unseen=_UNSEEN, sources=("toy songs, procedural",)
  )


def _orchestra(
  rng: np.random.Generator, split: str, num_songs: int
) -> list[list[str]]:
  """Draws the instruments of each song of a split, evenly."""
  # So many that each gets into two songs.
  count = num_songs * PARTS_A_SONG // 2
  num_unseen = 0 if split == "train" else min(len(_UNSEEN), count // 3)
  classes = [
    *rng.permutation(_UNSEEN)[:num_unseen].tolist(),
    *rng.permutation(_SEEN)[: count - num_unseen].tolist(),
  ]
  used = np.zeros(len(classes))
  songs = []
  for _ in range(num_songs):
    # The least used ones; ties are broken at random.
    chosen = np.argsort(used + 0.5 * rng.random(len(used)))[:PARTS_A_SONG]
    used[chosen] += 1
    songs.append([classes[i] for i in chosen])
  return songs


def _stem(
  instrument: str,
  rng: np.random.Generator,
  song_seed: int,
  tempo: float,
  sample_rate_hz: int,
  song_s: float,
) -> Stem:
  patch = int(rng.integers(len(PATCHES)))
  return Stem(
    name=instrument,
    instrument=instrument,
    family=_FAMILY[instrument],
    patch=f"{PATCHES[patch]} {instrument}",
    read=functools.partial(
      _part, instrument, patch, song_seed, tempo, sample_rate_hz, song_s
    ),
  )


def _part(
  instrument: str,
  patch: int,
  song_seed: int,
  tempo: float,
  sample_rate_hz: int,
  song_s: float,
) -> tuple[Float[np.ndarray, "samples channels"], int]:
  """Plays one part of a song: a seeded melody, note by note."""
  rng = np.random.default_rng((song_seed, sorted(_FAMILY).index(instrument)))
  samples = np.zeros(round(song_s * sample_rate_hz))
  beat_s = _BEAT_S / tempo
  beat = 0
  while beat * beat_s < song_s:
    beats = int(rng.integers(1, 4))
    degree = int(rng.integers(len(_PENTATONIC)))
    begin = round(beat * beat_s * sample_rate_hz)
    beat += beats
    if rng.random() < _REST_SHARE:
      continue
    end = min(len(samples), round(beat * beat_s * sample_rate_hz))
    note = _Note(
      time_s=np.arange(end - begin) / sample_rate_hz,
      frequency_hz=_LOWEST_HZ[instrument] * _PENTATONIC[degree],
      slope=(2.0, 1.0)[patch],
      sample_rate_hz=sample_rate_hz,
      rng=rng,
    )
    fade = np.minimum(1, np.arange(end - begin)[::-1] / (0.01 * sample_rate_hz))
    samples[begin:end] += fade * _PLAYERS[instrument](note)
  return (0.25 * samples)[:, None].astype(np.float32), sample_rate_hz


def _partials(
  note: _Note,
  ratios: tuple[float, ...],
  *,
  decay: float = 0.0,
  vibrato: float = 0.0,
) -> np.ndarray:
  """Adds sines; higher ones are weaker and, with a decay, die sooner."""
  phase = 2 * np.pi * note.frequency_hz * note.time_s
  phase = phase + vibrato * np.sin(2 * np.pi * 5.5 * note.time_s)
  sound = np.zeros_like(phase)
  for ratio in ratios:
    if ratio * note.frequency_hz < note.sample_rate_hz / 2:
      envelope = np.exp(-decay * ratio * note.time_s)
      sound += envelope * ratio**-note.slope * np.sin(ratio * phase)
  return sound


def _attack(note: _Note, attack_s: float) -> np.ndarray:
  return np.minimum(1, note.time_s / attack_s)


def _noise(note: _Note) -> np.ndarray:
  """White noise less its own past: little is left of the low frequencies."""
  return np.diff(note.rng.standard_normal(len(note.time_s) + 1))


def _bass(note: _Note) -> np.ndarray:
  return 1.4 * _attack(note, 0.02) * _partials(note, (1.0, 2.0), decay=0.5)


def _bell(note: _Note) -> np.ndarray:
  return _partials(note, (1.0, 2.76, 5.4, 8.93), decay=2.0)


def _flute(note: _Note) -> np.ndarray:
  tone = _partials(note, (1.0, 2.0), vibrato=0.3) + 0.03 * _noise(note)
  return 0.8 * _attack(note, 0.06) * tone


def _hihat(note: _Note) -> np.ndarray:
  decay = 15 * note.slope
  return 0.6 * np.exp(-decay * note.time_s) * _noise(note)


def _kick(note: _Note) -> np.ndarray:
  # The pitch falls, so the phase is the integral of a falling frequency.
  phase = 45 * note.time_s + 6 * (1 - np.exp(-25 * note.time_s))
  envelope = np.exp(-4 * note.slope * note.time_s)
  return 1.6 * envelope * np.sin(2 * np.pi * phase)


def _lead(note: _Note) -> np.ndarray:
  return _attack(note, 0.01) * _partials(note, _HARMONICS[::2], vibrato=1.0)


def _organ(note: _Note) -> np.ndarray:
  drawbars = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
  return 0.3 * _attack(note, 0.01) * _partials(note, drawbars)


def _pluck(note: _Note) -> np.ndarray:
  return 1.5 * _partials(note, _HARMONICS, decay=4.0)


_PLAYERS = {
  "bass": _bass,
  "bell": _bell,
  "flute": _flute,
  "hihat": _hihat,
  "kick": _kick,
  "lead": _lead,
  "organ": _organ,
  "pluck": _pluck,
}
