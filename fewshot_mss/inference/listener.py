"""The half of the network that hears: examples in, conditions out."""

import contextlib
import functools
from collections.abc import Generator, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float32, Float64

from fewshot_mss.audio.clip_facts import ClipFacts
from fewshot_mss.episode import Support
from fewshot_mss.inference.ahead import ahead
from fewshot_mss.inference.inputs import (
  Clip,
  Example,
  cut_pieces,
  load_clip,
)
from fewshot_mss.models.separator import FewShotSeparator

_BATCH_PIECES = 4
_CLIPS_AHEAD = 1


@functools.partial(jax.jit, static_argnames=("model", "method"))
def apply_model(
  model: FewShotSeparator, method: str, params: Any, *inputs: Any
) -> Any:
  """Calls a method of the network; compiled once for all separators.

  Args:
    model: The network.
    method: Name of one of its methods.
    params: Its parameters.
    *inputs: What the method takes.

  Returns:
    What the method returns.
  """
  return model.apply({"params": params}, *inputs, method=method)


def lower_separation(
  model: FewShotSeparator,
  params: Any,
  patch_samples: int,
  targets: int,
  patches: int,
) -> jax.stages.Lowered:
  """Lowers what `apply_model` runs for some patches at a time.

  Args:
    model: The network.
    params: Its parameters.
    patch_samples: Length of a patch.
    targets: Of one song.
    patches: At a time.

  Returns:
    The program, to be compiled.
  """
  return apply_model.lower(
    model,
    "separate",
    params,
    np.zeros((patches, patch_samples), np.float32),
    np.zeros((patches, targets, model.condition_dim), np.float32),
  )


class Heard(NamedTuple):
  """What a number of examples say together.

  Sums of float32 embeddings in float64 are exact, so the order in which
  examples are added changes nothing, and neither does it in how many parts.

  Attributes:
    total: Sum of the embeddings.
    count: Of how many examples.
  """

  total: Float64[np.ndarray, " D"]
  count: int

  def __add__(self, other: "Heard") -> "Heard":  # type: ignore[override]
    """Returns what both say together."""
    return Heard(self.total + other.total, self.count + other.count)


class HeardClip(NamedTuple):
  """One example, and what it says.

  Attributes:
    name: What it is called in messages.
    facts: What it is like as it was read.
    embedding: What it says.
  """

  name: str
  facts: ClipFacts
  embedding: Float32[np.ndarray, " D"]


# What tells sounds apart: their samples alone may be of two rates.
Sound = tuple[str, float]


def sound_of(facts: ClipFacts) -> Sound:
  """Returns what is the same of the same sound, whatever file it is in.

  Args:
    facts: Of an example.

  Returns:
    Hash and length of its samples.
  """
  return facts.sha256, facts.length_s


class Listener:
  """Embeds examples and combines embeddings; every caller's one way to both.

  Attributes:
    rate_hz: Sample rate of what it hears.
    conditioning: How the model is asked, one of `CONDITIONINGS`.
    nothing: What no example says.
  """

  def __init__(self, model: FewShotSeparator, params: Any, example_s: float):
    """Takes a network, its parameters and the examples' length in training."""
    self.rate_hz = model.sample_rate_hz
    self.conditioning = model.conditioning
    self.nothing = Heard(np.zeros(model.condition_dim), 0)
    self._piece_samples = round(example_s * model.sample_rate_hz)
    self._model = model
    self._params = params

  def hear(
    self,
    clips: Sequence[Example | HeardClip],
    rate_hz: int | None,
    kind: str,
  ) -> Heard:
    """Reads examples and embeds them; those that were heard stay as they are.

    Args:
      clips: As of `hear_each`.
      rate_hz: Likewise.
      kind: Likewise.

    Returns:
      What they say together.

    Raises:
      InputError: If one cannot be used.
    """
    heard = self.nothing
    for clip in self.hear_each(clips, rate_hz, kind):
      heard += Heard(clip.embedding.astype(np.float64), 1)
    return heard

  def hear_each(
    self,
    clips: Sequence[Example | HeardClip],
    rate_hz: int | None,
    kind: str,
    known: dict[Sound, HeardClip] | None = None,
  ) -> list[HeardClip]:
    """Reads examples and embeds them; those that were heard stay as they are.

    Args:
      clips: Files, time ranges of files, arrays, or what this has returned.
      rate_hz: Of the arrays among them.
      kind: `positive` or `negative`, for the messages.
      known: What was heard before, by its sound; what is heard now is added.
        The same sound is embedded once.

    Returns:
      What each of them is like and says.

    Raises:
      InputError: If one cannot be used.
    """
    known = {} if known is None else known
    heard = []
    # One is read while another is embedded.
    reading = ahead(self._read(clips, rate_hz, kind), _CLIPS_AHEAD)
    with contextlib.closing(reading) as read:
      for clip in read:
        if not isinstance(clip, HeardClip):
          same = known.get(sound_of(clip.facts))
          embedding = (
            self.embed(clip.samples) if same is None else same.embedding
          )
          clip = HeardClip(clip.name, clip.facts, embedding)
        known[sound_of(clip.facts)] = clip
        heard.append(clip)
    return heard

  def _read(
    self,
    clips: Sequence[Example | HeardClip],
    rate_hz: int | None,
    kind: str,
  ) -> Generator[Clip | HeardClip]:
    for number, clip in enumerate(clips, 1):
      if isinstance(clip, HeardClip):
        yield clip
      else:
        name = f"{kind} example {number}"
        yield load_clip(clip, rate_hz, name, self.rate_hz)

  def embed(
    self, samples: Float32[np.ndarray, " samples"]
  ) -> Float32[np.ndarray, " D"]:
    """Returns the mean of the embeddings of an example's pieces.

    An example lies alone in its batch, so its embedding is the same to the last
    bit whatever other examples there are.

    Args:
      samples: One example, mono, at `rate_hz`.

    Returns:
      Its embedding.
    """
    pieces = cut_pieces(samples, self._piece_samples)
    total = np.zeros_like(self.nothing.total)
    for begin in range(0, len(pieces), _BATCH_PIECES):
      some = pieces[begin : begin + _BATCH_PIECES]
      batch = np.zeros((_BATCH_PIECES, self._piece_samples), np.float32)
      batch[: len(some)] = some
      embedded = self._apply("embed", batch)
      total += embedded[: len(some)].sum(axis=0, dtype=np.float64)
    # In float32, so that sums of embeddings in float64 are exact.
    return (total / len(pieces)).astype(np.float32)

  def combine(
    self, positive: Heard, negative: Heard, class_id: int = -1
  ) -> Float32[np.ndarray, " D"]:
    """Returns the condition of one target.

    Args:
      positive: What shows the target.
      negative: What shows that which is not meant.
      class_id: For a model that is asked by class.

    Returns:
      What FiLM reads.
    """
    means = [
      (heard.total / max(1, heard.count)).astype(np.float32)
      for heard in (positive, negative)
    ]
    support = Support(
      positives=means[0][None, None, None],
      positive_mask=np.full((1, 1, 1), positive.count > 0),
      negatives=means[1][None, None, None],
      negative_mask=np.full((1, 1, 1), negative.count > 0),
      class_id=np.full((1, 1), class_id, np.int32),
    )
    return self._apply("combine", support)[0, 0]

  def _apply(self, method: str, *inputs: Any) -> np.ndarray:
    return np.asarray(apply_model(self._model, method, self._params, *inputs))
