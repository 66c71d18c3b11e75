"""Two checkpoints side by side: equal arms on the items of one list."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fewshot_mss.data.catalogue import write_text_whole
from fewshot_mss.data.figure import PRINT_DPI, import_figure, save_figure
from fewshot_mss.errors import InputError
from fewshot_mss.evaluation.ablation.analysis import (
  compare_sets,
  is_baseline,
  tables,
)
from fewshot_mss.evaluation.ablation.axes import (
  arms_by_axis,
  describe_arm,
  describe_axis,
  in_order,
)
from fewshot_mss.evaluation.ablation.compare_page import comparison_markdown
from fewshot_mss.evaluation.ablation.forest import draw_forest
from fewshot_mss.evaluation.ablation.statistics import (
  IMPROVEMENT,
  Comparison,
  Draws,
  family_sets,
  item_sets,
)
from fewshot_mss.evaluation.ablation.style import MakeFigure
from fewshot_mss.evaluation.ablation.table import Arm, ArmScore

REFERENCE = "the reference arm"
FAMILIES = "the reference arm by family"
BASELINES = "baselines"


class Run(NamedTuple):
  """The rows of one ablation.

  Attributes:
    name: How the run is called.
    scores: Its rows.
    list_hash: Of the list of items that it was scored on.
    provenance: What the reader must know of it.
    reference: The arm that its others were compared with.
  """

  name: str
  scores: Sequence[ArmScore]
  list_hash: str
  provenance: Mapping[str, str | int | float]
  reference: Arm


def compare_runs(
  first: Run,
  second: Run,
  *,
  crossed: Sequence[tuple[str, str]],
  draws: Draws,
) -> dict[str, list[Comparison]]:
  """Compares two runs arm by arm on the items that both have.

  Where each run has one checkpoint, its name does not matter. The reference
  arms are compared whatever they are: one checkpoint may hear negatives, or be
  told a class, where the other does not.

  Args:
    first: A run.
    second: Another one.
    crossed: Pairs of settings of which every combination was asked.
    draws: Of the bootstrap.

  Returns:
    By axis, of every arm that both have, second minus first: `REFERENCE`,
    `FAMILIES`, the axes without the reference arm of the first, and
    `BASELINES`. Corrected for number (Holm) within an axis and a set of items.

  Raises:
    InputError: If the runs were scored on different lists.
  """
  if first.list_hash != second.list_hash:
    raise InputError(
      f"{second.name} was scored on another list ({second.list_hash[:12]}) "
      f"than {first.name} ({first.list_hash[:12]}): ablate both on one list"
    )
  rows = [first.scores, second.scores]
  reference, own = first.reference, second.reference
  models = [{s.arm.model for s in of if not is_baseline(s.arm)} for of in rows]
  if [len(of) for of in models] == [1, 1]:
    rows[1] = _called(reference.model, rows[1])
    own = own._replace(model=reference.model)
  others, mine = ({s.arm: None for s in of} for of in rows)
  common = [arm for arm in others if arm in mine]
  arms = [arm for arm in common if not is_baseline(arm)]
  axes = arms_by_axis(arms, reference, crossed)
  asked = {
    axis: [arm for arm in axes[axis] if arm != reference] for axis in axes
  }
  before, after = (tables(item_sets(of)) for of in rows)

  def over(held: Sequence[Arm]) -> list[Comparison]:
    return compare_sets([(arm, arm) for arm in held], after, before, draws)

  before_families, after_families = (tables(family_sets(of)) for of in rows)
  return {
    REFERENCE: compare_sets([(own, reference)], after, before, draws),
    FAMILIES: compare_sets(
      [(own, reference)], after_families, before_families, draws
    ),
    **{axis: over(asked[axis]) for axis in in_order(axes)},
    BASELINES: over([arm for arm in common if is_baseline(arm)]),
  }


def write_comparison(
  folder: Path,
  first: Run,
  second: Run,
  *,
  crossed: Sequence[tuple[str, str]],
  bootstrap_samples: int,
  seed: int,
) -> None:
  """Writes `compare.md` and `compare.png`.

  Args:
    folder: Where to; made if it is not there.
    first: A run, called A there.
    second: Another one, called B.
    crossed: Pairs of settings of which every combination was asked.
    bootstrap_samples: Draws of each interval and p-value.
    seed: Of the draws.

  Raises:
    InputError: If the runs cannot be compared, matplotlib is missing or the
      folder cannot be written.
  """
  figure_of = import_figure(PRINT_DPI)
  draws = Draws(bootstrap_samples, seed)
  found = compare_runs(first, second, crossed=crossed, draws=draws)
  page = comparison_markdown(
    found,
    names=(first.name, second.name),
    provenance=(first.provenance, second.provenance),
    references=(first.reference, second.reference),
    draws=draws,
    figure="compare.png",
  )
  try:
    folder.mkdir(parents=True, exist_ok=True)
    figure = draw_comparison(
      figure_of, found, first.reference, (first.name, second.name)
    )
    save_figure(figure, folder / "compare.png")
    write_text_whole(folder / "compare.md", page)
  except OSError as error:
    raise InputError(
      f"{folder} cannot be written ({error.strerror}): name another folder"
    ) from error


def draw_comparison(
  figure_of: MakeFigure,
  found: Mapping[str, Sequence[Comparison]],
  reference: Arm,
  names: tuple[str, str],
) -> object:
  """Draws second minus first, a line an arm; crossed pairs are left out.

  Args:
    figure_of: Of `import_figure`.
    found: Of `compare_runs`.
    reference: The reference arm.
    names: Of the two runs.

  Returns:
    The figure.
  """
  lines = [
    (_name(axis, row.arm, reference), row.items, row.difference)
    for axis, rows in found.items()
    if axis not in (FAMILIES, BASELINES) and " x " not in axis
    for row in rows
    if row.measure == IMPROVEMENT and not np.isnan(row.difference.mean)
  ]
  sets = dict.fromkeys(items for _, items, _ in lines)
  # Sorting is stable: axis by axis within a set.
  lines.sort(key=lambda line: list(sets).index(line[1]))
  total = max((mean.num_items for _, _, mean in lines), default=0)
  return draw_forest(
    figure_of,
    lines,
    # Names may be paths, each as long as a line.
    title=f"A: {names[0]}\nB: {names[1]}\n"
    f"B minus A, n = {total} items of a set at most",
    label="paired difference in SI-SDR (dB), mean and 95 % interval over songs",
  )


def _called(model: str, scores: Sequence[ArmScore]) -> list[ArmScore]:
  """Returns rows with another name for their checkpoint."""
  return [
    score
    if is_baseline(score.arm)
    else score._replace(arm=score.arm._replace(model=model))
    for score in scores
  ]


def _name(axis: str, arm: Arm, reference: Arm) -> str:
  if axis == REFERENCE:
    return REFERENCE
  return f"{describe_axis(axis)}: {describe_arm(arm, axis, reference)}"
