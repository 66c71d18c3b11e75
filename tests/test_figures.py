"""Pictures: what they show, and that they are pictures."""

import json
import sys

import numpy as np
import pytest

from fewshot_mss.errors import InputError
from fewshot_mss.evaluation import figures
from fewshot_mss.evaluation.summary import summarise
from test_summary import table

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def drawn(monkeypatch):
  """The figures that are saved, to look into."""
  saved = []
  save = figures.save_figure

  def keep(figure, output):
    saved.append(figure)
    save(figure, output)

  monkeypatch.setattr(figures, "save_figure", keep)
  return saved


@pytest.fixture(scope="module")
def summary():
  rows = table({1: [0.0, 0.0, 1.0], 5: [1.0, 2.0, 3.0]}, [-6.0] * 3)
  rows += table({1: [9.0], 5: [8.0]}, [0.0], group="unseen")
  return summarise(rows, bootstrap_samples=100)


def write_rows(path, rows):
  path.write_text("".join(json.dumps(row) + "\n" for row in rows))
  return path


def test_smoothed_by_hand():
  np.testing.assert_allclose(
    figures.smoothed(np.array([0.0, 3.0, 6.0, 0.0])), [1.5, 3.0, 3.0, 3.0]
  )
  assert figures.smoothed(np.array([2.0])).tolist() == [2.0]
  # A hundred values: five on either side.
  step = np.repeat([0.0, 11.0], 50)
  result = figures.smoothed(step)
  assert result[44] == 0 and result[45] == 1 and result[55] == 11


def test_log_magnitude_of_a_sine():
  time_s = np.arange(8000) / 8000
  sine = np.sin(2 * np.pi * 1000 * time_s)
  level = figures.log_magnitude_db(sine)
  # The bin of 1000 Hz holds amplitude 1 times half the window's sum, 128.
  assert level[30].argmax() == 64
  assert level[30, 64] == pytest.approx(20 * np.log10(128), abs=0.01)
  assert figures.log_magnitude_db(np.zeros(512)).max() == -200


def test_loss_is_drawn_logged_and_smoothed_and_scores_below(tmp_path, drawn):
  path = write_rows(
    tmp_path / "metrics.jsonl",
    [
      {"step": 20, "loss": 1.0, "grad_norm": 3.0},
      {"step": 40, "loss": float("nan")},
      {"step": 60, "loss": -1.0},
      {"step": 60, "eval_score": 0.5},
      {"step": 80, "eval_score": None},
    ],
  )
  figures.plot_loss(path, tmp_path / "new" / "loss.png")
  assert (tmp_path / "new" / "loss.png").read_bytes().startswith(PNG)
  assert [p.name for p in (tmp_path / "new").iterdir()] == ["loss.png"]
  above, below = drawn[0].axes
  logged, smooth = above.lines
  assert logged.get_xydata().tolist() == [[20, 1], [60, -1]]
  assert smooth.get_ydata().tolist() == [0, 0]
  assert below.lines[0].get_xydata().tolist() == [[60, 0.5]]
  assert below.get_xlabel() == "step"


def test_loss_alone_has_one_panel(tmp_path, drawn):
  path = write_rows(tmp_path / "m.jsonl", [{"step": 1, "loss": 1.0}])
  figures.plot_loss(path, tmp_path / "loss.png")
  assert len(drawn[0].axes) == 1


@pytest.mark.parametrize(
  "text, message",
  [
    (None, "is missing"),
    ("", "no row with a loss"),
    ('{"step": 1, "eval_score": 2}\n', "no row with a loss"),
    ("no json\n", "JSON row"),
    ('{"loss": 2}\n', "JSON row"),
  ],
)
def test_a_file_without_a_loss_is_named(tmp_path, text, message):
  path = tmp_path / "metrics.jsonl"
  if text is not None:
    path.write_text(text)
  with pytest.raises(InputError, match=f"metrics.jsonl.*{message}"):
    figures.plot_loss(path, tmp_path / "loss.png")
  assert not (tmp_path / "loss.png").exists()


