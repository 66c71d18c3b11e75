"""What stands between an instrument and the record: amplifier, pedals, EQ.

Every effect keeps the length of the sound and has no parameter but its seed:
one seed is one setting of the device.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Float32

_DRIVE_DB = (6.0, 30.0)
_CABINET_HZ = (2500.0, 6000.0)
# Slope of the low-pass: that of two second-order filters.
_CABINET_ORDER = 4
_CHORUS_HZ, _CHORUS_DELAY_S = (0.3, 3.0), (0.008, 0.025)
_CHORUS_DEPTH_S = (0.0005, 0.004)
_TREMOLO_HZ, _TREMOLO_DEPTH = (2.0, 9.0), (0.3, 0.9)
_EQ_DB = 9.0
_EQ_HZ = (80.0, 250.0, 700.0, 2000.0, 5000.0, 12000.0)

_Sound = Float32[np.ndarray, "samples channels"]


def apply_effect(name: str, sound: _Sound, rate_hz: int, seed: int) -> _Sound:
  """Plays a sound through a device.

  Args:
    name: `` for none, `eq`, or one of `broad_classes.EFFECTS`.
    sound: The sound.
    rate_hz: Of the sound.
    seed: Of the device's setting.

  Returns:
    The sound, as long as before; its level may be another.
  """
  if not name:
    return sound
  rng = np.random.default_rng(seed)
  return _EFFECTS[name](rng, sound, rate_hz).astype(np.float32)


def _drive(rng: np.random.Generator, sound: _Sound, rate_hz: int) -> np.ndarray:
  """Overdrives a valve, and rounds it off by a loudspeaker's cabinet."""
  rms = float(np.sqrt(np.mean(sound**2, dtype=np.float64)))
  if rms == 0:
    return sound
  gain = 10 ** (rng.uniform(*_DRIVE_DB) / 20)
  bias = rng.uniform(0, 0.3)
  # At rest a valve puts out nothing.
  driven = np.tanh(gain * sound * (0.3 / rms) + bias) - np.tanh(bias)
  cutoff_hz = rng.uniform(*_CABINET_HZ)
  return filtered(
    driven,
    rate_hz,
    lambda hz: 1 / np.sqrt(1 + (hz / cutoff_hz) ** (2 * _CABINET_ORDER)),
  )


def _chorus(
  rng: np.random.Generator, sound: _Sound, rate_hz: int
) -> np.ndarray:
  """Adds a copy whose delay swings, which detunes it."""
  time = np.arange(len(sound))
  depth = rng.uniform(*_CHORUS_DEPTH_S) * rate_hz
  delay = rng.uniform(*_CHORUS_DELAY_S) * rate_hz
  turn = 2 * np.pi * rng.uniform(*_CHORUS_HZ) / rate_hz
  place = time - delay - depth * np.sin(turn * time + rng.uniform(0, 6.28))
  wet = rng.uniform(0.4, 1.0)
  copies = [np.interp(place, time, s, left=0.0) for s in sound.T]
  return sound + wet * np.stack(copies, axis=1)


def _tremolo(
  rng: np.random.Generator, sound: _Sound, rate_hz: int
) -> np.ndarray:
  """Makes the loudness swing."""
  turn = 2 * np.pi * rng.uniform(*_TREMOLO_HZ) / rate_hz
  swing = np.sin(turn * np.arange(len(sound)) + rng.uniform(0, 6.28))
  depth = rng.uniform(*_TREMOLO_DEPTH)
  return sound * (1 - depth * (0.5 + 0.5 * swing))[:, np.newaxis]


def _eq(rng: np.random.Generator, sound: _Sound, rate_hz: int) -> np.ndarray:
  """Lifts and lowers bands."""
  level_db = rng.uniform(-_EQ_DB, _EQ_DB, len(_EQ_HZ))
  octave = np.log2(_EQ_HZ)
  return filtered(
    sound,
    rate_hz,
    lambda hz: 10 ** (np.interp(np.log2(hz + 1), octave, level_db) / 20),
  )


def filtered(
  sound: Float[np.ndarray, "samples channels"],
  rate_hz: int,
  response: Callable[[np.ndarray], np.ndarray],
) -> Float[np.ndarray, "samples channels"]:
  """Filters without a delay: what sounds together stays together.

  Args:
    sound: The sound.
    rate_hz: Of the sound.
    response: Returns the factor of each frequency, given in Hz.

  Returns:
    The sound, as long as before.
  """
  # Room behind the end, for the end not to be heard at the beginning.
  padded = len(sound) + rate_hz // 10
  spectrum = np.fft.rfft(sound, padded, axis=0)
  hz = np.fft.rfftfreq(padded, 1 / rate_hz)
  spectrum *= response(hz)[:, np.newaxis]
  return np.fft.irfft(spectrum, padded, axis=0)[: len(sound)]


_EFFECTS = {
  "drive": _drive,
  "chorus": _chorus,
  "tremolo": _tremolo,
  "eq": _eq,
}
