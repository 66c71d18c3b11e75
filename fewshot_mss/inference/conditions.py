"""What is asked of a song, target by target, and the conditions that ask it."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32

from fewshot_mss.errors import InputError
from fewshot_mss.export.archive import Archive
from fewshot_mss.inference.inputs import Example
from fewshot_mss.inference.listener import Heard, HeardClip, Listener
from fewshot_mss.inference.profiles import Profile


@dataclasses.dataclass(frozen=True)
class Ask:
  """What is asked for one target.

  Attributes:
    positives: Clips that show the instrument: files, time ranges of files
      (`song.wav@1:02-1:09`), arrays, or what `Listener.hear_each` made of them
      for this model. All weigh the same.
    negatives: Clips of what is not meant, if the model takes them.
    profiles: Kept examples; each weighs as much as the examples in it.
    instrument: For a model that is asked by name, instead of all others.
  """

  positives: Sequence[Example | HeardClip] = ()
  negatives: Sequence[Example | HeardClip] = ()
  profiles: Sequence[Profile] = ()
  instrument: str | None = None


def make_conditions(
  listener: Listener,
  archive: Archive,
  asks: Sequence[Ask],
  rate_hz: int | None = None,
) -> Float32[np.ndarray, "targets D"]:
  """Returns one condition a target; the others' positives are its negatives.

  Each example is read and embedded once, however many targets it serves.

  Args:
    listener: Hears the examples.
    archive: Of the model that it is of.
    asks: What each target is asked by.
    rate_hz: Of the arrays among the examples.

  Returns:
    The vectors that FiLM reads.

  Raises:
    InputError: If an example cannot be used, a profile is another model's, or
      the model is not asked in this way.
  """
  for ask in asks:
    check_ask(ask, archive, listener.conditioning)
  if listener.conditioning == "class":
    return np.stack(
      [
        listener.combine(
          listener.nothing,
          listener.nothing,
          archive.instruments.index(str(ask.instrument)),
        )
        for ask in asks
      ]
    )
  shown = [
    _sum(
      listener.hear(ask.positives, rate_hz, "positive"),
      *(profile.positive for profile in ask.profiles),
    )
    for ask in asks
  ]
  takes_negatives = listener.conditioning == "examples_and_negatives"
  conditions = []
  for number, ask in enumerate(asks):
    hidden = _sum(
      listener.hear(ask.negatives, rate_hz, "negative"),
      *(profile.negative for profile in ask.profiles),
    )
    if takes_negatives:
      hidden = _sum(hidden, *shown[:number], *shown[number + 1 :])
    conditions.append(listener.combine(shown[number], hidden))
  return np.stack(conditions)


def _sum(first: Heard, *others: Heard) -> Heard:
  for other in others:
    first += other
  return first


def check_conditions(conditions: np.ndarray, dim: int) -> None:
  """Checks what the network is to be asked by.

  Args:
    conditions: From the caller.
    dim: Of the model's conditions.

  Raises:
    InputError: If they are not finite, or not some of the model's in rows: one
      alone would be taken for many targets.
  """
  shape = conditions.shape
  if conditions.ndim != 2 or not len(conditions) or shape[1] != dim:
    raise InputError(
      f"conditions have shape {shape}: give [targets, {dim}], as `conditions` "
      "returns them; of one condition, condition[None]"
    )
  if not np.isfinite(conditions).all():
    raise InputError("conditions hold NaN or infinity: make them again")


def check_ask(ask: Ask, archive: Archive, conditioning: str) -> None:
  """Checks that a model can be asked in this way.

  Args:
    ask: What a target is asked by.
    archive: Of the model.
    conditioning: Of the model.

  Raises:
    InputError: If it is asked in another way, or the ask names nothing.
  """
  known = archive.instruments
  if conditioning == "class":
    if ask.positives or ask.negatives or ask.profiles:
      raise InputError(
        "this model is asked by instrument and takes no examples: leave them "
        "out, or use a model trained with examples"
      )
    if ask.instrument not in known:
      asked = (
        "no instrument" if ask.instrument is None else repr(ask.instrument)
      )
      raise InputError(
        f"{asked} was asked of a model that knows: {', '.join(known)}"
      )
    return
  if ask.instrument is not None:
    raise InputError(
      f"instrument {ask.instrument!r}: this model is asked by examples, not by "
      "name; give positive examples instead"
    )
  for profile in ask.profiles:
    if profile.model_hash != archive.content_hash:
      raise InputError(
        f"profile {profile.name} was made with another model (SHA-256 "
        f"{profile.model_hash[:8]}, this one is {archive.content_hash[:8]}): "
        "build it again from its examples with this model"
      )
    # Whoever made it up could give it any model's hash.
    dim = archive.model["condition_dim"]
    if len(profile.positive.total) != dim:
      raise InputError(
        f"profile {profile.name} holds {len(profile.positive.total)} numbers, "
        f"this model takes {dim}: build it again from its examples"
      )
  if not ask.positives and not any(p.positive.count for p in ask.profiles):
    raise InputError("no positive example: give at least one")
  if ask.negatives and conditioning != "examples_and_negatives":
    raise InputError(
      "this model takes no negative examples: leave them out, or use a model "
      "trained with conditioning examples_and_negatives"
    )
