"""Timbres: all are had, some are kept out, each has its turn and its sound."""

import collections
from pathlib import Path

import numpy as np
import pytest

from fewshot_mss.data.synth.notes import Note, Part
from fewshot_mss.data.synth.players import Player
from fewshot_mss.data.synth.timbres import (
  Performance,
  TimbreTurns,
  keep_out,
  timbres_of,
)
from fewshot_mss.data.synth.voices import Voice
from test_sampler import pitch_hz, write_note


def voice(number, alike=None, instrument="electric guitar"):
  return Voice(
    instrument, "guitar", f"font/{number}", Path("x"), number, 40, 81,
    number if alike is None else alike,
  )  # fmt: skip


def test_a_class_is_heard_through_its_effects():
  held = timbres_of([voice(1), voice(2)])
  assert [timbre.patch for timbre in held][:5] == [
    "font/1",
    "font/1 + eq",
    "font/1 + drive",
    "font/1 + chorus",
    "font/1 + tremolo",
  ]
  assert len(held) == 10
  assert len(timbres_of([voice(1, instrument="violin")])) == 2


@pytest.mark.parametrize(
  ("groups", "out"), [(1, 0), (2, 0), (3, 1), (4, 1), (7, 1), (8, 2)]
)
def test_one_of_four_is_kept_out_with_all_that_sound_alike(groups, out):
  voices = [voice(n, alike=n % groups) for n in range(2 * groups)]
  for seed in range(5):
    heard, others = keep_out(np.random.default_rng(seed), voices)
    assert sorted([*heard, *others], key=lambda v: v.number) == voices
    assert len({v.alike for v in others}) == out
    assert not {v.alike for v in others} & {v.alike for v in heard}


def test_each_timbre_has_its_turn_and_later_only_those_of_before():
  held = timbres_of([voice(1), voice(2)])
  turns = TimbreTurns(np.random.default_rng(0), {"g": held, "none": []})
  assert turns.has("g")
  assert not turns.has("none")
  assert not turns.has("other")
  dealt = [turns.next("g") for _ in range(20)]
  assert set(collections.Counter(dealt).values()) == {2}
  turns = TimbreTurns(np.random.default_rng(0), {"g": held})
  dealt = {turns.next("g") for _ in range(3)}
  turns.keep_to_dealt()
  assert {turns.next("g") for _ in range(9)} == dealt


@pytest.fixture
def tuba(tmp_path):
  # A wide instrument of one note each octave and a third.
  for name, hz in (("C2", 65.4), ("G2", 98), ("D3", 146.8), ("A3", 220)):
    write_note(tmp_path / f"{name}.wav", hz, length_s=1.0)
  return Voice("tuba", "brass", "room/tuba", tmp_path, None, 32, 61)


def performance(voice, *, seed, effect=""):
  notes = (Note(0.0, 0.8, 36, 100), Note(1.0, 0.8, 43, 50))
  player = Player("tuba", "brass", Part("bass", notes), -20.0)
  timbre = next(t for t in timbres_of([voice]) if t.effect == effect)
  return Performance(player, timbre, song_s=2.0, seed=seed)


def test_a_performance_has_its_level_and_is_what_its_seed_says(tuba):
  sounds = [performance(tuba, seed=seed)() for seed in range(8)]
  for sound, rate_hz in sounds:
    assert rate_hz == 16000
    assert sound.shape == (32000, 1)
    first = np.sqrt(np.mean(sound[:12000] ** 2))
    second = np.sqrt(np.mean(sound[17000:28000] ** 2))
    # (100 / 50) ** 2 is 12 dB.
    assert 20 * np.log10(first / second) == pytest.approx(12.0, abs=1.5)
    assert -22 < 20 * np.log10(np.sqrt(np.mean(sound**2))) < -17
  again, _ = performance(tuba, seed=3)()
  assert np.array_equal(again, sounds[3][0])
  # The fifth stays a fifth, up or down, in whichever register.
  keys = set()
  for sound, _ in sounds:
    low, high = pitch_hz(sound[1600:12000]), pitch_hz(sound[17600:28000])
    assert high / low == pytest.approx(1.5, rel=0.03)
    keys.add(round(12 * np.log2(low / 440) + 69))
  assert keys == {36, 48}


def test_an_effect_changes_the_sound_but_not_the_level(tuba):
  plain, _ = performance(tuba, seed=3)()
  equalised, _ = performance(tuba, seed=3, effect="eq")()
  assert not np.allclose(plain, equalised, atol=1e-3)
  levels = [np.sqrt(np.mean(s[:12000] ** 2)) for s in (plain, equalised)]
  assert 20 * np.log10(levels[0] / levels[1]) == pytest.approx(0, abs=1)
