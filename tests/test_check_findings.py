"""What a check calls wrong, and what of it is an error."""

import numpy as np
import pytest

from fewshot_mss.data.check_findings import KINDS, find
from fewshot_mss.data.check_summary import summary
from fewshot_mss.data.sound_checks import flat_peaks
from made_songs import broken, check, noise, reads, song, stem


def findings(*tracks):
  return [(f.kind, f.where, f.what) for f in find(check(*tracks))]


def test_nothing_is_found_in_good_songs():
  tracks = [
    song("a", stem("x", noise(0)), stem("y", noise(1))),
    song("b", stem("x", noise(2)), split="test"),
  ]
  assert findings(*tracks) == []


def test_stems_are_judged():
  nan = noise(4)
  nan[5] = np.nan
  clipped = np.clip(20 * noise(0), -1, 1)
  runs = flat_peaks(clipped)
  once = noise(6)
  once[10:14] = 1
  tracks = [
    song("a", stem("x", clipped), broken("y"), stem("z", once)),
    song(
      "b",
      stem("long", noise(1, 10.0)),
      stem("short", noise(2, 7.9)),
      stem("near", noise(3, 8.0)),
      stem("n", nan),
      stem("none", np.zeros((10_000, 1), np.float32)),
    ),
  ]
  assert findings(*tracks) == [
    ("unreadable", "a/y", "y.wav is no sound"),
    ("non_finite", "b/n", "1 samples"),
    ("silent", "b/none", "10.0 s"),
    ("short", "b/short", "7.9 of 10.0 s"),
    ("short", "b/n", "2.0 of 10.0 s"),
    ("clipped", "a/x", f"{runs} times"),
    ("clipped", "a/z", "once"),
  ]


def test_severities():
  errors = {kind for kind, (is_error, _) in KINDS.items() if is_error}
  assert errors == {"unusable", "unreadable", "non_finite", "shared"}
  severities = [
    found.is_error
    for found in find(check(song("a", broken("x"), stem("y", noise(0)[:100]))))
  ]
  assert severities == [True]


def test_songs_that_are_the_same_in_two_splits_are_errors():
  sound = noise(0)
  tracks = [
    song("The Song", stem("x", sound)),
    song("the_song (feat. You)", stem("x", noise(1)), split="test"),
    song("other", stem("y", sound.copy()), split="validation"),
  ]
  assert findings(*tracks) == [
    ("shared", "The Song (train), the_song (feat. You) (test)", "same name"),
    (
      "shared",
      "The Song (train), other (validation)",
      "same sound (x = y)",
    ),
  ]


def test_songs_that_are_twice_in_one_split_are_warnings():
  stems = [stem(f"x_{i}", noise(i)) for i in range(4)]
  mixture = reads(noise(9))
  tracks = [
    song("a", *stems, mixture=mixture),
    song("b", *stems, mixture=mixture),
    song("c", stem("y", noise(7))),
  ]
  assert [f for f in findings(*tracks) if f[0] == "duplicate"] == [
    (
      "duplicate",
      "a (train), b (train)",
      "same sound (mixture, x_0, x_1, x_2 and 1 more)",
    )
  ]


def test_stems_that_are_twice_in_a_song():
  stems = [stem("x", noise(0)), stem("y", noise(1)), stem("z", noise(0))]
  silent = [stem(f"s_{i}", np.zeros((2000, 1), np.float32)) for i in range(2)]
  found = findings(song("a", *stems, *silent, mixture=reads(noise(0))))
  assert [f for f in found if f[0] == "duplicate"] == [
    ("duplicate", "a", "stems of the same sound (x, z)")
  ]


def test_songs_that_read_one_file_are_the_same(tmp_path):
  file, link = tmp_path / "a.mid", tmp_path / "b.mid"
  file.write_text("notes")
  link.symlink_to(file)
  zeros = np.zeros((2000, 1), np.float32)

  def tracks(first, second):
    return (
      song("a", stem("x", first, files=(file,)), stem("y", noise(0))),
      song("b", stem("z", second, files=(link,)), split="test"),
    )

  assert findings(*tracks(noise(1), noise(2))) == [
    ("shared", "a (train), b (test)", "same file (x = z)")
  ]
  # One file of silence for all that are silent is no leak.
  kinds = {kind for kind, _, _ in findings(*tracks(zeros, zeros))}
  assert "shared" not in kinds


def test_mixtures_that_differ_come_worst_first():
  def with_mixture(name, seed, gain):
    sound = noise(seed)
    return song(name, stem("x", sound), mixture=reads(gain * sound))

  tracks = [
    with_mixture("equal", 0, 1.0),
    with_mixture("near", 1, 1.03),
    with_mixture("far", 2, 1.1),
    with_mixture("farther", 3, 2.0),
    song("none", stem("x", noise(4)), mixture=broken("mix").read),
  ]
  # 0.1 of 1.1, 1 of 2; 0.03 of 1.03 is below -30 dB.
  assert findings(*tracks) == [
    ("mixture", "farther", "-6.0 dB"),
    ("mixture", "far", "-20.8 dB"),
    ("unreadable_mixture", "none", "mix.wav is no sound"),
  ]
  mixtures = summary(check(*tracks), "set")["mixtures"]
  assert mixtures["compared"] == 4
  names = [row["song"] for row in mixtures["difference_db"]]
  assert names == ["farther", "far", "near", "equal"]
  near_db, far_db = (20 * np.log10(x) for x in (0.03 / 1.03, 0.1 / 1.1))
  assert mixtures["median_db"] == pytest.approx((near_db + far_db) / 2)


def test_rates_of_the_few_are_told():
  def at(name, *rates_hz):
    seeds = [sum(map(ord, name)) + i for i in range(len(rates_hz))]
    stems = [
      stem(f"x_{i}", noise(seed, rate_hz=rate_hz), rate_hz)
      for i, (seed, rate_hz) in enumerate(zip(seeds, rates_hz, strict=True))
    ]
    return song(name, *stems)

  assert findings(at("a", 800, 800), at("b", 400, 800, 400, 1600)) == [
    ("rates", "b", "400 Hz, not 800 Hz (x_0, x_2)"),
    ("rates", "b", "1600 Hz, not 800 Hz (x_3)"),
  ]
  # What cannot be read has no rate.
  both = song("c", *at("c", 800, 800, 400).stems, broken("y"))
  assert findings(both)[1:] == [("rates", "c", "400 Hz, not 800 Hz (x_2)")]
  # Of two that are as many, the higher is the common one.
  assert findings(at("a", 800, 400)) == [
    ("rates", "a", "400 Hz, not 800 Hz (x_1)")
  ]


def test_splits_without_a_usable_song_are_errors():
  silent = stem("x", np.zeros((2000, 1), np.float32))
  what = "no stem that is readable, finite and not silent"
  good = song("good", stem("y", noise(0)))
  found = findings(good, song("b", silent, split="test"))
  assert found[0] == ("unusable", "the test songs", what)
  assert findings(good, song("b", silent))[0][0] == "silent"
  found = findings(song("b", silent, broken("z")))
  assert found[0] == ("unusable", "all songs", what)
  assert [kind for kind, _, _ in found[1:]] == ["unreadable", "silent"]
  assert findings() == [("unusable", "all songs", what)]
