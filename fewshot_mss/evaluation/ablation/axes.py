"""Which question an arm belongs to: where it differs from the reference arm."""

from collections.abc import Iterable, Sequence

from fewshot_mss.evaluation.ablation.table import Arm

# The reading of which all settings mean something.
EXAMPLES = "examples"
ONE, ABSENT = "one", "absent"
# Who answers: the checkpoint and how its condition was made, one axis.
CONDITIONING = "conditioning"
EQUAL_TOTALS = "equal totals"
EQUAL_SOUND = "equal sound"
OTHER = "other"

# In the order of the report.
TITLES = {
  "shots": "positive examples (shots)",
  "negatives": "negative examples",
  "origin": "where the examples come from",
  "example_s": "seconds of each example",
  "target": "target",
  "query": "query",
  CONDITIONING: "conditioning",
  "quality": "quality of the examples",
  EQUAL_TOTALS: "positives and negatives at equal totals",
  EQUAL_SOUND: "one long example, or several as long together",
  OTHER: "several settings at once",
}
_SHORT = {
  "shots": "shots",
  "negatives": "negatives",
  "example_s": "seconds",
}
# Nobody listens to examples where the condition is the vector of a class.
_OF_EXAMPLES = ("shots", "negatives", "example_s", "origin", "quality")


def differing_settings(arm: Arm, reference: Arm) -> frozenset[str]:
  """Returns the names of the settings in which an arm differs.

  Args:
    arm: What is compared. If it, or the reference, reads no examples, settings
      of examples differ in nothing.
    reference: What it is compared with.

  Returns:
    Names of fields of `Arm`.
  """
  heard = arm.reading == reference.reading == EXAMPLES
  unheard = () if heard else _OF_EXAMPLES
  return frozenset(
    name
    for name in Arm._fields
    if name not in unheard and getattr(arm, name) != getattr(reference, name)
  )


def arms_by_axis(
  arms: Iterable[Arm],
  reference: Arm,
  crossed: Sequence[tuple[str, str]] = (),
) -> dict[str, list[Arm]]:
  """Sorts arms into the questions that they answer.

  Args:
    arms: All arms but baselines, each once.
    reference: The arm that the others are compared with.
    crossed: Pairs of settings of which every combination was asked.

  Returns:
    For each axis with an arm besides the reference, its arms with the
    reference among them, in order of their values (words in the order they
    came): `conditioning` (another checkpoint or reading, with its own number of
    negatives), the names of single settings, `NAME x NAME` for crossed pairs
    (the arms of either setting alone as well), and `other` for what is left.
  """
  axes: dict[str, list[Arm]] = {}
  # Another checkpoint may bring another reading.
  pairs = {
    f"{a} x {b}": {a, b, *({"reading"} if "model" in (a, b) else ())}
    for a, b in crossed
  }
  arms = list(dict.fromkeys([reference, *arms]))
  differing = {arm: differing_settings(arm, reference) for arm in arms[1:]}
  for arm, names in differing.items():
    of_pairs = [pair for pair, both in pairs.items() if names and names <= both]
    for axis in [*_single_axis(names), *of_pairs] or [OTHER]:
      axes.setdefault(axis, []).append(arm)
  # A pair of which nothing was crossed shows only what its settings show alone.
  for pair in pairs:
    if all(_single_axis(differing[arm]) for arm in axes.get(pair, ())):
      axes.pop(pair, None)
  return {
    axis: _sorted([reference, *held], arms) for axis, held in axes.items()
  }


def in_order(axes: Iterable[str]) -> list[str]:
  """Returns names of axes in the order of the report, crossed pairs late."""
  single = list(TITLES)

  def rank(axis: str) -> int | float:
    return single.index(axis) if axis in single else len(single) - 1.5

  return sorted(axes, key=rank)


def equal_totals(arms: Iterable[Arm], reference: Arm) -> list[tuple[Arm, Arm]]:
  """Pairs arms with negatives and the one without, at equal totals.

  Args:
    arms: All arms but baselines.
    reference: Of which they keep all but shots and negatives.

  Returns:
    (arm, the arm that has as many positives as the first has examples, and no
    negatives), by their total.
  """
  found = _that_keep_all_but({"shots", "negatives"}, arms, reference)
  alone = {arm.shots: arm for arm in found if arm.negatives == 0}
  pairs = [
    (arm, alone[arm.shots + arm.negatives])
    for arm in found
    if arm.negatives > 0 and arm.shots + arm.negatives in alone
  ]
  return sorted(pairs, key=lambda pair: (pair[1].shots, pair[0].shots))


