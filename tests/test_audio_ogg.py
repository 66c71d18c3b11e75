"""Ogg files that were cut off, and what only looks like it."""

import numpy as np
import pytest
import soundfile

from fewshot_mss.audio.blocks import audio_info, read_blocks
from fewshot_mss.audio.ogg import ogg_fault
from fewshot_mss.errors import InputError

SAMPLES = 200_001


@pytest.fixture(scope="module", params=["VORBIS", "OPUS"])
def sound(request, tmp_path_factory):
  """A file of some pages; of noise, so that none is small."""
  path = tmp_path_factory.mktemp("ogg") / f"{request.param}.ogg"
  noise = np.random.default_rng(0).uniform(-0.5, 0.5, (SAMPLES, 2))
  soundfile.write(path, noise, 48_000, format="OGG", subtype=request.param)
  return path


def pages(content):
  """Returns where each page begins, by adding up their lengths."""
  places, place = [], 0
  while place < len(content):
    assert content[place : place + 4] == b"OggS"
    places.append(place)
    count = content[place + 26]
    lengths = content[place + 27 : place + 27 + count]
    place += 27 + count + sum(lengths)
  return places


def test_what_libsndfile_writes_is_whole(sound):
  assert ogg_fault(sound) is None
  assert sum(map(len, read_blocks(sound))) == SAMPLES


@pytest.mark.parametrize("samples", [1, 100, 5000])
@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_a_short_one_is_whole_too(tmp_path, samples, subtype):
  path = tmp_path / "short.ogg"
  tone = 0.5 * np.sin(np.arange(samples))
  soundfile.write(path, tone, 48_000, format="OGG", subtype=subtype)
  assert sum(map(len, read_blocks(path))) == samples


def test_a_cut_at_any_place_is_named(sound, tmp_path):
  content = sound.read_bytes()
  last = pages(content)[-1]
  path = tmp_path / "cut.ogg"
  # Within the last page and its header, at a page, in the middle.
  for size in (
    *(len(content) - 1, last + 28, last + 27, last + 20, last + 3, last),
    *(pages(content)[-2], len(content) // 2, last - 30),
  ):
    path.write_bytes(content[:size])
    for read in (audio_info, lambda path: [*read_blocks(path, 0, 9)]):
      with pytest.raises(InputError) as caught:
        read(path)
      assert str(caught.value) == (
        f"{path} ends before its stream does: copy or export it again"
      ), size


def test_room_that_was_never_filled_is_a_cut(sound, tmp_path):
  content = sound.read_bytes()
  path = tmp_path / "unfinished.ogg"
  path.write_bytes(content[: len(content) // 2] + bytes(1 << 17))
  assert "ends before" in ogg_fault(path)
  # libsndfile itself takes an Opus file for malformed then.
  with pytest.raises(InputError, match=r"ends before its stream|malformed"):
    audio_info(path)


def test_tags_behind_the_last_page_are_no_cut(sound, tmp_path):
  path = tmp_path / "tagged.ogg"
  path.write_bytes(sound.read_bytes() + b"TAG".ljust(128, b"\0"))
  assert audio_info(path).num_samples == SAMPLES


def test_streams_one_after_another_are_refused(sound, tmp_path):
  # Each gets a number of its own by chance.
  noise = np.random.default_rng(1).uniform(-0.5, 0.5, (SAMPLES // 2, 2))
  subtype = soundfile.info(sound).subtype
  path = tmp_path / "chained.ogg"
  soundfile.write(path, noise, 48_000, format="OGG", subtype=subtype)
  first, second = sound.read_bytes(), path.read_bytes()
  path.write_bytes(first + second)
  for read in (audio_info, lambda path: [*read_blocks(path, 0, 9)]):
    with pytest.raises(InputError) as caught:
      read(path)
    assert str(caught.value) == (
      f"{path} holds several streams one after another, of which only the "
      "first would be read: re-encode it as one, or convert it to flac"
    )
  path.write_bytes(first + second[:-100])
  assert "ends before its stream does" in ogg_fault(path)


def test_a_stream_beside_the_sound_is_none_after_it(sound, tmp_path):
  # Like a skeleton, which begins with the sound and may end after it.
  content = sound.read_bytes()
  first, *_, last = pages(content)
  second = pages(content)[1]
  beside = {
    name: content[begin : begin + 14] + b"bone" + content[begin + 18 : end]
    for name, begin, end in (("begin", first, second), ("end", last, None))
  }
  path = tmp_path / "beside.ogg"
  for begin in (
    beside["begin"] + content[:second],
    content[:second] + beside["begin"],
  ):
    path.write_bytes(begin + content[second:])
    assert ogg_fault(path) is None
    path.write_bytes(begin + content[second:] + beside["end"])
    assert ogg_fault(path) is None


def test_a_page_lost_on_the_way_is_told(tmp_path):
  path = tmp_path / "lost.ogg"
  noise = np.random.default_rng(0).uniform(-0.5, 0.5, (SAMPLES, 2))
  soundfile.write(path, noise, 48_000)
  content = path.read_bytes()
  begin, end = pages(content)[-3:-1]
  path.write_bytes(content[:begin] + content[end:])
  # Its last page tells of the length that it had.
  assert audio_info(path).num_samples == SAMPLES
  with pytest.raises(InputError, match="ends before its header says"):
    list(read_blocks(path))
