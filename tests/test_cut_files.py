"""What is cut is found again only if nothing of it has changed."""

import dataclasses
import functools
import os

import numpy as np
import pytest
import soundfile

from fewshot_mss.audio.files import read_audio
from fewshot_mss.data.cut_files import (
  CutSettings,
  cut_path,
  read_cut,
  read_segments,
  write_cut,
)
from fewshot_mss.data.segments import track_segments
from fewshot_mss.data.shards import write_shard
from fewshot_mss.data.tracks import Stem, Track
from fewshot_mss.errors import RunError

SETTINGS = CutSettings(sample_rate_hz=8000, segment_samples=4000)


@pytest.fixture
def track(tmp_path):
  stems = []
  for i, name in enumerate(("violin", "drums")):
    path = tmp_path / f"{name}.wav"
    samples = np.random.default_rng(i).uniform(-0.5, 0.5, 10000)
    # The violin rests in the second segment.
    if name == "violin":
      samples[4000:8000] = 0
    soundfile.write(path, samples, 8000)
    read = functools.partial(read_audio, path)
    stems.append(Stem(name, name, "family", f"patch {i}", read, (path,)))
  return Track("song", "train", tuple(stems))


def test_a_file_holds_what_was_cut(track, tmp_path):
  path = cut_path(tmp_path, track, SETTINGS)
  write_cut(SETTINGS, path, track)
  assert [p.suffix for p in tmp_path.iterdir() if p.is_file()].count(
    ".safetensors"
  ) == len(list(tmp_path.iterdir())) - 2
  segments = track_segments(track, **SETTINGS._asdict())
  read = list(read_segments(path))
  assert len(read) == len(segments) == 5
  for segment, (name, labels, start_samples, level_db, pcm) in zip(
    segments, read, strict=True
  ):
    stem = segment.stem
    assert name == "song"
    assert labels == (stem.name, stem.instrument, stem.family, stem.patch)
    assert start_samples == segment.start_samples
    assert level_db == np.float32(segment.rms_db)
    np.testing.assert_array_equal(pcm, segment.pcm)
    assert pcm.dtype == np.int16
  cut = read_cut(path).cut
  np.testing.assert_array_equal(
    cut.levels_db, [segment.levels_db for segment in segments]
  )


def test_a_silent_track_has_a_file_without_segments(track, tmp_path):
  silent = dataclasses.replace(
    track.stems[0], read=lambda: (np.zeros((8000, 1)), 8000)
  )
  write_cut(SETTINGS, tmp_path / "a", Track("song", "train", (silent,)))
  assert read_cut(tmp_path / "a") == (None, ())


def test_what_cannot_be_read_is_named_and_the_rest_is_cut(track, tmp_path):
  drums = track.stems[1].files[0]
  drums.write_bytes(b"no audio")
  write_cut(SETTINGS, tmp_path / "a", track)
  cut, unreadable = read_cut(tmp_path / "a")
  assert [stem.name for stem in cut.stems] == ["violin"]
  assert len(unreadable) == 1
  assert str(drums) in unreadable[0]


def test_the_place_changes_with_all_that_changes_the_cut(track, tmp_path):
  def place(track=track, **settings):
    return cut_path(tmp_path, track, SETTINGS._replace(**settings))

  assert place() == place()
  first, second = track.stems
  others = [
    place(sample_rate_hz=16000),
    place(segment_samples=4001),
    place(dataclasses.replace(track, name="other")),
    place(dataclasses.replace(track, stems=(second, first))),
    place(
      dataclasses.replace(
        track, stems=(dataclasses.replace(first, instrument="viola"), second)
      )
    ),
  ]
  before = place()
  path = first.files[0]
  os.utime(path, ns=(1, 1))
  others.append(place())
  with path.open("ab") as file:
    file.write(b"more")
  os.utime(path, ns=(1, 1))
  others.append(place())
  path.unlink()
  others.append(place())
  assert len({before, *others}) == 1 + len(others)


def test_the_place_changes_with_what_a_sound_is_made_from(track, tmp_path):
  font = tmp_path / "font.sf2"
  stem = dataclasses.replace(track.stems[0], files=(), made_from=(font,))
  made = Track("song", "train", (stem,))
  places = {cut_path(tmp_path, made, SETTINGS)}
  for content in (b"one", b"three"):
    font.write_bytes(content)
    places.add(cut_path(tmp_path, made, SETTINGS))
  assert len(places) == 3


def test_what_cannot_be_written_is_said_in_one_line(track, tmp_path):
  path = tmp_path / "no folder" / "a.safetensors"
  with pytest.raises(RunError, match="make room and start again") as raised:
    write_cut(SETTINGS, path, track)
  assert "no folder" in str(raised.value)
  write_cut(SETTINGS, tmp_path / "a.safetensors", track)
  before = sorted(tmp_path.iterdir())
  with pytest.raises(RunError, match="make room and start again") as raised:
    write_shard(tmp_path / "no folder" / "s", [tmp_path / "a.safetensors"])
  assert "\n" not in str(raised.value)
  # Nothing half-written is left.
  assert sorted(tmp_path.iterdir()) == before