@pytest.mark.parametrize("count", [1, 3, 5])
def test_spectrograms_share_colours_and_axes(tmp_path, drawn, count):
  time_s = np.arange(4000) / 8000
  sine = np.sin(2 * np.pi * 1000 * time_s).astype(np.float32)
  clips = {f"clip {i}": sine * 10.0**-i for i in range(count)}
  figures.plot_spectrograms(clips, 8000, tmp_path / "s.png")
  assert (tmp_path / "s.png").read_bytes().startswith(PNG)
  panels = [ax for ax in drawn[0].axes if ax.images]
  assert [ax.get_title() for ax in panels] == list(clips)
  for i, ax in enumerate(panels):
    (image,) = ax.images
    assert image.get_clim() == (-70, 0)
    # Each clip is 20 dB below the one before.
    assert image.get_array().max() == pytest.approx(-20 * i, abs=0.01)
    assert ax.get_xlim() == (0, 0.5)
    assert ax.get_ylim() == (0, 4)
  assert panels[0].get_ylabel() == "frequency (kHz)"
  assert panels[-1].get_xlabel() == "time (s)"


def test_spectrograms_lie_where_they_sound(tmp_path, drawn):
  # A click at 0.25 s: its loudest column is there.
  click = np.zeros(4000, np.float32)
  click[2000] = 1.0
  figures.plot_spectrograms({"click": click}, 8000, tmp_path / "s.png")
  (image,) = drawn[0].axes[0].images
  left, right, *_ = image.get_extent()
  frames = image.get_array().shape[1]
  place = image.get_array().sum(axis=0).argmax() + 0.5
  assert left + place * (right - left) / frames == pytest.approx(
    0.25, abs=0.009
  )


def test_silent_clips_can_be_drawn(tmp_path):
  figures.plot_spectrograms(
    {"silence": np.zeros(100, np.float32)}, 8000, tmp_path / "s.png"
  )
  assert (tmp_path / "s.png").exists()


def test_shots_with_intervals_and_wrong_queries(tmp_path, drawn, summary):
  figures.plot_shots(summary, tmp_path / "shots.png")
  assert (tmp_path / "shots.png").read_bytes().startswith(PNG)
  (ax,) = drawn[0].axes
  lines = {bars.get_label(): bars for bars in ax.containers}
  assert list(lines) == [
    "query, seen (n = 3)",
    "query, unseen (n = 1)",
    "wrong query, seen (n = 3)",
    "wrong query, unseen (n = 1)",
  ]
  line, _, (bars,) = lines["query, seen (n = 3)"].lines
  np.testing.assert_allclose(line.get_xdata(), [1, 5], atol=0.1)
  np.testing.assert_allclose(line.get_ydata(), [4 + 1 / 3, 6])
  # Songs of 5.5 and 7.
  np.testing.assert_allclose(bars.get_segments()[1][:, 1], [5.5, 7])
  assert line.get_linestyle() == "-"
  wrong = lines["wrong query, seen (n = 3)"].lines[0]
  assert wrong.get_linestyle() == "--"
  assert wrong.get_color() == line.get_color()
  np.testing.assert_allclose(wrong.get_ydata(), [-2, -2])
  # One song has a mean, and no length of its interval.
  bars = lines["query, unseen (n = 1)"].lines[2][0]
  np.testing.assert_allclose(bars.get_segments()[0][:, 1], [13, 13])
  zero = ax.lines[-1]
  assert set(zero.get_ydata()) == {0}


def test_without_matplotlib_the_extra_is_named(tmp_path, monkeypatch, summary):
  monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
  with pytest.raises(InputError, match=r"pip install 'fewshot-mss\[plot\]'"):
    figures.plot_shots(summary, tmp_path / "shots.png")


def test_a_picture_that_cannot_be_written_is_named(tmp_path, summary):
  (tmp_path / "file").write_text("")
  with pytest.raises(InputError, match="cannot be written"):
    figures.plot_shots(summary, tmp_path / "file" / "shots.png")
