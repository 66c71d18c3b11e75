"""The row that everything in this room exchanges: one output, scored."""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

MODEL = "model"
WRONG_QUERY = "wrong query"
MIXTURE = "mixture"
MIXTURE_BY_SOURCES = "mixture / sources"
SILENCE = "silence"
IDEAL_RATIO_MASK = "ideal ratio mask"
# What needs no network and no examples.
BASELINES = (MIXTURE, MIXTURE_BY_SOURCES, SILENCE, IDEAL_RATIO_MASK)
SYSTEMS = (MODEL, WRONG_QUERY, *BASELINES)


class Score(NamedTuple):
  """One output of one system for one item of the evaluation list.

  Attributes:
    item: Number in the list of its dataset.
    group: `seen`, `unseen`, or either with `, unheard timbre`.
    song: Name of the track.
    instrument: The target.
    wrong_instrument: What the wrong query asks for.
    system: One of `SYSTEMS`.
    shots: Positive examples that the system was given; None for baselines.
    examples: How many of them there were: the instrument may have fewer.
    usdr_db: See metrics.py, likewise below.
    si_sdr_db: Of the output.
    si_sdr_improvement_db: Over the mixture's.
    level_db: Of the output, relative to the target.
    collapsed: Whether that level is so low that the output counts as silence.
    dataset: Name of the dataset that the item is of.
    family: Of the target instrument.
    snr_db: Of the whole output.
    level_over_mixture_db: Of the output, relative to the mixture: the figure
      of an absent target.
  """

  item: int
  group: str
  song: str
  instrument: str
  wrong_instrument: str
  system: str
  shots: int | None
  examples: int | None
  usdr_db: float
  si_sdr_db: float
  si_sdr_improvement_db: float
  level_db: float
  collapsed: bool
  dataset: str = ""
  family: str = ""
  snr_db: float = math.nan
  level_over_mixture_db: float = math.nan

  @property
  def place(self) -> tuple[str, int]:
    """What tells the item from those of all lists."""
    return self.dataset, self.item


def in_list_order(
  shares: Iterable[Sequence[Score]], datasets: Sequence[str]
) -> list[Score]:
  """Joins the scores of several hosts as one host would have returned them.

  Args:
    shares: The scores of each host, those of an item all of one host.
    datasets: Names of the datasets, in order.

  Returns:
    All scores, dataset by dataset and item by item.
  """
  rank = {name: i for i, name in enumerate(datasets)}
  together = [score for share in shares for score in share]
  # Rows of an item stay as they are: sorting is stable.
  return sorted(together, key=lambda row: (rank[row.dataset], row.item))
