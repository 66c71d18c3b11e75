"""A small catalogue and an item of it, to ask an ablation's questions of."""

from pathlib import Path

from fewshot_mss.data.evaluation_items import EvaluationItem, filled_spec
from fewshot_mss.data.sources import Sources

# Rows by name: song, stem, segment. The mixture is M at segment 0.
LINES = """
train T horn 0
train T bass 0
train T flute 0
train T bell 0
test M horn 0 old
test M bass 0
test M drum 0
test M horn 2 old
test M horn 3 old
test M bass 4
test N horn 0 old
test N horn 1 new
test N horn 2 new
test N bass 0
test N bass 1
test N flute 0
test N drum 1
test N drum 2
test O horn 0 new
test O horn 5 old
test O flute 0
test O bell 0
test O bell 1
"""
OTHER_LINES = """
train P horn 0
test Q horn 0
test Q horn 1
test Q bell 1
test M bell 0
"""


def rows_of(catalogue):
  """Rows by `song stem segment`."""
  return {
    f"{catalogue.stems[catalogue.stem[i]].replace('/', ' ')} "
    f"{catalogue.start_samples[i] // catalogue.segment_samples}": i
    for i in range(len(catalogue))
  }


def make_sources(catalogue_of, **track_set):
  catalogues = (
    catalogue_of(LINES, unseen=("bell", "drum"), **track_set),
    catalogue_of(OTHER_LINES, unseen=("bell", "drum")),
  )
  return Sources((Path("one"), Path("two")), (0.5, 0.5), catalogues, "hash")


def make_item(catalogue, positives=(), wrong=(), index=3, sources=None):
  """Horn out of horn, bass and drum, or of what `sources` names."""
  rows = rows_of(catalogue)
  names = sources or ["M horn 0", "M bass 0", "M drum 0"]
  spec = filled_spec(
    index,
    sources=[rows[name] for name in names],
    is_target=["horn" in name for name in names],
    positives=[[rows[name] for name in held] for held in (positives, wrong)],
    negatives=[
      [rows[name] for name in ("N bass 1", "N drum 1", "N bass 0")],
      [rows[name] for name in ("N horn 1", "N drum 2")],
    ],
    class_id=[-1, -1],
  )
  return EvaluationItem(spec, "seen", "M", "horn", "bass")
