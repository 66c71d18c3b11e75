"""Rooms, equalisers and amplifiers that an episode's sounds are put through.

A model that has heard dry SoundFonts alone meets real rooms. So each source of
a mixture and each example may be given a colour of its own: as if recorded by
another microphone, in another room. The mixture is the sum of the coloured
sources, and the targets are as they are in it.
"""

import functools
import random
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32
from scipy import fft

from fewshot_mss.data.episode_settings import EpisodeSettings

NO_COLOUR = -1
# Bands of the equaliser: this many octaves, the highest at half the rate.
_BANDS = 8
# Room for the equaliser's ringing, of which there is more the lower the band.
_RINGING_SAMPLES = 2048
# Sounds that are transformed together: more are in larger arrays, whose memory
# the system gives anew each time (measured: 0.14 ms a sound of 16,000 samples
# by eights, 0.32 one by one, 0.73 by fifteens).
_AT_ONCE = 8
_REVERB_DB = (-18.0, 0.0)
_DRIVE_DB = (0.0, 20.0)
# The level that a drive of 0 dB brings a sound to: its peaks just bend.
_DRIVEN_RMS = 0.15
# A room answers at once, but not before the sound itself.
_FIRST_ECHO_S = 0.004


class Colour(NamedTuple):
  """What is done to one sound, in this order.

  Attributes:
    drive_db: How far it is driven into a soft limit; None is not at all.
    bands_db: Gain in each band of the equaliser, the lowest first.
    reverb_s: How long the room takes to fall by 60 dB; 0 is no room.
    reverb_db: Energy of the room's answer beside that of the sound.
    reverb_seed: Of the room.
  """

  drive_db: float | None
  bands_db: tuple[float, ...]
  reverb_s: float = 0.0
  reverb_db: float = 0.0
  reverb_seed: int = 0

  def describe(self) -> str:
    """Says in words what is done."""
    said = []
    if self.drive_db is not None:
      said.append(f"driven by {self.drive_db:.0f} dB")
    if any(self.bands_db):
      gains = " ".join(f"{gain_db:+.0f}" for gain_db in self.bands_db)
      said.append(f"octaves {gains} dB")
    if self.reverb_s:
      said.append(f"room of {self.reverb_s:.2f} s at {self.reverb_db:+.0f} dB")
    return ", ".join(said) or "as it is"


def draw_colour_seed(seed: int, index: int, settings: EpisodeSettings) -> int:
  """Draws the seed of an episode's colours.

  Args:
    seed: Of the run.
    index: Number of the episode.
    settings: How to draw.

  Returns:
    The seed; `NO_COLOUR` if no episode is coloured.
  """
  if not (
    settings.eq_db
    or settings.reverb_share
    or settings.drive_share
    or settings.speed_semitones
  ):
    return NO_COLOUR
  # A stream of its own: the episode is the same, coloured or not.
  return int(random.Random(f"{seed} {index} colours").random() * 2**31)


def draw_colour(
  seed: int, kind: str, place: tuple[int, ...], settings: EpisodeSettings
) -> Colour:
  """Draws the colour of one sound of an episode.

  Args:
    seed: Of the episode's colours.
    kind: `source`, `positive` or `negative`.
    place: Which one: its number, after that of its query.
    settings: How to draw.

  Returns:
    The colour; the same for the same arguments.
  """
  rng = random.Random(f"{seed} {kind} {place}")

  def between(low: float, high: float) -> float:
    return low + (high - low) * rng.random()

  # Each is drawn, used or not: one setting does not change what others draw.
  driven = rng.random() < settings.drive_share
  drive_db = between(*_DRIVE_DB)
  bands_db = tuple(
    between(-settings.eq_db, settings.eq_db) for _ in range(_BANDS)
  )
  is_reverberant = rng.random() < settings.reverb_share
  reverb_s = between(0.25, 1.0) * settings.reverb_s
  reverb_db = between(*_REVERB_DB)
  reverb_seed = int(rng.random() * 2**31)
  return Colour(
    drive_db=drive_db if driven else None,
    bands_db=bands_db,
    reverb_s=reverb_s if is_reverberant else 0.0,
    reverb_db=reverb_db,
    reverb_seed=reverb_seed,
  )


