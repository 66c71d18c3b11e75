"""Two made-up checkpoints side by side."""

import itertools

import pytest

from fewshot_mss.data.figure import import_figure
from fewshot_mss.errors import InputError
from fewshot_mss.evaluation.ablation import compare
from fewshot_mss.evaluation.ablation.compare import (
  BASELINES,
  FAMILIES,
  Run,
  compare_runs,
  draw_comparison,
  write_comparison,
)
from fewshot_mss.evaluation.ablation.compare import (
  REFERENCE as REFERENCE_AXIS,
)
from fewshot_mss.evaluation.ablation.statistics import Draws
from made_up_arms import REFERENCE, arm, scores, with_baselines

HASH = "0123456789abcdef"
ABSENT = arm(target="absent")


def run(name, gain_db, model=None, list_hash=HASH, more=()):
  rows = scores(REFERENCE, [v + gain_db for v in (1.0, 3.0, 5.0, 7.0)])
  rows += scores(arm(shots=1), [v + 2 * gain_db for v in (0.0, 1.0, 2.0, 3.0)])
  rows += scores(ABSENT, [-20.0 - gain_db] * 4)
  rows += scores(REFERENCE, [gain_db] * 2, 4, group="unseen")
  rows = [
    row._replace(arm=row.arm._replace(model=model or name))
    for row in [*rows, *more]
  ]
  return Run(
    name,
    with_baselines(rows),
    list_hash,
    {"weights": f"of {name}"},
    REFERENCE._replace(model=model or name),
  )


def compared(first, second):
  return compare_runs(first, second, crossed=[], draws=Draws(99, 0))


def test_the_second_minus_the_first_on_equal_arms():
  only = scores(arm(shots=3), [9.0] * 4)
  found = compared(run("a", 0.0, more=only), run("b", 0.5))
  assert list(found) == [REFERENCE_AXIS, FAMILIES, "shots", "target", BASELINES]
  seen, unseen = found[REFERENCE_AXIS]
  assert (seen.items, unseen.items) == ("seen", "unseen")
  assert seen.difference[:3] == (0.5, 0.5, 0.5)
  assert (seen.figure.mean.mean, seen.against_figure.mean.mean) == (4.5, 4.0)
  # Two songs, one comparison.
  assert seen.holm_p_value == 0.5
  assert unseen.difference.num_songs == 1
  # What only one has, and the reference, are not on the axis.
  assert [(r.arm.shots, r.difference.mean) for r in found["shots"]] == [
    (1, 1.0)
  ]
  (absent,) = found["target"]
  assert absent.measure == "level_over_mixture_db"
  assert absent.difference.mean == -0.5
  assert {r.items for r in found[FAMILIES]} == {
    "seen: pipe",
    "seen: strings",
    "unseen: pipe",
    "unseen: strings",
  }
  assert {r.difference.mean for r in found[BASELINES]} == {0.0}


def test_pairs_are_common_items():
  first, second = run("a", 0.0), run("b", 0.5)
  second = second._replace(scores=[s for s in second.scores if s.item != 0])
  seen, _ = compared(first, second)[REFERENCE_AXIS]
  assert seen.difference.num_items == 3
  assert seen.against_figure.mean.num_items == 4


def test_several_checkpoints_are_paired_by_name():
  more = scores(arm(model="classes", reading="class"), [2.0] * 4)
  both = []
  for name, gain in (("a", 0.0), ("b", 0.5)):
    held = run(name, gain, model="demo")
    both.append(held._replace(scores=[*held.scores, *more]))
  found = compared(*both)
  (row,) = found["conditioning"]
  assert row.arm.model == "classes" and row.difference.mean == 0.0


