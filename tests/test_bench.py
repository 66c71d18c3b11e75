"""The benchmark runs and says what it measured; no speed is asserted."""

import shutil

from fewshot_mss import bench


def test_table_has_a_ratio_for_each_part(
  toy_dataset, toy_config, tmp_path, monkeypatch, capsys
):
  monkeypatch.setattr(bench, "_TURN_STEPS", 8)
  monkeypatch.setattr(bench, "_TURNS_OF_TRAINING", 2)
  monkeypatch.setattr(bench, "_COMMANDS", 1)
  monkeypatch.setattr(bench, "_SONG_S", 6.0)
  shutil.copytree(toy_dataset, tmp_path / "data")
  with toy_config.unlocked():
    config = toy_config.copy_and_resolve_references()
  bench.run_bench(config, tmp_path)
  printed = capsys.readouterr().out
  for part in ("training loop", "input pipeline", "separation", "peak memory"):
    assert part in printed


def test_measure_tells_median_and_quartiles():
  measure = bench.Measure(bench.np.array([0.1, 0.2, 0.3, 0.4, 10.0]))
  assert measure.median_s == 0.3
  assert measure.described() == "300 ms (200 to 400, n = 5)"
