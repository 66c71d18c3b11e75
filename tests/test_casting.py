import collections

import numpy as np
import pytest

from fewshot_mss.data.synth.casting import cast_songs, deal, draw_unseen
from fewshot_mss.data.synth.instrument_classes import InstrumentClass
from fewshot_mss.errors import InputError


def _rng(seed=0):
  return np.random.default_rng(seed)


def _class(name, family, apart=True):
  return InstrumentClass(name, family, (0,), apart)


CLASSES = [
  _class(f"{family} {i}", family)
  for family, count in (("a", 5), ("b", 5), ("c", 2), ("d", 1))
  for i in range(count)
]


@pytest.mark.parametrize("seed", range(5))
def test_unseen_are_spread_over_families_and_leave_one(seed):
  unseen = draw_unseen(_rng(seed), CLASSES, 5)
  families = collections.Counter(name[0] for name in unseen)
  assert families == {"a": 2, "b": 2, "c": 1}
  assert list(unseen) == sorted(set(unseen))


def test_other_seed_draws_others():
  assert draw_unseen(_rng(0), CLASSES, 4) == draw_unseen(_rng(0), CLASSES, 4)
  assert len({draw_unseen(_rng(s), CLASSES, 4) for s in range(5)}) > 1


def test_layered_classes_are_never_unseen():
  classes = [_class("x", "a"), _class("y", "a", False), _class("z", "a", False)]
  for seed in range(5):
    assert draw_unseen(_rng(seed), classes, 1) == ("x",)
  with pytest.raises(InputError, match="num_unseen is 2: the SoundFont has 1 "):
    draw_unseen(_rng(), classes, 2)


def test_classes_of_few_timbres_are_unseen_first():
  breadth = {item.name: 10 - int(item.name[-1]) for item in CLASSES}
  for seed in range(5):
    unseen = draw_unseen(_rng(seed), CLASSES, 5, breadth=breadth)
    # The higher the number, the fewer timbres: of each family the last.
    assert unseen == ("a 3", "a 4", "b 3", "b 4", "c 1")
  every = draw_unseen(_rng(), CLASSES, 9, breadth=breadth)
  # The broadest class of each family stays.
  assert not {"a 0", "b 0", "c 0", "d 0"} & set(every)
  assert len(every) == 9
  same = dict.fromkeys(breadth, 1)
  drawn = {draw_unseen(_rng(s), CLASSES, 4, breadth=same) for s in range(5)}
  assert len(drawn) > 1


def test_negative_number_is_refused():
  with pytest.raises(InputError, match="num_unseen is -1"):
    draw_unseen(_rng(), CLASSES, -1)


@pytest.mark.parametrize("seed", range(5))
def test_dealing_is_balanced(seed):
  names = [f"n{i}" for i in range(20)]
  songs = deal(_rng(seed), names, [3, 4, 5] * 10)
  assert [len(song) for song in songs] == [3, 4, 5] * 10
  assert all(len(set(song)) == len(song) for song in songs)
  times = collections.Counter(name for song in songs for name in song)
  assert len(times) == 20
  assert max(times.values()) - min(times.values()) <= 2
  assert np.mean([6 <= count <= 6 for count in times.values()]) > 0.7


@pytest.mark.parametrize("sizes", [[2, 2], [1, 2, 2], [3, 3, 1], [4, 2, 3, 3]])
def test_with_few_songs_fewer_are_dealt_but_each_twice(sizes):
  for seed in range(10):
    songs = deal(_rng(seed), [f"n{i}" for i in range(20)], sizes)
    assert [len(song) for song in songs] == sizes
    times = collections.Counter(name for song in songs for name in set(song))
    assert min(times.values()) >= 2


def test_what_cannot_be_heard_twice_is_refused():
  with pytest.raises(InputError, match="2 songs are too few"):
    deal(_rng(), ["x", "y", "z"], [1, 2])


def test_cast_songs_are_half_unseen():
  seen, unseen = [f"s{i}" for i in range(30)], [f"u{i}" for i in range(10)]
  sizes = [2, 3, 4, 5] * 6
  songs = cast_songs(_rng(), sizes, seen=seen, unseen=unseen)
  assert [len(song) for song in songs] == sizes
  counts = [sum(name in unseen for name in song) for song in songs]
  assert all(0 < n < len(s) for n, s in zip(counts, songs, strict=True))
  assert sum(counts) / sum(sizes) == pytest.approx(0.5, abs=0.05)
  odd = [n for n, size in zip(counts, sizes, strict=True) if size == 5]
  assert set(odd) == {2, 3}
  times = collections.Counter(name for song in songs for name in song)
  assert min(times.values()) >= 2


@pytest.mark.parametrize("size", [2, 3, 4, 5])
def test_two_songs_of_a_size_can_be_cast(size):
  seen, unseen = [f"s{i}" for i in range(30)], [f"u{i}" for i in range(10)]
  first, second = cast_songs(_rng(), [size, size], seen=seen, unseen=unseen)
  assert set(first) == set(second)


def test_without_unseen_all_parts_are_seen():
  songs = cast_songs(_rng(), [3, 3], seen=["x", "y", "z"], unseen=())
  assert [set(song) for song in songs] == [{"x", "y", "z"}] * 2
