"""Classes of several datasets: what one keeps out, none trains on."""

import pytest

from fewshot_mss.data.sources import (
  load_sources,
)
from source_songs import BAND, DUO, songs


def test_classes_are_counted_over_all_datasets(folder_of):
  a, b = folder_of("a", BAND), folder_of("b", DUO)
  sources = load_sources(f"{a},{b}")
  assert sources.class_names == ("alto", "bass", "drums", "flute", "organ")
  ids = [
    dict(zip(each.instruments, each.class_ids.tolist(), strict=True))
    for each in sources.catalogues
  ]
  assert ids[0] == {"bass": 1, "drums": 2, "flute": 3}
  assert ids[1] == {"alto": 0, "bass": 1, "organ": 4}
  # A class is the same whatever comes first.
  assert load_sources(f"{b},{a}").class_names == sources.class_names


@pytest.mark.parametrize("order", ["{a},{b}", "{b},{a}"])
def test_an_instrument_that_one_keeps_unseen_is_trained_from_none(
  folder_of, order
):
  a = folder_of("a", BAND)
  b = folder_of("b", DUO, unseen=("bass", "organ"))
  words = order.format(a=a, b=b)
  sources = load_sources(words)
  assert sources.class_names == ("alto", "drums", "flute")
  band = sources.catalogues[sources.folders.index(a)]
  assert band.class_ids.tolist() == [-1, 1, 2]
  bass = band.instruments.index("bass")
  assert not (band.trainable & (band.instrument == bass)).any()
  assert sources.notes == (
    "a: bass are not trained from it, which another dataset keeps unseen",
  )


def test_a_timbre_that_one_keeps_unheard_is_trained_from_none(folder_of):
  a = folder_of("a", "train s drums 0 oak\ntrain s bass 0 oak\ntrain t bass 1")
  b = folder_of(
    "b",
    "train u drums 0\ntrain u bass 0\ntest v bass 0 oak",
    unheard_patches=("oak",),
  )
  for words in (f"{a},{b}", f"{b},{a}"):
    sources = load_sources(words)
    band = sources.catalogues[sources.folders.index(a)]
    assert songs(band, band.trainable) == {"t"}
    assert sources.class_names == ("bass", "drums")


def test_what_nothing_trains_is_unseen(folder_of):
  # Flute is in the training songs of `a` alone, which is only scored; drums are
  # in a song that is left out; `c` has no training songs and chose nothing.
  a = folder_of("a", BAND.replace("test b4", "test x1"))
  lines = "train x1 drums 0\ntrain y bass 0\ntrain y organ 0\ntest w drums 0"
  b = folder_of("b", lines)
  c = folder_of("c", "test z bass 0\ntest z organ 0")
  sources = load_sources(f"{a}=0,{b},{c}")
  assert sources.class_names == ("bass", "organ")
  assert sources.catalogues[0].seen.tolist() == [True, False, False]
  assert sources.catalogues[2].seen.all()


def test_many_unseen_instruments_are_counted(folder_of):
  names = [f"horn{i}" for i in range(11)]
  a = folder_of("a", "\n".join(f"train s {name} 0" for name in names))
  b = folder_of("b", f"train t {names[0]} 0\n", unseen=tuple(names[:1]))
  assert "a: horn0 are not" in load_sources(f"{a},{b}").notes[0]
  c = folder_of(
    "c", "\n".join(f"train t {n} 0" for n in names), unseen=tuple(names)
  )
  (note,) = [n for n in load_sources(f"{a},{c}").notes if n[:2] == "a:"]
  assert "horn7" not in note.split(" and ")[0].replace("horn7 and", "")
  assert note.count("horn") == 8
  assert " and 3 more are not trained" in note
