"""Clips of recordings: joined, kept apart by recording, mixed at random."""

import pytest

from fewshot_mss.data.layouts.medley_solos_db import (
  medley_solos_db,
)
from fewshot_mss.errors import InputError
from medley_solos_files import LINES, RATE_HZ, write_clip, write_table


@pytest.fixture
def small(tmp_path):
  write_table(tmp_path / "annotation" / "Medley-solos-DB_metadata.csv")
  for i, line in enumerate(LINES):
    write_clip(tmp_path / "audio", line, level=(i + 1) / 8)
  return tmp_path


def test_a_recording_is_a_track_of_one_stem(small):
  track_set = medley_solos_db(small)
  # 007 and 7 are two recordings.
  assert [(t.name, t.split, t.stems[0].instrument) for t in track_set.tracks] \
    == [
      ("song_000", "test", "clarinet"),
      ("song_007", "train", "piano"),
      ("song_070", "validation", "violin"),
      ("song_7", "train", "piano"),
    ]  # fmt: skip
  assert all(len(track.stems) == 1 for track in track_set.tracks)
  assert track_set.tracks[0].stems[0].family == "reed"
  assert track_set.unseen == ("flute", "tenor saxophone")
  assert track_set.sources == ("Medley-solos-DB",)
  samples, rate_hz = track_set.tracks[1].stems[0].read()
  assert rate_hz == RATE_HZ
  # Two clips, faded over 80 samples at both ends.
  assert samples.shape == (2_000, 1)
  assert (samples[80:920] == 2 / 8).all()
  assert (samples[1_080:1_920] == 3 / 8).all()
  assert (samples[[0, 999, 1_000, 1_999]] == 0).all()


@pytest.mark.parametrize("song_column", ["song_id", "track_id"])
@pytest.mark.parametrize(
  "name", ["metadata.csv", "Medley-solos-DB_metadata.csv"]
)
def test_the_table_and_flac_beside_each_other(tmp_path, name, song_column):
  write_table(tmp_path / name, song_column=song_column)
  # As spreadsheets begin a file.
  text = (tmp_path / name).read_text(encoding="utf-8")
  (tmp_path / name).write_text(text, encoding="utf-8-sig")
  for line in LINES:
    write_clip(tmp_path, line, ending="flac")
  names = [track.name for track in medley_solos_db(tmp_path).tracks]
  assert names == ["song_000", "song_007", "song_070", "song_7"]


def test_missing_clips_are_counted_and_named(small):
  for uuid in ("4_cc", "7_dd"):
    next((small / "audio").glob(f"*{uuid}.wav")).unlink()
  with pytest.raises(
    InputError, match=r"lacks 2 of 5 clips.*training-4_cc\.wav .*line 4"
  ):
    medley_solos_db(small)


def test_a_clip_that_is_no_audio_is_named(small):
  write_clip(small / "audio", LINES[2]).write_text("no audio")
  (song,) = [t for t in medley_solos_db(small).tracks if t.name == "song_007"]
  with pytest.raises(InputError, match=r"training-4_cc\.wav cannot be read"):
    song.stems[0].read()
  names = [path.name.split("_")[-1] for path in song.stems[0].files]
  assert names == ["bb.wav", "cc.wav"]


def test_rates_within_a_recording_must_agree(small):
  write_clip(small / "audio", LINES[2], rate_hz=16_000)
  (song,) = [t for t in medley_solos_db(small).tracks if t.name == "song_007"]
  with pytest.raises(InputError, match=r"4_cc\.wav has 16000 Hz.* 8000 Hz"):
    song.stems[0].read()


@pytest.mark.parametrize("line", [("test", 4, "007", "ff"),
                                  ("training", 3, "007", "ff")])  # fmt: skip
def test_a_recording_has_one_subset_and_one_instrument(small, line):
  table = small / "annotation" / "Medley-solos-DB_metadata.csv"
  write_table(table, [*LINES, line])
  with pytest.raises(
    InputError, match=r"line 7: song 007 is .* training piano"
  ):
    medley_solos_db(small)


@pytest.mark.parametrize(
  ("old", "new", "message"),
  [
    ("song_id", "song", "lacks the column song_id"),
    ("uuid4", "uuid", "lacks the column uuid4"),
    ("validation", "valid", "line 5: fill every cell"),
    (",070", ",", "line 5: fill every cell"),
    ("violin,7,070,dd", "violin", "line 5: fill every cell"),
    ("4,007,cc", "4,007,bb", "line 4: .*training-4_bb is listed twice"),
    ("violin", "kazoo", "kazoo"),
  ],
)
def test_a_damaged_table_names_its_line(small, old, new, message):
  table = small / "annotation" / "Medley-solos-DB_metadata.csv"
  text = table.read_text(encoding="utf-8")
  assert old in text
  table.write_text(text.replace(old, new), encoding="utf-8")
  with pytest.raises(InputError, match=message):
    medley_solos_db(small)


def test_no_table_and_no_clip(tmp_path):
  with pytest.raises(InputError, match="holds none of annotation/"):
    medley_solos_db(tmp_path)
  write_table(tmp_path / "metadata.csv", [])
  with pytest.raises(InputError, match="lists no clip"):
    medley_solos_db(tmp_path)
