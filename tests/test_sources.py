"""Datasets mixed by weight; what one of them holds out, none trains on."""

import dataclasses
import random
import re

import jax
import numpy as np
import pytest

from fewshot_mss.data.catalogue import (
  load_catalogue,
  save_catalogue,
)
from fewshot_mss.data.episode_audio import read_episode
from fewshot_mss.data.episode_settings import EpisodeSettings
from fewshot_mss.data.episodes import episode_spec
from fewshot_mss.data.pipeline import episode_batches
from fewshot_mss.data.records import RecordReader
from fewshot_mss.data.sources import (
  check_sources,
  draw_episode,
  draw_source,
  load_sources,
  source_word,
)
from fewshot_mss.errors import InputError
from source_songs import BAND, DUO


def settings(**changes):
  return EpisodeSettings(
    sample_rate_hz=16,
    mixture_samples=8,
    example_samples=8,
    num_queries=1,
    max_positives=1,
    max_negatives=0,
    min_sources=2,
    max_sources=2,
    random_mix_share=1.0,
  )._replace(**changes)


def assert_same_spec(one, other):
  for a, b in zip(one, other, strict=True):
    np.testing.assert_array_equal(a, b)


# ---- The words.


def test_one_folder_is_as_it_says_itself(folder_of):
  band = folder_of("band", BAND, unseen=("bass",), sources=("a band",))
  for words in (str(band), f" {band} ", f"{band}=7", source_word(band)):
    sources = load_sources(words)
    assert sources.folders == (band,)
    assert sources.weights == (1.0,)
    assert sources.notes == ()
    assert sources.names == ("band",)
    alone = load_catalogue(band)
    assert sources.content_hash == alone.content_hash
    assert sources.class_names == ("drums", "flute")
    assert sources.provenance == ("a band",)
    (catalogue,) = sources.catalogues
    np.testing.assert_array_equal(catalogue.trainable, alone.trainable)
    for index in range(5):
      source, spec = draw_episode(sources, 3, index, settings())
      assert source == 0
      assert_same_spec(spec, episode_spec(3, index, alone, settings()))


def test_weights_are_shares_and_are_one_if_not_given(folder_of):
  a, b = folder_of("a", BAND), folder_of("b", DUO)
  c = folder_of("c=d", "test x organ 0")
  sources = load_sources(f"{a}=2.5, {b},{c}=1.5")
  assert sources.folders == (a, b, c)
  assert sources.weights == (0.5, 0.2, 0.3)
  assert sources.names == ("a", "b", "c=d")


def test_folders_of_one_name_are_called_by_their_paths(folder_of):
  a, b = folder_of("a/8k", BAND), folder_of("b/8k", DUO)
  assert load_sources(f"{a},{b}").names == (str(a), str(b))


@pytest.mark.parametrize(
  ("words", "said"),
  [
    ("", r"data\.sources is empty: .*data build"),
    ("  ", r"data\.sources is empty"),
    ("{a},", "'' cannot be read: give FOLDER or FOLDER=WEIGHT"),
    ("=2", "'=2' cannot be read"),
    ("{a}=", "cannot be read"),
    ("{a}=much", "a=much' cannot be read"),
    ("{a}=-1", "a=-1' cannot be read"),
    ("{a}=nan", "a=nan' cannot be read"),
    ("{a}=inf", "a=inf' cannot be read"),
    ("{a}=0", "weight above 0"),
    ("{a}=0,{b}=0", "weight above 0"),
    ("{a},nowhere=2", "nowhere is no folder"),
    ("{a},{a}", "hold the same: name it once"),
    ("{b},{a}=1,{copy}=2", r"a and .*copy hold the same"),
    ("{a},{empty}", r"empty/catalogue\.json is missing"),
  ],
)
def test_words_that_name_no_mix_are_refused(folder_of, tmp_path, words, said):
  a, b = folder_of("a", BAND), folder_of("b", DUO)
  copy = folder_of("copy", BAND)
  (tmp_path / "empty").mkdir()
  words = words.format(a=a, b=b, copy=copy, empty=tmp_path / "empty")
  with pytest.raises(InputError, match=said) as caught:
    load_sources(words)
  assert "\n" not in str(caught.value)


def test_a_folder_becomes_the_words_that_name_it(folder_of, tmp_path):
  for name in ("plain", "x=1", "a b"):
    folder = folder_of(name, BAND)
    assert load_sources(source_word(folder)).folders == (folder,)
  with pytest.raises(InputError, match="without a comma"):
    source_word(tmp_path / "a,b")
  with pytest.raises(InputError, match="with a comma in its name cannot"):
    load_sources(str(folder_of("a,b", BAND)))


def test_rates_that_differ_are_refused_by_folder(folder_of, catalogue_of):
  a, b = folder_of("a", BAND), folder_of("b", DUO)
  c = folder_of("c", DUO + BAND)
  faster = dataclasses.replace(catalogue_of(DUO + BAND), sample_rate_hz=32)
  save_catalogue(faster, c)
  with pytest.raises(InputError) as caught:
    load_sources(f"{a},{b},{c}")
  said = str(caught.value)
  assert f"{a} is at 16 Hz and {c} at 32 Hz" in said


