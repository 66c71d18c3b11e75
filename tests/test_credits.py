"""Every dataset that can be read has its word of credit."""

import pytest

from fewshot_mss.data.credits import credit


@pytest.mark.parametrize(
  ("place", "words"),
  [
    ("Slakh2100-orig", "CC BY 4.0"),
    ("BabySlakh", "CC BY 4.0"),
    ("MUSDB18", "academic"),
    ("MUSDB18-HQ", "academic"),
    ("MedleyDB", "non-commercial"),
    ("mixing_coefficients.yaml", "MIT"),
    ("MoisesDB", "non-commercial"),
    ("Medley-solos-DB", "Lostanlen"),
    ("TimGM6mb.sf2", "GPL-2"),
    ("procedural songs", "Nobody"),
    ("sf_GMbank.sf2", "Public domain"),
    ("FluidR3_GM.sf2", "MIT"),
    ("notes of tonejs", "CC BY 3.0"),
    ("MIDI files of freedoom", "BSD"),
    ("MIDI files of openscore_quartets", "CC0"),
  ],
)
def test_known_places_are_credited(place, words):
  assert words in credit(place)


@pytest.mark.parametrize("place", ["stem folder attic", "MIDI files of x", ""])
def test_what_is_not_known_is_said_to_be_so(place):
  assert credit(place).startswith("not known to fewshot-mss")
