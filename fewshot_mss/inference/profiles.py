"""A profile: what examples said to one model, without the examples."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

import fewshot_mss
from fewshot_mss.errors import InputError
from fewshot_mss.inference.listener import Heard, HeardClip

POSITIVE, NEGATIVE = "positive", "negative"


class ProfileExample(NamedTuple):
  """Where a part of a profile comes from.

  Attributes:
    kind: `positive` or `negative`.
    name: Of the file, without its folder, and the time range.
    sha256: Of its samples, in hexadecimal.
    length_s: In seconds.
    level_dbfs: RMS level.
  """

  kind: str
  name: str
  sha256: str
  length_s: float
  level_dbfs: float


@dataclasses.dataclass(frozen=True, eq=False)
class Profile:
  """What examples said to one model, kept.

  Attributes:
    name: Of what it shows, for people.
    model_hash: `Archive.content_hash` of the model that heard the examples.
    positive: What the positive examples said.
    negative: What the negative examples said.
    examples: Where it comes from.
    created: When it was made, as a date.
    package_version: Of the fewshot-mss that made it.
  """

  name: str
  model_hash: str
  positive: Heard
  negative: Heard
  examples: tuple[ProfileExample, ...] = ()
  created: str = ""
  package_version: str = fewshot_mss.__version__


def make_profile(
  name: str,
  model_hash: str,
  positives: Sequence[HeardClip],
  negatives: Sequence[HeardClip] = (),
  created: str = "",
) -> Profile:
  """Keeps what examples said.

  Args:
    name: Of what they show, for people.
    model_hash: Of the model that heard them.
    positives: What `Listener.hear_each` returned; at least one.
    negatives: Likewise; none if none were given.
    created: The date of today, as it is to be told.

  Returns:
    The profile.
  """
  kinds = ((POSITIVE, positives), (NEGATIVE, negatives))
  dim = len(positives[0].embedding)
  heard = [
    Heard(
      sum(
        (clip.embedding.astype(np.float64) for clip in clips),
        start=np.zeros(dim),
      ),
      len(clips),
    )
    for _, clips in kinds
  ]
  examples = tuple(
    ProfileExample(
      kind,
      # People share profiles: where their files lie is nobody's business.
      plain_text(Path(clip.name).name),
      clip.facts.sha256,
      clip.facts.length_s,
      clip.facts.level_dbfs,
    )
    for kind, clips in kinds
    for clip in clips
  )
  return Profile(plain_text(name), model_hash, *heard, examples, created)


def plain_text(name: str) -> str:
  """Returns a name with a question mark for each byte that is no text."""
  return name.encode(errors="replace").decode()


def merge_profiles(
  profiles: Sequence[Profile], name: str, created: str = ""
) -> Profile:
  """Puts profiles together, as if made of all their examples at once.

  Args:
    profiles: At least one, of one model.
    name: Of what they show together.
    created: The date of today, as it is to be told.

  Returns:
    The profile.

  Raises:
    InputError: If they are of different models, or two of them hold the same
      example.
  """
  first, *others = profiles
  positive, negative, examples = first.positive, first.negative, first.examples
  for other in others:
    if other.model_hash != first.model_hash:
      raise InputError(
        f"profile {other.name} was made with another model (SHA-256 "
        f"{other.model_hash[:8]}) than {first.name} ({first.model_hash[:8]}): "
        "build one of them again with the other's model"
      )
    if len(other.positive.total) != len(positive.total):
      raise InputError(
        f"profile {other.name} holds {len(other.positive.total)} numbers and "
        f"{first.name} {len(positive.total)}: one of them is damaged; build it "
        "again"
      )
    held = {(example.kind, example.sha256) for example in examples}
    for example in other.examples:
      if (example.kind, example.sha256) in held:
        raise InputError(
          f"profile {other.name} holds {example.name}, as another one does, "
          "which would weigh double: build one from all examples instead"
        )
    positive += other.positive
    negative += other.negative
    examples += other.examples
  return Profile(
    plain_text(name), first.model_hash, positive, negative, examples, created
  )
