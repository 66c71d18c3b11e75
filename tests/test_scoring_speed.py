"""The bare loop of the benchmark makes the very calls of a real scoring."""

import pytest

from fewshot_mss import scoring_speed
from fewshot_mss.evaluation import network as evaluated
from fewshot_mss.evaluation.ablation import network as ablated
from fewshot_mss.export.archive import load_archive
from tiny_archive import write_archive
from tiny_run import tiny_config


@pytest.mark.parametrize(
  ("measure", "module", "names"),
  [
    (
      scoring_speed.measure_evaluation,
      evaluated,
      ["conditions_of_each", "separate_patches_of_each"],
    ),
    (
      scoring_speed.measure_ablation,
      ablated,
      ["embed_each", "combine_each", "encode_each", "decode_each"],
    ),
  ],
)
def test_each_compiled_function_is_called_and_left_as_it_was(
  toy_dataset, toy_sources, tmp_path, monkeypatch, measure, module, names
):
  config = tiny_config(toy_dataset, eval__max_items=1, eval__shots=(1,))
  config.ablation.crossed = ()
  archive = load_archive(write_archive(tmp_path / "model"))
  monkeypatch.setattr(scoring_speed, "_TURNS", 1)
  calls = []
  for name in names:
    function = getattr(module, name)

    def told(*args, name=name, function=function):
      calls.append(name)
      return function(*args)

    monkeypatch.setattr(module, name, told)
  bare_s, whole_s = measure(config, archive, toy_sources)
  assert len(bare_s) == len(whole_s) == 1
  # Of the run that is recorded, of the bare loop, and of the timed run.
  third = len(calls) // 3
  assert calls[:third] == calls[third : 2 * third] == calls[2 * third :]
  assert set(calls) == set(names)
  # What was put in their place to record them is gone.
  assert [getattr(module, name).__name__ for name in names] == ["told"] * len(
    names
  )
