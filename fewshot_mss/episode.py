"""The shared noun: one batch of few-shot episodes, field by field.

Letters in shapes: B mixtures, Q queries of each mixture, T samples of a
mixture, K positive and N negative examples of a query at most, S samples of an
example. Audio is mono float32 in [-1, 1] at the model's sample rate.
"""

from typing import NamedTuple

from jaxtyping import Bool, Float, Int


class Support(NamedTuple):
  """All that tells the network what to extract, for Q queries a mixture.

  Examples are padded to a fixed number and masked, so one compiled program
  serves every number of shots. NamedTuples are pytrees: leaves may be numpy or
  JAX arrays.

  Attributes:
    positives: Clips that show the target instrument.
    positive_mask: Which of them are there; all False is zero shots.
    negatives: Clips of instruments that are not asked for.
    negative_mask: Which of them are there.
    class_id: Index of the target among the seen classes, for the conditioning
      by class; -1 where there is no such single class.
  """

  positives: Float[object, "B Q K S"]
  positive_mask: Bool[object, "B Q K"]
  negatives: Float[object, "B Q N S"]
  negative_mask: Bool[object, "B Q N"]
  class_id: Int[object, "B Q"]


class EpisodeBatch(NamedTuple):
  """B mixtures with Q queries each, and the answers.

  Attributes:
    mixture: Sum of the sources.
    targets: What each query asks for, as it is inside the mixture.
    support: The examples of each query.
    query_mask: False for queries that only fill the batch up.
  """

  mixture: Float[object, "B T"]
  targets: Float[object, "B Q T"]
  support: Support
  query_mask: Bool[object, "B Q"]
