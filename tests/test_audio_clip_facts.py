"""What an example is like: hand-counted samples, and no false clipping."""

import hashlib

import numpy as np
import pytest

from fewshot_mss.audio.clip_facts import clip_facts

RATE_HZ = 8000


def column(*values):
  return np.array(values, np.float32)[:, None]


def tone(hz, level, seconds=1.0, rate_hz=RATE_HZ):
  return column(
    *level * np.sin(2 * np.pi * hz * np.arange(seconds * rate_hz) / rate_hz)
  )


def as_16_bits(samples):
  return np.rint(samples * 32768).astype(np.float32) / np.float32(32768)


def test_length_level_and_hash():
  stereo = np.concatenate([tone(100, 0.5), np.zeros((8000, 1))], axis=1)
  facts = clip_facts(stereo.astype(np.float32), RATE_HZ)
  assert facts.length_s == 1.0
  # A sine of 0.25 in mono.
  assert facts.level_dbfs == pytest.approx(20 * np.log10(0.25 / 2**0.5), 1e-3)
  expected = hashlib.sha256(stereo.astype("<f4").tobytes()).hexdigest()
  assert facts.sha256 == expected
  other = clip_facts(stereo.astype(np.float32)[:, ::-1], RATE_HZ)
  assert other.sha256 != expected


def test_silent_blocks_are_counted():
  # 20 blocks of 50 ms: 5 silent, 5 at -50 dB of the rest, 10 loud.
  loud = tone(100, 0.5, 0.5)
  samples = np.concatenate(
    [np.zeros((2000, 1), np.float32), loud[:2000] * 10**-2.5, loud]
  )
  assert clip_facts(samples, RATE_HZ).silent_share == 0.5
  # All at -70 dBFS: silent, though none is below the others.
  assert clip_facts(loud * np.float32(5e-4), RATE_HZ).silent_share == 1.0


def test_samples_at_full_scale_are_counted():
  top = 32767 / 32768
  facts = clip_facts(column(0, top, 0, -1, 0, 1.5, 0, 0.99), RATE_HZ)
  assert facts.clipped_share == 3 / 8


def test_plateaus_below_full_scale_are_clipping():
  samples = column(0, 0.3, 0.5, 0.5, 0.5, 0.3, 0, -0.2, -0.3, -0.3, -0.2, 0)
  # The two equal ones below are no plateau.
  assert clip_facts(samples, RATE_HZ).clipped_share == 3 / 12
  both = np.concatenate([samples, samples[::-1] / 2], axis=1)
  both[2, 1] = 0.4
  assert clip_facts(both, RATE_HZ).clipped_share == 3 / 24
  cut = np.clip(tone(100, 1.0), -0.7, 0.7)
  share = clip_facts(cut, RATE_HZ).clipped_share
  assert share == pytest.approx(1 - 2 / np.pi * np.arcsin(0.7), abs=0.02)


@pytest.mark.parametrize("hz", [30.5, 50.0, 440.0, 1000.0])
@pytest.mark.parametrize("level", [0.01, 0.25, 0.9])
def test_round_tops_are_no_clipping(hz, level):
  samples = as_16_bits(tone(hz, level, rate_hz=44100))
  assert clip_facts(samples, 44100).clipped_share == 0


def test_pauses_between_pulses_of_one_sign_are_no_clipping():
  pulses = column(*([0, 0, 0, 0, -0.5] * 20))
  assert clip_facts(pulses, RATE_HZ).clipped_share == 0


def test_a_constant_has_no_plateau():
  assert clip_facts(column(*[0.5] * 100), RATE_HZ).clipped_share == 0
