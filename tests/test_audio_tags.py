"""Tags of audio files: kept where the container has them."""

import numpy as np
import pytest

from fewshot_mss.audio import formats, writing
from fewshot_mss.audio.blocks import audio_info
from fewshot_mss.audio.tags import read_tags
from mp4_files import write_mp4

RATE_HZ = 8_000


@pytest.fixture
def noise():
  rng = np.random.default_rng(0)
  return rng.uniform(-0.99, 0.99, (1_000, 2)).astype(np.float32)


@pytest.mark.parametrize(
  ("name", "kept"),
  [
    ("wav", {"title", "artist", "album", "comment", "date"}),
    ("flac", {"title", "artist", "album", "comment", "date"}),
    ("ogg", {"title", "artist", "album", "comment", "date"}),
    ("mp3", {"artist", "album", "comment", "date"}),
    ("aiff", {"title", "artist", "comment"}),
    ("w64", set()),
  ],
)
def test_tags_are_kept_where_the_container_has_them(
  tmp_path, noise, name, kept
):
  tags = {
    "title": "Für Élise 🎹",
    "artist": "L. v. B.",
    "album": "a, b & 'c'",
    "comment": "one\ntwo",
    "date": "1810",
  }
  path = tmp_path / f"a.{name}"
  form = formats.Form(name, formats.FORMATS[name][0])
  samples = formats.to_steps(noise, form.bits) if form.bits else noise
  with writing.BlockWriter(path, form, 44_100, 2, 1_000, tags) as writer:
    writer.write(samples)
    writer.finish()
    writer.publish()
  assert read_tags(path) == {name: tags[name] for name in kept}
  assert set(writer.lost_tags) == tags.keys() - kept


def test_what_has_no_tags_has_none(tmp_path):
  (tmp_path / "a.m4a").write_text("no sound")
  assert read_tags(tmp_path / "a.m4a") == {}


def test_tags_of_m4a(tmp_path, noise):
  path = tmp_path / "a.m4a"
  named = {"title": "Für Élise", "artist": "Zoe", "track": "3/4"}
  write_mp4(path, noise, RATE_HZ, **named, composer="B", encoder="x")
  # As old programs write it, in Latin-1: it is read all the same.
  path.write_bytes(path.read_bytes().replace(b"Zoe", "Zo\xeb".encode("latin1")))
  assert audio_info(path).num_samples == 1_000
  assert read_tags(path) == {
    "title": "Für Élise",
    "artist": "Zo\ufffd",
    "tracknumber": "3/4",
    "composer": "B",
  }


def test_a_tag_that_is_no_text_is_left_out(tmp_path, noise):
  path = tmp_path / "a.wav"
  form = formats.Form("wav", "FLOAT")
  tags = {"title": "Zoe", "artist": "B"}
  with writing.BlockWriter(path, form, RATE_HZ, 2, 1_000, tags) as writer:
    writer.write(noise)
    writer.finish()
    writer.publish()
  # As old programs write it, in Latin-1.
  path.write_bytes(path.read_bytes().replace(b"Zoe", "Zo\xeb".encode("latin1")))
  tags = read_tags(path)
  assert tags == {"title": "Zo\ufffd", "artist": "B"}
  with writing.BlockWriter(path, form, RATE_HZ, 2, 1_000, tags) as writer:
    writer.write(noise)
    writer.finish()
    writer.publish()
  assert read_tags(path) == {"artist": "B"}
  assert writer.lost_tags == ["title"]
