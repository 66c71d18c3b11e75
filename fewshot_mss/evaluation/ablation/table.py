"""The tidy table of an ablation: one row an output, all settings spelled out.

An arm is a tuple of settings. Which axis an arm belongs to is not written down:
it is the one in which it differs from the reference arm.
"""

from typing import NamedTuple


class Arm(NamedTuple):
  """How a query was asked.

  Attributes:
    model: Name of the checkpoint, as the config or `--compare` calls it.
    reading: How the condition was made: `examples`, `class` (its own learned
      vector), or for unseen classes `class, nearest of the family` and
      `class, oracle`.
    shots: Positive examples, at most.
    negatives: Negative examples, at most.
    example_s: Seconds of each example.
    origin: `same song`, `another song`, `another timbre` or `another dataset`.
    target: `one`, `several` or `absent`.
    query: `right`, `wrong` (another instrument of the mixture) or `random`.
    quality: `clean`, `bleed -20 dB`, `bleed -10 dB`, `bleed 0 dB`,
      `one of five mislabelled` or `reverberant`.
  """

  model: str
  reading: str
  shots: int
  negatives: int
  example_s: float
  origin: str
  target: str
  query: str
  quality: str


class ArmScore(NamedTuple):
  """One output for one item of the fixed list.

  Attributes:
    arm: The settings; of a baseline only `target` means anything, and
      `model` is its name (`mixture`, `silence`, `ideal ratio mask`).
    dataset: Name of the dataset.
    item: Number of the item in its list.
    song: Name of the track.
    instrument: The target (of several: joined by ` + `).
    family: Its family.
    group: `seen`, `unseen`, or either with `, unheard timbre`.
    examples: Positives there were; fewer than asked for if there are no more.
    usdr_db: See metrics.py, likewise below; NaN where there is none (absent).
    si_sdr_db: Of the output.
    si_sdr_improvement_db: Over the mixture's.
    snr_db: Of the output.
    level_db: Of the output against the target.
    level_over_mixture_db: Of the output against the mixture: the figure of an
      absent target.
    collapsed: Whether the output counts as silence.
  """

  arm: Arm
  dataset: str
  item: int
  song: str
  instrument: str
  family: str
  group: str
  examples: int
  usdr_db: float
  si_sdr_db: float
  si_sdr_improvement_db: float
  snr_db: float
  level_db: float
  level_over_mixture_db: float
  collapsed: bool
