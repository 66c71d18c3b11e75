"""The arms of an ablation, from its config group."""

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ml_collections import ConfigDict

from fewshot_mss.data.evaluation_items import MAX_NEGATIVES, MAX_POSITIVES
from fewshot_mss.errors import InputError
from fewshot_mss.evaluation.ablation.table import Arm

SAME_SONG = "same song"
ANOTHER_SONG = "another song"
ANOTHER_TIMBRE = "another timbre"
ANOTHER_DATASET = "another dataset"
ORIGINS = (SAME_SONG, ANOTHER_SONG, ANOTHER_TIMBRE, ANOTHER_DATASET)
ONE, SEVERAL, ABSENT = TARGETS = ("one", "several", "absent")
RIGHT, WRONG, RANDOM = QUERIES = ("right", "wrong", "random")
CLEAN = "clean"
MISLABELLED = "one of five mislabelled"
REVERBERANT = "reverberant"
# Levels of the bleed relative to the example.
BLEED_DB = {"bleed -20 dB": -20.0, "bleed -10 dB": -10.0, "bleed 0 dB": 0.0}
QUALITIES = (CLEAN, *BLEED_DB, MISLABELLED, REVERBERANT)

BY_EXAMPLES = "examples"
BY_CLASS = "class"
BY_NEAREST = "class, nearest of the family"
BY_ORACLE = "class, oracle"
_READINGS = {
  "examples": (BY_EXAMPLES,),
  "examples_and_negatives": (BY_EXAMPLES,),
  "class": (BY_CLASS, BY_NEAREST, BY_ORACLE),
}

# What each axis of the config varies.
AXES = (
  "model",
  "shots",
  "negatives",
  "example_s",
  "origin",
  "target",
  "query",
  "quality",
)
_WORDS = {
  "origin": ORIGINS,
  "target": TARGETS,
  "query": QUERIES,
  "quality": QUALITIES,
}
# Samples of it there must be.
_MIN_EXAMPLE_S, _MAX_EXAMPLE_S = 0.01, 60.0


class Contender(NamedTuple):
  """A model by what the grid must know of it.

  Attributes:
    name: As the table calls it.
    conditioning: As its archive says.
  """

  name: str
  conditioning: str


def check_ablation_config(ablation: ConfigDict) -> None:
  """Checks the config group `ablation`, but for the models that it names.

  Args:
    ablation: The group.

  Raises:
    InputError: Naming the leaf that cannot be used.
  """
  for leaf in ("max_items", "batch", "outputs", "bootstrap_samples"):
    if ablation[leaf] < 1:
      raise InputError(f"ablation.{leaf} is {ablation[leaf]}: give 1 or more")
  for group, leaf, value in _all_values(ablation):
    place = f"ablation.{group}{leaf}"
    if leaf in _WORDS and value not in _WORDS[leaf]:
      known = ", ".join(_WORDS[leaf])
      raise InputError(f"{place} holds {value!r}: there are {known}")
    if leaf.endswith("_s") and not _MIN_EXAMPLE_S <= value <= _MAX_EXAMPLE_S:
      raise InputError(
        f"{place} holds {value}: give seconds from {_MIN_EXAMPLE_S:g} to "
        f"{_MAX_EXAMPLE_S:g}"
      )
    most = {"shots": MAX_POSITIVES, "negatives": MAX_NEGATIVES}.get(leaf)
    if most is not None and not 0 <= value <= most:
      raise InputError(
        f"{place} holds {value}: the lists hold 0 to {most} examples"
      )
  _check_crossed(ablation.crossed)


def crossed_pairs(ablation: ConfigDict) -> list[tuple[str, str]]:
  """Returns the pairs of axes that are crossed: ('shots', 'example_s')."""
  return [tuple(word.split(",")) for word in ablation.crossed]


