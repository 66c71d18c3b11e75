"""What the figures of an ablation show, and that they can be printed."""

import struct

import numpy as np
import pytest

from fewshot_mss.data.figure import PRINT_DPI, import_figure
from fewshot_mss.evaluation.ablation.analysis import analyse
from fewshot_mss.evaluation.ablation.axes import CONDITIONING
from fewshot_mss.evaluation.ablation.conditions import Conditions
from fewshot_mss.evaluation.ablation.conditions_figure import draw_conditions
from fewshot_mss.evaluation.ablation.figures import (
  draw_conditionings,
  draw_shots,
  write_figures,
)
from fewshot_mss.evaluation.ablation.forest import (
  draw_forest,
  draw_instruments,
)
from fewshot_mss.evaluation.ablation.heat_map import draw_heat_map
from fewshot_mss.evaluation.ablation.statistics import Draws
from fewshot_mss.evaluation.ablation.style import (
  SEEN_COLOUR,
  UNSEEN_COLOUR,
  error_bars,
)
from fewshot_mss.evaluation.bootstrap import Interval
from made_up_arms import REFERENCE, arm, scores

CROSSED = "shots x example_s"
CLASS = arm(model="classes", reading="class", shots=0)
ORACLE = CLASS._replace(reading="class, oracle")
FIGURE_OF = import_figure(PRINT_DPI)


@pytest.fixture(scope="module")
def analysis():
  rows = []
  for k, seconds, gap in (
    (5, 2.0, 0.0),
    (0, 2.0, -3.0),
    (1, 2.0, -1.0),
    (1, 4.0, -0.5),
    (5, 4.0, 0.25),
    (1, 10.0, -0.25),
  ):
    asked = arm(shots=k, example_s=seconds)
    rows += scores(asked, np.array([1.0, 2.0, 5.0, 6.0]) + gap)
    rows += scores(asked, np.array([1.0, 1.0]) + gap, 4, group="unseen")
  rows += scores(CLASS, [2.0] * 4)
  rows += scores(ORACLE, [3.0] * 2, 4, group="unseen")
  rows += scores(arm(target="absent"), [-9.0] * 4)
  return analyse(
    rows,
    reference=REFERENCE,
    crossed=[("shots", "example_s")],
    draws=Draws(99, 0),
  )


@pytest.fixture
def conditions():
  # One direction holds 90 % and more of what differs.
  vectors = np.array(
    [[0, 0, 3], [0, 0.5, 3], [0, 0, -3], [0, -0.5, -3]], np.float32
  )
  return Conditions(
    vectors,
    ("bass", "bass", "flute", "oboe"),
    ("strings", "strings", "pipe", "reed"),
    ("seen", "seen", "seen", "unseen"),
  )


def lines_of(ax):
  return {bars.get_label(): bars.lines for bars in ax.containers}


def ends(bars, axis=1):
  return [segment[:, axis].tolist() for segment in bars[2][0].get_segments()]


def test_all_figures_and_their_size(tmp_path, analysis, conditions):
  found = write_figures(FIGURE_OF, tmp_path, analysis, conditions)
  assert found == {
    "Gain over shots": "gain_over_shots.png",
    "Shots and seconds": "shots_and_seconds.png",
    "Conditionings": "conditionings.png",
    "Instruments": "instruments.png",
    "Conditions": "conditions.png",
  }
  assert {p.name for p in tmp_path.iterdir()} == set(found.values())
  for name in found.values():
    content = (tmp_path / name).read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    # 8 inches wide at 150 dots an inch or more, and says so (dots a metre).
    assert struct.unpack(">I", content[16:20])[0] >= 8 * 150
    place = content.index(b"pHYs")
    assert struct.unpack(">I", content[place + 4 : place + 8])[0] >= 5905


def test_what_was_not_asked_is_not_drawn(tmp_path):
  rows = scores(REFERENCE, [1.0, 2.0])
  alone = analyse(rows, reference=REFERENCE, crossed=[], draws=Draws(9, 0))
  found = write_figures(FIGURE_OF, tmp_path, alone, None)
  assert found == {"Instruments": "instruments.png"}


