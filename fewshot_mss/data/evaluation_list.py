"""Fixed lists of mixtures and queries that every model is scored on.

Written once with the dataset, as rows of its catalogue, so that all models,
numbers of shots and other arms of a comparison see the same items.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from fewshot_mss.data.catalogue import (
  SPLITS,
  TRAIN,
  Catalogue,
  write_text_whole,
)
from fewshot_mss.data.copies import drop_copies
from fewshot_mss.data.episode_settings import EpisodeSettings
from fewshot_mss.data.episodes import NO_RECORD
from fewshot_mss.data.evaluation_items import (
  MAX_NEGATIVES,
  MAX_POSITIVES,
  MAX_SOURCES,
  MIN_SOURCES,
  EvaluationItem,
  evaluation_items,
  filled_spec,
)
from fewshot_mss.data.mixed_items import mixed_items
from fewshot_mss.data.records import RecordReader
from fewshot_mss.errors import InputError

FORMAT_VERSION = 1


def whole_segment_settings(catalogue: Catalogue) -> EpisodeSettings:
  """Returns the settings to read items with: mixtures of a whole segment."""
  return EpisodeSettings(
    sample_rate_hz=catalogue.sample_rate_hz,
    mixture_samples=catalogue.segment_samples,
    example_samples=catalogue.segment_samples,
    num_queries=2,
    max_positives=MAX_POSITIVES,
    max_negatives=MAX_NEGATIVES,
    min_sources=MIN_SOURCES,
    max_sources=MAX_SOURCES,
  )


def list_path(directory: Path, split: str) -> Path:
  """Returns where the list of a split lies in a prepared folder."""
  return directory / f"evaluation_{split}.json"


def list_hash(path: Path) -> str:
  """Returns the SHA-256 of a list's file."""
  return hashlib.sha256(path.read_bytes()).hexdigest()


def write_evaluation_lists(
  catalogue: Catalogue,
  directory: Path,
  *,
  seed: int = 0,
  with_mixed: bool = False,
  without_copies: bool = False,
) -> None:
  """Writes the lists of all splits that have songs, but training.

  Args:
    catalogue: Of the dataset.
    directory: The prepared folder.
    seed: Of the draws.
    with_mixed: Whether to add items of several songs, see `mixed_items.py`.
    without_copies: Whether to leave out the examples that hold the target's
      own sound again, see `copies.py`.
  """
  for split, name in enumerate(SPLITS):
    if split == TRAIN or not (catalogue.split == split).any():
      continue
    items = evaluation_items(catalogue, split, seed=seed)
    if with_mixed:
      items += mixed_items(catalogue, split, len(items), seed=seed)
    if without_copies:
      items = drop_copies(items, catalogue, RecordReader(directory, catalogue))
    content = {
      "format_version": FORMAT_VERSION,
      "catalogue_hash": catalogue.content_hash,
      "split": name,
      "seed": seed,
      "items": [_to_json(item) for item in items],
    }
    write_text_whole(list_path(directory, name), json.dumps(content, indent=1))


def _to_json(item: EvaluationItem) -> dict[str, Any]:
  spec = item.spec
  count = int(np.sum(spec.source_records >= 0))
  # Lists of songs, which have no gains, are as they always were.
  all_one = (spec.source_gains[:count] == 1).all()
  return {
    "group": item.group,
    "song": item.song,
    "instrument": item.instrument,
    "wrong_instrument": item.wrong_instrument,
    "sources": spec.source_records[:count].tolist(),
    "is_target": spec.target_sources[0, :count].tolist(),
    "positives": [rows[rows >= 0].tolist() for rows in spec.positive_records],
    "negatives": [rows[rows >= 0].tolist() for rows in spec.negative_records],
    "class_id": spec.class_id.tolist(),
    **({} if all_one else {"gains": spec.source_gains[:count].tolist()}),
  }


def read_evaluation_list(directory: Path, split: str) -> list[EvaluationItem]:
  """Reads the fixed list of a split.

  Args:
    directory: The prepared folder.
    split: `validation` or `test`.

  Returns:
    The items, in order.

  Raises:
    InputError: If there is no list, it is damaged, or it was made for another
      catalogue than the folder's.
  """
  path = list_path(directory, split)
  described = directory / "catalogue.json"
  try:
    content = json.loads(path.read_text(encoding="utf-8"))
    expected = json.loads(described.read_text(encoding="utf-8"))
  except FileNotFoundError as error:
    raise InputError(
      f"{error.filename} is missing: build a dataset with {split} songs"
    ) from error
  except (OSError, ValueError) as error:
    raise InputError(f"{path} is damaged: build the dataset again") from error
  if not isinstance(content, dict) or not isinstance(expected, dict):
    raise InputError(f"{path} is damaged: build the dataset again")
  if content.get("format_version") != FORMAT_VERSION:
    raise InputError(
      f"{path} is not of format version {FORMAT_VERSION}: build the dataset "
      "again"
    )
  if content.get("catalogue_hash") != expected.get("content_hash"):
    raise InputError(
      f"{path} was made for another dataset than its folder holds: build the "
      "dataset again"
    )
  try:
    items = [
      _from_json(index, item) for index, item in enumerate(content["items"])
    ]
    num_rows = sum(expected["num_segments"].values())
  except (AttributeError, LookupError, TypeError, ValueError) as error:
    raise InputError(f"{path} is damaged: build the dataset again") from error
  for item in items:
    spec = item.spec
    for rows in (
      spec.source_records,
      spec.positive_records,
      spec.negative_records,
    ):
      if rows.min() < NO_RECORD or rows.max() >= num_rows:
        raise InputError(
          f"{path} names segments that are not there: build the dataset again"
        )
  return items


def _from_json(index: int, item: dict[str, Any]) -> EvaluationItem:
  names = ("group", "song", "instrument", "wrong_instrument")
  drawn = {k: v for k, v in item.items() if k not in names}
  return EvaluationItem(
    spec=filled_spec(index, **drawn), **{name: item[name] for name in names}
  )
