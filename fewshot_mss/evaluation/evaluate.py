"""Scores a separator on the fixed list, beside what needs no separator.

For each item the network is asked twice: with examples of the target and with
examples of another instrument of the mixture. A network that does not listen
to its query scores the same both times.
"""

import math
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing

import numpy as np
from ml_collections import ConfigDict
from tqdm import tqdm

from fewshot_mss.data.catalogue import Catalogue
from fewshot_mss.data.evaluation_items import MAX_POSITIVES, EvaluationItem
from fewshot_mss.data.evaluation_list import list_path, whole_segment_settings
from fewshot_mss.data.records import RecordReader
from fewshot_mss.data.source_items import source_items
from fewshot_mss.data.sources import Sources
from fewshot_mss.episode import EpisodeBatch
from fewshot_mss.errors import InputError
from fewshot_mss.evaluation.items import (
  choose_items,
  deal_out,
  num_chunks,
  read_ahead,
  read_items,
)
from fewshot_mss.evaluation.journal import Journal
from fewshot_mss.evaluation.network import (
  PyTree,
  SeparateFn,
  host_batch,
  network_separator,
)
from fewshot_mss.evaluation.score_batch import score_batch
from fewshot_mss.evaluation.scores import Score
from fewshot_mss.models.separator import FewShotSeparator


def evaluate(
  model: FewShotSeparator,
  params: PyTree,
  sources: Sources,
  *,
  split: str,
  eval_config: ConfigDict,
  max_negatives: int,
  patch_s: float,
  host: int = 0,
  hosts: int = 1,
  progress: bool = True,
  journal: Journal | None = None,
) -> list[Score]:
  """Scores a network on the fixed list of each prepared dataset.

  Mixtures go through it as songs do when they are separated, in patches of the
  length that it was trained on. Examples are embedded whole, segment by
  segment. Nothing here is random: the same network and folders give the same
  scores.

  Args:
    model: The network.
    params: Its parameters; put on the devices of this host.
    sources: The prepared datasets; what has no list is passed over.
    split: `validation` or `test`.
    eval_config: The config group `eval`.
    max_negatives: Negative examples a query, at most.
    patch_s: Length of a patch, in seconds: of the mixtures in training.
    host: Which of the hosts this is. No host waits for another.
    hosts: How many share the items out; `in_list_order` joins their scores.
    progress: Whether to show a bar with the time left.
    journal: What this host has done, and where it writes what it does.

  Returns:
    The scores of every system for every item of this host, dataset by dataset
    and item by item, for the numbers of shots that `evaluated_shots` says.

  Raises:
    InputError: If the config or a dataset cannot be used.
  """
  check_eval_config(eval_config)
  _check_fit(model, sources)
  lists = [source_items(sources, i, split) for i in range(len(sources.folders))]
  if not any(lists):
    paths = [str(list_path(folder, split)) for folder in sources.folders]
    raise InputError(
      f"{', '.join(paths)}: missing or without items: build a dataset with "
      f"more {split} songs"
    )
  shots = evaluated_shots(model, eval_config)
  separate = network_separator(model, params, shots=shots, patch_s=patch_s)
  batch = host_batch(eval_config.batch)

  scores = []
  dealt = 0
  for name, folder, catalogue, items in zip(
    sources.names, sources.folders, sources.catalogues, lists, strict=True
  ):
    if not items:
      continue
    chosen = choose_items(items, eval_config.max_items)
    scores += evaluate_items(
      chosen,
      RecordReader(folder, catalogue),
      catalogue,
      separate,
      shots=shots,
      max_negatives=evaluated_negatives(model, max_negatives),
      batch=batch,
      collapse_db=eval_config.collapse_db,
      n_fft=model.n_fft,
      hop_samples=model.hop_samples,
      # The next list begins with the host that this one did not get to.
      host=(host - dealt) % hosts,
      hosts=hosts,
      progress=progress,
      dataset=name,
      journal=journal,
    )
    dealt += num_chunks(len(chosen), batch)
  return scores