def test_references_are_compared_whatever_they_are():
  negatives = arm(negatives=5)
  more = scores(negatives, [10.0, 12.0, 14.0, 16.0])
  second = run("b", 0.5, more=more)
  second = second._replace(reference=negatives._replace(model="b"))
  found = compared(run("a", 0.0), second)
  (seen,) = found[REFERENCE_AXIS]
  assert seen.arm.negatives == 5
  assert (seen.figure.mean.mean, seen.against_figure.mean.mean) == (13.0, 4.0)
  assert seen.difference.mean == 9.0
  assert found[FAMILIES]
  # Of equal arms as ever.
  assert [r.difference.mean for r in found["shots"]] == [1.0]
  # A class is told another way: no arm is the same.
  told = Run(
    "c",
    with_baselines(scores(arm(model="c", reading="class"), [2.0] * 4)),
    HASH,
    {},
    arm(model="c", reading="class"),
  )
  found = compared(run("a", 0.0), told)
  assert list(found) == [REFERENCE_AXIS, FAMILIES, BASELINES]
  assert found[REFERENCE_AXIS][0].difference.mean == -2.0


def test_other_lists_are_refused():
  with pytest.raises(
    InputError,
    match=r"b was scored on another list \(ffff\) than a \(0123456789ab\)",
  ):
    compared(run("a", 0.0), run("b", 0.0, list_hash="ffff"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
  folder = tmp_path_factory.mktemp("compare") / "new"
  write_comparison(
    folder,
    run("a", 0.0),
    run("b", 0.5),
    crossed=[],
    bootstrap_samples=99,
    seed=0,
  )
  return folder


def test_the_page_by_hand(folder):
  assert sorted(p.name for p in folder.iterdir()) == [
    "compare.md",
    "compare.png",
  ]
  text = (folder / "compare.md").read_text()
  assert text.startswith("# Two checkpoints side by side\n\nA: a\n")
  for letter, name in (("A", "a"), ("B", "b")):
    assert (
      f"{letter}: {name}\n\n- weights: of {name}\n\nIts reference arm: model "
      f"{name}, examples, 5 shots of 2 s, "
    ) in text
  assert "though they differ" not in text
  assert "arm minus the same arm of A" in text
  assert "![Difference](compare.png)" in text
  assert (
    "## The reference arm\n\n| items | arm | A: SI-SDR improvement, dB" in text
  )
  assert (
    "| seen | 1 | +1.5 [+0.5, +2.5] | 4 (2) | +2.5 [+1.5, +3.5] | 4 (2) | "
    "+1.0 [+1.0, +1.0] | +1.0 | 4 (2) | 0.5 | 0 % | 0 % |"
  ) in text
  assert "A: level of an absent target's output over the mixture" in text
  assert "| seen | *silence*, target one | -46.0" in text
  lines = text.splitlines()
  for previous, line in itertools.pairwise(lines):
    if previous.startswith("|") and line.startswith("|"):
      assert previous.count("|") == line.count("|")


def test_the_forest_has_a_line_an_arm_and_no_absent_target():
  found = compared(run("a", 0.0), run("b", 0.5))
  reference = REFERENCE._replace(model="a")
  figure = draw_comparison(import_figure(), found, reference, ("a", "b"))
  (ax,) = figure.axes
  assert [t.get_text() for t in ax.get_yticklabels()] == [
    "the reference arm",
    "positive examples (shots): 1",
    "the reference arm",
  ]
  means = {
    c.get_label(): c.lines[0].get_xdata().tolist() for c in ax.containers
  }
  few = ", fewer than 6 songs: too narrow"
  assert means == {f"seen{few}": [0.5, 1.0], f"unseen{few}": [0.5]}
  assert ax.get_title() == (
    "A: a\nB: b\nB minus A, n = 4 items of a set at most"
  )
  assert "(dB)" in ax.get_xlabel()


def test_nothing_is_written_if_the_runs_do_not_fit(tmp_path):
  with pytest.raises(InputError, match="another list"):
    compare.write_comparison(
      tmp_path / "new",
      run("a", 0.0),
      run("b", 0.0, list_hash="ffff"),
      crossed=[],
      bootstrap_samples=9,
      seed=0,
    )
  assert not (tmp_path / "new").exists()


def test_a_folder_that_cannot_be_is_named(tmp_path):
  (tmp_path / "file").write_text("")
  with pytest.raises(InputError, match=r"file/below cannot be written"):
    write_comparison(
      tmp_path / "file" / "below",
      run("a", 0.0),
      run("b", 0.0),
      crossed=[],
      bootstrap_samples=9,
      seed=0,
    )
