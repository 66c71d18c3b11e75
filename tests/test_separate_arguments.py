"""The words of `separate`: which target each example belongs to."""

from pathlib import Path

import pytest

from fewshot_mss.arguments import parse
from fewshot_mss.audio import blocks, formats
from fewshot_mss.errors import InputError
from fewshot_mss.inference import quality
from fewshot_mss.inference.outputs import choose_form
from fewshot_mss.inference.request import Target, check_targets
from fewshot_mss.separate_arguments import (
  BIT_DEPTHS,
  FORMATS,
  QUALITIES,
  separate_request,
)


def request_of(*words):
  return separate_request(parse(["separate", *words, "-m", "model"]))


def test_without_a_name_the_one_target_is_called_target():
  request = request_of(
    *("song.wav", "more songs/", "-p", "a.wav", "b.wav", "-n", "c.wav"),
    *("-p", "d.wav", "--profile", "violin", "-o", "out"),
  )
  assert request.songs == ["song.wav", "more songs/"]
  assert request.targets == [
    Target("target", ["a.wav", "b.wav", "d.wav"], ["c.wav"], ["violin"])
  ]
  assert (request.output, request.model) == (Path("out"), Path("model"))
  assert request_of("s.wav", "--instrument=horn", "-o=o").targets == [
    Target(instrument="horn")
  ]


def test_examples_belong_to_the_target_before_them():
  request = request_of(
    *("song.wav", "--target", "sax", "-p", "a.wav", "b.wav", "-n", "x.wav"),
    *("--target=bass", "-p", "c.wav", "--profile", "bass", "-p", "d@0-1"),
    *("-o", "-"),
  )
  assert request.targets == [
    Target("sax", ["a.wav", "b.wav"], ["x.wav"]),
    Target("bass", ["c.wav", "d@0-1"], (), ["bass"]),
  ]
  assert request.output is None
  # One command after another in one process.
  assert request_of("s.wav", "-p=a", "-o=o").targets == [
    Target("target", ["a"])
  ]


def test_songs_may_begin_with_a_dash():
  for words in (
    ("-p", "a.wav", "-o", "o", "--", "-song.wav", "b.wav"),
    ("-o", "o", "-p", "a.wav", "--", "-song.wav", "b.wav"),
  ):
    parsed = parse(["separate", "-m", "model", *words])
    request = separate_request(parsed)
    assert request.songs == ["-song.wav", "b.wav"]
    assert request.targets[0].positives == ["a.wav"]


@pytest.mark.parametrize(
  ("text", "size"),
  [("2GB", 2**31), ("500 mb", 500 * 2**20), ("1.5GiB", 3 * 2**29), ("7", 7)],
)
def test_a_size_as_people_write_it(text, size):
  assert (
    request_of("s", "-p=a", "-o=o", "--max_memory", text).max_memory == size
  )


@pytest.mark.parametrize(
  ("words", "said"),
  [
    (["-p=a", "--max_memory=much"], "'much' is no size"),
    (["-p=a", "--max_memory=-1"], "is no size"),
    (["-p=a", "--max_memory=0"], "is no size"),
    (["-p=a", "--target=b", "-p=c"], "belong to no target"),
    (["--instrument=a", "--instrument=b"], "--instrument is there twice"),
    (["-p=a", "--format=wma"], "wma"),
    (["-p=a", "--bit_depth=12"], "12"),
    (["-p=a", "--max_memory=" + "9" * 400], "is no size"),
    (["-p=a", "--max_memory=" + "9" * 308 + "TB"], "is no size"),
    (["-p=a", "-o="], "-o is empty"),
    (["-p=a", "-o=-", "--json"], "--json"),
    (["-p=a", "--config=x"], "takes no configuration"),
  ],
)
def test_words_that_make_no_sense_are_refused(words, said):
  with pytest.raises(InputError, match=said):
    request_of("song.wav", "-o=out", *words)


@pytest.mark.parametrize(
  "name",
  [
    *("", ".", "..", ".x", "a/b", "../a", "a\\b", "/a", "a\nb", "a\x00", "-a"),
    *("a.", "a ", " a", 'a"b', "a:b", "C:", "a*", "a?", "<", "|", "é" * 51),
  ],
)
def test_names_that_would_be_no_files_are_refused(name):
  with pytest.raises(InputError, match="would be no file's name") as caught:
    check_targets([Target(name, ["a.wav"])])
  assert "\n" not in str(caught.value)


def test_targets_are_told_apart_and_from_the_rest():
  for name in ("residual", "Residual", "RESIDUAL"):
    with pytest.raises(InputError, match="what all targets leave"):
      check_targets([Target(name, ["a.wav"])])
  with pytest.raises(InputError, match="Sax is there twice"):
    check_targets([Target("sax", ["a.wav"]), Target("Sax", ["b.wav"])])
  with pytest.raises(InputError, match="target b has no positive example"):
    check_targets([Target("a", ["a.wav"]), Target("b", (), ["b.wav"])])
  check_targets(
    [Target("Saxophon 2 (hoch)", ["a.wav"]), Target("ベース", ["b"])]
  )


def test_the_words_are_those_of_the_files_that_can_be_written():
  assert tuple(formats.FORMATS) == FORMATS
  assert tuple(quality.QUALITIES) == QUALITIES
  info = blocks.AudioInfo(8000, 1, 8, "PCM_16", "WAV")
  for depth in BIT_DEPTHS:
    form = choose_form(Path("a.wav"), info, "wav", depth)
    assert form.subtype in formats.WAV_SUBTYPES
