"""The fixed list of a dataset as the run counts it whose mix it is part of."""

from pathlib import Path

import numpy as np

from fewshot_mss.data.catalogue import Catalogue
from fewshot_mss.data.evaluation_items import (
  EvaluationItem,
  filled_spec,
  group_name,
)
from fewshot_mss.data.evaluation_list import list_path, read_evaluation_list
from fewshot_mss.data.mixed_items import mix_of
from fewshot_mss.data.sources import Sources


def source_items(
  sources: Sources, source: int, split: str
) -> list[EvaluationItem]:
  """Reads the list of one dataset of a run.

  The list was drawn for the dataset alone. In a mix, what is seen and which
  class it has are those of the mix, and what is left out is not used.

  Args:
    sources: The datasets.
    source: Which of them.
    split: `validation` or `test`.

  Returns:
    The items, numbered as in the list; none if the dataset has no list.

  Raises:
    InputError: If the list is damaged or of another dataset.
  """
  folder: Path = sources.folders[source]
  if not list_path(folder, split).exists():
    return []
  items = read_evaluation_list(folder, split)
  catalogue = sources.catalogues[source]
  counted = [_counted(item, catalogue) for item in items]
  return [item for item in counted if item is not None]


def _counted(
  item: EvaluationItem, catalogue: Catalogue
) -> EvaluationItem | None:
  """Returns an item as the mix counts it; None if too little is left of it."""
  spec = item.spec

  def kept(rows: np.ndarray) -> list[int]:
    there = rows[rows >= 0]
    out = np.isin(catalogue.track[there], catalogue.left_out)
    return there[~out].tolist()

  rows = spec.source_records[spec.source_records >= 0]
  positives = [kept(examples) for examples in spec.positive_records]
  if len(kept(rows)) < len(rows) or not all(positives):
    return None
  is_target = spec.target_sources[0, : len(rows)]
  target = rows[is_target]
  asked = [
    catalogue.instruments.index(name)
    for name in (item.instrument, item.wrong_instrument)
  ]
  return item._replace(
    spec=filled_spec(
      spec.index,
      sources=rows.tolist(),
      is_target=is_target.tolist(),
      positives=positives,
      negatives=[kept(examples) for examples in spec.negative_records],
      class_id=catalogue.class_ids[asked].tolist(),
      gains=spec.source_gains[: len(rows)].tolist(),
    ),
    group=group_name(
      is_seen=bool(catalogue.seen[asked[0]]),
      is_unheard=bool(catalogue.unheard[catalogue.patch[target]].all()),
    )
    + mix_of(item.group),
  )
