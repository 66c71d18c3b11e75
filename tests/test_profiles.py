"""Profiles: merged as if made at once; another model's or a copy refused."""

import numpy as np
import pytest

from fewshot_mss.errors import InputError
from fewshot_mss.inference.conditions import Ask
from fewshot_mss.inference.profile_files import load_profile, save_profile
from fewshot_mss.inference.profiles import make_profile, merge_profiles
from fewshot_mss.inference.separator import Separator
from test_profile_files import MODEL, assert_equal, clip
from tiny_archive import write_archive

CLIPS = [clip(f"{n}.wav", n, dim=128) for n in range(9)]


def test_merging_is_making_at_once():
  parts = [
    make_profile("a", MODEL, CLIPS[:2], CLIPS[7:8]),
    make_profile("b", MODEL, CLIPS[2:6]),
    make_profile("c", MODEL, CLIPS[6:7], CLIPS[8:]),
  ]
  merged = merge_profiles(parts, "sax", "2026-12-01")
  whole = make_profile("sax", MODEL, CLIPS[:7], CLIPS[7:], "2026-12-01")
  for kind in ("positive", "negative"):
    one, other = getattr(merged, kind), getattr(whole, kind)
    np.testing.assert_array_equal(one.total, other.total)
    assert one.count == other.count
  assert sorted(merged.examples) == sorted(whole.examples)
  assert (merged.name, merged.created) == ("sax", "2026-12-01")


def test_of_another_model_or_with_a_copy():
  one = make_profile("one", MODEL, CLIPS[:2])
  strange = make_profile("strange", "00" * 32, CLIPS[2:3])
  with pytest.raises(InputError, match=r"profile strange .*00000000.*abababab"):
    merge_profiles([one, strange], "x")
  copy = make_profile("two", MODEL, CLIPS[1:3])
  with pytest.raises(InputError, match=r"profile two holds 1\.wav"):
    merge_profiles([one, copy], "x")
  # What one shows and another does not mean is no copy.
  other = make_profile("two", MODEL, CLIPS[2:3], CLIPS[1:2])
  assert merge_profiles([one, other], "x").negative.count == 1


def test_profiles_of_other_lengths_are_not_merged():
  one = make_profile("one", MODEL, CLIPS[:2])
  short = make_profile("short", MODEL, [clip("s.wav", 0, dim=7)])
  for both in ([one, short], [short, one]):
    with pytest.raises(InputError, match=r"holds .* numbers and"):
      merge_profiles(both, "x")


def test_a_file_asks_as_its_examples_do(tmp_path):
  separator = Separator.from_pretrained(write_archive(tmp_path / "model"))
  rng = np.random.default_rng(0)
  sounds = [rng.normal(0, 0.1, 4000).astype(np.float32) for _ in range(3)]
  heard = separator.listener.hear_each(sounds, 8000, "positive")
  kept = make_profile("x", separator.archive.content_hash, heard[:2])
  save_profile(tmp_path / "x.profile", kept)
  loaded = load_profile(tmp_path / "x.profile")
  assert_equal(loaded, kept)
  direct, profiled, reheard = separator.conditions(
    [
      Ask(sounds),
      Ask(heard[2:], profiles=[loaded]),
      Ask([sounds[0], *heard[1:]]),
    ],
    rate_hz=8000,
  )
  np.testing.assert_array_equal(profiled, direct)
  np.testing.assert_array_equal(reheard, direct)