def test_error_bars_are_lengths_below_and_above():
  lopsided = Interval(1.0, 0.5, 3.0, 9, 3)
  without = Interval(1.0, float("nan"), float("nan"), 9, 1)
  assert error_bars([lopsided, without]).tolist() == [[0.5, 0.0], [2.0, 0.0]]


def test_gain_over_shots(analysis):
  long = [
    row
    for row in analysis.axes[CROSSED]
    if (row.arm.shots, row.arm.example_s) == (1, 10.0)
  ]
  figure = draw_shots(FIGURE_OF, analysis.axes["shots"], long)
  left, right = figure.axes
  lines = lines_of(left)
  assert list(lines) == [
    "seen (n = 4)",
    "one example of as many seconds, seen",
    "unseen (n = 2)",
    "one example of as many seconds, unseen",
  ]
  seen = lines["seen (n = 4)"]
  # Kept as objects.
  shots = seen[0].get_xdata().astype(float)
  np.testing.assert_allclose(shots, [0, 1, 5], atol=0.1)
  assert seen[0].get_ydata().tolist() == [0.5, 2.5, 3.5]
  # Songs of 1.5 and 5.5 with five shots.
  assert ends(seen)[2] == [1.5, 5.5]
  assert seen[0].get_color() == SEEN_COLOUR
  assert lines["unseen (n = 2)"][0].get_color() == UNSEEN_COLOUR
  # One song has no interval.
  assert ends(lines["unseen (n = 2)"])[2] == [1.0, 1.0]
  hollow = lines["one example of as many seconds, seen"][0]
  assert hollow.get_xdata().tolist() == [pytest.approx(5, abs=0.3)]
  assert hollow.get_ydata().tolist() == [3.25]
  differences = lines_of(right)["seen (n = 4)"][0]
  assert differences.get_ydata().tolist() == [-3.0, -1.0, 0.0]
  assert left.get_ylabel() == "SI-SDR improvement (dB)"
  assert right.get_ylabel() == "difference to 5 shots (dB)"
  assert left.get_xlabel() == "examples asked for (shots)"
  assert figure.get_suptitle() == "Gain over shots, n = 6 items"


def test_shots_and_seconds(analysis):
  figure = draw_heat_map(FIGURE_OF, analysis.axes[CROSSED])
  seen, unseen, bar = figure.axes
  (image,) = seen.images
  grid = np.ma.filled(image.get_array(), np.nan)
  # Lines of 1 and 5 shots, columns of 2, 4 and 10 s; none has no length.
  np.testing.assert_array_equal(grid, [[2.5, 3.0, 3.25], [3.5, 3.75, np.nan]])
  assert [t.get_text() for t in seen.get_xticklabels()] == ["2", "4", "10"]
  assert [t.get_text() for t in seen.get_yticklabels()] == ["1", "5"]
  assert [t.get_text() for t in seen.texts][:2] == ["+2.5", "+3.0"]
  assert [t.get_text() for t in seen.texts][-1] == ""
  assert seen.get_title() == "seen (n = 4 items, 2 songs)"
  assert unseen.get_title() == "unseen (n = 2 items, 1 song)"
  # One scale of colours.
  assert image.get_clim() == unseen.images[0].get_clim() == (0.0, 3.75)
  assert seen.get_xlabel() == "seconds of each example"
  assert bar.get_ylabel() == "SI-SDR improvement (dB)"


def test_fewer_examples_than_asked_for_are_told():
  rows = scores(REFERENCE, [1.0] * 4)
  for seconds in (2.0, 8.0):
    asked = arm(shots=10, example_s=seconds)
    rows += scores(asked, [2.0] * 3, examples=6)
    rows += scores(asked, [2.0], 3, examples=10)
  rows += scores(arm(example_s=8.0), [1.0] * 4)
  crossed = [("shots", "example_s")]
  found = analyse(rows, reference=REFERENCE, crossed=crossed, draws=Draws(9, 0))
  left = draw_shots(FIGURE_OF, found.axes["shots"]).axes[0]
  assert [t.get_text() for t in left.get_xticklabels()] == ["5", "10\n(7.0)"]
  assert "in brackets" in left.get_xlabel()
  seen = draw_heat_map(FIGURE_OF, found.axes[CROSSED]).axes[0]
  texts = [t.get_text() for t in seen.texts]
  assert texts == ["+1.0", "+1.0", "+2.0\n(7.0)", "+2.0\n(7.0)"]
  assert "in brackets" in seen.get_xlabel()


