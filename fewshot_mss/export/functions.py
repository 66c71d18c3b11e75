"""The network as two functions of arrays: what every exported form holds.

`condition` turns examples (or a class) into the vector that says what is asked
for, `separate_patch` takes that out of patches of a song. Their parameters are
constants, their inputs are positional, in the order of their descriptions.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

import fewshot_mss
from fewshot_mss.episode import Support
from fewshot_mss.export.archive import Archive
from fewshot_mss.export.checks import FORMAT_VERSION, build_model
from fewshot_mss.models.separator import FewShotSeparator

# What `inference` does with songs and examples around the network, told to
# those who do it without this package. It lies above this room, so a test
# holds these to its own.
OVERLAP_SHARE = 0.5
PAUSE_DB = -40.0


class Tensor(NamedTuple):
  """An input or output.

  Attributes:
    name: Of it.
    dtype: Name of its type.
    shape: Its sizes; names stand for those that a caller chooses, 1 or more.
  """

  name: str
  dtype: str
  shape: tuple[str | int, ...]


class Function(NamedTuple):
  """One of the two functions.

  Attributes:
    name: Of it.
    call: Takes one JAX array an input, returns one.
    inputs: What it takes.
    output: What it returns.
  """

  name: str
  call: Callable[..., Array]
  inputs: tuple[Tensor, ...]
  output: Tensor


def make_functions(
  archive: Archive, *, stft_form: str | None = None
) -> tuple[Function, Function]:
  """Makes `condition` and `separate_patch` of an archive.

  Args:
    archive: Weights of any float type; computing is done as the model says.
    stft_form: Of the transform, where the archive's own cannot be had.

  Returns:
    The two.
  """
  fields = dict(archive.model)
  if stft_form is not None:
    fields["stft_form"] = stft_form
  model = build_model(fields)
  sizes = lengths(archive)
  dim = model.condition_dim
  patch = sizes["mixture_samples"]
  inputs = _condition_inputs(model.conditioning, sizes["example_samples"])

  def apply(method: str, *arguments: Any) -> Array:
    # Within the function, so that half precision stays so in what is written.
    params = jax.tree.map(
      lambda leaf: jax.lax.convert_element_type(leaf, jnp.float32),
      archive.params,
    )
    return model.apply({"params": params}, *arguments, method=method)

  def condition(*arguments: Array) -> Array:
    named = zip(inputs, arguments, strict=True)
    support = _support(model, apply, {i.name: value for i, value in named})
    return apply("combine", support)[:, 0]

  def separate_patch(mixture: Array, condition: Array) -> Array:
    return apply("separate", mixture, condition)

  return (
    Function(
      "condition",
      condition,
      inputs,
      Tensor("condition", "float32", ("b", dim)),
    ),
    Function(
      "separate_patch",
      separate_patch,
      (
        Tensor("mixture", "float32", ("b", patch)),
        Tensor("condition", "float32", ("b", "q", dim)),
      ),
      Tensor("targets", "float32", ("b", "q", patch)),
    ),
  )


def _condition_inputs(conditioning: str, samples: int) -> tuple[Tensor, ...]:
  """Returns what the conditioning reads, and no more."""
  if conditioning == "class":
    return (Tensor("class_id", "int32", ("b",)),)
  positives = (
    Tensor("positives", "float32", ("b", "k", samples)),
    Tensor("positive_weights", "float32", ("b", "k")),
  )
  if conditioning == "examples":
    return positives
  return (
    *positives,
    Tensor("negatives", "float32", ("b", "n", samples)),
    Tensor("negative_weights", "float32", ("b", "n")),
  )


def _support(
  model: FewShotSeparator,
  apply: Callable[..., Array],
  given: dict[str, Array],
) -> Support:
  """Returns what `combine` takes: one mean embedding of each kind."""
  if model.conditioning == "class":
    class_id = given["class_id"][:, None]
    nothing = jnp.zeros((*class_id.shape, 0, 0))
    no_mask = jnp.zeros((*class_id.shape, 0), jnp.bool_)
    return Support(nothing, no_mask, nothing, no_mask, class_id)
  means, masks = [], []
  for kind in ("positive", "negative"):
    if f"{kind}s" in given:
      weights = given[f"{kind}_weights"]
      mean = weighted_mean(apply("embed", given[f"{kind}s"]), weights)
      means.append(mean[:, None, None])
      masks.append(jnp.any(weights > 0, axis=-1)[:, None, None])
    else:
      # Read by no conditioning that lacks it.
      means.append(jnp.zeros_like(means[0]))
      masks.append(jnp.zeros_like(masks[0]))
  class_id = jnp.full(masks[0].shape[:2], -1, jnp.int32)
  return Support(means[0], masks[0], means[1], masks[1], class_id)


def weighted_mean(
  embeddings: Float[Array, "b k D"], weights: Float[Array, "b k"]
) -> Float[Array, "b D"]:
  """Averages embeddings, each as much as it weighs; zeros where none does.

  A weight of 0 is padding: not even a NaN in its clip changes anything. The
  pieces of an example weigh 1 together, so the mean of pieces by their weights
  is the mean of the examples.
  """
  there = weights > 0
  weights = jnp.where(there, weights, 0.0)
  weighed = jnp.where(there[..., None], embeddings, 0.0) * weights[..., None]
  total = jnp.sum(weights, axis=-1, keepdims=True)
  return jnp.sum(weighed, axis=-2) / jnp.where(total > 0, total, 1.0)


def lengths(archive: Archive) -> dict[str, int]:
  """Returns the lengths in samples that the functions take, and the overlap."""
  rate_hz = archive.model["sample_rate_hz"]
  patch = round(archive.training["mixture_s"] * rate_hz)
  return {
    "mixture_samples": patch,
    "overlap_samples": int(patch * OVERLAP_SHARE),
    "example_samples": round(archive.training["example_s"] * rate_hz),
  }


def describe(
  archive: Archive, functions: tuple[Function, ...], suffix: str
) -> dict[str, Any]:
  """Returns the `config.json` of an exported form, but for what is its own.

  Args:
    archive: What is exported.
    functions: Of it.
    suffix: Of the files that hold them, such as ".onnx".

  Returns:
    What JSON can hold.
  """
  described = {
    function.name: {
      "file": function.name + suffix,
      "inputs": [tensor._asdict() for tensor in function.inputs],
      "outputs": [function.output._asdict()],
    }
    for function in functions
  }
  return {
    "format_version": FORMAT_VERSION,
    "package_version": fewshot_mss.__version__,
    "dtype": archive.dtype,
    "model": dict(archive.model),
    "instruments": list(archive.instruments),
    "training": dict(archive.training),
    "weights_sha256": archive.content_hash,
    "functions": {
      "sample_rate_hz": archive.model["sample_rate_hz"],
      **lengths(archive),
      "pause_db": PAUSE_DB,
      **described,
    },
  }
