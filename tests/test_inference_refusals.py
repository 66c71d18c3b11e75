"""What a separator cannot be asked, in the words that it is refused with."""

import numpy as np
import pytest
import soundfile

from fewshot_mss.errors import InputError
from fewshot_mss.inference.separator import Separator
from inference_sounds import CONDITION, RATE_HZ, noise, tone
from tiny_archive import write_archive


@pytest.fixture(scope="module")
def separator(tmp_path_factory):
  return written(tmp_path_factory, "examples")


@pytest.fixture(scope="module")
def with_negatives(tmp_path_factory):
  return written(tmp_path_factory, "examples_and_negatives")


@pytest.fixture(scope="module")
def by_class(tmp_path_factory):
  return written(tmp_path_factory, "class")


def written(tmp_path_factory, conditioning):
  folder = tmp_path_factory.mktemp("archives") / conditioning
  write_archive(folder, conditioning=conditioning)
  return Separator.from_pretrained(folder)


def test_the_model_must_be_asked_in_its_way(
  separator, with_negatives, by_class
):
  clip = [tone(440)]
  for asked, message, one in (
    ({}, "no positive example", separator),
    ({"negatives": clip}, "no positive example", with_negatives),
    ({"positives": clip, "negatives": clip}, "takes no negative", separator),
    ({"positives": clip, "instrument": "horn"}, "asked by examples", separator),
    ({}, "no instrument was asked of .*knows: bass, horn", by_class),
    ({"instrument": "tuba"}, "'tuba' was asked .*: bass, horn", by_class),
    ({"instrument": "horn", "positives": clip}, "takes no examples", by_class),
  ):
    with pytest.raises(InputError, match=message):
      one.separate(noise(100), rate_hz=RATE_HZ, **asked)


@pytest.mark.parametrize(
  ("clip", "message"),
  [
    (np.zeros(4000, np.float32), "positive example 2 is silent"),
    (np.full(4000, np.nan, np.float32), "positive example 2 holds NaN"),
    (noise(80), r"positive example 2 is 0\.010 s long"),
    (np.ones(4000, np.int16), "positive example 2 holds int16"),
  ],
)
def test_an_array_that_shows_nothing_is_named(separator, clip, message):
  with pytest.raises(InputError, match=message):
    separator.condition(positives=[tone(440), clip], rate_hz=RATE_HZ)


def test_an_example_above_what_the_model_hears_is_named(separator):
  with pytest.raises(InputError, match="holds nothing below 4000 Hz"):
    separator.condition(positives=[tone(15000, 44100, 44100)], rate_hz=44100)


def test_negatives_are_named_as_such(with_negatives):
  with pytest.raises(InputError, match="negative example 1 is silent"):
    with_negatives.condition(
      positives=[tone(440)],
      negatives=[np.zeros(4000, np.float32)],
      rate_hz=RATE_HZ,
    )


@pytest.mark.parametrize(
  ("song", "rate_hz", "message"),
  [
    (noise(100), None, "the song is an array: give its sample rate"),
    (noise(100), 0, "give its sample rate"),
    (noise(100, 6), RATE_HZ, "the song has 6 channels"),
    (noise(2, 100), RATE_HZ, "100 channels.*arrays are samples by channels"),
    (noise(0), RATE_HZ, "the song holds no samples"),
    (noise(2, 2, 2), RATE_HZ, r"of shape \(2, 2, 2\)"),
    (np.ones(100, np.int16), RATE_HZ, "the song is int16"),
    (np.array([0.1, np.inf]), RATE_HZ, "the song holds NaN or infinite"),
  ],
)
def test_a_song_that_cannot_be_used_is_refused(
  separator, song, rate_hz, message
):
  with pytest.raises(InputError, match=message):
    separator.separate_with(song, CONDITION, rate_hz=rate_hz)


def test_an_example_array_needs_a_rate_too(separator):
  with pytest.raises(InputError, match="positive example 1 is an array"):
    separator.condition(positives=[tone(440)])


def test_surround_and_missing_files_are_named(separator, tmp_path):
  path = tmp_path / "surround.wav"
  soundfile.write(path, noise(100, 6), RATE_HZ)
  with pytest.raises(InputError, match=r"surround\.wav has 6 channels"):
    separator.separate_with(path, CONDITION)
  with pytest.raises(InputError, match=r"absent\.wav"):
    separator.separate_with(tmp_path / "absent.wav", CONDITION)
  with pytest.raises(InputError, match=r"absent\.wav"):
    separator.condition(positives=[tmp_path / "absent.wav"])
