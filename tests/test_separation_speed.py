"""The benchmark of separating measures real runs; no speed is asserted."""

import numpy as np
import pytest
import soundfile

from fewshot_mss import scoring_speed, separation_speed
from fewshot_mss.inference import listener, separator
from fewshot_mss.inference.separator import Separator
from tiny_archive import write_archive


@pytest.fixture(scope="module")
def model(tmp_path_factory):
  return write_archive(tmp_path_factory.mktemp("model") / "model")


def test_the_bare_loop_makes_the_calls_of_a_real_run(
  model, tmp_path, monkeypatch
):
  monkeypatch.setattr(scoring_speed, "_TURNS", 1)
  monkeypatch.setattr(separation_speed, "_SONG_S", 13.0)
  calls = []
  original = listener.apply_model

  def told(network, method, params, *inputs):
    calls.append((method, *(getattr(x, "shape", None) for x in inputs)))
    return original(network, method, params, *inputs)

  for module in (listener, separator):
    monkeypatch.setattr(module, "apply_model", told)
  bare_s, whole_s = separation_speed.measure_separation(model, tmp_path, 2, 3)
  assert len(bare_s) == len(whole_s) == 1
  # Of the run that is recorded, of the bare loop, and of the timed run.
  third = len(calls) // 3
  assert calls[:third] == calls[third : 2 * third] == calls[2 * third :]
  methods = [method for method, *_ in calls[:third]]
  assert methods.count("combine") == 3
  # 13 s are 203 patches of a channel, of which 8 are a batch.
  assert calls[:third].count(("separate", (8, 1024), (8, 3, 6))) == 51
  # 6 examples of 2 s are 8 pieces each, of which 4 are a batch.
  assert calls[:third].count(("embed", (4, 2048))) == 12
  assert len(calls) == 3 * (3 + 51 + 12)
  assert separator.apply_model is listener.apply_model is told


def test_all_parts_are_written_and_sum_to_the_song(model, tmp_path):
  song = tmp_path / "song.wav"
  separation_speed.write_song(song, 1.25)
  paths = separation_speed.write_parts(
    Separator.from_pretrained(model),
    song,
    np.array([[1, -1, 0.5, 2, 0, -2]] * 2, np.float32),
    tmp_path,
  )
  parts = [soundfile.read(path)[0] for path in paths]
  assert len(parts) == 3
  mixture = soundfile.read(song)[0]
  assert mixture.shape == (55_125, 2)
  np.testing.assert_array_equal(sum(parts), mixture)


def test_memory_is_that_of_another_process(model, tmp_path):
  peak_mb, taken_s = separation_speed.measure_memory(model, tmp_path, 0.05)
  assert 100 < peak_mb < 4000
  assert taken_s > 0
  assert not list(tmp_path.glob("*.wav"))