def test_what_a_dataset_cannot_serve_is_told_with_its_folder(folder_of):
  a, b = folder_of("a", BAND), folder_of("b", "train x organ 0\ntest y solo 0")
  check_sources(settings(), load_sources(f"{a},{b}=0"))
  with pytest.raises(InputError, match=f"{re.escape(str(b))}: .*fewer than"):
    check_sources(settings(), load_sources(f"{a},{b}"))
  check_sources(settings(), load_sources(str(a)))
  with pytest.raises(InputError, match=f"{re.escape(str(a))}: .*sample_rate"):
    check_sources(settings(sample_rate_hz=8), load_sources(f"{a},{b}=0"))


# ---- Drawing.


def test_weights_hold_over_ten_thousand_draws(folder_of):
  a, b = folder_of("a", BAND), folder_of("b", DUO)
  empty = folder_of("empty", "test x drums 0")
  sources = load_sources(f"{a}=3,{empty}=0,{b}")
  drawn = [draw_source(sources, 5, index) for index in range(10_000)]
  counts = np.bincount(drawn, minlength=3)
  assert counts[1] == 0
  # Three standard deviations of a binomial.
  assert abs(counts[0] - 7500) < 3 * np.sqrt(10_000 * 0.75 * 0.25)
  # Not the numbers that the episode itself goes by.
  for stream in (0, 1, 2):
    rngs = [random.Random(f"5 {i} {stream}") for i in range(200)]
    theirs = [0 if rng.random() < 0.75 else 2 for rng in rngs]
    assert drawn[:200] != theirs
  # Neighbours, and other seeds, are independent.
  same = np.mean(np.array(drawn[1:]) == drawn[:-1])
  assert abs(same - (0.75**2 + 0.25**2)) < 0.02
  other = [draw_source(sources, 6, index) for index in range(1000)]
  same = np.mean(np.array(other) == drawn[:1000])
  assert abs(same - (0.75**2 + 0.25**2)) < 0.05


def test_an_episode_is_that_of_its_dataset_alone(folder_of):
  a, b = folder_of("a", BAND), folder_of("b", DUO.replace("bass", "tuba"))
  sources = load_sources(f"{a},{b}")
  alone = [load_catalogue(a), load_catalogue(b)]
  met = set()
  for index in range(30):
    source, spec = draw_episode(sources, 1, index, settings())
    assert source == draw_source(sources, 1, index)
    met.add(source)
    expected = episode_spec(1, index, alone[source], settings())
    assert_same_spec(
      spec._replace(class_id=None), expected._replace(class_id=None)
    )
    # A query that fills up has no class.
    assert (
      (spec.class_id == -1) == (expected.class_id == -1) == ~spec.query_mask
    )
    if spec.query_mask[0]:
      name = sources.class_names[spec.class_id[0]]
      assert name == alone[source].seen_instruments[expected.class_id[0]]
  assert met == {0, 1}


def test_the_hash_is_of_contents_order_and_shares(folder_of):
  a, b = folder_of("a", BAND), folder_of("b", DUO)
  moved = folder_of("moved", BAND)
  mix = load_sources(f"{a}=2,{b}=3").content_hash
  assert mix == load_sources(f"{moved}=4,{b}=6").content_hash
  others = [f"{a}=2,{b}=2", f"{b}=3,{a}=2", f"{b}=2,{a}=3", str(a), str(b)]
  other = folder_of("other", BAND + "train b9 flute 0")
  hashes = [load_sources(words).content_hash for words in others]
  hashes += [load_sources(f"{other}=2,{b}=3").content_hash, mix]
  assert len(set(hashes)) == len(hashes)


# ---- With sound.


def batches(config, sources, start, stop, **kwargs):
  return list(
    episode_batches(config, sources, start_step=start, stop_step=stop, **kwargs)
  )


def assert_same_batches(one, other):
  assert len(one) == len(other)
  for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
    np.testing.assert_array_equal(a, b)


def test_batches_are_read_from_the_drawn_datasets(toy_config, toy_mix):
  toy_config.seed = 4
  drawn = batches(toy_config, toy_mix, 1, 3)
  chosen = EpisodeSettings.from_config(toy_config)
  readers = [
    RecordReader(folder, catalogue)
    for folder, catalogue in zip(
      toy_mix.folders, toy_mix.catalogues, strict=True
    )
  ]
  expected, met = [], set()
  for index in range(8, 24):
    source = draw_source(toy_mix, 4, index)
    met.add(source)
    spec = episode_spec(4, index, toy_mix.catalogues[source], chosen)
    expected.append(read_episode(spec, readers[source], chosen))
  assert met == {0, 1}
  assert_same_batches(
    drawn,
    [
      jax.tree.map(lambda *x: np.stack(x), *expected[i : i + 8]) for i in (0, 8)
    ],
  )


def test_hosts_share_out_a_mix_and_it_goes_on(toy_config, toy_mix):
  whole = batches(toy_config, toy_mix, 0, 3)
  assert_same_batches(batches(toy_config, toy_mix, 2, 3), whole[2:])
  halves = [
    batches(toy_config, toy_mix, 0, 3, shard_index=i, shard_count=2)
    for i in range(2)
  ]
  joined = [
    jax.tree.map(lambda *leaves: np.concatenate(leaves), *pair)
    for pair in zip(*halves, strict=True)
  ]
  assert_same_batches(joined, whole)
