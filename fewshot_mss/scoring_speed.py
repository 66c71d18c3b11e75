"""How fast `evaluate` and `ablate` are, beside their bare compiled functions.

The bare loop calls what is compiled, with the very arguments of a real run that
are held in memory: nothing is read, drawn, joined, scored or written by it.
Both are timed in turns.
"""

import contextlib
import functools
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType

import jax
import numpy as np
from jaxtyping import Float64
from ml_collections import ConfigDict

from fewshot_mss.data.source_items import source_items
from fewshot_mss.data.sources import Sources, load_sources
from fewshot_mss.data.throughput_table import Row, described
from fewshot_mss.evaluation import network as evaluated_network
from fewshot_mss.evaluation.ablation import network as ablated_network
from fewshot_mss.evaluation.ablation.ablate import ablate
from fewshot_mss.evaluation.ablation.table import COLUMNS
from fewshot_mss.evaluation.evaluate import evaluate
from fewshot_mss.evaluation.items import choose_items
from fewshot_mss.evaluation.journal import Journal
from fewshot_mss.export.archive import Archive
from fewshot_mss.export.checks import build_model
from fewshot_mss.training.ablation_models import NamedModel, make_ablation

_SPLIT = "test"
_TURNS = 5

# Seconds of the bare loop and of the whole, turn by turn.
Turns = tuple[Float64[np.ndarray, " n"], Float64[np.ndarray, " n"]]


def bench_scoring(config: ConfigDict, archive: Archive) -> list[Row]:
  """Measures the speed of scoring a network.

  Args:
    config: `data.sources` has a test list.
    archive: The network.

  Returns:
    Lines of a table: the least part of its time that a verb spends in what is
    compiled is asked to be 0.85.
  """
  sources = load_sources(config.data.sources)
  rows = []
  for verb, measure in (
    ("evaluate", measure_evaluation),
    ("ablate", measure_ablation),
  ):
    bare_s, whole_s = measure(config, archive, sources)
    rows.append(
      Row(
        f"{verb} / a loop of its compiled functions",
        f"{np.median(bare_s) / np.median(whole_s):.2f}",
        ">= 0.85",
        f"loop {described(bare_s, 's', digits=2)}; "
        f"{verb} {described(whole_s, 's', digits=2)}",
      )
    )
  return rows


def measure_evaluation(
  config: ConfigDict, archive: Archive, sources: Sources
) -> Turns:
  """Times the scoring of `eval.max_items` of each group, journal included.

  Args:
    config: `eval` and `data` are read.
    archive: The network.
    sources: Prepared datasets with a test list.

  Returns:
    The times, without compilation.
  """
  model = build_model(archive.model)

  def whole() -> None:
    with (
      tempfile.TemporaryDirectory() as folder,
      Journal(Path(folder), {}) as j,
    ):
      evaluate(
        model,
        archive.params,
        sources,
        split=_SPLIT,
        eval_config=config.eval,
        max_negatives=config.data.max_negatives,
        patch_s=config.data.mixture_s,
        progress=False,
        journal=j,
      )

  compiled = ("conditions_of_each", "separate_patches_of_each")
  return take_turns(whole, (evaluated_network,), compiled)


def measure_ablation(
  config: ConfigDict, archive: Archive, sources: Sources
) -> Turns:
  """Times the grid of `ablation` on `eval.max_items` of each group.

  Args:
    config: `ablation`, `eval` and `seed` are read.
    archive: The network.
    sources: Prepared datasets with a test list.

  Returns:
    The times, without compilation and report. Every turn embeds all examples
    anew.
  """
  named = [NamedModel(archive.model["conditioning"], archive)]
  lists = [
    choose_items(source_items(sources, i, _SPLIT), config.eval.max_items)
    for i in range(len(sources.folders))
  ]

  def whole() -> None:
    with (
      tempfile.TemporaryDirectory() as folder,
      Journal(Path(folder), {}, columns=COLUMNS) as journal,
    ):
      ablation = make_ablation(config, named, sources)
      ablate(ablation, lists, journal=journal, progress=False)

  compiled = ("embed_each", "combine_each", "encode_each", "decode_each")
  return take_turns(whole, (ablated_network,), compiled)


def take_turns(
  whole: Callable[[], None],
  modules: Sequence[ModuleType],
  names: Sequence[str],
) -> Turns:
  """Times some work, and a bare loop of its compiled functions, in turns.

  Args:
    whole: Does the work.
    modules: Where it finds its compiled functions.
    names: Of these.

  Returns:
    The times, without compilation.
  """
  # This compiles, too.
  with _recorded(modules, names) as calls:
    whole()
  bare_s, whole_s = [], []
  for _ in range(_TURNS):
    start = time.monotonic()
    for call in calls:
      jax.block_until_ready(call())
    bare_s.append(time.monotonic() - start)
    start = time.monotonic()
    whole()
    whole_s.append(time.monotonic() - start)
  return np.array(bare_s), np.array(whole_s)


@contextlib.contextmanager
def _recorded(
  modules: Sequence[ModuleType], names: Sequence[str]
) -> Iterator[list[Callable[[], object]]]:
  """Lists the calls of functions of modules, with their arguments."""
  calls: list[Callable[[], object]] = []
  functions = {
    (module, name): getattr(module, name)
    for module in modules
    for name in names
  }

  def recording(function: Callable) -> Callable:
    def call(*args: object) -> object:
      calls.append(functools.partial(function, *args))
      return function(*args)

    return call

  try:
    for place, function in functions.items():
      setattr(*place, recording(function))
    yield calls
  finally:
    for place, function in functions.items():
      setattr(*place, function)
