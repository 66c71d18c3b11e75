"""What an arm asks of an item: the conditions that make its output."""

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from typing import NamedTuple

from fewshot_mss.data.evaluation_items import EvaluationItem
from fewshot_mss.evaluation.ablation.clips import Clip
from fewshot_mss.evaluation.ablation.examples import ExampleFinder
from fewshot_mss.evaluation.ablation.grid import (
  ABSENT,
  ANOTHER_SONG,
  BLEED_DB,
  BY_CLASS,
  BY_EXAMPLES,
  BY_ORACLE,
  MISLABELLED,
  ONE,
  REVERBERANT,
  RIGHT,
  SEVERAL,
  WRONG,
)
from fewshot_mss.evaluation.ablation.table import Arm

# Two instruments of two would be the mixture itself.
_INSTRUMENTS_FOR_SEVERAL = 3
_MISLABELLED_EVERY = 5
# Examples of an unseen instrument that its nearest class is found by.
_NEAREST_BY = 5
# Takes the name of an instrument that training has not seen and its clips;
# returns the class that is nearest to it, or None.
NearestFn = Callable[[str, Sequence[Clip]], int | None]


class Condition(NamedTuple):
  """What makes one condition vector; equal ones make the same output.

  Attributes:
    positives: The positive examples.
    negatives: The negative ones.
    class_id: The class, for a model that is conditioned by class.
  """

  positives: tuple[Clip, ...] = ()
  negatives: tuple[Clip, ...] = ()
  class_id: int = -1


class Question(NamedTuple):
  """An arm, asked of an item.

  Attributes:
    arm: The settings.
    conditions: Whose outputs are scored; of several the best one counts.
    instruments: What the target is; for an absent one, what is asked for.
  """

  arm: Arm
  conditions: tuple[Condition, ...]
  instruments: tuple[str, ...]


@dataclasses.dataclass(frozen=True, eq=False)
class Questioner:
  """Asks the items of one dataset.

  Attributes:
    finder: Of examples for these items.
    hears_negatives: For each model by name, whether it takes negatives.
    classes: For each model by name, the classes that it has learned.
    nearest: For each model that is conditioned by class.
    sample_rate_hz: Of the dataset.
  """

  finder: ExampleFinder
  hears_negatives: dict[str, bool]
  classes: dict[str, tuple[str, ...]]
  nearest: dict[str, NearestFn]
  sample_rate_hz: int

  def ask(self, arm: Arm, item: EvaluationItem) -> Question | None:
    """Returns what an arm asks of an item; None if the item cannot serve it."""
    target = self.target(arm.target, item)
    asked = self._asked_for(arm, item)
    if target is None or asked is None:
      return None
    if arm.reading == BY_EXAMPLES:
      condition = self._by_examples(arm, item, asked)
      conditions = None if condition is None else (condition,)
    else:
      conditions = self._by_class(arm, item, asked)
    return None if conditions is None else Question(arm, conditions, target)

  def target(self, kind: str, item: EvaluationItem) -> tuple[str, ...] | None:
    """Returns the instruments that a kind of target is, by name."""
    if kind == ONE:
      return (item.instrument,)
    if kind == SEVERAL:
      if len(self.finder.held(item)) < _INSTRUMENTS_FOR_SEVERAL:
        return None
      return item.instrument, item.wrong_instrument
    absent = self.finder.absent_instrument(item)
    return None if absent is None else (absent,)

  def _asked_for(
    self, arm: Arm, item: EvaluationItem
  ) -> tuple[str, ...] | None:
    """Returns the instruments that the examples show."""
    if arm.query == RIGHT:
      return self.target(arm.target, item)
    if arm.query == WRONG:
      return (item.wrong_instrument,)
    # What sounds nowhere in the mixture: one output serves the query at random
    # and the absent target.
    return self.target(ABSENT, item)

  def _by_examples(
    self, arm: Arm, item: EvaluationItem, asked: tuple[str, ...]
  ) -> Condition | None:
    positives = self._positives(arm, item, asked)
    if positives is None:
      return None
    negatives = []
    if self.hears_negatives[arm.model]:
      query = 1 if asked == (item.wrong_instrument,) else 0
      negatives = [
        clip
        for name, clip in self.finder.negatives(
          item, query, self._samples(arm.example_s)
        )
        if name not in asked
      ]
      if arm.negatives and not negatives:
        return None
    return Condition(positives, tuple(negatives[: arm.negatives]))

  def _positives(
    self, arm: Arm, item: EvaluationItem, asked: tuple[str, ...]
  ) -> tuple[Clip, ...] | None:
    if arm.shots == 0:
      return ()
    # One example shows one of several instruments alone.
    if arm.shots < len(asked):
      return None
    samples = self._samples(arm.example_s)
    queues = [
      self.finder.clips(item, name, arm.origin, samples, arm.shots)
      for name in asked
    ]
    if not all(queues):
      return None
    in_turns = itertools.chain.from_iterable(itertools.zip_longest(*queues))
    clips = [clip for clip in in_turns if clip is not None][: arm.shots]
    if arm.quality == MISLABELLED:
      return self._mislabelled(arm, item, asked, clips)
    if arm.quality in BLEED_DB:
      bled = [self.finder.with_bleed(clip, arm.quality) for clip in clips]
      return tuple(bled) if None not in bled else None
    if arm.quality == REVERBERANT:
      return tuple(clip._replace(quality=REVERBERANT) for clip in clips)
    return tuple(clips)

  def _mislabelled(
    self,
    arm: Arm,
    item: EvaluationItem,
    asked: tuple[str, ...],
    clips: list[Clip],
  ) -> tuple[Clip, ...] | None:
    """Puts another instrument of the mixture in the place of every fifth."""
    known = (item.wrong_instrument, item.instrument)
    others = [name for name in known if name not in asked]
    if not others or len(clips) < _MISLABELLED_EVERY:
      return None
    count = len(clips) // _MISLABELLED_EVERY
    samples = self._samples(arm.example_s)
    intruders = self.finder.clips(item, others[0], arm.origin, samples, count)
    if len(intruders) < count:
      return None
    for i, intruder in enumerate(intruders, 1):
      clips[_MISLABELLED_EVERY * i - 1] = intruder
    return tuple(clips)

  def _by_class(
    self, arm: Arm, item: EvaluationItem, asked: tuple[str, ...]
  ) -> tuple[Condition, ...] | None:
    if len(asked) > 1:
      return None
    classes = self.classes[arm.model]
    is_seen = asked[0] in classes
    if is_seen != (arm.reading == BY_CLASS):
      return None
    if is_seen:
      return (Condition(class_id=classes.index(asked[0])),)
    if arm.reading == BY_ORACLE:
      return tuple(Condition(class_id=i) for i in range(len(classes)))
    samples = self.finder.catalogue.segment_samples
    clips = self.finder.clips(
      item, asked[0], ANOTHER_SONG, samples, _NEAREST_BY
    )
    nearest = self.nearest[arm.model](asked[0], clips)
    return None if nearest is None else (Condition(class_id=nearest),)

  def _samples(self, seconds: float) -> int:
    return round(seconds * self.sample_rate_hz)
