"""What a check measures of songs, and the verb as a person types it."""

import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile

from fewshot_mss.data.check import check_track, check_track_set
from fewshot_mss.data.layouts.slakh import babyslakh
from fewshot_mss.data.sound_checks import digest
from fewshot_mss.data.tracks import Stem, TrackSet
from made_songs import RATE_HZ, broken, noise, reads, song, stem

DATA = Path(__file__).parents[2] / "shared" / "data" / "layout_examples"


# ---- A song.


def test_a_song_is_measured():
  lead, bass = noise(0, 2.0, channels=2), noise(1, 1.5)
  mixture = np.repeat(np.pad(bass, ((0, 500), (0, 0))), 2, axis=1) + lead
  found = check_track(
    song("a", stem("lead", lead), stem("bass", bass), mixture=reads(mixture))
  )
  assert (found.name, found.split, found.duration_s) == ("a", "train", 2.0)
  first, second = found.stems
  assert (first.rate_hz, first.channels, first.duration_s) == (1000, 2, 2.0)
  assert (second.rate_hz, second.channels, second.duration_s) == (1000, 1, 1.5)
  assert first.digest == digest(lead)
  assert first.usable
  assert second.usable
  assert found.mixture_db < -90
  assert found.mixture_digest == digest(mixture)
  alone = check_track(song("a", stem("lead", lead)))
  assert (alone.mixture_db, alone.mixture_digest) == (None, "")


def test_a_stem_is_silent_if_no_second_is_heard_in_mono():
  # All ten seconds together are below 0.001 still.
  quiet = np.full((10_000, 1), 0.0005, np.float32)
  heard = quiet.copy()
  heard[3000:4000] = 0.002
  opposite = noise(0, channels=2)
  opposite[:, 1] = -opposite[:, 0]
  empty = np.zeros((0, 1), np.float32)
  stems = [
    stem(str(i), samples)
    for i, samples in enumerate((quiet, heard, opposite, empty))
  ]
  found = check_track(song("a", *stems))
  assert [check.silent for check in found.stems] == [True, False, True, True]
  assert [check.usable for check in found.stems] == [False, True, False, False]


def test_what_cannot_be_read_is_told_and_not_compared():
  sound = noise(0)
  nan = sound.copy()
  nan[5], nan[7] = np.nan, np.inf
  good = stem("good", sound)
  found = check_track(song("a", broken("bad"), good, mixture=reads(sound)))
  assert found.stems[0].problem == "bad.wav is no sound"
  assert found.mixture_db is None
  assert found.mixture_digest == digest(sound)
  # Opposite infinities would make another NaN of the sum.
  found = check_track(
    song("a", good, stem("n", nan), stem("m", -nan), mixture=reads(sound))
  )
  assert [check.non_finite for check in found.stems] == [0, 2, 2]
  assert found.stems[1].digest == ""
  assert not found.stems[1].usable
  assert found.mixture_db is None
  found = check_track(song("a", good, mixture=broken("mix").read))
  assert found.mixture_problem == "mix.wav is no sound"
  found = check_track(song("a", good, mixture=reads(nan)))
  assert "NaN" in found.mixture_problem
  assert found.mixture_digest == ""
  for stems, mixture in (((), sound), ((good,), sound[:0])):
    found = check_track(song("a", *stems, mixture=reads(mixture)))
    assert found.mixture_db is None


def test_clipping_is_found_below_the_gain_of_a_layout(tmp_path):
  clipped = np.clip(20 * noise(0), -1, 1)
  quiet = 0.9 * clipped
  for name, samples in (("clipped", clipped), ("quiet", quiet)):
    soundfile.write(tmp_path / f"{name}.wav", samples, RATE_HZ)

  def runs(samples, *names):
    files = tuple(tmp_path / name for name in names)
    (found,) = check_track(song("a", stem("a", samples, files=files))).stems
    return found.clipped_runs

  assert runs(clipped) > 10
  assert runs(0.3 * clipped, "quiet.wav", "clipped.wav") == runs(clipped)
  assert runs(0.3 * quiet, "quiet.wav") == 0
  assert runs(0.3 * clipped, "absent.mid") == 0


def test_a_real_song():
  root = DATA / "slakh_fixture" / "babyslakh_16k"
  if not root.is_dir():
    pytest.skip("no shared data")
  report = check_track_set(babyslakh(root), progress=False)
  (track,) = report.tracks
  # Only S00 has sound there.
  assert [check.silent for check in track.stems] == [False] + 9 * [True]
  assert {check.rate_hz for check in track.stems} == {16000}
  assert report.sources == ("BabySlakh",)
  assert report.skipped == ("Track00007: no metadata.yaml",)


# ---- Many songs.


def test_songs_stay_in_order_whoever_is_first():
  last_read = threading.Event()

  def slow():
    assert last_read.wait(10)
    return noise(0), RATE_HZ

  def quick():
    last_read.set()
    return noise(1), RATE_HZ

  tracks = tuple(
    song(name, Stem("x", "x", "f", "", read))
    for name, read in (("slow", slow), ("quick", quick))
  )
  report = check_track_set(TrackSet(tracks), workers=2, progress=False)
  assert [track.name for track in report.tracks] == ["slow", "quick"]


def test_no_more_songs_are_read_than_there_are_workers():
  lock, reading, most = threading.Lock(), [0], [0]

  def read():
    with lock:
      reading[0] += 1
      most[0] = max(most[0], reading[0])
    samples = noise(0, 20.0)
    with lock:
      reading[0] -= 1
    return samples, RATE_HZ

  tracks = tuple(song(str(i), Stem("x", "x", "f", "", read)) for i in range(20))
  check_track_set(TrackSet(tracks), workers=1, progress=False)
  assert most == [1]


def test_an_interrupt_ends_it_without_waiting():
  started, release = threading.Event(), threading.Event()
  read, released = [], []

  def stop():
    assert started.wait(10)
    raise KeyboardInterrupt

  def block():
    started.set()
    released.append(release.wait(10))
    return noise(0), RATE_HZ

  def after():
    read.append("after")
    return noise(0), RATE_HZ

  before = set(threading.enumerate())
  tracks = tuple(
    song(name, Stem("x", "x", "f", "", read))
    for name, read in (
      ("stop", stop),
      ("block", block),
      *((f"after {i}", after) for i in range(50)),
    )
  )
  # The first worker goes on with the songs after, until all are cancelled;
  # the second reads until it is let go.
  with pytest.raises(KeyboardInterrupt):
    check_track_set(TrackSet(tracks), workers=2, progress=False)
  blocked = set(threading.enumerate()) - before
  assert blocked
  count = len(read)
  release.set()
  for thread in blocked:
    thread.join(10)
  assert released == [True]
  assert len(read) <= count + 1