def test_conditionings(analysis):
  figure = draw_conditionings(FIGURE_OF, analysis.axes[CONDITIONING], REFERENCE)
  (ax,) = figure.axes
  assert [t.get_text() for t in ax.get_yticklabels()] == [
    "demo:\nexamples",
    "classes:\nclass",
    "classes:\nclass, oracle",
  ]
  bars = {
    c.get_label(): [
      (p.get_width(), round(p.get_y() + p.get_height() / 2, 6))
      for p in c.patches
    ]
    for c in ax.containers
    if c.get_label().startswith(("seen", "unseen"))
  }
  assert bars == {
    "seen (n = 4 items, 2 songs)": [(3.5, -0.2), (2.0, 0.8)],
    "unseen (n = 2 items, 1 song)": [(1.0, 0.2), (3.0, 2.2)],
  }
  assert "n = 6 items" in ax.get_title()
  assert "(dB)" in ax.get_xlabel()


def test_instruments(analysis):
  (ax,) = draw_instruments(FIGURE_OF, analysis).axes
  assert [t.get_text() for t in ax.get_yticklabels()] == [
    "flute (2, 2)",
    "bass (2, 2)",
    "bass (1, 1)",
    "flute (1, 1)",
  ]
  lines = lines_of(ax)
  few = ", fewer than 6 songs: too narrow"
  assert set(lines) == {f"seen{few}", f"unseen{few}"}
  seen, unseen = lines[f"seen{few}"], lines[f"unseen{few}"]
  assert seen[0].get_xdata().tolist() == [4.0, 3.0]
  assert ends(seen, axis=0) == [[2.0, 6.0], [1.0, 5.0]]
  assert unseen[0].get_ydata().tolist() == [2, 3]
  # The first line is at the top.
  assert ax.get_ylim() == (3.5, -0.5)
  assert "n = 6 items" in ax.get_title()


def test_lines_of_few_songs_are_faint():
  lines = [
    (str(songs), "seen", Interval(float(songs), 0.0, 9.0, 9, songs))
    for songs in (6, 5, 7)
  ]
  (ax,) = draw_forest(FIGURE_OF, lines, title="t", label="l").axes
  found = {
    bars.get_label(): (bars[0].get_xdata().tolist(), bars[0].get_alpha())
    for bars in ax.containers
  }
  assert found == {
    "seen": ([6.0, 7.0], 1.0),
    "seen, fewer than 6 songs: too narrow": ([5.0], 0.4),
  }


def test_conditions_of_few_instruments_have_their_own_colours(conditions):
  (ax,) = draw_conditions(FIGURE_OF, conditions).axes
  handles, labels = ax.get_legend_handles_labels()
  assert labels == ["bass", "flute", "oboe, unseen"]
  assert len({tuple(h.get_edgecolors()[0]) for h in handles}) == 3
  # Unseen ones are hollow.
  assert [len(h.get_facecolors()) for h in handles] == [1, 1, 0]
  np.testing.assert_allclose(handles[0].get_offsets()[:, 0], [3, 3], atol=0.2)
  assert "n = 4 queries of 3 instruments" in ax.get_title()
  assert ax.get_xlabel().endswith("(99 % of the variance)")


def test_conditions_of_many_instruments_are_coloured_by_family():
  count = 9
  conditions = Conditions(
    np.random.default_rng(0).normal(size=(count, 4)).astype(np.float32),
    tuple(f"instrument {i}" for i in range(count)),
    tuple(f"family {i % 8}" for i in range(count)),
    ("seen",) * count,
  )
  (ax,) = draw_conditions(FIGURE_OF, conditions).axes
  handles, labels = ax.get_legend_handles_labels()
  assert labels == [f"family {i}" for i in range(8)]
  assert [len(h.get_offsets()) for h in handles] == [2] + [1] * 7
  # The eighth has the first colour and another marker.
  first, eighth = handles[0], handles[7]
  assert (first.get_facecolors() == eighth.get_facecolors()).all()
  assert len(first.get_paths()[0]) != len(eighth.get_paths()[0])
  assert {t.get_text() for t in ax.texts} == set(conditions.instruments)
