"""The benchmark runs and says what it measured; no speed is asserted."""

import shutil

from fewshot_mss import bench, separation_speed
from fewshot_mss.data import build_speed, throughput


def test_table_has_a_ratio_for_each_part(
  toy_dataset, toy_config, tmp_path, monkeypatch, capsys
):
  # Wide enough that no cell is broken.
  monkeypatch.setenv("COLUMNS", "250")
  monkeypatch.setattr(bench, "_TURN_STEPS", 8)
  monkeypatch.setattr(bench, "_TURNS_OF_TRAINING", 2)
  monkeypatch.setattr(bench, "_COMMANDS", 1)
  monkeypatch.setattr(bench, "_SONG_S", 6.0)
  monkeypatch.setattr(separation_speed, "_SONG_S", 6.0)
  monkeypatch.setattr(separation_speed, "_CASES", ((1, 2),))
  monkeypatch.setattr(separation_speed, "_MINUTES", (0.05, 0.1))
  monkeypatch.setattr(bench, "_INPUT_EPISODES", {8000: 32})
  monkeypatch.setattr(bench, "MADE_UP_SEGMENTS", 2000)
  # Segments of a second are what the toy dataset has.
  monkeypatch.setattr(bench, "_INPUT_SEGMENT_S", 1.0)
  monkeypatch.setattr(build_speed, "_STEMS", 1)
  monkeypatch.setattr(build_speed, "_RENDERED_S", 2.0)
  monkeypatch.setattr(build_speed, "_REPEATS", 1)
  monkeypatch.setattr(build_speed, "_TURNS", 1)
  monkeypatch.setattr(throughput, "_TURNS", 2)
  shutil.copytree(toy_dataset, tmp_path / "data")
  shutil.copytree(toy_dataset, tmp_path / "input_8000_hz")
  with toy_config.unlocked():
    config = toy_config.copy_and_resolve_references()
  bench.run_bench(config, tmp_path)
  printed = capsys.readouterr().out
  for part in (
    "training loop",
    "input pipeline",
    "separation / real time",
    "separation, examples 1, targets 2",
    "peak memory, 0.1 minutes - 0.05 minute",
    "peak memory",
    "build at 8000 Hz",
    "hours of audio",
    "two cores / one core",
    "GIL",
    "its first batch",
  ):
    assert part in printed


def test_measure_tells_median_and_quartiles():
  measure = bench.Measure(bench.np.array([0.1, 0.2, 0.3, 0.4, 10.0]))
  assert measure.median_s == 0.3
  assert measure.described() == "300 ms (200 to 400, n = 5)"
