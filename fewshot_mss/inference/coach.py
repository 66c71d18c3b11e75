"""What is to be said of some examples before a song is separated by them."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float64

from fewshot_mss.audio.clip_facts import ClipFacts
from fewshot_mss.inference.listener import HeardClip

# Of two, nobody can tell which one does not belong.
FEWEST_FOR_OUTLIERS = 3
# An example whose likeness to the others is below this is named. With the
# network of `make demo`, 40 instruments of its test songs and 5 examples of one
# from several songs: one is named in 10 % of sets that hold no stranger (2 % of
# examples), and a stranger of any other instrument in 59 %. From one song: 4 %
# and 58 %. Those that are missed sound like the others to the network.
OUTLIER_LIKENESS = 0.4
# Two examples this alike say the same; a copy in another format does.
_SAME_LIKENESS = 0.999
# How unlike (1 - cosine) two examples are that count as clearly two: clips of
# one instrument in one song differ by 0.08 in the median, from two songs by
# 0.14, with the same network; five count as 3.5 and 3.9.
_APART = 0.1
_MOSTLY_SILENT = 0.5
_CLIPPED = 0.001
_QUIET_DBFS = -50.0
# What can be wrong with one example: when, what is said of it, of several, and
# the way out.
_FAULTS: tuple[
  tuple[Callable[[ClipFacts], bool], Callable[[ClipFacts], str], str, str], ...
] = (
  (
    lambda facts: facts.silent_share > _MOSTLY_SILENT,
    lambda facts: f"silent for {percent(facts.silent_share)} of its length",
    "silent for most of their length",
    "name the part where the instrument plays",
  ),
  (
    lambda facts: facts.clipped_share > _CLIPPED,
    lambda facts: f"clipped ({100 * facts.clipped_share:.1f} % of its samples)",
    "clipped",
    "a cleaner part shows the instrument better",
  ),
  (
    lambda facts: facts.level_dbfs < _QUIET_DBFS,
    lambda facts: f"very quiet ({facts.level_dbfs:.0f} dBFS)",
    "very quiet",
    "its noise may be heard as well; name a louder part",
  ),
)
# Of many examples with one fault, so many are named.
_NAMED = 3


@dataclasses.dataclass(frozen=True)
class CoachedExample:
  """One example beside the others.

  Attributes:
    name: What it is called.
    facts: What it is like.
    likeness: How alike it is to the mean of the others that belong together,
      -1 to 1; None if there are no others.
    is_outlier: Whether it does not seem to belong to them.
  """

  name: str
  facts: ClipFacts
  likeness: float | None
  is_outlier: bool


@dataclasses.dataclass(frozen=True)
class Coaching:
  """What is to be said of the examples of a target.

  Attributes:
    examples: In the order in which they were given.
    effective_count: As how many different ones they count.
    advice: Sentences; none if there is nothing to mend.
  """

  examples: tuple[CoachedExample, ...]
  effective_count: float
  advice: tuple[str, ...]


def coach(clips: Sequence[HeardClip], more: Sequence[str] = ()) -> Coaching:
  """Looks at the examples of one kind, the positives of a target.

  Args:
    clips: What `Listener.hear_each` returned.
    more: Advice that others have, which comes first.

  Returns:
    What is to be said of them.
  """
  if not clips:
    return Coaching((), 0.0, ())
  embeddings = np.stack([clip.embedding for clip in clips]).astype(np.float64)
  outliers = find_outliers(embeddings)
  likeness = _likeness(embeddings, outliers)
  examples = tuple(
    CoachedExample(clip.name, clip.facts, like, number in outliers)
    for number, (clip, like) in enumerate(zip(clips, likeness, strict=True))
  )
  return Coaching(
    examples,
    effective_count(embeddings),
    (*more, *_advice(examples, embeddings)),
  )


def find_outliers(embeddings: Float64[np.ndarray, "K D"]) -> list[int]:
  """Returns which examples do not seem to belong to the others.

  The least alike to the mean of the others is taken out, as long as it is
  below `OUTLIER_LIKENESS`, there are three to compare, and most stay.

  Args:
    embeddings: What each example says.

  Returns:
    Their numbers, the least alike first.
  """
  outliers: list[int] = []
  while True:
    kept = [i for i in range(len(embeddings)) if i not in outliers]
    most_stay = 2 * (len(outliers) + 1) < len(embeddings)
    if len(kept) < FEWEST_FOR_OUTLIERS or not most_stay:
      return outliers
    likeness = leave_one_out_likeness(embeddings[kept])
    worst = int(np.argmin(likeness))
    if likeness[worst] >= OUTLIER_LIKENESS:
      return outliers
    outliers.append(kept[worst])


def leave_one_out_likeness(
  embeddings: Float64[np.ndarray, "K D"],
) -> Float64[np.ndarray, " K"]:
  """Returns how alike each of two or more examples is to the others' mean.

  Args:
    embeddings: What each example says.

  Returns:
    Cosines: 1 says the same, 0 has nothing in common.
  """
  others = embeddings.sum(axis=0) - embeddings
  return _cosines(embeddings, others)


def effective_count(embeddings: Float64[np.ndarray, "K D"]) -> float:
  """Returns as how many different examples some examples count.

  The exponential of the entropy of the eigenvalues of K / n, where K holds how
  alike each two of n are, 1 for the same: n copies count as one, n that have
  nothing in common as n (the Vendi score; Friedman and Dieng, "The Vendi Score:
  A Diversity Evaluation Metric for Machine Learning", TMLR 2023). How alike is
  a Gaussian of the distance of their directions, so that two usual examples of
  one instrument are two.

  Args:
    embeddings: What each example says; at least one.

  Returns:
    From 1 to the number of examples.
  """
  directions = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
  # Half the square of the distance, without an array of all differences.
  distance = np.maximum(0, 1 - directions @ directions.T)
  shares = np.linalg.eigvalsh(np.exp(-distance / _APART) / len(embeddings))
  shares = shares[shares > 0]
  return float(np.exp(-np.sum(shares * np.log(shares))))


def _likeness(
  embeddings: Float64[np.ndarray, "K D"], outliers: Sequence[int]
) -> list[float | None]:
  """Returns how alike each is to the mean of the others that are no outliers.

  None for a single example.
  """
  if len(embeddings) < 2:
    return [None]
  belongs = np.ones(len(embeddings))
  belongs[list(outliers)] = 0
  kept = embeddings * belongs[:, None]
  return [float(c) for c in _cosines(embeddings, kept.sum(axis=0) - kept)]


def _cosines(
  a: Float[np.ndarray, "K D"], b: Float[np.ndarray, "K D"]
) -> Float64[np.ndarray, " K"]:
  norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
  return np.sum(a * b, axis=1) / np.maximum(norms, np.finfo(np.float64).tiny)


def _advice(
  examples: Sequence[CoachedExample], embeddings: Float64[np.ndarray, "K D"]
) -> list[str]:
  """Returns what to mend, the weightiest first, a line for each kind."""
  advice = [
    f"{_short(example)} is unlike the others (likeness "
    f"{percent(example.likeness)}): listen to it, and leave it out if it shows "
    "another instrument"
    for example in examples
    if example.is_outlier
  ]
  for first, *others in _same(embeddings):
    names = names_of([_short(examples[number]) for number in others])
    says = "says" if len(others) == 1 else "say"
    weight = "double" if len(others) == 1 else f"like {len(others) + 1}"
    advice.append(
      f"{names} {says} the same as {_short(examples[first])}: together they "
      f"weigh {weight}; keep one of them, or name other parts"
    )
  for is_bad, describe, many, remedy in _FAULTS:
    bad = [example for example in examples if is_bad(example.facts)]
    if len(bad) == 1:
      advice.append(f"{_short(bad[0])} is {describe(bad[0].facts)}: {remedy}")
    elif bad:
      names = names_of([_short(example) for example in bad])
      advice.append(f"{names} are {many}: {remedy}")
  return advice


def _same(embeddings: Float64[np.ndarray, "K D"]) -> list[list[int]]:
  """Returns the numbers of examples that say the same, group by group."""
  norms = np.linalg.norm(embeddings, axis=1, keepdims=True)
  directions = embeddings / np.maximum(norms, np.finfo(np.float64).tiny)
  left = np.ones(len(embeddings), bool)
  groups = []
  for number, direction in enumerate(directions):
    if left[number]:
      alike = left & (directions @ direction >= _SAME_LIKENESS)
      alike[number] = True
      left &= ~alike
      groups.append([int(other) for other in np.flatnonzero(alike)])
  return [group for group in groups if len(group) > 1]


def names_of(names: Sequence[str]) -> str:
  """Returns names as a part of a sentence, of many the first ones.

  Args:
    names: At least one.

  Returns:
    `a.wav`, `a.wav and b.wav`, or `a.wav, b.wav, c.wav and 7 others`.
  """
  if len(names) > _NAMED + 1:
    names = [*names[:_NAMED], f"{len(names) - _NAMED} others"]
  *firsts, last = names
  return f"{', '.join(firsts)} and {last}" if firsts else last


def percent(share: float | None) -> str:
  """Writes a share for people; what is below zero is none.

  Args:
    share: 1 is all; None is written as a dash.

  Returns:
    `87 %`, or `-`.
  """
  return "-" if share is None else f"{100 * max(0.0, share):.0f} %"


def _short(example: CoachedExample) -> str:
  return Path(example.name).name
