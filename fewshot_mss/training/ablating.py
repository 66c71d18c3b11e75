"""`fewshot-mss ablate`: the grid over trained models, written down.

Every process asks its share of the items; process 0 has all rows in the end.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
from ml_collections import ConfigDict

from fewshot_mss.data.catalogue import write_text_whole
from fewshot_mss.data.evaluation_items import EvaluationItem
from fewshot_mss.data.evaluation_list import list_hash, list_path
from fewshot_mss.data.figure import PRINT_DPI, import_figure
from fewshot_mss.data.source_items import source_items
from fewshot_mss.data.sources import Sources, load_sources
from fewshot_mss.errors import InputError
from fewshot_mss.evaluation.ablation.ablate import (
  Ablation,
  ablate,
  check_reference,
  reference_conditions,
)
from fewshot_mss.evaluation.ablation.axes import describe_all
from fewshot_mss.evaluation.ablation.conditions import (
  Conditions,
  write_conditions,
)
from fewshot_mss.evaluation.ablation.examples import EXAMPLES_VERSION
from fewshot_mss.evaluation.ablation.grid import (
  check_ablation_config,
  crossed_pairs,
)
from fewshot_mss.evaluation.ablation.report import write_report
from fewshot_mss.evaluation.ablation.runs import (
  LISTS,
  RECORD,
  TABLE,
  WEIGHTS,
  file_hash,
)
from fewshot_mss.evaluation.ablation.table import (
  COLUMNS,
  Arm,
  ArmScore,
  from_cells,
  to_cells,
  write_table,
)
from fewshot_mss.evaluation.items import choose_items
from fewshot_mss.evaluation.journal import Journal, remove_journals
from fewshot_mss.evaluation.metrics import METRICS_VERSION
from fewshot_mss.evaluation.report import machine_description
from fewshot_mss.training import parallel
from fewshot_mss.training.ablation_models import (
  NamedModel,
  load_models,
  make_ablation,
)

_SPLIT = "test"


def ablate_run(
  config: ConfigDict, workdir: Path, output: Path | None = None
) -> Path:
  """Asks the trained model of a workdir, and others, all arms of the grid.

  All processes call this. Writes `ablation.csv`, `ablation.json` (settings and
  hashes), `conditions.safetensors`, and last `report.md` with its figures and
  `comparisons.csv`. What was interrupted goes on: finished batches are in a
  file until all is written.

  Args:
    config: `data.sources`, `ablation`, `eval.collapse_db` and `seed` are read.
    workdir: Folder of a run that is done: `workdir/model` is the reference.
    output: Folder to write; `workdir/ablation` if None.

  Returns:
    The folder.

  Raises:
    InputError: If the config, a model or a dataset cannot be used, no item can
      serve the reference arm, or matplotlib is missing.
  """
  # Hours before the first figure is drawn.
  import_figure(PRINT_DPI)
  check_ablation_config(config.ablation)
  sources = load_sources(config.data.sources)
  named = load_models(config, workdir, sources)
  lists = _choose_lists(config, sources)
  ablation = make_ablation(config, named, sources)
  check_reference(ablation, lists)
  depends_on = _depends_on(config, named, sources)
  share = (jax.process_index(), jax.process_count())
  folder = workdir / "ablation" if output is None else output
  with Journal(
    folder,
    depends_on,
    *share,
    columns=COLUMNS,
    read_row=lambda cells: ArmScore(Arm(*cells[0]), *cells[1:]),
  ) as journal:
    scores = _ablate_together(ablation, lists, journal)
  if share[0] == 0:
    conditions = reference_conditions(ablation, lists)
    _write(folder, config, ablation, scores, conditions, depends_on)
  # Not before it is all written. On disks of their own, others remove theirs.
  parallel.wait_for_all("the ablation is written")
  remove_journals(folder)
  return folder


def _choose_lists(
  config: ConfigDict, sources: Sources
) -> list[list[EvaluationItem]]:
  lists = [
    choose_items(source_items(sources, i, _SPLIT), config.ablation.max_items)
    for i in range(len(sources.folders))
  ]
  if not any(lists):
    raise InputError(
      f"{config.data.sources}: no list of {_SPLIT} songs holds an item: build "
      f"a dataset with more {_SPLIT} songs"
    )
  return lists


def _depends_on(
  config: ConfigDict, named: Sequence[NamedModel], sources: Sources
) -> dict[str, Any]:
  """Returns all that the rows depend on, as JSON values."""
  grid = json.loads(config.ablation.to_json())
  # The machine's affair, of the statistics alone, and what the weights tell.
  for leaf in ("batch", "outputs", "bootstrap_samples", "models"):
    del grid[leaf]
  return {
    WEIGHTS: {each.name: each.archive.content_hash for each in named},
    "conditionings": dict(each.contender for each in named),
    "patches in seconds": {
      each.name: each.archive.training["mixture_s"] for each in named
    },
    "datasets (SHA-256)": sources.content_hash,
    LISTS: {
      name: list_hash(list_path(folder, _SPLIT))
      for name, folder in zip(sources.names, sources.folders, strict=True)
      if list_path(folder, _SPLIT).exists()
    },
    "ablation": grid,
    "collapse_db": config.eval.collapse_db,
    "seed": config.seed,
    "metrics": METRICS_VERSION,
    "examples": EXAMPLES_VERSION,
    "JAX and devices": [jax.__version__, jax.devices()[0].device_kind],
  }


def _ablate_together(
  ablation: Ablation,
  lists: Sequence[Sequence[EvaluationItem]],
  journal: Journal,
) -> list[ArmScore]:
  """Returns the rows of all processes, in the order of the lists."""
  process = jax.process_index()
  mine = ablate(
    ablation,
    lists,
    journal=journal,
    host=process,
    hosts=jax.process_count(),
    progress=process == 0,
  )
  texts = parallel.gather_texts(json.dumps([to_cells(row) for row in mine]))
  rows = [from_cells(cells) for text in texts for cells in json.loads(text)]
  rank = {name: i for i, name in enumerate(ablation.sources.names)}
  # Rows of an item stay as they are: sorting is stable.
  return sorted(rows, key=lambda row: (rank[row.dataset], row.item))


def _write(
  folder: Path,
  config: ConfigDict,
  ablation: Ablation,
  scores: Sequence[ArmScore],
  conditions: Conditions,
  depends_on: dict[str, Any],
) -> None:
  """Writes the table, where it comes from, and the report."""
  table = folder / TABLE
  record: dict[str, Any] = {
    "depends on": depends_on,
    "reference": ablation.arms[0]._asdict(),
    "crossed": crossed_pairs(config.ablation),
    "draws": [config.ablation.bootstrap_samples, config.seed],
  }
  try:
    # Where it is, all that it is of is there.
    (folder / "report.md").unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    write_table(table, scores)
    record["table (SHA-256)"] = file_hash(table)
    record["provenance"] = _provenance(config, ablation, scores, depends_on)
    write_conditions(folder / "conditions.safetensors", conditions)
    text = json.dumps(record, indent=1, allow_nan=False) + "\n"
    write_text_whole(folder / RECORD, text)
  except OSError as error:
    raise InputError(
      f"{folder} cannot be written ({error.strerror}): name another folder "
      "with --output"
    ) from error
  samples, seed = record["draws"]
  write_report(
    folder,
    scores,
    reference=ablation.arms[0],
    crossed=record["crossed"],
    provenance=record["provenance"],
    bootstrap_samples=samples,
    seed=seed,
    conditions=conditions,
  )


def _provenance(
  config: ConfigDict,
  ablation: Ablation,
  scores: Sequence[ArmScore],
  depends_on: dict[str, Any],
) -> dict[str, str]:
  """Returns what the reader of the report must know."""
  places = {score.place for score in scores}
  songs = {score.song for score in scores}
  without = set(ablation.arms) - {score.arm for score in scores}
  names = describe_all(sorted(without), ablation.arms[0])
  return {
    "Data": config.data.sources,
    "Items": f"{len(places)} of {len(songs)} songs, "
    f"{len(ablation.arms) - len(without)} arms",
    **({"Arms that no item can serve": names} if without else {}),
    **{
      name[0].upper() + name[1:]: ", ".join(
        f"{key} {value}" for key, value in depends_on[name].items()
      )
      for name in (WEIGHTS, LISTS)
    },
    "Patches": ", ".join(
      f"{name} {seconds:g} s"
      for name, seconds in depends_on["patches in seconds"].items()
    ),
    "Machine": machine_description(),
    "Command": " ".join(["fewshot-mss", *sys.argv[1:]]),
  }
