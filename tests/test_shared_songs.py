"""Songs that two datasets hold: what one tests on, none trains on."""

import pytest

from fewshot_mss.data.catalogue import (
  TEST,
  VALIDATION,
)
from fewshot_mss.data.sources import (
  load_sources,
)
from fewshot_mss.errors import InputError
from source_songs import BAND, DUO, drawn_from

MUSDB = """
train MusicDelta-Rock drums 0
train Other-Song bass 0
train Third-Song bass 0
validation JohnnyLokke-PromisesAndLies drums 0
test ANiMAL-Rockshow drums 0
"""
MEDLEYDB = """
train Animal_RockShow drums 0
train Only_Here bass 0
train Only_Here drums 0
test MusicDelta_Rock bass 0
train Triviul_Widow drums 0
validation Triviul_Angel bass 0
test JohnnyLokke_PromisesAndLies bass 0
"""


@pytest.mark.parametrize("order", ["{a},{b}", "{b},{a}"])
def test_a_song_that_one_tests_on_is_used_by_no_other(folder_of, order):
  a = folder_of("musdb", MUSDB, sources=("MUSDB18-HQ",))
  b = folder_of("medleydb", MEDLEYDB, sources=("MedleyDB",))
  sources = load_sources(order.format(a=a, b=b))
  musdb, medleydb = sources.catalogues
  if sources.folders[0] == b:
    medleydb, musdb = musdb, medleydb
  assert drawn_from(musdb) == {"Other-Song", "Third-Song"}
  assert drawn_from(medleydb) == {"Only_Here", "Triviul_Widow"}
  # The test wins over validation.
  assert drawn_from(musdb, VALIDATION) == set()
  assert drawn_from(medleydb, VALIDATION) == {"Triviul_Angel"}
  assert drawn_from(musdb, TEST) == {"ANiMAL-Rockshow"}
  assert sorted(sources.notes) == [
    "medleydb: 1 of 3 train songs are left out, which another dataset holds "
    "for validation or test, such as Animal_RockShow",
    "musdb: 1 of 1 validation songs are left out, which another dataset holds "
    "for validation or test, such as JohnnyLokke-PromisesAndLies",
    "musdb: 1 of 3 train songs are left out, which another dataset holds for "
    "validation or test, such as MusicDelta-Rock",
  ]


def test_a_song_of_validation_trains_nothing_elsewhere(folder_of):
  a = folder_of("slakh", "train Track00001 drums 0\ntrain Track00002 bass 0")
  b = folder_of("baby", "validation Track00001 bass 0\ntrain Track3 bass 0")
  c = folder_of("third", "train Track00001 bass 0\ntrain Track00002 drums 0")
  sources = load_sources(f"{a},{b},{c}")
  assert [drawn_from(each) for each in sources.catalogues] == [
    {"Track00002"},
    {"Track3"},
    {"Track00002"},
  ]
  assert drawn_from(sources.catalogues[1], VALIDATION) == {"Track00001"}


def test_a_song_that_both_hold_for_the_same_is_left_out_of_neither(folder_of):
  lines = "validation One_Song bass 0\ntest Two_Songs bass 0\n"
  a = folder_of("a", BAND + lines)
  b = folder_of("b", DUO + lines.replace("_", "-"))
  sources = load_sources(f"{a},{b}")
  assert sources.notes == ()
  assert [each.left_out for each in sources.catalogues] == [(), ()]


def test_songs_of_one_dataset_are_its_own_affair(folder_of):
  a = folder_of("a", "train A_Song drums 0\ntest A-Song drums 0")
  b = folder_of("b", DUO)
  sources = load_sources(f"{a},{b}")
  assert drawn_from(sources.catalogues[0]) == {"A_Song"}
  assert sources.notes == ()
  # For the others it is what it is for at its strictest.
  c = folder_of("c", "train ASong drums 0\ntrain Other drums 0")
  assert drawn_from(load_sources(f"{a},{c}").catalogues[1]) == {"Other"}


def test_clips_of_unknown_songs_are_not_mixed_with_what_tests_on_them(
  folder_of,
):
  solos = folder_of("solos", BAND, sources=("Medley-solos-DB",))
  slakh = folder_of("slakh", DUO, sources=("Slakh2100-redux",))
  load_sources(f"{solos},{slakh}")
  for i, origin in enumerate(("MedleyDB", "MUSDB18-HQ", "MUSDB18")):
    other = folder_of(f"other{i}", DUO + BAND, sources=(origin, "mixing"))
    for words in (f"{slakh},{solos},{other}", f"{other}=0,{solos}"):
      with pytest.raises(
        InputError, match=rf"solos \(Medley-solos-DB\).* other{i} may test"
      ):
        load_sources(words)
    load_sources(f"{solos}=0,{other}")
    load_sources(f"{slakh},{other}")
