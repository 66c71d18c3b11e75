"""What a folder's songs hold, slot by slot."""

import numpy as np
import pytest

from fewshot_mss.errors import InputError
from fewshot_mss.evaluation.song_survey import survey_songs
from made_songs import broken, song, stem

RATE_HZ = 1000


def steps(*amplitudes, slot=500):
  return np.repeat(np.float32(amplitudes), slot)[:, None]


def survey(*tracks):
  return survey_songs(list(tracks), example_s=0.5, progress=False)


def test_levels_are_those_of_whole_slots():
  loud = np.concatenate([steps(0.1, 0.0), steps(1.0, slot=499)])
  (found,) = survey(song("a", stem("bass", loud)))
  (bass,) = found.stems
  assert bass.duration_s == 1.499
  assert bass.levels_db == pytest.approx((-20.0, -130.0), abs=1e-3)
  assert found.num_slots == 2


def test_channels_are_mixed_down():
  both = np.concatenate([steps(0.1), steps(-0.1)], axis=1)
  (found,) = survey(song("a", stem("bass", both)))
  assert found.stems[0].levels_db == pytest.approx([-130.0])


def test_stems_of_an_instrument_sound_together():
  (found,) = survey(
    song(
      "a",
      stem("bass_1", steps(0.1, 0.1, 0.1)),
      stem("bass_2", steps(0.1)),
      stem("lead", steps(1.0, 1.0, 1.0, 1.0)),
    )
  )
  assert found.instruments == ("bass", "lead")
  assert found.levels_db("bass") == pytest.approx(
    [-16.9897, -20, -20, -130], abs=1e-3
  )


def test_songs_and_stems_come_by_name():
  found = survey(
    song("b", stem("lead", steps(1.0)), stem("bass", steps(1.0))),
    song("a", stem("bass", steps(1.0))),
  )
  assert [each.name for each in found] == ["a", "b"]
  assert [each.name for each in found[1].stems] == ["bass", "lead"]


def test_a_stem_that_cannot_be_read_ends_it():
  with pytest.raises(InputError, match=r"lead\.wav is no sound"):
    survey(song("a", broken("lead")))
