"""Files that are no audio are found before any long work, all of them."""

import dataclasses
from fractions import Fraction

import numpy as np
import pytest
import soundfile

from fewshot_mss.data import progress
from fewshot_mss.data.builder import build
from fewshot_mss.data.catalogue import load_catalogue
from fewshot_mss.data.headers import unreadable_stems
from fewshot_mss.data.tracks import Stem, Track, TrackSet
from fewshot_mss.errors import InputError


def stem(name, *files):
  def read():
    raise AssertionError("a header is enough")

  return Stem(name, name, "family", "", read, files)


@pytest.fixture
def track_set(tmp_path):
  """Two songs; of the second a file is damaged and one is missing."""
  good = tmp_path / "good.wav"
  soundfile.write(good, np.zeros(8), 8_000)
  bad = tmp_path / "bad.flac"
  bad.write_text("no audio")
  gone = tmp_path / "gone.wav"
  return TrackSet(
    (
      Track("one", "train", (stem("flute", good), stem("made"))),
      Track(
        "two",
        "test",
        (
          stem("flute", good),
          stem("horn", good, bad, gone),
          stem("drums", gone),
          stem("harp", bad),
        ),
      ),
    )
  )


def test_every_stem_with_a_bad_file_is_named_once(track_set, tmp_path):
  faults = unreadable_stems(track_set, progress=False)
  assert list(faults) == [("two", "horn"), ("two", "drums"), ("two", "harp")]
  # The first file that is at fault, and no second line.
  assert str(tmp_path / "bad.flac") in faults["two", "horn"]
  assert f"{tmp_path / 'gone.wav'}: no such file" in faults["two", "drums"]
  assert faults["two", "harp"] == faults["two", "horn"]
  assert not any("\n" in message for message in faults.values())


def test_nothing_is_at_fault_where_all_is_well(track_set):
  assert unreadable_stems(TrackSet(track_set.tracks[:1]), progress=False) == {}
  assert unreadable_stems(TrackSet(()), progress=False) == {}


def test_progress_is_shown_if_it_takes_long(track_set, capsys, monkeypatch):
  unreadable_stems(track_set, progress=True)
  assert capsys.readouterr().err == ""
  monkeypatch.setattr(progress, "_SHOWN_AFTER_S", 0.0)
  unreadable_stems(track_set, progress=True)
  assert "0/3" in capsys.readouterr().err
  unreadable_stems(track_set, progress=False)
  assert capsys.readouterr().err == ""


@pytest.mark.parametrize("ending", [".stem.mp4", ".MP4"])
def test_an_mp4_is_opened_by_its_own_reader(tmp_path, ending):
  av = pytest.importorskip("av", reason="no PyAV (extra mp4)")
  path = tmp_path / f"song{ending}"
  with av.open(str(path), "w", format="mp4") as container:
    streams = [container.add_stream("aac", rate=44_100) for _ in range(5)]
    for stream in streams:
      frame = av.AudioFrame.from_ndarray(
        np.zeros((2, 4_096), np.float32), format="fltp", layout="stereo"
      )
      frame.sample_rate, frame.pts = 44_100, 0
      frame.time_base = Fraction(1, 44_100)
      for packet in [*stream.encode(frame), *stream.encode(None)]:
        container.mux(packet)
  song = TrackSet((Track("song", "train", (stem("bass", path),)),))
  assert unreadable_stems(song, progress=False) == {}
  path.write_text("no mp4")
  faults = unreadable_stems(song, progress=False)
  assert "cannot be read as mp4" in faults["song", "bass"]


def test_a_build_leaves_them_out_if_asked(track_set, tmp_path, capsys):
  flute, horn, drums, _ = track_set.tracks[1].stems
  sound = np.full((8_000, 1), 0.5), 8_000
  readable = dataclasses.replace(flute, read=lambda: sound)
  song = Track("song", "train", (readable, horn, drums))
  catalogue = load_catalogue(
    build(
      TrackSet((song,)),
      tmp_path / "data",
      sample_rate_hz=8_000,
      segment_s=1.0,
      beam_words=("direct_num_workers=1",),
      skip_bad=True,
      progress=False,
    )
  )
  assert catalogue.stems == ("song/flute",)
  assert catalogue.provenance == ("2 unreadable stems left out",)
  assert "left out 2 stems" in capsys.readouterr().err


def test_a_build_says_the_first_and_how_many_more(track_set, tmp_path):
  with pytest.raises(InputError, match=r"bad\.flac .*\(and 2 more") as found:
    build(
      track_set,
      tmp_path / "data",
      sample_rate_hz=8_000,
      segment_s=1.0,
      progress=False,
    )
  assert "\n" not in str(found.value)
  assert not (tmp_path / "data").exists()