def equal_sound(arms: Iterable[Arm], reference: Arm) -> list[tuple[Arm, Arm]]:
  """Pairs single long examples and several that are as long together.

  Args:
    arms: All arms but baselines.
    reference: Of which they keep all but shots and seconds.

  Returns:
    (arm with one example, the arm with several of the reference's length), by
    their length.
  """
  found = _that_keep_all_but({"shots", "example_s"}, arms, reference)
  usual = {
    arm.shots: arm
    for arm in found
    if arm.example_s == reference.example_s and arm.shots > 1
  }
  pairs = [
    (arm, usual[as_many(arm, reference)])
    for arm in found
    if as_many(arm, reference) in usual
  ]
  return sorted(pairs, key=lambda pair: pair[1].shots)


def as_many(arm: Arm, reference: Arm) -> float:
  """Returns how many examples of the usual length a single one is as long as.

  0 of arms with several examples, or none.
  """
  return arm.example_s / reference.example_s if arm.shots == 1 else 0.0


def describe_axis(axis: str) -> str:
  """Returns the name of an axis for people."""
  if axis in TITLES:
    return TITLES[axis]
  return " x ".join(TITLES.get(name, name) for name in axis.split(" x "))


def describe_arm(arm: Arm, axis: str, reference: Arm) -> str:
  """Returns what an arm is on an axis, for people.

  Args:
    arm: On the axis.
    axis: Its name.
    reference: The reference arm.

  Returns:
    `5`, `2 s`, `another song`; of a crossed pair `shots 5, seconds 2`; of
    several settings at once all in which it differs.
  """
  if axis == CONDITIONING:
    return _describe_conditioning(arm, reference)
  if axis == EQUAL_TOTALS:
    return f"{arm.shots} positive, {arm.negatives} negative"
  if axis == EQUAL_SOUND:
    return f"{arm.shots} x {arm.example_s:g} s"
  if axis in Arm._fields:
    return _value(arm, axis)
  names = axis.split(" x ")
  if axis == OTHER:
    differing = differing_settings(arm, reference)
    names = [name for name in Arm._fields if name in differing]
  if arm.reading != EXAMPLES:
    names = [name for name in names if name not in _OF_EXAMPLES]
  parts = [f"{_SHORT.get(name, name)} {_value(arm, name)}" for name in names]
  return ", ".join(parts) or "the reference"


def describe_all(arms: Iterable[Arm], reference: Arm) -> str:
  """Returns what arms differ in from the reference, for people."""
  return "; ".join(describe_arm(arm, OTHER, reference) for arm in arms)


def _single_axis(differing: frozenset[str]) -> list[str]:
  """Returns the axis of an arm that differs so, if it is on one."""
  if differing & {"model", "reading"}:
    alone = differing <= {"model", "reading", "negatives"}
    return [CONDITIONING] if alone else []
  return list(differing) if len(differing) == 1 else []


def _that_keep_all_but(
  names: set[str], arms: Iterable[Arm], reference: Arm
) -> list[Arm]:
  """Returns arms that hear examples and differ at most in these settings."""
  return [
    arm
    for arm in dict.fromkeys(arms)
    if arm.reading == reference.reading == EXAMPLES
    and differing_settings(arm, reference) <= names
  ]


def _describe_conditioning(arm: Arm, reference: Arm) -> str:
  parts = [f"{arm.model}: {arm.reading}"]
  if arm.reading == EXAMPLES:
    # A reference that hears none has no shots that go without saying.
    if arm.shots != reference.shots or reference.reading != EXAMPLES:
      parts.append(f"{arm.shots} shots")
    if arm.negatives != reference.negatives:
      parts.append(f"{arm.negatives} negatives")
  return ", ".join(parts)


def _value(arm: Arm, name: str) -> str:
  value = getattr(arm, name)
  if name == "model" and arm.reading != EXAMPLES:
    return f"{value}: {arm.reading}"
  return f"{value:g} s" if name == "example_s" else str(value)


def _sorted(arms: Iterable[Arm], order: Sequence[Arm]) -> list[Arm]:
  """Returns arms by their values: numbers by size, words as they came."""
  first_place: dict[tuple[str, object], int] = {}
  for arm in order:
    for name, value in arm._asdict().items():
      first_place.setdefault((name, value), len(first_place))

  def key(arm: Arm) -> list[int | float]:
    return [
      value if isinstance(value, int | float) else first_place[name, value]
      for name, value in arm._asdict().items()
    ]

  return sorted(arms, key=key)
