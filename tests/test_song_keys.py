"""Names of one song fold to one key, names of two do not."""

import unicodedata
from pathlib import Path

import pytest

from fewshot_mss.data.song_keys import song_key
from fewshot_mss.data.splits import load_splits

METADATA = Path(__file__).parents[2] / "shared/data/layout_examples/medleydb"


@pytest.mark.parametrize(
  ("one", "other"),
  [
    ("Music Delta - Rock", "MusicDelta_Rock"),
    ("Music Delta - 80s Rock", "MusicDelta_80sRock"),
    ("ANiMAL - Rockshow", "Animal_RockShow"),
    ("Johnny Lokke - Promises & Lies", "JohnnyLokke_PromisesAndLies"),
    ("Beyoncé - Déjà Vu", "Beyonce_DejaVu"),
    ("Mø - Straße", "Mo_Strasse"),
    ("The Wrong'Uns - Rothko", "TheWrongUns_Rothko"),
    ("The Wrong\u2019Uns - Rothko", "TheWrongUns_Rothko"),
    ("M.E.R.C. Music - Knockout", "MERCMusic_Knockout"),
    ("Triviul feat. The Fiend - Widow", "Triviul_Widow"),
    ("Triviul (ft. The Fiend) - Widow", "Triviul_Widow"),
    ("Triviul - Widow [Featuring The Fiend]", "Triviul_Widow"),
    ("Triviul - Widow feat The Fiend", "Triviul_Widow"),
    ("A + B - C", "AAndB_C"),
    ("\uff37ide - \uff11", "Wide_1"),
  ],
)  # fmt: skip
def test_spellings_of_one_song_have_one_key(one, other):
  assert song_key(one) == song_key(other)
  assert song_key(unicodedata.normalize("NFD", one)) == song_key(other)


def test_keys_are_small_letters_and_digits():
  assert song_key("Music Delta - Country1") == "musicdeltacountry1"


@pytest.mark.parametrize(
  ("one", "other"),
  [
    ("Music Delta - Country1", "Music Delta - Country2"),
    ("Music Delta - Rock", "Music Delta - Rockabilly"),
    ("BKS - Too Much", "BKS - Bulldozer"),
    ("Foo - Defeat It", "Foo - De"),
    ("Foo - Feature Film", "Foo - Feature Song"),
    ("Foo - Ft Worth", "Foo - Other"),
    ("Triviul feat. The Fiend - Widow", "Triviul feat. The Fiend - Orphan"),
    ("!!!", "???"),
  ],
)
def test_different_songs_have_different_keys(one, other):
  assert song_key(one) != song_key(other)


def test_a_name_without_letters_is_its_own_key():
  assert song_key("!!! ???") == "!!!???"


def test_real_validation_titles_meet_the_real_medleydb():
  if not METADATA.is_dir():
    pytest.skip("no shared data")
  ids = [
    path.name.removesuffix("_METADATA.yaml")
    for path in (METADATA / "Metadata").glob("*_METADATA.yaml")
  ]
  assert len({song_key(name) for name in ids}) == len(ids) == 330
  distributed = {
    song_key(name)
    for which in ("v1", "v2")
    for name in (METADATA / f"tracklist_{which}.txt").read_text().split()
  }
  assert len(distributed) == 196
  titles = load_splits("musdb18").validation
  assert {title for title in titles if song_key(title) in distributed} == {
    "Alexander Ross - Goodbye Bolero",
    "Clara Berry And Wooldog - Waltz For My Victims",
    "Meaxic - Take A Step",
  }
