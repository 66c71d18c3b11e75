"""MUSDB18 in both forms: which file or stream is which stem of which song."""

import re
import sys
import unicodedata
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile

from fewshot_mss.data.headers import unreadable_stems
from fewshot_mss.data.layouts.musdb import musdb18, musdb18_hq, read_stream
from fewshot_mss.data.segments import track_segments
from fewshot_mss.data.splits import load_splits
from fewshot_mss.data.tracks import TrackSet
from fewshot_mss.errors import InputError

MUS_YAML = (
  Path(__file__).parents[2] / "shared/data/layout_examples/musdb/mus.yaml"
)
RATE_HZ = 44_100
# Written out, not taken from the code: what mus.yaml says.
STREAMS = {"mixture": 0, "drums": 1, "bass": 2, "other": 3, "vocals": 4}
LEVELS = {"drums": 0.1, "bass": 0.2, "other": 0.3, "vocals": 0.4}
TONES_HZ = {
  "mixture": 3_000, "drums": 500, "bass": 1_000, "other": 1_500,
  "vocals": 2_000,
}  # fmt: skip


def hq_song(root, split, title, without=()):
  folder = root / split / title
  folder.mkdir(parents=True)
  for name, level in (LEVELS | {"mixture": 0.9}).items():
    if name not in without:
      soundfile.write(
        folder / f"{name}.wav", np.full((4_000, 2), level), 8_000, "FLOAT"
      )
  return folder