def colour_sounds(
  sounds: Float32[np.ndarray, "b samples"],
  colours: Sequence[Colour],
  rate_hz: int,
) -> None:
  """Colours sounds in place; each stays as loud as it was, and as long.

  Args:
    sounds: The sounds.
    colours: Of each.
    rate_hz: Of all.
  """
  if not len(sounds):
    return
  before = _energy(sounds)
  for sound, colour, energy in zip(sounds, colours, before, strict=True):
    if colour.drive_db is not None and energy > 0:
      rms = (energy / len(sound)) ** 0.5
      sound *= np.float32(10 ** (colour.drive_db / 20) * _DRIVEN_RMS / rms)
      np.tanh(sound, out=sound)
  # A room takes longer transforms, so those without go by themselves.
  roomy = np.array([colour.reverb_s > 0 for colour in colours])
  for chosen in (np.flatnonzero(roomy), np.flatnonzero(~roomy)):
    for begin in range(0, len(chosen), _AT_ONCE):
      some = chosen[begin : begin + _AT_ONCE]
      held = [colours[i] for i in some]
      if any(any(colour.bands_db) or colour.reverb_s for colour in held):
        sounds[some] = _filtered(sounds[some], held, rate_hz)
  after = _energy(sounds)
  # What was silent stays so.
  scale = np.sqrt(before / np.maximum(after, np.finfo(np.float32).tiny))
  peaks = np.maximum(np.abs(sounds).max(axis=1) * scale, 1)
  sounds *= (scale / peaks).astype(np.float32)[:, np.newaxis]


def _energy(sounds: Float32[np.ndarray, "b samples"]) -> np.ndarray:
  return np.einsum("bs,bs->b", sounds, sounds)


def _filtered(
  sounds: Float32[np.ndarray, "b samples"],
  colours: Sequence[Colour],
  rate_hz: int,
) -> Float32[np.ndarray, "b samples"]:
  """Puts sounds through equalisers and rooms, by one transform each."""
  length = sounds.shape[1]
  rooms = [_room(colour, rate_hz) for colour in colours]
  tail = max(len(room) for room in rooms)
  # So that no end is heard at a beginning.
  size = fft.next_fast_len(length + tail + _RINGING_SAMPLES, real=True)
  spectra = fft.rfft(sounds, size)
  bands_db = np.array([colour.bands_db for colour in colours], np.float32)
  gains = bands_db @ _band_shapes(size, rate_hz)
  # A decibel is log(10) / 20 of a natural logarithm.
  gains *= np.float32(np.log(10) / 20)
  spectra *= np.exp(gains, out=gains)
  if tail > 1:
    answers = np.zeros((len(rooms), tail), np.float32)
    for answer, room in zip(answers, rooms, strict=True):
      answer[: len(room)] = room
    spectra *= fft.rfft(answers, size)
  return fft.irfft(spectra, size, overwrite_x=True)[:, :length]


@functools.lru_cache(maxsize=8)
def _band_shapes(size: int, rate_hz: int) -> Float32[np.ndarray, "bands bins"]:
  """Returns the share of each band's gain at each bin; they sum to 1.

  Between the middles of two bands, which are an octave apart, one turns into
  the other as smoothly as a cosine.
  """
  hz = np.fft.rfftfreq(size, 1 / rate_hz)
  lowest_hz = rate_hz / 2 / 2 ** (_BANDS - 1)
  octave = np.clip(np.log2(np.maximum(hz, 1e-9) / lowest_hz), 0, _BANDS - 1)
  distance = np.abs(octave - np.arange(_BANDS)[:, np.newaxis])
  shapes = 0.5 + 0.5 * np.cos(np.pi * np.minimum(distance, 1))
  return shapes.astype(np.float32)


def _room(colour: Colour, rate_hz: int) -> Float32[np.ndarray, " samples"]:
  """Returns what a room answers to a click: itself, then a falling noise."""
  click = np.ones(1, np.float32)
  length = round(colour.reverb_s * rate_hz)
  first = max(1, round(_FIRST_ECHO_S * rate_hz))
  if length <= first:
    return click
  rng = np.random.default_rng(colour.reverb_seed)
  noise = rng.standard_normal(length - first, np.float32)
  # By 60 dB, which is a thousandth, over its length.
  noise *= np.exp(np.linspace(0, -np.log(1000), len(noise), dtype=np.float32))
  noise *= np.float32(10 ** (colour.reverb_db / 20)) / np.sqrt(noise @ noise)
  return np.concatenate([click, np.zeros(first - 1, np.float32), noise])
