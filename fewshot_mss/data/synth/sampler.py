"""Instruments of recorded notes: `FOLDER/<instrument>/<pitch>.mp3`.

A pitch is spelled as `As3` or `A#3` for the A sharp below middle C, which is
C4. The nearest note is played faster or slower; nothing is looped.
"""

import functools
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soxr
from jaxtyping import Float32

from fewshot_mss.audio.files import read_audio
from fewshot_mss.audio.resampling import to_mono
from fewshot_mss.data.synth.notes import Note
from fewshot_mss.errors import InputError

ENDINGS = (".wav", ".flac", ".mp3", ".ogg")
# Further from a recorded note it sounds like another instrument.
MAX_SHIFT = 4
_PITCH = re.compile(r"([A-G])(s|#|b)?(-?\d)")
_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_SIGNS = {"s": 1, "#": 1, "b": -1, None: 0}
# Notes of tonejs that sound at another pitch than their name, as measured; see
# the README of the copy that this was tried on.
_WRONG_NAMES = {
  "cello": {"As4"},
  "clarinet": {"Fs6"},
  "guitar-nylon": {"D5"},
  "trumpet": {"As3", "C3"},
}
_RELEASE_S = 0.12
_MIN_ATTACK_S = 0.002
# A note begins where it is this far below its loudest.
_ONSET_DB = -30.0
_NOTES_KEPT = 512


def note_key(name: str) -> int | None:
  """Returns the MIDI key that a file's name tells; None if it tells none.

  Args:
    name: `As3`; without the ending.
  """
  found = _PITCH.fullmatch(name)
  if found is None:
    return None
  letter, sign, octave = found.groups()
  return 12 * (int(octave) + 1) + _STEPS[letter] + _SIGNS[sign]


def instrument_folders(folder: Path) -> list[Path]:
  """Returns the instruments of a folder of notes, sorted.

  Args:
    folder: One folder an instrument.

  Raises:
    InputError: If it holds none.
  """
  found = (
    sorted(path for path in folder.iterdir() if path.is_dir() and keys_of(path))
    if folder.is_dir()
    else []
  )
  if not found:
    raise InputError(
      f"{folder} holds no notes: lay them out as "
      "FOLDER/<instrument>/<pitch>.wav (or flac, mp3, ogg), as cello/As3.mp3"
    )
  return found


def keys_of(instrument: Path) -> dict[int, Path]:
  """Returns the file of each MIDI key that an instrument has a note of."""
  wrong = _WRONG_NAMES.get(instrument.name, set())
  keys = {}
  for path in sorted(instrument.iterdir()):
    key = note_key(path.stem)
    if (
      key is not None
      and path.suffix.lower() in ENDINGS
      and path.stem not in wrong
    ):
      keys[key] = path
  return keys


def play_notes(
  instrument: Path, notes: Sequence[Note], length_s: float
) -> tuple[Float32[np.ndarray, "samples 1"], int]:
  """Plays a part on recorded notes.

  Args:
    instrument: Folder of the notes.
    notes: The part; keys no more than `MAX_SHIFT` from a recorded one.
    length_s: Of the sound.

  Returns:
    The sound and its rate in Hz.

  Raises:
    InputError: If a file cannot be read, or two have different rates.
  """
  keys = keys_of(instrument)
  _, rate_hz = _trimmed(next(iter(keys.values())))
  sound = np.zeros(round(length_s * rate_hz), np.float32)
  release = round(_RELEASE_S * rate_hz)
  for note in notes:
    # Of two as near the lower one: played faster, it loses nothing.
    key = min(keys, key=lambda key: (abs(key - note.pitch), key))
    played, own_rate_hz = _shifted(keys[key], note.pitch - key)
    if own_rate_hz != rate_hz:
      raise InputError(
        f"{keys[key]} has another rate than its like: convert it"
      )
    begin = round(note.start_s * rate_hz)
    held = max(1, round(note.length_s * rate_hz))
    cut = played[: held + release].copy()
    fading = cut[held:]
    fading *= np.linspace(1, 0, release, dtype=np.float32)[: len(fading)]
    there = sound[begin : begin + len(cut)]
    there += (note.velocity / 127) ** 2 * cut[: len(there)]
  return sound[:, np.newaxis], rate_hz


@functools.lru_cache(_NOTES_KEPT)
def _shifted(
  path: Path, semitones: int
) -> tuple[Float32[np.ndarray, " samples"], int]:
  """Returns a note played faster or slower."""
  samples, rate_hz = _trimmed(path)
  if semitones:
    ratio = 2 ** (semitones / 12)
    samples = soxr.resample(samples, rate_hz, rate_hz / ratio)
  return samples, rate_hz


@functools.lru_cache(_NOTES_KEPT)
def _trimmed(path: Path) -> tuple[Float32[np.ndarray, " samples"], int]:
  """Reads a note from its onset on, its loudest sample at full scale."""
  samples, rate_hz = read_audio(path)
  mono = to_mono(samples).astype(np.float32)
  peak = np.abs(mono).max(initial=0)
  if peak == 0:
    return mono, rate_hz
  onset = int(np.argmax(np.abs(mono) > peak * 10 ** (_ONSET_DB / 20)))
  attack = max(1, round(_MIN_ATTACK_S * rate_hz))
  mono = mono[max(0, onset - attack) :] / peak
  mono[:attack] *= np.linspace(0, 1, attack, dtype=np.float32)[: len(mono)]
  return mono, rate_hz