def tone(name, duration_s):
  """Makes a tone that begins after a quarter of its time."""
  times_s = np.arange(round(duration_s * RATE_HZ)) / RATE_HZ
  wave = 0.3 * np.sin(2 * np.pi * TONES_HZ[name] * times_s)
  wave[: len(wave) // 4] = 0
  return np.stack([wave, wave / 2], axis=1).astype(np.float32)


def mp4_song(path, names=tuple(STREAMS), duration_s=0.5, codec="aac"):
  av = pytest.importorskip("av", reason="no PyAV (extra mp4)")
  path.parent.mkdir(parents=True, exist_ok=True)
  options = {"movflags": "faststart"}
  with av.open(str(path), "w", format="mp4", options=options) as container:
    streams = [
      container.add_stream(codec, rate=RATE_HZ, layout="stereo") for _ in names
    ]
    for name, stream in zip(names, streams, strict=True):
      frame = av.AudioFrame.from_ndarray(
        np.ascontiguousarray(tone(name, duration_s).T),
        format="fltp",
        layout="stereo",
      )
      frame.sample_rate = RATE_HZ
      # Only then is the delay of the codec written into the file.
      frame.pts, frame.time_base = 0, Fraction(1, RATE_HZ)
      for packet in [*stream.encode(frame), *stream.encode(None)]:
        container.mux(packet)
  return path


def loudest_hz(samples):
  spectrum = np.abs(np.fft.rfft(samples[:, 0]))
  return np.argmax(spectrum) * RATE_HZ / len(samples)


def test_the_committed_validation_titles_are_the_official_ones():
  if not MUS_YAML.exists():
    pytest.skip("no shared data")
  tail = MUS_YAML.read_text(encoding="utf-8").split("validation_tracks:\n")[1]
  titles = [line.removeprefix("- ").strip("'") for line in tail.splitlines()]
  splits = load_splits("musdb18")
  assert sorted(splits.validation) == sorted(titles)
  assert len(titles) == 14
  assert (splits.unseen, splits.test) == ((), ())


def test_validation_is_taken_out_of_train(tmp_path):
  titles = load_splits("musdb18").validation
  for title in titles:
    hq_song(tmp_path, "train", title)
  hq_song(tmp_path, "train", "Leaf - Wicked")
  hq_song(tmp_path, "test", "Zeno - Signs")
  splits = {t.name: t.split for t in musdb18_hq(tmp_path).tracks}
  assert splits == dict.fromkeys(titles, "validation") | {
    "Leaf - Wicked": "train",
    "Zeno - Signs": "test",
  }


def test_what_lies_in_test_is_for_the_test(tmp_path):
  hq_song(tmp_path, "test", "Leaf - Summerghost")
  (track,) = musdb18_hq(tmp_path).tracks
  assert track.split == "test"


def test_validation_is_found_in_another_spelling(tmp_path):
  hq_song(tmp_path, "train", "Animal - RockShow")
  hq_song(tmp_path, "train", "Johnny Lokke - Promises and Lies")
  assert {t.split for t in musdb18_hq(tmp_path).tracks} == {"validation"}


def test_stems_of_hq_without_the_mixture(tmp_path):
  hq_song(tmp_path, "train", "A - B")
  track_set = musdb18_hq(tmp_path)
  (track,) = track_set.tracks
  assert track_set.sources == ("MUSDB18-HQ",)
  assert track_set.unseen == track_set.unheard_patches == ()
  for stem in track.stems:
    samples, rate_hz = stem.read()
    assert rate_hz == 8_000
    assert samples.shape == (4_000, 2)
    assert samples[0, 0] == np.float32(LEVELS[stem.name])
  assert {s.name: (s.instrument, s.family, s.patch) for s in track.stems} == {
    "drums": ("drums", "drums", ""),
    "bass": ("bass", "bass", ""),
    "other": ("other", "unknown", ""),
    "vocals": ("vocals", "voice", ""),
  }


def test_titles_stay_whole(tmp_path):
  titles = [
    "A - B - C", "Jokers, Jacks & Kings - Sea Of Leaves", "M.E.R.C. - X.Y",
    "We'll - It's", "Motörhead - Café",
  ]  # fmt: skip
  for title in titles:
    # As a file system of a Mac spells it.
    hq_song(tmp_path, "test", unicodedata.normalize("NFD", title))
  names = [track.name for track in musdb18_hq(tmp_path).tracks]
  assert names == sorted(titles)


def test_what_is_no_song_is_passed_over(tmp_path):
  hq_song(tmp_path, "train", "A - B")
  (tmp_path / "train" / ".trash").mkdir()
  (tmp_path / "train" / "notes.txt").touch()
  hq_song(tmp_path, "omitted", "C - D")
  assert [track.name for track in musdb18_hq(tmp_path).tracks] == ["A - B"]


def test_a_missing_stem_is_named(tmp_path):
  folder = hq_song(tmp_path, "train", "A - B", without=("bass",))
  with pytest.raises(InputError, match=r"A - B/bass\.wav is missing"):
    musdb18_hq(tmp_path)
  (folder / "bass.wav").write_text("no audio")
  (track,) = musdb18_hq(tmp_path).tracks
  with pytest.raises(InputError, match=r"bass\.wav cannot be read as audio"):
    track.stems[1].read()


def test_files_and_mixture_are_told_for_checks(tmp_path):
  folder = hq_song(tmp_path, "train", "A - B")
  (track,) = musdb18_hq(tmp_path).tracks
  assert {stem.name: stem.files for stem in track.stems} == {
    name: (folder / f"{name}.wav",) for name in LEVELS
  }
  samples, rate_hz = track.mixture()
  assert (samples[0, 0], rate_hz) == (np.float32(0.9), 8_000)
  (folder / "mixture.wav").unlink()
  assert musdb18_hq(tmp_path).tracks[0].mixture is None


def test_a_song_is_in_one_split(tmp_path):
  hq_song(tmp_path, "train", "A Band - Song")
  hq_song(tmp_path, "test", "A band - Song")
  with pytest.raises(InputError, match="are one song"):
    musdb18_hq(tmp_path)


@pytest.mark.parametrize(
  ("layout", "other"), [(musdb18_hq, "musdb18"), (musdb18, "musdb18_hq")]
)
def test_a_folder_without_songs_names_the_other_layout(tmp_path, layout, other):
  (tmp_path / "train").mkdir()
  with pytest.raises(InputError, match=rf"layout {other}\)"):
    layout(tmp_path)


def test_streams_are_stems_by_their_number(tmp_path):
  mp4_song(tmp_path / "train" / "A.B. - It's C..stem.mp4")
  mp4_song(tmp_path / "train" / "Leaf - Summerghost.STEM.MP4")
  mp4_song(tmp_path / "train" / "._A.B. - It's C..stem.mp4")
  (tmp_path / "train" / "A.mp4").touch()
  track_set = musdb18(tmp_path)
  assert [(track.name, track.split) for track in track_set.tracks] == [
    ("A.B. - It's C.", "train"),
    ("Leaf - Summerghost", "validation"),
  ]
  assert track_set.sources == ("MUSDB18",)
  for stem in track_set.tracks[0].stems:
    samples, rate_hz = stem.read()
    assert rate_hz == RATE_HZ
    assert loudest_hz(samples) == pytest.approx(TONES_HZ[stem.name], abs=4)
  assert {s.name: s.instrument for s in track_set.tracks[0].stems} == {
    name: name for name in LEVELS
  }
  path = tmp_path / "train" / "A.B. - It's C..stem.mp4"
  assert {s.files for s in track_set.tracks[0].stems} == {(path,)}
  samples, _ = track_set.tracks[0].mixture()
  assert loudest_hz(samples) == pytest.approx(TONES_HZ["mixture"], abs=4)


@pytest.mark.parametrize("codec", ["aac", "alac"])
def test_a_stream_comes_back_in_time_and_level(tmp_path, codec):
  path = mp4_song(tmp_path / "a.stem.mp4", codec=codec)
  wanted = tone("bass", 0.5)
  samples, _ = read_stream(path, STREAMS["bass"])
  assert samples.dtype == np.float32
  assert len(wanted) <= len(samples) < len(wanted) + 2_048
  error = samples[: len(wanted)] - wanted
  # AAC smears the sudden beginning; a delay of one sample would cost -17 dB.
  level_db = 10 * np.log10(np.mean(error**2) / np.mean(wanted**2))
  assert level_db < -22


def test_the_mixture_of_an_mp4_is_the_sum_of_its_stems(tmp_path):
  mp4_song(tmp_path / "test" / "A - B.stem.mp4")
  (track,) = musdb18(tmp_path).tracks
  segments = track_segments(
    track, sample_rate_hz=RATE_HZ, segment_samples=RATE_HZ // 2
  )
  mixture = sum(
    row.pcm.astype(float) for row in segments if row.start_samples == 0
  )
  wanted = sum(tone(name, 0.5).mean(axis=1) for name in LEVELS) * 32_767
  error = mixture - wanted
  assert np.mean(error**2) < 0.01 * np.mean(wanted**2)


def test_another_number_of_streams_is_refused(tmp_path):
  names = ("mixture", "drums", "bass", "other")
  path = mp4_song(tmp_path / "train" / "A - B.stem.mp4", names)
  (track,) = musdb18(tmp_path).tracks
  faults = unreadable_stems(TrackSet((track,)), progress=False)
  assert list(faults) == [("A - B", name) for name in LEVELS]
  for message in faults.values():
    assert f"{path} has 4 audio streams instead of 5" in message
  with pytest.raises(InputError, match="has no audio stream 4"):
    read_stream(path, 4)


def test_a_damaged_mp4_is_named(tmp_path):
  path = mp4_song(tmp_path / "train" / "A - B.stem.mp4", duration_s=3.0)
  whole = path.read_bytes()
  path.write_bytes(whole[: len(whole) * 9 // 10])
  (track,) = musdb18(tmp_path).tracks
  with pytest.raises(InputError, match=r"A - B.stem.mp4 ends after 2\.8 of 3"):
    track.stems[3].read()
  path.write_bytes(b"no mp4")
  (track,) = musdb18(tmp_path).tracks
  message = r"A - B.stem.mp4 cannot be read as mp4"
  with pytest.raises(InputError, match=message):
    track.stems[0].read()
  faults = unreadable_stems(TrackSet((track,)), progress=False)
  assert re.search(message, faults["A - B", "vocals"])


def test_without_pyav_the_extra_is_named(tmp_path, monkeypatch):
  path = tmp_path / "train" / "A - B.stem.mp4"
  path.parent.mkdir()
  path.touch()
  monkeypatch.setitem(sys.modules, "av", None)
  with pytest.raises(InputError, match=r"fewshot-mss\[mp4\]"):
    musdb18(tmp_path)
