"""Headers with random bytes in them: a clean result or one line, no third."""

import contextlib
import re
import resource
import signal
from pathlib import Path

import numpy as np
import pytest
import soundfile

from fewshot_mss.audio.blocks import audio_info, read_blocks
from fewshot_mss.errors import InputError

RATE_HZ = 22_050
SAMPLES = 12_000
# How much of each is header, and how many mutations it gets: 300 together.
HEADERS = {"wav": (44, 80), "flac": (60, 80), "mp3": (64, 80), "ogg": (90, 60)}
# What frees itself of a bad length may keep an MP3's delay and padding.
SLACK_SAMPLES = {"mp3": 4 * 1152}
LIMIT_S = 5
SPARE_BYTES = 1 << 28


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
  folder = tmp_path_factory.mktemp("sounds")
  noise = np.random.default_rng(0).uniform(-0.5, 0.5, (SAMPLES, 2))
  for kind in HEADERS:
    soundfile.write(folder / f"good.{kind}", noise, RATE_HZ)
  return folder


@contextlib.contextmanager
def held_in():
  """Neither hangs nor takes much memory: an error that nothing catches."""

  def stop(number, frame):
    raise AssertionError(f"no answer after {LIMIT_S} s")

  status = Path("/proc/self/status").read_text()
  used = 1024 * int(re.search(r"VmSize:\s+(\d+)", status)[1])
  soft, hard = resource.getrlimit(resource.RLIMIT_AS)
  before = signal.signal(signal.SIGALRM, stop)
  resource.setrlimit(resource.RLIMIT_AS, (used + SPARE_BYTES, hard))
  signal.alarm(LIMIT_S)
  try:
    yield
  finally:
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def outcome(path):
  """Returns rate, channels and length as read, or the message."""
  with held_in():
    try:
      info = audio_info(path)
      blocks = [block.shape for block in read_blocks(path)]
    except InputError as error:
      return str(error)
  assert {channels for _, channels in blocks} == {info.channels}
  return info.rate_hz, info.channels, sum(length for length, _ in blocks)


@pytest.mark.parametrize("kind", HEADERS)
def test_a_mutated_header_is_read_rightly_or_refused(sounds, tmp_path, kind):
  good = (sounds / f"good.{kind}").read_bytes()
  header_bytes, mutations = HEADERS[kind]
  rng = np.random.default_rng([7, *kind.encode()])
  path = tmp_path / f"mutated.{kind}"
  refused = 0
  for _ in range(mutations):
    content = bytearray(good)
    places = rng.integers(header_bytes, size=rng.integers(1, 4))
    for place in places:
      flipped = content[place] ^ (1 << int(rng.integers(8)))
      content[place] = rng.choice([0, 255, flipped, rng.integers(256)])
    path.write_bytes(content)
    found = outcome(path)
    edits = {int(place): content[place] for place in places}
    if isinstance(found, str):
      assert str(path) in found and "\n" not in found, edits
      refused += 1
      continue
    rate_hz, channels, samples = found
    assert (rate_hz, channels) == (RATE_HZ, 2), edits
    assert abs(samples - SAMPLES) <= SLACK_SAMPLES.get(kind, 0), edits
  assert 0 < refused < mutations


def changed(content, place, value):
  return content[:place] + value + content[place + len(value) :]


@pytest.mark.parametrize(
  ("kind", "place", "value", "message"),
  [
    # 2^16 - 1 channels, and 2^31 of an extensible header would not fit.
    ("wav", 22, b"\xff\xff", "mutated"),
    ("wav", 24, (44_100).to_bytes(4, "little"), "bytes a second at 44100 Hz"),
    ("wav", 24, bytes(4), "mutated"),
    ("wav", 34, b"\x18", "2 channels of 24 bits in 4 bytes"),
    ("wav", 40, (2**31 - 2**17).to_bytes(4, "little"), "ends before"),
    ("wav", 40, (24_000).to_bytes(4, "little"), "sound behind its end"),
    ("flac", 18, b"\x0a\xc4\x42", "44100 Hz in its header, 22050 Hz in its fr"),
    # 2^36 - 1 samples, half as many as there are, and a few more.
    ("flac", 21, b"\xff" * 5, "ends before its header says"),
    ("flac", 22, (6_000).to_bytes(4, "big"), "goes on after the end"),
    ("flac", 22, (12_001).to_bytes(4, "big"), "ends before its header says"),
  ],
)
def test_what_a_header_claims_is_held_against_the_file(
  sounds, tmp_path, kind, place, value, message
):
  path = tmp_path / f"mutated.{kind}"
  good = (sounds / f"good.{kind}").read_bytes()
  path.write_bytes(changed(good, place, value))
  found = outcome(path)
  assert isinstance(found, str) and message in found


@pytest.mark.parametrize(
  ("frames", "message"),
  [(10, "is damaged: 0.2"), (2**31 - 1, "ends before its header says")],
)
def test_an_mp3_that_states_another_length_is_refused(
  sounds, tmp_path, frames, message
):
  good = (sounds / "good.mp3").read_bytes()
  # After the mark and four bytes that say what follows.
  place = good.find(b"Xing") + 8
  path = tmp_path / "mutated.mp3"
  path.write_bytes(changed(good, place, frames.to_bytes(4, "big")))
  found = outcome(path)
  assert isinstance(found, str) and message in found


def test_an_mp3_whose_first_frame_is_broken_is_read_from_the_second(
  sounds, tmp_path
):
  good = (sounds / "good.mp3").read_bytes()
  path = tmp_path / "mutated.mp3"
  path.write_bytes(changed(good, 1, b"\x00"))
  rate_hz, channels, samples = outcome(path)
  assert (rate_hz, channels) == (RATE_HZ, 2)
  assert 0 <= samples - SAMPLES <= 4 * 1152


def test_sloppy_but_clear_files_are_still_read(sounds, tmp_path):
  good = (sounds / "good.wav").read_bytes()
  path = tmp_path / "sloppy.wav"
  for content in (
    # No bytes a second, a tag or a byte of something behind, a wrong RIFF.
    changed(good, 28, bytes(4)),
    good + b"TAG" + bytes(125),
    good + b"x",
    changed(good, 4, bytes(4)),
  ):
    path.write_bytes(content)
    assert outcome(path) == (RATE_HZ, 2, SAMPLES)