def evaluate_items(
  items: Sequence[EvaluationItem],
  reader: RecordReader,
  catalogue: Catalogue,
  separate: SeparateFn,
  *,
  shots: tuple[int, ...],
  max_negatives: int,
  batch: int,
  collapse_db: float,
  n_fft: int,
  hop_samples: int,
  host: int = 0,
  hosts: int = 1,
  progress: bool = True,
  dataset: str = "",
  journal: Journal | None = None,
) -> list[Score]:
  """Scores anything that separates; `evaluate` for what is not a network.

  Args:
    items: What to score, in this order.
    reader: Of the dataset.
    catalogue: Likewise.
    separate: See `SeparateFn`; query 0 is the right one and query 1 the wrong
      one. The last batch is filled up with silence.
    shots: Numbers of positive examples to compare.
    max_negatives: Negative examples a query, at most.
    batch: Items at a time.
    collapse_db: Outputs this far below the target count as collapsed.
    n_fft: Samples a frame of the ideal ratio mask.
    hop_samples: Samples between its frames.
    host: Which of the hosts this is.
    hosts: How many share the batches out.
    progress: Whether to show a bar with the time left.
    dataset: Its name in the scores.
    journal: What is there is not computed again; what is computed is added.

  Returns:
    The scores of this host's items, item by item.

  Raises:
    InputError: If an output is not finite, or the journal cannot be written.
  """
  settings = whole_segment_settings(catalogue)
  chunks = deal_out(items, batch, host, hosts)
  done = [
    journal and journal.scores_of(dataset, [i.spec.index for i in chunk])
    for chunk in chunks
  ]
  missing = [i for i, scores in enumerate(done) if not scores]
  num_missing = sum(len(chunks[i]) for i in missing)
  num_items = sum(map(len, chunks))

  def read(chunk: Sequence[EvaluationItem]) -> EpisodeBatch:
    return read_items(chunk, reader, settings, max(shots), max_negatives, batch)

  def score(i: int, episodes: EpisodeBatch, estimates: np.ndarray) -> None:
    found = score_batch(
      chunks[i], episodes, estimates, shots, collapse_db, (n_fft, hop_samples)
    )
    done[i] = _placed(found, chunks[i], dataset, catalogue)
    if journal is not None:
      journal.add(done[i])
    bar.update(len(chunks[i]))

  with (
    closing(read_ahead([chunks[i] for i in missing], read)) as episodes_of,
    tqdm(
      total=num_items,
      initial=num_items - num_missing,
      desc="evaluate",
      unit="item",
      disable=not progress,
    ) as bar,
    # One batch is scored while the next one is separated.
    ThreadPoolExecutor(1) as pool,
  ):
    scoring: Future[None] | None = None
    for i, episodes in zip(missing, episodes_of, strict=True):
      estimates = separate(episodes.mixture, episodes.support)
      if scoring is not None:
        scoring.result()
      scoring = pool.submit(score, i, episodes, estimates)
    if scoring is not None:
      scoring.result()
  return [score for scores in done for score in scores or ()]


def check_eval_config(eval_config: ConfigDict) -> None:
  """Checks the config group `eval`.

  Args:
    eval_config: The group.

  Raises:
    InputError: Naming the leaf that cannot be used.
  """
  for leaf in ("max_items", "batch", "bootstrap_samples"):
    if eval_config[leaf] < 1:
      raise InputError(f"eval.{leaf} is {eval_config[leaf]}: give 1 or more")
  if not math.isfinite(eval_config.collapse_db):
    raise InputError(
      f"eval.collapse_db is {eval_config.collapse_db}: give decibels"
    )
  shots = tuple(eval_config.shots)
  if not shots or len(set(shots)) < len(shots):
    raise InputError(
      f"eval.shots is {shots}: give one number or more, each once"
    )
  if not all(0 <= k <= MAX_POSITIVES for k in shots):
    raise InputError(
      f"eval.shots is {shots}: the lists hold 0 to {MAX_POSITIVES} examples"
    )


def evaluated_shots(
  model: FewShotSeparator, eval_config: ConfigDict
) -> tuple[int, ...]:
  """Returns the numbers of shots in the scores; the last is the headline.

  A network that is conditioned by class is given no examples, whatever the
  config says: it is scored once, with 0 shots.
  """
  if model.conditioning == "class":
    return (0,)
  return tuple(eval_config.shots)


def evaluated_negatives(model: FewShotSeparator, max_negatives: int) -> int:
  """Returns how many negatives a network is given: none that hears none."""
  takes_them = model.conditioning == "examples_and_negatives"
  return max_negatives if takes_them else 0


def _placed(
  scores: Sequence[Score],
  items: Sequence[EvaluationItem],
  dataset: str,
  catalogue: Catalogue,
) -> list[Score]:
  """Returns scores with their dataset and the family of their target."""
  families = {}
  for item in items:
    target = item.spec.source_records[item.spec.target_sources[0]]
    families[item.spec.index] = catalogue.families[catalogue.family[target[0]]]
  return [
    row._replace(dataset=dataset, family=families[row.item]) for row in scores
  ]


def _check_fit(model: FewShotSeparator, sources: Sources) -> None:
  # All of them are at one rate.
  rate_hz = sources.catalogues[0].sample_rate_hz
  if model.sample_rate_hz != rate_hz:
    raise InputError(
      f"{sources.folders[0]} is at {rate_hz} Hz and the model at "
      f"{model.sample_rate_hz} Hz: build the dataset at the model's rate"
    )
  classes = len(sources.class_names)
  if model.conditioning == "class" and model.num_classes < classes:
    raise InputError(
      f"model.num_classes is {model.num_classes} and there are {classes} seen "
      "classes: give at least as many"
    )
