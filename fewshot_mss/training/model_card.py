"""The README.md of an archive: what a stranger must know to use the model."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax

from fewshot_mss.data.credits import credit
from fewshot_mss.evaluation.cells import markdown_table
from fewshot_mss.export.archive import WEIGHTS_NAME, Archive
from fewshot_mss.export.dtypes import DTYPES
from fewshot_mss.training.card_scores import Evaluation, evaluation_parts

_FRONT = """\
---
library_name: fewshot-mss
pipeline_tag: audio-to-audio
tags:
- audio
- music
- music-source-separation
- few-shot
- jax
---
"""
_LICENCE = """\
None is chosen yet: without one, nobody may use the model. Whoever publishes it
chooses here, in the light of the terms of its data above, and for the Hugging
Face Hub in a line `license: ...` at the top of this file.
"""
_NOTES = """\
Means over items; intervals are 95 % bootstrap intervals over songs. A wrong
query asks for another instrument of the same mixture while the target stays;
the uSDR of `mixture / sources` is had for nothing, and the ideal ratio mask
knows the answer; the way to it is the median share of its improvement that an
output has. "collapsed" outputs are silence. Scores of other datasets or
protocols do not compare.
"""


def model_card(
  archive: Archive,
  name: str,
  evaluations: Sequence[Evaluation],
  place: str,
  asked: Sequence[str] = (),
  spent: str = "",
) -> str:
  """Returns the model card of an archive.

  Args:
    archive: The model, in the type that it is written in.
    name: Of the model.
    evaluations: Of its float32 weights; may be none.
    place: What `Separator.from_pretrained` finds it by.
    asked: What an ablation of these weights says, see `ablation_parts`.
    spent: How long the training took, and on what; '' if that is not known.

  Returns:
    Markdown, with the front matter that the hub reads.
  """
  parts = [
    _FRONT,
    f"# {name}\n",
    _introduction(archive),
    "## Use\n",
    _use(archive, place),
    "## Sizes\n",
    markdown_table(["what", "value"], _sizes(archive)),
    "## Training\n",
    markdown_table(["what", "value"], _training(archive.training, spent)),
    "## Data\n",
    *_data(archive.training),
    "## Scores\n",
    *_scores(archive, evaluations, asked),
    "## Limits\n",
    _limits(archive),
    "## Licence\n",
    _LICENCE,
  ]
  return "\n".join(parts)


def _introduction(archive: Archive) -> str:
  asked = {
    "examples": "a few audio examples of it",
    "examples_and_negatives": "a few audio examples of it, and of what is not "
    "meant",
    "class": f"its name, one of {len(archive.instruments)} that it knows",
  }[archive.model["conditioning"]]
  return (
    f"Takes an instrument out of music, asked for by {asked}.\n"
    "Trained and written by fewshot-mss (JAX/Flax).\n"
  )


def _use(archive: Archive, place: str) -> str:
  asked = {
    "examples": 'positives=["song.wav@1:02-1:09"]',
    "examples_and_negatives": (
      'positives=["song.wav@1:02-1:09"], negatives=["drums.wav"]'
    ),
    "class": f"instrument={next(iter(archive.instruments), '...')!r}",
  }[archive.model["conditioning"]]
  return (
    "```python\n"
    "from fewshot_mss.inference.separator import Separator\n\n"
    f"separator = Separator.from_pretrained({place!r})\n"
    f'parts = separator.separate("song.wav", {asked})\n'
    "parts.target, parts.residual, parts.rate_hz\n"
    "```\n"
  )


def _sizes(archive: Archive) -> list[tuple[str, str]]:
  counts = {
    part: sum(leaf.size for leaf in jax.tree.leaves(leaves))
    for part, leaves in sorted(archive.params.items())
  }
  total = sum(counts.values())
  by_part = ", ".join(f"{part} {count:,}" for part, count in counts.items())
  size_mb = total * DTYPES[archive.dtype][1].itemsize / 1e6
  return [
    ("parameters", f"{total:,} ({by_part})"),
    (f"`{WEIGHTS_NAME}`", f"{archive.dtype}, {size_mb:.1f} MB"),
    ("its SHA-256", f"`{archive.content_hash}`"),
    *((f"`{key}`", _value(value)) for key, value in archive.model.items()),
  ]


def _training(training: Mapping[str, Any], spent: str) -> list[tuple[str, str]]:
  rows = [
    (f"`{key}`", _value(value))
    for key, value in training.items()
    if key not in ("data", "begun_from")
  ]
  if spent:
    rows.append(("took", spent))
  begun = training.get("begun_from")
  if begun:
    rows.append(
      ("begun from weights (SHA-256)", f"`{begun['weights_sha256']}`")
    )
  return rows


def _value(value: Any) -> str:
  if isinstance(value, list | tuple):
    return ", ".join(map(str, value))
  return str(value)


def _data(training: Mapping[str, Any]) -> list[str]:
  """Returns where the audio came from, of this training and earlier ones."""
  parts, place = [], dict(training)
  heading = "Trained on:\n"
  while place:
    names = place.get("data") or ["not stated"]
    lines = [f"- {name}: {credit(name)}.\n" for name in names]
    parts += [heading, "".join(lines)]
    begun = place.get("begun_from")
    place = dict(begun["training"]) if begun else {}
    heading = (
      "The weights that it began from were trained on (whether they have heard "
      "songs that are scored below has not been looked into):\n"
    )
  return parts


def _scores(
  archive: Archive, evaluations: Sequence[Evaluation], asked: Sequence[str]
) -> list[str]:
  if not evaluations and not asked:
    return ["None: the model has not been evaluated.\n"]
  parts = [_NOTES]
  if archive.dtype != "float32":
    parts.append(
      f"These are of the weights before they were rounded to {archive.dtype}.\n"
    )
  for evaluation in evaluations:
    parts += evaluation_parts(evaluation)
  return [*parts, *asked]


def _limits(archive: Archive) -> str:
  rate_hz = archive.model["sample_rate_hz"]
  return (
    f"Works at {rate_hz} Hz: what a song holds above {rate_hz // 2} Hz stays\n"
    "in the residual. The channels of a stereo song are separated each by\n"
    "itself. What it was not trained on (see the data above) is unknown "
    "ground.\n"
  )