def reference_arm(ablation: ConfigDict, contender: Contender) -> Arm:
  """Returns the arm that all others are compared with.

  Args:
    ablation: The config group.
    contender: The model of the workdir.

  Returns:
    The arm of `ablation.reference`, without what the model does not hear: no
    examples for one that is conditioned by class, no negatives for one that
    hears none.
  """
  settings = dict(ablation.reference.items())
  if contender.conditioning == "class":
    settings |= {"shots": 0, "negatives": 0}
  elif contender.conditioning == "examples":
    settings["negatives"] = 0
  reading = _READINGS[contender.conditioning][0]
  return Arm(model=contender.name, reading=reading, **settings)


def arms_of(ablation: ConfigDict, contenders: Sequence[Contender]) -> list[Arm]:
  """Returns the arms of the grid, each once, the reference first.

  An arm differs from the reference in one axis, or in the two of a crossed
  pair. The examples of a model that is conditioned by class, and the negatives
  of one that hears none, are those of the reference by name and none in fact:
  such an arm differs in `model` and `reading` alone.

  Args:
    ablation: The config group, checked.
    contenders: The models; the first is that of the reference.

  Returns:
    The arms.
  """
  reference = reference_arm(ablation, contenders[0])
  kinds = dict(contenders)
  changes: dict[str, list[dict[str, object]]] = {
    axis: [{axis: value} for value in ablation.axes[axis]]
    for axis in AXES
    if axis != "model"
  }
  # Beside a model that hears none, others do not lose their examples.
  given = {}
  if reference.reading == BY_CLASS:
    given = {name: ablation.reference[name] for name in ("shots", "negatives")}
  changes["model"] = [
    {"model": name, "reading": reading, **given}
    for name, conditioning in contenders
    for reading in _READINGS[conditioning]
  ]
  found = [reference]
  for axis in AXES:
    found += [reference._replace(**change) for change in changes[axis]]
  found += [
    reference._replace(shots=1, example_s=seconds)
    for seconds in ablation.long_examples_s
  ]
  for one, other in crossed_pairs(ablation):
    # What is crossed with a model counts more than the shots it comes with.
    one, other = sorted((one, other), key=AXES.index)
    for pair in itertools.product(changes[one], changes[other]):
      found.append(reference._replace(**(pair[0] | pair[1])))
  settled = [_settled(arm, kinds[arm.model], reference) for arm in found]
  return [arm for arm in dict.fromkeys(settled) if _means_something(arm)]


def _settled(arm: Arm, conditioning: str, reference: Arm) -> Arm:
  """Gives what does not matter to an arm the reference's value.

  Arms that ask the same thus are the same.
  """
  if conditioning == "class":
    return arm._replace(
      shots=reference.shots,
      negatives=reference.negatives,
      example_s=reference.example_s,
      origin=reference.origin,
      quality=reference.quality,
    )
  if conditioning == "examples":
    arm = arm._replace(negatives=reference.negatives)
  if arm.shots == 0:
    arm = arm._replace(origin=reference.origin, quality=reference.quality)
    if conditioning == "examples" or arm.negatives == 0:
      arm = arm._replace(example_s=reference.example_s)
  return arm


def _means_something(arm: Arm) -> bool:
  """Only a query for one instrument of the mixture can be a wrong one."""
  return arm.query == RIGHT or arm.target == ONE


def _all_values(
  ablation: ConfigDict,
) -> Iterator[tuple[str, str, int | float | str]]:
  for leaf, value in ablation.reference.items():
    yield "reference.", leaf, value
  for leaf, values in ablation.axes.items():
    yield from (("axes.", leaf, value) for value in values)
  for value in ablation.long_examples_s:
    yield "", "long_examples_s", value


def _check_crossed(crossed: Sequence[str]) -> None:
  for word in crossed:
    axes = word.split(",")
    if len(set(axes)) != 2 or len(axes) != 2 or not set(axes) <= set(AXES):
      raise InputError(
        f"ablation.crossed holds {word!r}: give two of {', '.join(AXES)}, with "
        "a comma between"
      )
