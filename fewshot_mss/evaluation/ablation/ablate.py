"""Asks every arm of the grid of every item of the fixed lists.

All arms of an item are answered at once: an arm is a condition vector, made of
embeddings that are kept, and the mixture goes through the U-Net encoder once
for all of them.
"""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from fewshot_mss.data.evaluation_items import EvaluationItem
from fewshot_mss.data.evaluation_list import whole_segment_settings
from fewshot_mss.data.records import RecordReader
from fewshot_mss.data.sources import Sources
from fewshot_mss.episode import EpisodeBatch
from fewshot_mss.errors import InputError
from fewshot_mss.evaluation import metrics
from fewshot_mss.evaluation.ablation.answers import Answerer
from fewshot_mss.evaluation.ablation.conditions import Conditions
from fewshot_mss.evaluation.ablation.examples import ExampleFinder
from fewshot_mss.evaluation.ablation.grid import ABSENT, ONE, Contender
from fewshot_mss.evaluation.ablation.item_scores import Truth, score_item
from fewshot_mss.evaluation.ablation.nearest import NearestClass
from fewshot_mss.evaluation.ablation.page import describe_settings
from fewshot_mss.evaluation.ablation.questions import Question, Questioner
from fewshot_mss.evaluation.ablation.table import Arm, ArmScore
from fewshot_mss.evaluation.items import deal_out, num_chunks, read_items
from fewshot_mss.evaluation.journal import Journal


class Subject(NamedTuple):
  """A model that takes part.

  Attributes:
    contender: Its name and conditioning.
    classes: What it has learned, in order of class_id.
    answerer: It, and what it has heard.
  """

  contender: Contender
  classes: tuple[str, ...]
  answerer: Answerer


@dataclasses.dataclass(frozen=True, eq=False)
class Ablation:
  """What is asked of whom, and how.

  Attributes:
    arms: The grid; the models are those of `subjects`.
    subjects: The models; the first is that of the reference.
    sources: The datasets.
    readers: Of each dataset.
    seed: Of the draws of examples.
    batch: Items at a time on this host, a multiple of its devices.
    collapse_db: Outputs this far below the target count as collapsed.
    mask_sizes: n_fft and hop in samples of the ideal ratio mask.
  """

  arms: Sequence[Arm]
  subjects: Sequence[Subject]
  sources: Sources
  readers: Sequence[RecordReader]
  seed: int
  batch: int
  collapse_db: float
  mask_sizes: tuple[int, int]


def ablate(
  ablation: Ablation,
  lists: Sequence[Sequence[EvaluationItem]],
  *,
  journal: Journal | None = None,
  host: int = 0,
  hosts: int = 1,
  progress: bool = True,
) -> list[ArmScore]:
  """Scores the grid on items of each dataset.

  Args:
    ablation: The grid.
    lists: The items of each dataset; none where it has no list.
    journal: What this host has done, and where it writes what it does.
    host: Which of the hosts this is. No host waits for another.
    hosts: How many share the items out.
    progress: Whether to show a bar with the time left.

  Returns:
    The rows of this host's items, dataset by dataset and item by item. Where
    an item cannot serve an arm, there is no row.

  Raises:
    InputError: If a record is damaged, an output not finite, or the journal
      cannot be written.
  """
  shares, dealt = [], 0
  for items in lists:
    # The next list begins with the host that this one did not get to.
    first = (host - dealt) % hosts
    shares.append(deal_out(items, ablation.batch, first, hosts))
    dealt += num_chunks(len(items), ablation.batch)
  total = sum(len(chunk) for share in shares for chunk in share)
  scores = []
  with tqdm(
    total=total, desc="ablate", unit="item", disable=not progress
  ) as bar:
    for source, share in enumerate(shares):
      name = ablation.sources.names[source]
      questioner = make_questioner(ablation, source)
      for chunk in share:
        rows = journal and journal.scores_of(
          name, [item.spec.index for item in chunk]
        )
        if not rows:
          rows = _ablate_chunk(ablation, source, chunk, questioner)
          if journal is not None:
            journal.add(rows)
        scores += rows
        bar.update(len(chunk))
  return scores


def check_reference(
  ablation: Ablation, lists: Sequence[Sequence[EvaluationItem]]
) -> None:
  """Checks, before any work, that an item can serve the reference arm.

  Raises:
    InputError: If none can.
  """
  reference = ablation.arms[0]
  for source, items in enumerate(lists):
    questioner = make_questioner(ablation, source)
    if any(questioner.ask(reference, item) for item in items):
      return
  raise InputError(
    "no item of the lists can serve the arm of ablation.reference: name "
    f"another one ({describe_settings(reference)})"
  )


