"""A profile: what examples said to one model, without the examples."""

import dataclasses

from fewshot_mss.inference.listener import Heard


@dataclasses.dataclass(frozen=True, eq=False)
class Profile:
  """What examples said to one model, kept.

  Attributes:
    name: Of what it shows, for people.
    model_hash: `Archive.content_hash` of the model that heard the examples.
    positive: What the positive examples said.
    negative: What the negative examples said.
  """

  name: str
  model_hash: str
  positive: Heard
  negative: Heard