def reference_conditions(
  ablation: Ablation, lists: Sequence[Sequence[EvaluationItem]]
) -> Conditions:
  """Returns the condition vectors of the reference arm, to be drawn.

  Args:
    ablation: The grid; its first arm is the reference.
    lists: The items of each dataset.

  Returns:
    The vectors, in the order of the lists.
  """
  reference, subject = ablation.arms[0], ablation.subjects[0]
  conditions, labels = [], []
  for source, items in enumerate(lists):
    questioner = make_questioner(ablation, source)
    for item in items:
      question = questioner.ask(reference, item)
      if question is not None:
        conditions.append(question.conditions[0])
        families = map(questioner.finder.family, question.instruments)
        names = (question.instruments, tuple(families))
        labels.append((*map(" + ".join, names), item.group))
  vectors = subject.answerer.vectors(conditions, ablation.batch)
  columns = zip(*labels, strict=True) if labels else ((), (), ())
  return Conditions(vectors, *columns)


def make_questioner(ablation: Ablation, source: int) -> Questioner:
  """Returns what asks the items of one dataset."""
  subjects = {subject.contender.name: subject for subject in ablation.subjects}
  return Questioner(
    finder=ExampleFinder(ablation.sources, source, ablation.seed),
    hears_negatives={
      name: subject.contender.conditioning == "examples_and_negatives"
      for name, subject in subjects.items()
    },
    classes={name: subject.classes for name, subject in subjects.items()},
    nearest={
      name: NearestClass(ablation.sources, ablation.readers, subject.classes)
      for name, subject in subjects.items()
    },
    sample_rate_hz=_rate_hz(ablation),
  )


def _ablate_chunk(
  ablation: Ablation,
  source: int,
  items: Sequence[EvaluationItem],
  questioner: Questioner,
) -> list[ArmScore]:
  """Returns the rows of a batch, item by item."""
  episodes = _read_targets(ablation, source, items, questioner)
  masked = metrics.ideal_ratio_mask_estimate(
    episodes.targets,
    episodes.mixture[:, None] - episodes.targets,
    *ablation.mask_sizes,
  )
  asked = [_questions(ablation.arms, item, questioner) for item in items]
  outputs: list[dict] = [{} for _ in items]
  for subject in ablation.subjects:
    name = subject.contender.name
    conditions = [
      list(
        dict.fromkeys(
          each
          for question in questions
          if question.arm.model == name
          for each in question.conditions
        )
      )
      for questions in asked
    ]
    if not any(conditions):
      continue
    answers = subject.answerer.answer(episodes.mixture, conditions)
    for b, of_item in enumerate(conditions):
      outputs[b] |= {
        (name, each): answers[b, a] for a, each in enumerate(of_item)
      }
  rows = []
  for b, item in enumerate(items):
    rows += score_item(
      item,
      episodes.mixture[b],
      _truths(ablation.arms, item, questioner, episodes.targets[b], masked[b]),
      asked[b],
      outputs[b],
      dataset=ablation.sources.names[source],
      collapse_db=ablation.collapse_db,
    )
  return rows


def _questions(
  arms: Sequence[Arm], item: EvaluationItem, questioner: Questioner
) -> list[Question]:
  asked = [questioner.ask(arm, item) for arm in arms]
  return [question for question in asked if question is not None]


def _read_targets(
  ablation: Ablation,
  source: int,
  items: Sequence[EvaluationItem],
  questioner: Questioner,
) -> EpisodeBatch:
  """Reads mixtures; query 0 has the one target, query 1 that and another."""
  catalogue = ablation.sources.catalogues[source]
  names = np.array(catalogue.instruments)
  changed = []
  for item in items:
    rows, targets = item.spec.source_records, item.spec.target_sources.copy()
    both = np.isin(
      names[catalogue.instrument[rows]],
      [item.instrument, item.wrong_instrument],
    )
    targets[1] = both & (rows >= 0)
    changed.append(
      item._replace(spec=item.spec._replace(target_sources=targets))
    )
  settings = whole_segment_settings(catalogue)
  reader = ablation.readers[source]
  return read_items(changed, reader, settings, 0, 0, ablation.batch)


def _truths(
  arms: Sequence[Arm],
  item: EvaluationItem,
  questioner: Questioner,
  targets: np.ndarray,
  masked: np.ndarray,
) -> dict[str, Truth]:
  """Returns the kinds of targets that arms ask for and the item can serve."""
  found = {}
  for kind in dict.fromkeys(arm.target for arm in arms):
    instruments = questioner.target(kind, item)
    if instruments is None:
      continue
    families = tuple(map(questioner.finder.family, instruments))
    q = 0 if kind == ONE else 1
    target, best = targets[q], masked[q]
    if kind == ABSENT:
      # The ideal mask of a target that is not there lets nothing through.
      target, best = np.zeros_like(target), np.zeros_like(best)
    found[kind] = Truth(instruments, families, target, best)
  return found


def _rate_hz(ablation: Ablation) -> int:
  # All datasets of a run are at one rate.
  return ablation.sources.catalogues[0].sample_rate_hz
